//! The text of a file to its raw mirror, and what to tell where it has the wrong form: YAML syntax, unknown or duplicate
//! keys, wrong types. The parser's messages repeat what stands in the file, which may be a secret put in the wrong place, so
//! they are taken apart here and only keys and names of types are told.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::wording::{near, one_line, quoted};

/// What is wrong, and the line and column (both from 1) where it is known.
pub(super) struct FormError {
    pub position: Option<(usize, usize)>,
    pub text: String,
}

/// Reads a file's text; `None` where nothing stands in it.
pub(super) fn read<Raw: DeserializeOwned>(text: &str) -> Result<Option<Raw>, FormError> {
    let text = without_byte_order_mark(text);
    let file = match serde_yaml::from_str::<Option<Raw>>(text) {
        // Which of the two keys is the second one is seen by the walk alone.
        Err(error) if !error.to_string().contains(DUPLICATE) => return Err(describe(&error)),
        file => file,
    };
    Walk.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| describe(&error))?;
    file.map_err(|error| describe(&error))
}

/// Editors of Windows put it there unseen; the parser takes it for a document of its own.
pub(super) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// From the path and what follows the form's first words to what is told.
type Teller = fn(&str, &str) -> String;

const DUPLICATE: &str = "duplicate field `";
/// How serde begins what it has to say, after the path.
const FORMS: [(&str, Teller); 4] = [
    ("unknown field `", unknown_key),
    (DUPLICATE, duplicate_key),
    ("invalid type: ", mismatch),
    ("invalid value: ", mismatch),
];

/// What serde calls a type, and what the file's author calls it.
const TYPES: [(&str, &str); 8] = [
    ("string", "a text"),
    ("integer", "a number"),
    ("floating point", "a number"),
    ("boolean", "true or false"),
    ("sequence", "a list"),
    ("map", "a map"),
    ("unit value", "nothing"),
    ("enum", "a tag"),
];

fn describe(error: &serde_yaml::Error) -> FormError {
    let position = error.location().map(|at| (at.line(), at.column()));
    let mut text = error.to_string();
    if let Some((line, column)) = position {
        text = text.replacen(&format!(" at line {line} column {column}"), "", 1);
    }
    // The earliest form counts: what follows it may quote the file, and there any other.
    let told = FORMS
        .iter()
        .filter_map(|&(form, tell)| Some((text.find(form)?, form, tell)))
        .min_by_key(|found| found.0);
    let told = told.map(|(at, form, tell)| tell(text[..at].trim_end_matches(": "), &text[at + form.len()..]));
    FormError { position, text: one_line(&told.unwrap_or(text)) }
}

/// `KEY`, expected one of `a`, `b`
fn unknown_key(path: &str, rest: &str) -> String {
    let (key, expected) = rest.rsplit_once("`, expected ").unwrap_or((rest, ""));
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let meant = near(key, known.iter().copied());
    let is_known = |meant: &str| meant.eq_ignore_ascii_case(key) || is_spelled_as_ours(key);
    let place = place(path, key, meant.is_some_and(is_known));
    match meant {
        Some(meant) => format!("{place}: unknown key; did you mean {meant}?"),
        None => format!("{place}: unknown key; the keys here are {}", known.join(", ")),
    }
}

/// `KEY`
fn duplicate_key(path: &str, rest: &str) -> String {
    let key = rest.strip_suffix('`').unwrap_or(rest);
    let place = place(path, key, is_spelled_as_ours(key));
    format!("{place}: duplicate key; it stands in this map already")
}

/// TYPE "value", expected EXPECTED
fn mismatch(path: &str, rest: &str) -> String {
    let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, "something else"));
    let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
    let expected = if expected == "a sequence" { "a list" } else { expected };
    match TYPES.iter().find(|(name, _)| found.starts_with(name)) {
        Some((_, found)) => format!("{place}expected {expected}, found {found}"),
        None => format!("{place}expected {expected}"),
    }
}

/// The path of a key; among secrets that of its map, unless the key is probably one of the file's own.
fn place(path: &str, key: &str, is_known: bool) -> String {
    if holds_secrets(path) && !is_known { path.to_owned() } else { named(path, key) }
}

/// The path of a key, quoted where it is no plain word. `{access_key_secret:abc}` is a key with a secret in it: what follows the
/// sign is not shown.
fn named(path: &str, key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = match key.find([':', '=']) {
        Some(at) => quoted(&format!("{}…", &key[..=at])),
        None if !key.is_empty() && key.len() <= 40 && key.chars().all(is_plain) => key.to_owned(),
        None => quoted(key),
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Whether a key is spelled as the file's own are; secrets hardly ever are.
fn is_spelled_as_ours(key: &str) -> bool {
    key.len() <= 40 && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn holds_secrets(path: &str) -> bool {
    path.contains("].credentials") || path.starts_with("tls_server_config")
}

/// Goes through a whole document and fails at the second of two equal keys, with the parser's mark on that key.
struct Walk;

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value, list or map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while map.next_key_seed(NewKey(&mut seen))?.is_some() {
            map.next_value_seed(Self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key that must not be among those seen.
struct NewKey<'a>(&'a mut BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        if self.0.insert(key.to_owned()) { Ok(()) } else { Err(E::custom(format_args!("{DUPLICATE}{key}`"))) }
    }
}
