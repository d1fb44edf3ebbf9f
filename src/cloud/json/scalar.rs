//! The lenient scalars of the clouds' answers.

use std::borrow::Cow;

use super::Value;
use super::reader::{Error, Reader, Token};
use super::string::Inside;
use crate::model::{SessionId, Statement};

/// A text, or null.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

impl<'a> Value<'a> for Text<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        reader.text().map(Self)
    }
}

impl Text<'_> {
    /// The text, if there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// The inside of a string as it is spelled, not decoded; `None` for whatever else the value is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Spelled<'a>(pub Option<&'a [u8]>);

impl<'a> Value<'a> for Spelled<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        reader.spelled().map(Self)
    }
}

impl<'a> Spelled<'a> {
    /// The statement that it spells; `None` where it is empty.
    #[must_use]
    pub fn statement(&self) -> Option<Statement<'a>> {
        let spelled = self.0.filter(|spelled| !spelled.is_empty())?;
        Some(Statement { spelled, read: |spelled| Inside { spelled, plain: false }.text() })
    }
}

/// A duration in seconds; `None` for whatever cannot be one, such as `--`, a negative or an infinite number.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Seconds(pub Option<f64>);

impl<'a> Value<'a> for Seconds {
    // Reads a number, or a text that may be one.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let number = match reader.token()? {
            #[expect(clippy::cast_precision_loss, reason = "rounds as parsing its spelling does")]
            Token::Whole(number) => Some(number as f64),
            Token::Number(number) => number.parse().ok(),
            Token::Text(text) => text.trim().parse().ok(),
            Token::Null => None,
            Token::Flag(_) => return Err(reader.wrong_type()),
        };
        // `+ 0.0` turns a negative zero into the zero that it is.
        Ok(Self(number.filter(|n: &f64| n.is_finite() && *n >= 0.0).map(|n| n + 0.0)))
    }
}

/// A whole number that is not negative, such as a count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub Option<u64>);

impl<'a> Value<'a> for Count {
    // Reads a number, or a text that is one; the empty text is none.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = match reader.token()? {
            Token::Whole(number) => return Ok(Self(Some(number))),
            // Some encoders write whole numbers with a fraction of zero.
            Token::Number(number) => number.trim_end_matches('0').strip_suffix('.').unwrap_or(number).parse(),
            Token::Text(text) if text.trim().is_empty() => return Ok(Self(None)),
            Token::Text(text) => text.trim().parse(),
            Token::Null => return Ok(Self(None)),
            Token::Flag(_) => return Err(reader.wrong_type()),
        };
        count.map(|count| Self(Some(count))).map_err(|_| reader.wrong_type())
    }
}

/// A flag; `None` where it is null.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub Option<bool>);

impl<'a> Value<'a> for Flag {
    // Reads a flag, or a text that is one.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        match reader.token()? {
            Token::Flag(flag) => Ok(Self(Some(flag))),
            Token::Null => Ok(Self(None)),
            Token::Text(text) => text
                .trim()
                .to_ascii_lowercase()
                .parse()
                .map(|flag| Self(Some(flag)))
                .map_err(|_| reader.wrong_type()),
            Token::Whole(_) | Token::Number(_) => Err(reader.wrong_type()),
        }
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

impl<'a> Value<'a> for Id {
    // Reads a number or a text.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let token = reader.token()?;
        let text = match &token {
            Token::Whole(number) => return Ok(Self::Number(*number)),
            Token::Number(number) => number,
            Token::Text(text) => text.trim(),
            Token::Null => "",
            Token::Flag(_) => return Err(reader.wrong_type()),
        };
        Ok(match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) if text.is_empty() => Self::Absent,
            Err(_) => Self::Text(text.into()),
        })
    }
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

/// An error or status code, a number or a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Code(pub Option<String>);

impl<'a> Value<'a> for Code {
    // Reads a number or a text; the empty text is none.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let code = match reader.token()? {
            Token::Whole(number) => Cow::Owned(number.to_string()),
            Token::Number(number) => Cow::Borrowed(number),
            Token::Text(text) => text,
            Token::Null => Cow::Borrowed(""),
            Token::Flag(_) => return Err(reader.wrong_type()),
        };
        Ok(Self(Some(code.trim().to_owned()).filter(|code| !code.is_empty())))
    }
}
