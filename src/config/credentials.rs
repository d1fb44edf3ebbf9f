//! Which keys an account signs with: given in the file, read from secret files, or taken from the environment variables of the
//! providers' own SDKs. No message here repeats a value.

use super::place::Place;
use super::raw::{Leaf, RawIam, RawKeys, WordOr};
use super::secret::Secret;
use super::{Credentials, IamUser, Keys, Provider, text};

/// Names of environment variables for key id, secret and security token, in the order in which they are tried: each provider's
/// SDK, then what Terraform users of Huawei Cloud have set.
const fn variables(provider: Provider) -> &'static [[&'static str; 3]] {
    match provider {
        Provider::Alibaba => &[[
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
        ]],
        Provider::Huawei => &[
            ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"],
            ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"],
        ],
    }
}

/// The credentials of an account; `at` is its `credentials`, `region` its region if it has one.
pub(super) fn credentials(
    at: &Place,
    raw: Option<&WordOr<RawKeys>>,
    provider: Provider,
    region: Option<&str>,
) -> Option<Credentials> {
    match raw {
        None => from_environment(at, provider),
        Some(WordOr::Word(word)) => {
            let is_default =
                |text: &str| if text == "default" { Ok(()) } else { Err("must be default or a map of keys") };
            at.parsed(word, is_default)?;
            from_environment(at, provider)
        }
        Some(WordOr::Keys(keys)) => given(at, keys, provider, region),
    }
}

fn from_environment(at: &Place, provider: Provider) -> Option<Credentials> {
    let chain = variables(provider);
    let set = |&[id, secret, token]: &[&'static str; 3]| {
        let keys = Keys {
            access_key_id: Secret::new(at.env(id)?),
            access_key_secret: Secret::new(at.env(secret)?),
            security_token: at.env(token).map(Secret::new),
        };
        Some((keys, id, token))
    };
    if let Some((keys, id, token)) = chain.iter().find_map(set) {
        return sendable(at, keys, id, token).map(Credentials::Keys);
    }
    let pairs: Vec<String> = chain.iter().map(|[id, secret, _]| format!("{id} and {secret}")).collect();
    at.problem(format_args!(
        "not in the environment; set {}, or give access_key_id and access_key_secret here",
        pairs.join(", or ")
    ));
    None
}

fn given(at: &Place, raw: &RawKeys, provider: Provider, region: Option<&str>) -> Option<Credentials> {
    let has_keys = [
        &raw.access_key_id,
        &raw.access_key_id_file,
        &raw.access_key_secret,
        &raw.access_key_secret_file,
        &raw.security_token,
        &raw.security_token_file,
    ]
    .iter()
    .any(|leaf| leaf.0.is_some());
    match (&raw.iam, has_keys) {
        (Some(_), _) if provider == Provider::Alibaba => {
            at.key("iam").problem("is for Huawei Cloud; give access_key_id and access_key_secret");
            None
        }
        (Some(_), true) => {
            at.problem("two kinds at once; give either iam or access_key_id and access_key_secret");
            None
        }
        (Some(iam), false) => iam_user(&at.key("iam"), iam, region).map(Credentials::Iam),
        (None, _) => keys(at, raw).map(Credentials::Keys),
    }
}

fn keys(at: &Place, raw: &RawKeys) -> Option<Keys> {
    let id = secret(at, "access_key_id", &raw.access_key_id, &raw.access_key_id_file, true);
    let key = secret(at, "access_key_secret", &raw.access_key_secret, &raw.access_key_secret_file, true);
    let token = secret(at, "security_token", &raw.security_token, &raw.security_token_file, false);
    let keys = Keys { access_key_id: id?, access_key_secret: key?, security_token: token };
    sendable(at, keys, "access_key_id", "security_token")
}

fn iam_user(at: &Place, raw: &RawIam, region: Option<&str>) -> Option<IamUser> {
    let domain = at.key("domain").required(&raw.domain, "the name of the Huawei Cloud account", text::line);
    let user = at.key("user").required(&raw.user, "the name of the IAM user", text::line);
    let password = secret(at, "password", &raw.password, &raw.password_file, true);
    let project = match (&raw.project.0, region) {
        (None, Some(region)) => Some(region.to_owned()),
        _ => at.key("project").required(
            &raw.project,
            "the account has no region that could be its default",
            text::line,
        ),
    };
    Some(IamUser { domain: domain?, user: user?, password: password?, project: project? })
}

/// The secret `name`, given as itself or as `name_file`.
pub(super) fn secret(at: &Place, name: &str, inline: &Leaf, file: &Leaf, required: bool) -> Option<Secret> {
    let in_file = format!("{name}_file");
    match (&inline.0, &file.0) {
        (Some(_), Some(_)) => {
            at.key(&in_file).problem(format_args!("given twice; remove either {name} or {in_file}"));
            None
        }
        (Some(_), None) => at.key(name).text(inline).map(Secret::new),
        (None, Some(_)) => from_file(&at.key(&in_file), file),
        (None, None) => {
            at.key(name).refuse(required, &format!("missing; give {name} or {in_file}"));
            None
        }
    }
}

fn from_file(at: &Place, leaf: &Leaf) -> Option<Secret> {
    let path = at.resolve(&at.text(leaf)?);
    let secret = Secret::read(&path)
        .map_err(|error| at.problem(format_args!("cannot read {}: {error}", path.display())))
        .ok()?;
    at.refuse(secret.expose().is_empty(), &format!("{} is empty", path.display()));
    Some(secret).filter(|secret| !secret.expose().is_empty())
}

/// Key ids and tokens are sent in headers, which hold no other characters: found here rather than at every fetch. `id` and
/// `token` say where the two came from.
fn sendable(at: &Place, keys: Keys, id: &str, token: &str) -> Option<Keys> {
    let fits = |secret: &Secret| secret.expose().chars().all(|c| c.is_ascii_graphic());
    let sent = [(id, Some(&keys.access_key_id)), (token, keys.security_token.as_ref())];
    let unfit = sent.into_iter().find(|(_, secret)| secret.is_some_and(|secret| !fits(secret)));
    let Some((name, _)) = unfit else { return Some(keys) };
    at.problem(format_args!(
        "{name} has a blank, a line break or a letter beyond ASCII in it; is it in one piece?"
    ));
    None
}
