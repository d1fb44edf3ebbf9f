//! A profile that the file asks for by its name: it must be there, and in order.

use super::{Around, Found, Identity, cli_profile, huawei_profile, ini};
use crate::config::place::Place;
use crate::config::raw::Leaf;
use crate::config::{Provider, text};

/// The profile that `leaf` names; `at` is that key.
pub(super) fn profile(at: &Place, leaf: &Leaf, around: &Around) -> Option<Identity> {
    let name = at.parsed(leaf, text::line)?;
    let (found, project_id) = match around.provider {
        Provider::Alibaba => (of_alibaba(at, &name, around), None),
        Provider::Huawei => huawei_profile::named(at, &name),
    };
    match found {
        Found::Credentials(credentials) => Some(Identity { credentials, project_id }),
        Found::Nothing(why) | Found::Broken(why) => {
            at.problem(format_args!("cannot be used: {why}"));
            None
        }
    }
}

/// The command line's file first, as in the default chain.
fn of_alibaba(at: &Place, name: &str, around: &Around) -> Found {
    match (cli_profile::named(at, name, around), ini::named(at, name, around)) {
        (Found::Nothing(cli), Found::Nothing(ini)) => Found::Nothing(format!("{cli}; {ini}")),
        (Found::Nothing(_), ini) => ini,
        (cli, _) => cli,
    }
}

/// The keys that a profile holds: both, or neither.
pub(super) fn key_pair(
    what: &str,
    [id, secret, token]: [Option<&str>; 3],
) -> Result<Option<super::Keys>, String> {
    use crate::config::Secret;
    let [id, secret, token] = [id, secret, token].map(|text| text.filter(|text| !text.is_empty()));
    let keys = match (id, secret) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => super::Keys {
            access_key_id: Secret::new(id),
            access_key_secret: Secret::new(secret),
            security_token: token.map(Secret::new),
        },
        (id, _) => {
            let missing = if id.is_none() { "its id" } else { "its secret" };
            return Err(format!("{what} has half a key: {missing} is missing"));
        }
    };
    let unfit = super::read::unfit(&keys, "the key id", "the token");
    unfit.map_or(Ok(Some(keys)), |problem| Err(format!("{what}: {problem}")))
}
