//! A statement without what is in it: every literal becomes `?`, comments go, white space shrinks, so that statements of one kind
//! read alike and nobody's values are shown. It reads MySQL's lexical rules as they are by default; a statement that was cut off
//! may end anywhere.
//!
//! What is not surely a name, a keyword or an operator counts as a literal. NULL, TRUE and FALSE stay: they tell nobody's secrets.
//! Of a server that runs with `NO_BACKSLASH_ESCAPES` a backslash before a quote would be understood wrongly; nothing in a statement
//! tells that it comes from one.

mod lexer;

use lexer::{Lexer, Token};

/// Longest digest, in bytes. MySQL's own are as long by default (`max_digest_length`).
pub const MAX_BYTES: usize = 1024;

/// Stands for one literal.
const ONE: &str = "?";

/// Stands for a list of literals in brackets, and for lists that follow each other.
const SEVERAL: &str = "(...)";

/// The statement with each literal replaced, at most [`MAX_BYTES`] long; empty where there is none.
#[must_use]
pub fn digest(statement: &str) -> String {
    let mut pieces = Pieces::default();
    for (apart, token) in Lexer::new(statement) {
        pieces.push(apart, if token == Token::Literal { ONE } else { token.text() });
    }
    pieces.end();
    pieces.joined()
}

/// What a digest is put together from: texts, and whether white space stood before each.
#[derive(Default)]
struct Pieces<'a>(Vec<(bool, &'a str)>);

impl<'a> Pieces<'a> {
    fn push(&mut self, apart: bool, text: &'a str) {
        self.0.push((apart, text));
        if text == ")" {
            self.fold();
        }
    }

    /// A statement that was cut off may end within a list.
    fn end(&mut self) {
        if let Some(begin) = self.list().filter(|begin| self.0.len() - begin > 2) {
            self.replace(begin, SEVERAL);
        }
    }

    /// Makes one piece of the list that a bracket has closed just now.
    fn fold(&mut self) {
        let bracket = self.0.pop();
        match self.list() {
            Some(begin) if self.0.len() - begin == 2 => self.replace(begin, "(?)"),
            Some(begin) => self.replace(begin, SEVERAL),
            None => self.0.extend(bracket),
        }
    }

    /// Where the list of literals begins that the last pieces are, its opening bracket included.
    fn list(&self) -> Option<usize> {
        let inside = |(_, text): &&(bool, &str)| matches!(*text, ONE | "," | "-" | "+");
        let length = self.0.iter().rev().take_while(inside).count();
        let begin = (self.0.len() - length).checked_sub(1)?;
        (length > 0 && self.0[begin].1 == "(").then_some(begin)
    }

    /// Puts a list in place of its pieces, or into the list before it.
    fn replace(&mut self, begin: usize, list: &'static str) {
        let apart = self.0[begin].0;
        self.0.truncate(begin);
        match self.0.as_slice() {
            [.., (_, "(?)" | SEVERAL), (_, ",")] => drop(self.0.pop()),
            _ => self.0.push((apart, list)),
        }
    }

    fn joined(&self) -> String {
        let mut text = String::new();
        for (apart, piece) in &self.0 {
            if *apart && !text.is_empty() {
                text.push(' ');
            }
            text.push_str(piece);
        }
        if text.len() > MAX_BYTES {
            text.truncate(text.floor_char_boundary(MAX_BYTES - '…'.len_utf8()));
            text.push('…');
        }
        text
    }
}

#[cfg(test)]
mod tests;
