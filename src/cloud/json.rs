//! Lenient scalars of the clouds' JSON: numbers and flags may come as strings, anything may be null or absent. A value of
//! another shape is an error, since it is not the documented answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::error::{FailureKind, FetchError};
use crate::model::SessionId;

/// A text; borrowed from the answer unless it has escapes. Bytes that are no UTF-8 and lone surrogates are replaced.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, if there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or null")
            }

            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                // Bytes rather than a string: it is the form in which serde_json accepts every text that MySQL may hold.
                deserializer.deserialize_bytes(self)
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                // Checking first is faster than the lossy conversion, which nearly no text needs.
                let text =
                    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
                Ok(Text(Some(text)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))))
            }
        }

        deserializer.deserialize_option(TextVisitor(PhantomData))
    }
}

/// What a scalar of the answer says, before it is known what it is for.
trait Scalar: Sized {
    const EXPECTED: &'static str;
    fn null() -> Self;
    fn from_number(number: f64) -> Option<Self>;
    fn from_text(text: &str) -> Option<Self>;
    fn from_flag(_flag: bool) -> Option<Self> {
        None
    }
    fn from_whole(number: u64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "seconds and counts stay far below 2^53")]
        Self::from_number(number as f64)
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        T::from_flag(flag).ok_or_else(|| E::invalid_type(Unexpected::Bool(flag), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "only negative numbers come here, and no field has a use for them"
        )]
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        T::from_number(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text.trim()).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }
}

macro_rules! scalar {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ScalarVisitor(PhantomData))
            }
        }
    )*};
}
scalar!(Seconds, Count, Flag, Id, Code);

/// A duration in seconds; `None` for whatever cannot be one, such as `--`, a negative or an infinite number.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Seconds(pub Option<f64>);

impl Scalar for Seconds {
    const EXPECTED: &'static str = "seconds as a number or a text";

    fn null() -> Self {
        Self(None)
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(Self(Some(number).filter(|n| n.is_finite() && *n >= 0.0)))
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().map_or(Some(Self(None)), Self::from_number)
    }
}

/// A whole number that is not negative, such as a count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub Option<u64>);

impl Scalar for Count {
    const EXPECTED: &'static str = "a count as a number or a text";

    fn null() -> Self {
        Self(None)
    }

    fn from_whole(number: u64) -> Option<Self> {
        Some(Self(Some(number)))
    }

    fn from_number(number: f64) -> Option<Self> {
        // Some encoders write whole numbers with a fraction of zero.
        let whole = format!("{number:.0}").parse().ok().filter(|_| number.fract() == 0.0);
        whole.map(|whole| Self(Some(whole)))
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self(None)) } else { text.parse().ok().map(|number| Self(Some(number))) }
    }
}

/// A flag; `None` where it is null.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub Option<bool>);

impl Scalar for Flag {
    const EXPECTED: &'static str = "true or false";

    fn null() -> Self {
        Self(None)
    }

    fn from_flag(flag: bool) -> Option<Self> {
        Some(Self(Some(flag)))
    }

    fn from_number(_: f64) -> Option<Self> {
        None
    }

    fn from_text(text: &str) -> Option<Self> {
        text.to_ascii_lowercase().parse().ok().map(|flag| Self(Some(flag)))
    }
}

/// The id of a session, to know it again on another page.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub enum Id {
    /// As all documented ids are, even where they come as texts.
    Number(u64),
    /// Any other.
    Text(Box<str>),
    /// No id: such a session cannot be known again.
    #[default]
    Absent,
}

impl Id {
    /// The id as the model has it; `None` where there is none.
    #[must_use]
    pub fn as_session_id(&self) -> Option<SessionId<'_>> {
        match self {
            Self::Number(number) => Some(SessionId::Number(*number)),
            Self::Text(text) => Some(SessionId::Text(text)),
            Self::Absent => None,
        }
    }
}

impl Scalar for Id {
    const EXPECTED: &'static str = "an id as a number or a text";

    fn null() -> Self {
        Self::Absent
    }

    fn from_whole(number: u64) -> Option<Self> {
        Some(Self::Number(number))
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(Self::Text(number.to_string().into()))
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) if text.is_empty() => Self::Absent,
            Err(_) => Self::Text(text.into()),
        })
    }
}

/// An error or status code, a number or a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Code(pub Option<String>);

impl Scalar for Code {
    const EXPECTED: &'static str = "a code as a number or a text";

    fn null() -> Self {
        Self(None)
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(Self(Some(number.to_string())))
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self(Some(text.to_owned()).filter(|text| !text.is_empty())))
    }
}

/// A JSON object that is read field by field, in whatever order they come, straight out of the answer.
pub trait Fields<'de> {
    /// Takes the value of field `name` from `map`, or ignores it. The name comes as bytes, because patterns of bytes are
    /// matched by length first, and patterns of texts one after the other.
    ///
    /// # Errors
    /// Where the value has not the documented shape.
    fn field<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error>;
}

/// The name of a field.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Skips a field's value without decoding it.
///
/// # Errors
/// Where the answer ends in it.
pub fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads an object into `T`; `false` where it is null.
pub struct Object<'t, T>(pub &'t mut T);

impl<'de, T: Fields<'de>> DeserializeSeed<'de> for Object<'_, T> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fields<'de>> Visitor<'de> for Object<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            self.0.field(name.as_bytes(), &mut map)?;
        }
        Ok(true)
    }
}

/// Reads an array of objects, handing each to `take`; `false` where it is null.
pub struct Rows<T, F> {
    take: F,
    row: PhantomData<fn(T)>,
}

impl<T, F: FnMut(&T)> Rows<T, F> {
    /// Hands each row to `take`.
    pub fn new(take: F) -> Self {
        Self { take, row: PhantomData }
    }
}

impl<'de, T: Fields<'de> + Default, F: FnMut(&T)> DeserializeSeed<'de> for Rows<T, F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fields<'de> + Default, F: FnMut(&T)> Visitor<'de> for Rows<T, F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<bool, A::Error> {
        let mut row = T::default();
        while let Some(present) = rows.next_element_seed(Object(&mut row))? {
            if !present {
                return Err(A::Error::invalid_type(Unexpected::Unit, &"an object"));
            }
            (self.take)(&row);
            row = T::default();
        }
        Ok(true)
    }
}

/// Reads a whole answer into `T`.
///
/// # Errors
/// [`FailureKind::BadResponse`] where it is no JSON object of the documented shape; the detail gives the place, never a
/// value.
pub fn read<'de, T: Fields<'de>>(body: &'de [u8], into: &mut T) -> Result<(), FetchError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let outcome = Object(into).deserialize(&mut deserializer).and_then(|present| {
        deserializer.end()?;
        Ok(present)
    });
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => Err(FetchError::new(FailureKind::BadResponse, "the answer is null")),
        Err(error) => Err(FetchError::new(FailureKind::BadResponse, describe(&error, body.len()))),
    }
}

/// serde's own message would repeat values of the answer.
fn describe(error: &serde_json::Error, length: usize) -> String {
    use serde_json::error::Category;
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Eof if length == 0 => "the answer is empty".to_owned(),
        Category::Eof => format!("the answer ends within its JSON, after {length} bytes"),
        Category::Data => {
            format!("the answer has a value of an undocumented type at line {line} column {column}")
        }
        Category::Syntax | Category::Io => format!("the answer is not JSON at line {line} column {column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn seconds_come_in_every_clothing() {
        for (json, seconds) in [
            ("6", Some(6.0)),
            ("\"6\"", Some(6.0)),
            ("\" 0.5 \"", Some(0.5)),
            ("1.5", Some(1.5)),
            ("null", None),
            ("\"--\"", None),
            ("\"\"", None),
            ("-1", None),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("\"twelve\"", None),
        ] {
            assert_eq!(one(json), Some(Seconds(seconds)), "{json}");
        }
        for wrong in ["true", "[]", "{}"] {
            assert_eq!(one::<Seconds>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn counts_flags_ids_and_codes_are_numbers_or_texts() {
        assert_eq!(one("988"), Some(Count(Some(988))));
        assert_eq!(one("\"988\""), Some(Count(Some(988))));
        assert_eq!(one("5.0"), Some(Count(Some(5))));
        assert_eq!(one("null"), Some(Count(None)));
        assert!(["-1", "1.5", "\"many\"", "[]", "true"].iter().all(|wrong| one::<Count>(wrong).is_none()));
        assert_eq!(one("\"True\""), Some(Flag(Some(true))));
        assert_eq!(one("false"), Some(Flag(Some(false))));
        assert!(one::<Flag>("1").is_none());
        assert_eq!(one("7"), Some(Id::Number(7)));
        assert_eq!(one("\"7\""), Some(Id::Number(7)));
        assert_eq!(one("\"seven\""), Some(Id::Text("seven".into())));
        assert_eq!(one("200"), Some(Code(Some("200".into()))));
        assert_eq!(one("\"Throttling.User\""), Some(Code(Some("Throttling.User".into()))));
    }

    #[test]
    fn texts_survive_what_a_database_may_hold() {
        let text = |json: &'static [u8]| {
            serde_json::from_slice::<Text<'_>>(json).map(|t| t.0.map(Cow::into_owned)).ok()
        };
        assert_eq!(text(b"\"plain\""), Some(Some("plain".into())));
        assert_eq!(text(br#""\u0041\n""#), Some(Some("A\n".into())));
        assert_eq!(text(b"null"), Some(None));
        assert!(text(br#""lone \ud83d surrogate""#).is_some());
        assert!(text(b"\"broken \xff utf-8\"").is_some());
        assert_eq!(text(b"7"), None);
    }

    #[test]
    fn an_error_names_the_place_and_never_the_value() {
        #[derive(Default)]
        struct Flagged;
        impl<'de> Fields<'de> for Flagged {
            fn field<A: MapAccess<'de>>(&mut self, _: &[u8], map: &mut A) -> Result<(), A::Error> {
                map.next_value::<Flag>().map(drop)
            }
        }
        for body in ["{\"f\": \"s3cret\"}", "{\"f\": true", "{} s3cret", "s3cret", "", "null", "[]"] {
            let error = read(body.as_bytes(), &mut Flagged).unwrap_err();
            assert_eq!(error.kind, FailureKind::BadResponse);
            assert!(!error.detail.contains("s3cret"), "{error}");
        }
    }
}
