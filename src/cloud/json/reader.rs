//! A cursor over JSON text. It checks the grammar of all that it goes over but for the insides of strings that nobody reads.

use std::borrow::Cow;

use super::string::Inside;
use super::{Fields, Value};

/// Deeper nesting is not the clouds', and would only use up the stack.
const MAX_DEPTH: u32 = 64;

/// So many digits always fit 64 bits.
const MAX_WHOLE_DIGITS: usize = 19;

/// What is wrong with an answer, and where. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// The text ends before the value does.
    #[error("the answer ends within its JSON, after {0} bytes")]
    Cut(usize),
    /// What stands at this byte is not JSON.
    #[error("the answer is not JSON at byte {0}")]
    Syntax(usize),
    /// The value that ends at this byte has another type than documented.
    #[error("the answer has a value of an undocumented type before byte {0}")]
    Type(usize),
}

/// A value that is no object and no array.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number of 1 to 19 digits and nothing else, as nearly all are; without leading zeros.
    Whole(u64),
    /// Any other number, as it is spelled.
    Number(&'a str),
    /// A string, borrowed unless it has escapes. Bytes that are no UTF-8 and lone surrogates are replaced.
    Text(Cow<'a, str>),
}

/// Where reading has come to.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    /// At the beginning of `text`.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The value's type is not the documented one.
    #[must_use]
    pub fn wrong_type(&self) -> Error {
        Error::Type(self.at)
    }

    /// Reads an object into `into`; `false` where it is null.
    ///
    /// # Errors
    /// Where it is something else, or a field is not as documented.
    pub fn object<T: Fields<'a>>(&mut self, into: &mut T) -> Result<bool, Error> {
        if self.peek()? != b'{' {
            return self.null();
        }
        self.members(|reader, name| into.field(name, reader)).map(|()| true)
    }

    /// Reads an array of objects, handing each to `take`; `false` where it is null.
    ///
    /// # Errors
    /// Where it is something else, or an element is no object as documented.
    pub fn rows<T: Fields<'a> + Default>(&mut self, mut take: impl FnMut(&T)) -> Result<bool, Error> {
        if self.peek()? != b'[' {
            return self.null();
        }
        self.elements(|reader| {
            let mut row = T::default();
            if !reader.object(&mut row)? {
                return Err(reader.wrong_type());
            }
            take(&row);
            Ok(())
        })?;
        Ok(true)
    }

    /// Reads a value as a whole.
    ///
    /// # Errors
    /// Where it has not the documented shape.
    pub fn value<T: Value<'a>>(&mut self) -> Result<T, Error> {
        T::read(self)
    }

    /// Reads a string; `None` where it is null. Nearly all values are texts: this is [`Self::token`] without a token to move.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn text(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        if self.peek()? == b'"' {
            return Ok(Some(self.string()?.text()));
        }
        self.null().map(|_| None)
    }

    /// Reads a value that is no object and no array.
    ///
    /// # Errors
    /// Where it is one of these.
    pub fn token(&mut self) -> Result<Token<'a>, Error> {
        match self.peek()? {
            b'"' => Ok(Token::Text(self.string()?.text())),
            b'n' => self.word("null", Token::Null),
            b't' => self.word("true", Token::Flag(true)),
            b'f' => self.word("false", Token::Flag(false)),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' | b'[' => Err(self.wrong_type()),
            _ => Err(Error::Syntax(self.at)),
        }
    }

    /// Goes over a value without decoding it.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn skip(&mut self) -> Result<(), Error> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.members(|reader, _| reader.skip()),
            b'[' => self.elements(Self::skip),
            _ => self.token().map(drop),
        }
    }

    /// Goes over a value, and gives the inside of a string as it is spelled.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn spelled(&mut self) -> Result<Option<&'a [u8]>, Error> {
        if self.peek()? == b'"' {
            return Ok(Some(self.string()?.spelled));
        }
        self.skip().map(|()| None)
    }

    /// Whether nothing but white space is left.
    ///
    /// # Errors
    /// Where something is.
    pub fn end(&mut self) -> Result<(), Error> {
        if self.peek().is_ok() { Err(Error::Syntax(self.at)) } else { Ok(()) }
    }

    fn null(&mut self) -> Result<bool, Error> {
        if self.token()? == Token::Null { Ok(false) } else { Err(self.wrong_type()) }
    }

    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.list(b'}', |reader| {
            if reader.peek()? != b'"' {
                return Err(Error::Syntax(reader.at));
            }
            let name = reader.string()?;
            reader.expect(b':')?;
            if name.plain { member(reader, name.spelled) } else { member(reader, name.text().as_bytes()) }
        })
    }

    fn elements(&mut self, element: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.list(b']', element)
    }

    /// What stands between an opening bracket, which is next, and its closing one, separated by commas.
    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::Syntax(self.at));
        }
        if self.peek()? == close {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                let separator = self.peek()?;
                self.at += 1;
                match separator {
                    b',' => {}
                    other if other == close => break,
                    _ => return Err(Error::Syntax(self.at - 1)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8, Error> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(if self.text.is_empty() { Error::Empty } else { Error::Cut(self.at) })
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek()? != byte {
            return Err(Error::Syntax(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// The string whose opening quote is next.
    fn string(&mut self) -> Result<Inside<'a>, Error> {
        let begin = self.at + 1;
        let rest = self.text.get(begin..).unwrap_or_default();
        let inside = Inside::of(rest).ok_or(Error::Cut(self.text.len()))?;
        self.at = begin + inside.spelled.len() + 1;
        Ok(inside)
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, Error> {
        let rest = &self.text[self.at..];
        if !rest.starts_with(word.as_bytes()) {
            let cut = word.as_bytes().starts_with(rest);
            return Err(if cut { Error::Cut(self.text.len()) } else { Error::Syntax(self.at) });
        }
        self.at += word.len();
        Ok(token)
    }

    fn number(&mut self) -> Result<Token<'a>, Error> {
        let rest = &self.text[self.at..];
        let inside = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        let (length, whole) = digits.fold((0, 0_u64), |(length, whole), digit| {
            (length + 1, whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
        });
        let sized = length == 1 || (2..=MAX_WHOLE_DIGITS).contains(&length) && rest[0] != b'0';
        if sized && !rest.get(length).is_some_and(inside) {
            self.at += length;
            return Ok(Token::Whole(whole));
        }
        let length = rest.iter().position(|byte| !inside(byte)).unwrap_or(rest.len());
        let spelled = str::from_utf8(&rest[..length]).map_err(|_| Error::Syntax(self.at))?;
        let plain = spelled.bytes().all(|byte| byte.is_ascii_digit());
        if !plain && spelled.parse::<f64>().is_err() {
            return Err(Error::Syntax(self.at));
        }
        self.at += length;
        Ok(Token::Number(spelled))
    }
}
