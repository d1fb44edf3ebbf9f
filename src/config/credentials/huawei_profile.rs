//! Profiles of Huawei Cloud's SDKs: sections of `~/.huaweicloud/credentials`. Their documentation names the section `basic`,
//! their client builders read `basiccredentials`.

use std::path::PathBuf;

use super::ini::{section, value};
use super::profile::key_pair;
use super::read::optional;
use super::{Credentials, Found, OidcUser};
use crate::config::place::Place;
use crate::config::{text, wording};

const SECTIONS: [&str; 2] = ["basic", "basiccredentials"];

/// The profile of the default chain, and the project that it names.
pub(super) fn from_chain(at: &Place) -> (Found, Option<String>) {
    first_of(at, &SECTIONS)
}

/// The section of this name, and the project that it names.
pub(super) fn named(at: &Place, name: &str) -> (Found, Option<String>) {
    first_of(at, &[name])
}

fn first_of(at: &Place, names: &[&str]) -> (Found, Option<String>) {
    let given = at.env("HUAWEICLOUD_SDK_CREDENTIALS_FILE").map(|path| at.resolve(&path));
    let Some(path) = given.or_else(|| at.home(".huaweicloud/credentials")) else {
        return (Found::Nothing("HOME is not set".to_owned()), None);
    };
    let shown = path.display();
    let content = match optional(&path) {
        Ok(Some(content)) => content,
        Ok(None) => return (Found::Nothing(format!("{shown} is not there")), None),
        Err(why) => return (Found::Broken(why), None),
    };
    let first = names.iter().find_map(|name| Some((name, section(content.expose(), name)?)));
    let Some((name, section)) = first else {
        let names: Vec<_> = names.iter().map(|name| wording::quoted(name)).collect();
        return (Found::Nothing(format!("{shown} has no section {}", names.join(" or "))), None);
    };
    let value = |key| value(&section, key);
    let found = key_pair("it", ["ak", "sk", "security_token"].map(value)).and_then(|keys| {
        if let Some(keys) = keys {
            return Ok(Credentials::Keys(keys));
        }
        let (idp_id, token_file) =
            value("idp_id").zip(value("id_token_file")).ok_or("it has no ak and sk")?;
        let idp_id = text::plain_id(idp_id).map_err(|rule| format!("its idp_id {rule}"))?;
        Ok(Credentials::Oidc(OidcUser { idp_id, token_file: PathBuf::from(token_file) }))
    });
    let project_id = value("project_id").and_then(|id| text::plain_id(id).ok());
    let broken = |why| Found::Broken(format!("section {} of {shown}: {why}", wording::quoted(name)));
    (found.map_or_else(broken, Found::Credentials), project_id)
}
