//! The tokens of a statement: enough of MySQL's grammar to tell names from literals (MySQL reference manual, "Literal Values",
//! "Schema Object Names", "Comments").

/// A piece of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A string, number, date, hexadecimal or bit value.
    Literal,
    /// Anything else as it is written: a name, a keyword, a character of punctuation.
    Text(&'a str),
}

impl<'a> Token<'a> {
    /// What is written of it; nothing of a literal.
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Literal => "",
            Self::Text(text) => text,
        }
    }
}

/// Yields each token, and whether white space or a comment stands before it.
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(statement: &'a str) -> Self {
        Self { rest: statement }
    }

    /// Goes over white space and comments; whether there was any.
    fn blank(&mut self) -> bool {
        let before = self.rest.len();
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            match comment(self.rest) {
                Some(length) => self.rest = &self.rest[length..],
                None => return self.rest.len() < before,
            }
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let first = self.rest.chars().next()?;
        let (length, literal) = match first {
            '\'' | '"' => (quoted(self.rest, first, true), true),
            '`' => (quoted(self.rest, first, false), false),
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                (1 + number(&self.rest[1..]), true)
            }
            '0'..='9' => (number(self.rest), true),
            '$' if dollar_quoted(self.rest).is_some() => (dollar_quoted(self.rest)?, true),
            _ if is_word(first) => self.word(),
            _ => (first.len_utf8(), false),
        };
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(if literal { Token::Literal } else { Token::Text(text) })
    }

    /// A name or keyword, or one of the letters that say what kind of literal follows them.
    fn word(&self) -> (usize, bool) {
        let length = word(self.rest);
        let quoted_next = self.rest[length..].starts_with('\'');
        if quoted_next && matches!(&self.rest[..length], "x" | "X" | "b" | "B" | "n" | "N") {
            return (length + quoted(&self.rest[length..], '\'', true), true);
        }
        (length, false)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (bool, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let apart = self.blank();
        Some((apart, self.token()?))
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || (!c.is_ascii() && !is_blank(c))
}

fn word(rest: &str) -> usize {
    rest.find(|c| !is_word(c)).unwrap_or(rest.len())
}

/// Length of the comment at the beginning, if there is one; hints and conditional comments are comments here.
fn comment(rest: &str) -> Option<usize> {
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("/*") {
        return Some(to("*/", 2));
    }
    let dashes =
        rest.strip_prefix("--").is_some_and(|behind| behind.is_empty() || behind.starts_with(is_blank));
    (rest.starts_with('#') || dashes).then(|| to("\n", 0))
}

/// Length of what is quoted, with its quotes; all that is left where nothing ends it. A doubled quote ends nothing.
fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

/// Length of a number with its fraction and exponent, or of what begins like one: a name may begin with a digit, but then it is
/// rather hidden than a number shown.
fn number(rest: &str) -> usize {
    let mut length = word(rest);
    if rest[..length].bytes().all(|byte| byte.is_ascii_digit()) && rest[length..].starts_with('.') {
        length += 1 + word(&rest[length + 1..]);
    }
    let signed = rest[length..].strip_prefix(['+', '-']).filter(|_| rest[..length].ends_with(['e', 'E']));
    match signed {
        Some(exponent) if exponent.starts_with(|c: char| c.is_ascii_digit()) => length + 1 + word(exponent),
        _ => length,
    }
}

/// Length of a text between two `$tag$`, as bodies of routines are written.
fn dollar_quoted(rest: &str) -> Option<usize> {
    let tag = 2 + rest[1..].find('$').filter(|at| rest[1..=*at].chars().all(is_word))?;
    let (tag, inside) = rest.split_at(tag);
    Some(inside.find(tag).map_or(rest.len(), |at| at + 2 * tag.len()))
}
