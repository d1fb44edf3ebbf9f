//! Single secrets and key pairs: given as themselves or as a file, and fit to be sent. Knows the keys' names, not the forms.

use std::io;
use std::path::Path;

use super::Keys;
use crate::config::Secret;
use crate::config::place::Place;
use crate::config::raw::{Leaf, RawKeys};

/// The key pair that the file gives.
pub(super) fn keys(at: &Place, raw: &RawKeys) -> Option<Keys> {
    let id = secret(at, "access_key_id", &raw.access_key_id, &raw.access_key_id_file, true);
    let key = secret(at, "access_key_secret", &raw.access_key_secret, &raw.access_key_secret_file, true);
    let token = secret(at, "security_token", &raw.security_token, &raw.security_token_file, false);
    let keys = Keys { access_key_id: id?, access_key_secret: key?, security_token: token };
    let unfit = unfit(&keys, "access_key_id", "security_token");
    unfit.map_or(Some(keys), |problem| {
        at.problem(problem);
        None
    })
}

/// The secret `name`, given as itself or as `name_file`.
pub(in crate::config) fn secret(
    at: &Place,
    name: &str,
    inline: &Leaf,
    file: &Leaf,
    required: bool,
) -> Option<Secret> {
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

/// A file that need not be there: its text, or none.
///
/// # Errors
/// Why it cannot be read, with its path.
pub(super) fn optional(path: &Path) -> Result<Option<Secret>, String> {
    match Secret::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// Key ids and tokens are sent in headers, which hold no other characters: found here rather than at every fetch. `id` and
/// `token` say where the two came from.
pub(super) fn unfit(keys: &Keys, id: &str, token: &str) -> Option<String> {
    let fits = |secret: &Secret| secret.expose().chars().all(|c| c.is_ascii_graphic());
    let sent = [(id, Some(&keys.access_key_id)), (token, keys.security_token.as_ref())];
    let unfit = sent.into_iter().find(|(_, secret)| secret.is_some_and(|secret| !fits(secret)));
    unfit.map(|(name, _)| {
        format!("{name} has a blank, a line break or a letter beyond ASCII in it; is it in one piece?")
    })
}
