//! Profiles of Alibaba Cloud's command line, `~/.aliyun/config.json`: one file, several profiles, each with a mode.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::profile::key_pair;
use super::read::optional;
use super::{Around, Credentials, EcsRole, Found, Keys, OidcRole, Process, Role, chain, given};
use crate::config::place::Place;
use crate::config::{Secret, wording};

/// The profile of the default chain: `name`, else the file's current one.
pub(super) fn from_chain(at: &Place, name: Option<&str>, around: &Around) -> Found {
    if chain::is_set(at, "ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
        return Found::Nothing("ALIBABA_CLOUD_CLI_PROFILE_DISABLED switches it off".to_owned());
    }
    File::read(at, around).map_or_else(|found| found, |file| file.profile(name))
}

/// The profile of this name.
pub(super) fn named(at: &Place, name: &str, around: &Around) -> Found {
    File::read(at, around).map_or_else(|found| found, |file| file.profile(Some(name)))
}

/// The file, and what its profiles depend on.
struct File<'a> {
    at: &'a Place<'a>,
    around: &'a Around<'a>,
    path: PathBuf,
    json: Value,
}

impl<'a> File<'a> {
    fn read(at: &'a Place, around: &'a Around) -> Result<Self, Found> {
        let path =
            at.home(".aliyun/config.json").ok_or_else(|| Found::Nothing("HOME is not set".to_owned()))?;
        let shown = path.display();
        let text = optional(&path).map_err(Found::Broken)?;
        let text = text.ok_or_else(|| Found::Nothing(format!("{shown} is not there")))?;
        // The parser's own message may repeat a value.
        let json = serde_json::from_str(text.expose()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Found::Broken(format!("{shown}:{line}:{column}: not JSON; write it anew with aliyun configure"))
        })?;
        Ok(Self { at, around, path, json })
    }

    fn profile(&self, name: Option<&str>) -> Found {
        let shown = self.path.display();
        let Some(name) = name.or_else(|| text(&self.json, "current")) else {
            return Found::Nothing(format!("{shown} names no current profile"));
        };
        match self.find(name) {
            None => Found::Nothing(format!("{shown} has no profile {}", wording::quoted(name))),
            Some(profile) => match self.credentials(profile, &mut vec![name]) {
                Ok(Some(credentials)) => Found::Credentials(credentials),
                Ok(None) => {
                    Found::Nothing(format!("profile {} of {shown} holds no keys", wording::quoted(name)))
                }
                Err(why) => Found::Broken(format!("profile {} of {shown}: {why}", wording::quoted(name))),
            },
        }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let profiles = self.json.get("profiles")?.as_array()?;
        profiles.iter().find(|profile| text(profile, "name") == Some(name))
    }

    /// What a profile stands for; `path` is the names of the profiles on the way to it. None: it was never filled in.
    fn credentials<'p>(
        &'p self,
        profile: &'p Value,
        path: &mut Vec<&'p str>,
    ) -> Result<Option<Credentials>, String> {
        Ok(Some(match text(profile, "mode").unwrap_or("AK") {
            "AK" => return Ok(keys(profile, false)?.map(Credentials::Keys)),
            "StsToken" => Credentials::Keys(keys(profile, true)?.ok_or("it has no keys")?),
            "RamRoleArn" => {
                let base = keys(profile, true)?.ok_or("it has no keys")?;
                self.role(profile, Credentials::Keys(base))?
            }
            "ChainableRamRoleArn" => {
                let base = self.source(profile, path)?;
                self.role(profile, base)?
            }
            "EcsRamRole" => Credentials::EcsRole(EcsRole {
                name: text(profile, "ram_role_name").map(given::role_name).transpose()?,
                unhardened: chain::may_be_unhardened(self.at),
                metadata: chain::metadata(self.around),
            }),
            "OIDC" => self.oidc_role(profile)?,
            "External" => Credentials::Process(Process {
                command: Secret::new(needed(profile, "process_command")?),
                named_by: self.path.clone(),
            }),
            mode => {
                return Err(format!(
                    "its mode {} is not supported; use AK, StsToken, RamRoleArn, ChainableRamRoleArn, EcsRamRole, OIDC or External",
                    wording::quoted(mode)
                ));
            }
        }))
    }

    /// The credentials that a profile builds on.
    fn source<'p>(&'p self, profile: &'p Value, path: &mut Vec<&'p str>) -> Result<Credentials, String> {
        let name = needed(profile, "source_profile")?;
        if path.contains(&name) {
            return Err("its source_profile leads back to itself".to_owned());
        }
        path.push(name);
        let shown = wording::quoted(name);
        let source = self.find(name).ok_or_else(|| format!("there is no source_profile {shown}"))?;
        self.credentials(source, path)?.ok_or_else(|| format!("its source_profile {shown} has no keys"))
    }

    fn role(&self, profile: &Value, base: Credentials) -> Result<Credentials, String> {
        Ok(Credentials::Role(Box::new(Role {
            base,
            role_arn: given::arn(needed(profile, "ram_role_arn")?)?,
            session_name: session_name(profile)?,
            external_id: text(profile, "external_id").map(Secret::new),
            duration: duration(profile)?,
            policy: text(profile, "policy").map(str::to_owned),
            sts: chain::sts(self.at, self.around, region(profile)),
        })))
    }

    fn oidc_role(&self, profile: &Value) -> Result<Credentials, String> {
        Ok(Credentials::OidcRole(Box::new(OidcRole {
            role_arn: given::arn(needed(profile, "ram_role_arn")?)?,
            provider_arn: given::arn(needed(profile, "oidc_provider_arn")?)?,
            token_file: PathBuf::from(needed(profile, "oidc_token_file")?),
            session_name: session_name(profile)?,
            duration: duration(profile)?,
            policy: text(profile, "policy").map(str::to_owned),
            sts: chain::sts(self.at, self.around, region(profile)),
        })))
    }
}

/// A field that is a text and not empty.
fn text<'p>(object: &'p Value, key: &str) -> Option<&'p str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn needed<'p>(profile: &'p Value, key: &str) -> Result<&'p str, String> {
    text(profile, key).ok_or_else(|| format!("it has no {key}"))
}

fn keys(profile: &Value, with_token: bool) -> Result<Option<Keys>, String> {
    let token = text(profile, "sts_token").filter(|_| with_token);
    key_pair("it", [text(profile, "access_key_id"), text(profile, "access_key_secret"), token])
}

fn session_name(profile: &Value) -> Result<String, String> {
    let given = text(profile, "ram_session_name").or_else(|| text(profile, "role_session_name"));
    let name = given.map_or_else(|| Ok(chain::SESSION_NAME.to_owned()), chain::session_name);
    name.map_err(|rule| format!("its ram_session_name {rule}"))
}

/// The file of a profile that was never asked for a duration has 0.
fn duration(profile: &Value) -> Result<Duration, String> {
    let seconds = profile.get("expired_seconds").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
    let Some(seconds) = seconds else { return Ok(chain::ROLE_DURATION) };
    chain::role_duration(Duration::from_secs(seconds)).map_err(|rule| format!("its expired_seconds {rule}"))
}

fn region(profile: &Value) -> Option<(&str, bool)> {
    let vpc = profile.get("enable_vpc").and_then(Value::as_bool).unwrap_or_default();
    text(profile, "sts_region").map(|region| (region, vpc))
}
