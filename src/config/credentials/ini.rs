//! Files of sections: the form that both clouds' SDKs share, and Alibaba Cloud's `~/.alibabacloud/credentials.ini`, which some
//! of its SDKs look for without the ending.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::profile::key_pair;
use super::read::optional;
use super::{Around, Credentials, EcsRole, Found, OidcRole, Role, chain, given};
use crate::config::place::Place;
use crate::config::wording;

/// A section: keys and values.
pub(super) type Section = BTreeMap<String, String>;

/// The section of this name. A line that is neither section, key and value, nor comment is passed over: some SDKs let a value
/// go on there.
pub(super) fn section(text: &str, name: &str) -> Option<Section> {
    let (mut found, mut inside) = (None, false);
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = header.trim() == name;
            if inside {
                found.get_or_insert_with(Section::new);
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside && !line.starts_with(';')) {
            let value = value.trim().to_owned();
            found.get_or_insert_with(Section::new).insert(key.trim().to_owned(), value);
        }
    }
    found
}

/// A value that is there and not empty.
pub(super) fn value<'s>(section: &'s Section, key: &str) -> Option<&'s str> {
    section.get(key).map(String::as_str).filter(|text| !text.is_empty())
}

/// Where the file may be: both names, unless the environment gives one.
fn paths(at: &Place) -> Vec<PathBuf> {
    match at.env("ALIBABA_CLOUD_CREDENTIALS_FILE") {
        Some(path) => vec![at.resolve(&path)],
        None => [".alibabacloud/credentials.ini", ".alibabacloud/credentials"]
            .into_iter()
            .filter_map(|path| at.home(path))
            .collect(),
    }
}

/// The section of the default chain: `name`, else `default`.
pub(super) fn from_chain(at: &Place, name: Option<&str>, around: &Around) -> Found {
    named(at, name.unwrap_or("default"), around)
}

/// The section of this name, from the first file that has it.
pub(super) fn named(at: &Place, name: &str, around: &Around) -> Found {
    let paths = paths(at);
    if paths.is_empty() {
        return Found::Nothing("HOME is not set".to_owned());
    }
    let mut whys = Vec::new();
    for path in &paths {
        match of_file(at, path, name, around) {
            Found::Nothing(why) => whys.push(why),
            found => return found,
        }
    }
    Found::Nothing(whys.join("; "))
}

fn of_file(at: &Place, path: &Path, name: &str, around: &Around) -> Found {
    let (shown, name_shown) = (path.display(), wording::quoted(name));
    let text = match optional(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Found::Nothing(format!("{shown} is not there")),
        Err(why) => return Found::Broken(why),
    };
    let Some(section) = section(text.expose(), name) else {
        return Found::Nothing(format!("{shown} has no section {name_shown}"));
    };
    if value(&section, "enable").is_some_and(|enable| enable.eq_ignore_ascii_case("false")) {
        return Found::Nothing(format!("section {name_shown} of {shown} is not enabled"));
    }
    match credentials(at, &section, around) {
        Ok(credentials) => Found::Credentials(credentials),
        Err(why) => Found::Broken(format!("section {name_shown} of {shown}: {why}")),
    }
}

fn credentials(at: &Place, section: &Section, around: &Around) -> Result<Credentials, String> {
    let keys = || {
        let pair = ["access_key_id", "access_key_secret", "security_token"].map(|key| value(section, key));
        key_pair("it", pair)?.ok_or("it has no access_key_id and access_key_secret".to_owned())
    };
    let needed = |key| value(section, key).ok_or_else(|| format!("it has no {key}"));
    let session_name = || {
        let name = value(section, "role_session_name");
        let name = name.map_or_else(|| Ok(chain::SESSION_NAME.to_owned()), chain::session_name);
        name.map_err(|rule| format!("its role_session_name {rule}"))
    };
    let policy = value(section, "policy").map(str::to_owned);
    let (duration, sts) = (chain::ROLE_DURATION, chain::sts(at, around, None));
    Ok(match value(section, "type").unwrap_or("access_key") {
        "access_key" => Credentials::Keys(keys()?),
        "ecs_ram_role" => Credentials::EcsRole(EcsRole {
            name: value(section, "role_name").map(given::role_name).transpose()?,
            unhardened: chain::may_be_unhardened(at),
            metadata: chain::metadata(around),
        }),
        "ram_role_arn" => Credentials::Role(Box::new(Role {
            base: Credentials::Keys(keys()?),
            role_arn: given::arn(needed("role_arn")?)?,
            session_name: session_name()?,
            external_id: None,
            duration,
            policy,
            sts,
        })),
        "oidc_role_arn" => Credentials::OidcRole(Box::new(OidcRole {
            role_arn: given::arn(needed("role_arn")?)?,
            provider_arn: given::arn(needed("oidc_provider_arn")?)?,
            token_file: PathBuf::from(needed("oidc_token_file_path")?),
            session_name: session_name()?,
            duration,
            policy,
            sts,
        })),
        kind => {
            return Err(format!(
                "its type {} is not supported; use access_key, ecs_ram_role, ram_role_arn or oidc_role_arn",
                wording::quoted(kind)
            ));
        }
    })
}
