//! A text that must not be seen: not in logs, errors, pages or dumps. May know where one is read from, never what it is for.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// Ample for any key or token; a path to something endless must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A key, token or password. Its `Debug` is `<secret>`, it has no `Display`, and it is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a plain text.
    #[must_use]
    pub fn new(plain: impl Into<String>) -> Self {
        Self(SecretString::from(plain.into()))
    }

    /// The plain text, to sign or to send with; never to show.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The content of a file without the white space at its end.
    ///
    /// # Errors
    /// What the operating system says, a content that is not UTF-8, or one of more than 64 KiB.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        if read as u64 > MAX_FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 64 KiB"));
        }
        text.truncate(text.trim_end().len());
        Ok(Self(SecretString::from(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// For finding out whether a reload changed anything; nobody who measures its time chooses either side.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}
