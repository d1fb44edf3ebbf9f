//! The clouds' JSON, read straight out of an answer's bytes. Numbers and flags may come as strings, anything may be null or
//! absent; a value of another shape is an error, since it is not the documented answer.
//!
//! The reader is the exporter's own because folding sessions is what it exists for: it hands out borrowed texts, goes over SQL
//! text without decoding it, and is faster than `serde_json`'s visitors on the same bytes (see `benches/fold.rs`).

mod reader;
mod scalar;
mod string;

pub use reader::{Error, Reader, Token};
pub use scalar::{Code, Count, Flag, Id, Seconds, Spelled, Text};

use crate::error::{FailureKind, FetchError};

/// An object that is read field by field, in whatever order they come.
pub trait Fields<'a> {
    /// Takes the value of field `name` from `reader`, all of it: [`Reader::skip`] goes over what is not needed. The name comes
    /// as bytes, because patterns of bytes are matched by length first, and patterns of texts one after the other.
    ///
    /// # Errors
    /// Where the value has not the documented shape.
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error>;
}

/// A value that is read as a whole.
pub trait Value<'a>: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Where it has not the documented shape.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error>;
}

/// Reads a whole answer into `into`.
///
/// # Errors
/// [`FailureKind::BadResponse`] where it is no JSON object of the documented shape; the detail gives the place, never a
/// value.
pub fn read<'a, T: Fields<'a>>(body: &'a [u8], into: &mut T) -> Result<(), FetchError> {
    let mut reader = Reader::new(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let outcome = reader.object(into).and_then(|present| reader.end().map(|()| present));
    let problem = match outcome {
        Ok(true) => return Ok(()),
        Ok(false) => "the answer is null".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(FetchError::new(FailureKind::BadResponse, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that a whole text is.
    fn one<'a, T: Value<'a>>(json: &'a [u8]) -> Option<T> {
        let mut reader = Reader::new(json);
        reader.value().ok().filter(|_| reader.end().is_ok())
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
            assert_eq!(one(json.as_bytes()), Some(Seconds(seconds)), "{json}");
        }
        for wrong in ["true", "[]", "{}"] {
            assert_eq!(one::<Seconds>(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn counts_flags_ids_and_codes_are_numbers_or_texts() {
        assert_eq!(one(b"988"), Some(Count(Some(988))));
        assert_eq!(one(b"\"988\""), Some(Count(Some(988))));
        assert_eq!(one(b"5.0"), Some(Count(Some(5))));
        assert_eq!(one(b"null"), Some(Count(None)));
        assert!(
            ["-1", "1.5", "\"many\"", "[]", "true"]
                .iter()
                .all(|wrong| one::<Count>(wrong.as_bytes()).is_none())
        );
        assert_eq!(one(b"0"), Some(Count(Some(0))));
        assert_eq!(one(b"9999999999999999999"), Some(Count(Some(9_999_999_999_999_999_999))));
        assert_eq!(one(b"18446744073709551615"), Some(Count(Some(u64::MAX))));
        assert_eq!(one::<Count>(b"18446744073709551616"), None);
        assert_eq!(one(b"18446744073709551617"), Some(Seconds(Some(18_446_744_073_709_551_617.0))));
        assert_eq!(one(b"\"True\""), Some(Flag(Some(true))));
        assert_eq!(one(b"false"), Some(Flag(Some(false))));
        assert!(one::<Flag>(b"1").is_none());
        assert_eq!(one(b"7"), Some(Id::Number(7)));
        assert_eq!(one(b"\"7\""), Some(Id::Number(7)));
        assert_eq!(one(b"\"seven\""), Some(Id::Text("seven".into())));
        assert_eq!(one(b"200"), Some(Code(Some("200".into()))));
        assert_eq!(one(b"\"Throttling.User\""), Some(Code(Some("Throttling.User".into()))));
    }

    #[test]
    fn texts_survive_what_a_database_may_hold() {
        let text = |json: &'static [u8]| one::<Text<'_>>(json).map(|text| text.0);
        assert_eq!(text(b"\"plain\""), Some(Some("plain".into())));
        assert_eq!(text(br#""\u0041\n""#), Some(Some("A\n".into())));
        assert_eq!(text(b"null"), Some(None));
        assert!(text(br#""lone \ud83d surrogate""#).is_some());
        assert_eq!(text(b"\"broken \xff utf-8\""), Some(Some("broken \u{fffd} utf-8".into())));
        assert_eq!(text(b"\"broken \xff, escaped\\n\""), Some(Some("broken \u{fffd}, escaped\n".into())));
        assert_eq!(text(b"7"), None);
    }

    #[test]
    fn an_error_names_the_place_and_never_the_value() {
        #[derive(Default)]
        struct Flagged;
        impl<'a> Fields<'a> for Flagged {
            fn field(&mut self, _: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
                reader.value::<Flag>().map(drop)
            }
        }
        for body in ["{\"f\": \"s3cret\"}", "{\"f\": true", "{} s3cret", "s3cret", "", "null", "[]"] {
            let error = read(body.as_bytes(), &mut Flagged).unwrap_err();
            assert_eq!(error.kind, FailureKind::BadResponse);
            assert!(!error.detail.contains("s3cret"), "{error}");
        }
    }

    /// An object of which only the structure counts.
    #[derive(Default)]
    struct Skipped;

    impl<'a> Fields<'a> for Skipped {
        fn field(&mut self, _: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
            reader.skip()
        }
    }

    #[test]
    fn what_is_no_json_is_refused_also_where_it_is_skipped() {
        for good in [r#"{"a": [], "b": {}, "c": [1, -2.5e3, "x\"y", null, true, {"d": [[]]}]}"#, " {} \n"] {
            assert_eq!(read(good.as_bytes(), &mut Skipped), Ok(()), "{good}");
        }
        for wrong in [
            r#"{"a" 1}"#,
            r#"{"a": 1,}"#,
            r#"{"a": [1 2]}"#,
            r#"{"a": [1, 2,]}"#,
            r"{a: 1}",
            r#"{"a": tru}"#,
            r#"{"a": -}"#,
            r#"{"a": 1.2.3}"#,
            r#"{"a": +1}"#,
            r#"{"a": 'x'}"#,
            r#"{"a": [}"#,
            r#"{"a": 1} {"#,
            "<html></html>",
        ] {
            assert!(read(wrong.as_bytes(), &mut Skipped).is_err(), "{wrong}");
        }
        let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes(), &mut Skipped).is_err());
    }

    proptest::proptest! {
        #[test]
        fn texts_mean_what_serde_json_says_they_mean(text: String, escaped in "(\\\\u[0-9a-f]{4}|\\\\n|\\\\\"|\\\\\\\\|é|x)*") {
            let spelled = serde_json::to_string(&text).unwrap();
            proptest::prop_assert_eq!(one::<Text<'_>>(spelled.as_bytes()), Some(Text(Some(text.into()))));
            let spelled = format!("\"{escaped}\"");
            // Lone surrogates are what serde_json refuses.
            if let Ok(text) = serde_json::from_str::<String>(&spelled) {
                proptest::prop_assert_eq!(one::<Text<'_>>(spelled.as_bytes()), Some(Text(Some(text.into()))));
            }
        }

        #[test]
        fn what_serde_json_writes_is_read_and_what_is_cut_is_not(values: Vec<(String, Vec<f64>, Option<bool>)>, cut: usize) {
            let values: Vec<_> = values.into_iter().map(|(text, numbers, flag)| serde_json::json!([text, numbers, flag])).collect();
            let body = serde_json::json!({"a": values, "b": {"c": values}}).to_string();
            proptest::prop_assert_eq!(read(body.as_bytes(), &mut Skipped), Ok(()));
            let cut = read(&body.as_bytes()[..cut % body.len()], &mut Skipped);
            proptest::prop_assert_eq!(cut.map_err(|error| error.kind), Err(FailureKind::BadResponse));
        }

        #[test]
        fn nothing_panics_or_loops(bytes: Vec<u8>, brackets in "[\\[\\]{}\":,\\\\a1 n]{0,60}") {
            let _ = read(&bytes, &mut Skipped);
            let _ = read(brackets.as_bytes(), &mut Skipped);
        }
    }
}
