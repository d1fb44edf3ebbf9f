//! Where keys and list items stand in a file. The parser tells a place only with an error, so each key and each item of a list
//! of values is refused once, the place is taken from that error, and the walk goes on behind it.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::form::without_byte_order_mark;

/// Line and column, both from 1.
pub(super) type Position = (usize, usize);

/// The positions of a file's keys and items, by their paths.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<String, Position>);

impl Marks {
    /// Of a text whose form is right.
    pub(super) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        let document = serde_yaml::Deserializer::from_str(without_byte_order_mark(text));
        // What is marked up to an error is right all the same.
        let _ = Walk { marks: &mut marks, path: String::new() }.deserialize(document);
        marks
    }

    /// Where a path stands; if it is left out there, what should hold it.
    pub(super) fn position(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.0.get(path) {
                return Some(*position);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Notes the place of what was refused; an item that is a map is where its first key is.
    ///
    /// # Errors
    /// What was not refused here: with it the walk ends.
    fn note<E: Error>(&mut self, path: &str, refusal: E) -> Result<(), E> {
        let Some(position) = position(&refusal.to_string()) else { return Err(refusal) };
        self.0.entry(path.to_owned()).or_insert(position);
        if let Some((map, _)) = path.rsplit_once('.') {
            self.0.entry(map.to_owned()).or_insert(position);
        }
        Ok(())
    }
}

/// What a key is refused with.
const NOTED: &str = "noted";

/// `… at line LINE column COLUMN`, which the parser leaves out at the beginning of the file.
fn position(error: &str) -> Option<Position> {
    if error == NOTED {
        return Some((1, 1));
    }
    let (_, place) = error.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// Goes through the value at `path`; a single value is refused.
struct Walk<'m> {
    marks: &'m mut Marks,
    path: String,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { marks, path } = self;
        let mut key = String::new();
        loop {
            match map.next_key_seed(Key(&mut key)) {
                Ok(None) => return Ok(()),
                Ok(Some(())) => {}
                Err(refusal) => {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{key}");
                    marks.note(&path, refusal)?;
                    let _ = map.next_value_seed(Walk { marks, path });
                }
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { marks, path } = self;
        for index in 0.. {
            let path = format!("{path}[{index}]");
            match list.next_element_seed(Walk { marks, path: path.clone() }) {
                Ok(None) => break,
                Ok(Some(())) => {}
                Err(refusal) => marks.note(&path, refusal)?,
            }
        }
        Ok(())
    }
}

/// Takes a key in, and refuses it.
struct Key<'k>(&'k mut String);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        key.clone_into(self.0);
        Err(E::custom(NOTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}global:\n  interval: 5s\naccounts:\n  - name: a\n    credentials: &c {access_key_id: x,\n      access_key_secret: y}\n\
                        \x20 - {name: b, credentials: *c}\ninstances:\n  - id: x\n    nodes: [n1,\n      n2]\n    labels: {\"a.b\": x}\n  - {}\n  -\n    id: y\n";

    #[test]
    fn keys_and_items_are_found_behind_each_other() {
        let marks = Marks::of(TEXT);
        for (path, position) in [
            ("global", (1, 1)),
            ("global.interval", (2, 3)),
            ("accounts[0]", (4, 5)),
            ("accounts[0].credentials", (5, 5)),
            ("accounts[0].credentials.access_key_secret", (6, 7)),
            ("accounts[1].name", (7, 6)),
            ("accounts[1].credentials", (7, 15)),
            ("instances", (8, 1)),
            ("instances[0].nodes", (10, 5)),
            ("instances[0].nodes[0]", (10, 13)),
            ("instances[0].nodes[1]", (11, 7)),
            ("instances[0].labels.a.b", (12, 14)),
            ("instances[2]", (15, 5)),
            ("instances[2].id", (15, 5)),
        ] {
            assert_eq!(marks.position(path), Some(position), "{path}");
        }
    }

    #[test]
    fn what_is_left_out_is_missing_where_it_should_be() {
        let marks = Marks::of(TEXT);
        for (path, position) in [
            ("global.top", Some((1, 1))),
            ("instances[0].account", Some((9, 5))),
            ("instances[1].account", Some((8, 1))),
            ("kill_tasks", None),
            ("", None),
        ] {
            assert_eq!(marks.position(path), position, "{path}");
        }
        assert_eq!(Marks::of("").position("global"), None);
    }
}
