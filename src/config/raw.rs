//! Mirror of the configuration file: which keys there are and whether each holds a value, a list or a map. Knows nothing of what
//! they mean. Every value is kept as its text, since `${NAME}` may stand for any of them, and everything may be left out, so
//! that what is missing is reported together with all other errors of meaning. No type here has a `Debug`: some hold secrets.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// One value of the file, as written; absent where the key is left out or has no value.
#[derive(Default)]
pub(super) struct Leaf(pub Option<String>);

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(LeafVisitor { expected: "a single value", fits: |_| true })
    }
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let fits = |text: &str| text.parse::<u64>().is_ok();
    deserializer.deserialize_option(LeafVisitor { expected: "a whole number", fits })
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let fits = |text: &str| matches!(text, "true" | "false");
    deserializer.deserialize_option(LeafVisitor { expected: "true or false", fits })
}

/// The NAME of a value that is `${NAME}` as a whole.
pub(super) fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (first_fits && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
}

struct LeafVisitor {
    expected: &'static str,
    fits: fn(&str) -> bool,
}

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_none<E: Error>(self) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Leaf, D::Error> {
        // As a string YAML hands out every scalar verbatim: 007 stays 007, and on stays on.
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Leaf, E> {
        if (self.fits)(text) || variable(text).is_some() {
            Ok(Leaf(Some(text.to_owned())))
        } else {
            Err(E::invalid_value(Unexpected::Other("text"), &self))
        }
    }
}

/// A key as the reference in `docs/` shows it.
#[cfg(test)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: &'static str,
    /// At most one.
    pub default: &'static [&'static str],
    pub meaning: &'static [&'static str],
}

/// The keys of one map of the file, for the reference.
#[cfg(test)]
pub(super) trait Keys {
    const NAME: &'static str;
    const KEYS: &'static [Key];
}

/// A map with the given keys and no others. What stands above a key and its default are what the reference says of it; the
/// defaults themselves are set where a key is checked.
macro_rules! keys {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[doc = $meaning:literal])+ $(#[serde($how:meta)])? $key:ident: $kind:ty $(= $default:literal)?,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Default, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, expecting = "a map of keys")]
        pub(in crate::config) struct $name { $($(#[doc = $meaning])+ $(#[serde($how)])? pub $key: $kind,)* }

        impl crate::config::effective::Show for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($key)),*];

            fn show(&self, how: crate::config::effective::How) -> Option<serde_yaml::Value> {
                Some(how.map(|map| {
                    $(map.put(stringify!($key), stringify!($kind), &[$($default)?], &self.$key);)*
                }))
            }
        }

        #[cfg(test)]
        impl Keys for $name {
            const NAME: &'static str = stringify!($name);
            const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($key),
                kind: stringify!($kind),
                default: &[$($default)?],
                meaning: &[$($meaning),+],
            },)*];
        }
    };
}

mod keys;
pub(super) mod web;

pub(super) use keys::*;

/// A word instead of a map of keys, or a variable that may hold it.
pub(super) enum WordOr<T> {
    Word(Leaf),
    Keys(Box<T>),
}

/// Keys that a word may stand for.
pub(super) trait OrWord {
    const WORD: &'static str;
    const EXPECTED: &'static str;
}

impl OrWord for RawKeys {
    const WORD: &'static str = "default";
    const EXPECTED: &'static str = "the word default or a map of keys";
}

impl OrWord for RawSpike {
    const WORD: &'static str = "off";
    const EXPECTED: &'static str = "the word off or a map of keys";
}

impl OrWord for RawIncidents {
    const WORD: &'static str = "off";
    const EXPECTED: &'static str = "the word off or a map of keys";
}

impl<'de, T: Deserialize<'de> + OrWord> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrVisitor(PhantomData))
    }
}

struct WordOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + OrWord> Visitor<'de> for WordOrVisitor<T> {
    type Value = WordOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WordOr<T>, E> {
        if text == T::WORD || variable(text).is_some() {
            Ok(WordOr::Word(Leaf(Some(text.to_owned()))))
        } else {
            Err(E::invalid_type(Unexpected::Str(""), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|keys| WordOr::Keys(Box::new(keys)))
    }
}
