//! Where the configuration comes from, and whether it has changed there.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::{self, Config, ConfigError};

/// A configuration file or a secret is smaller; a path to something endless must not fill the memory.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Where the configuration comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// A file, which may change.
    File(PathBuf),
    /// A text that stays as it is.
    Text(String),
}

impl Origin {
    /// Reads and checks it.
    ///
    /// # Errors
    /// All its problems.
    pub(super) fn read(&self) -> Result<Config, ConfigError> {
        match self {
            Self::File(path) => config::load(path, &|name| env::var(name).ok()),
            Self::Text(text) => config::parse(text, Path::new("demo"), &|_| None),
        }
    }

    /// Reads and checks it; with what was in its files before, so that whatever changes meanwhile is noticed at the next look.
    pub(super) fn read_with_files(&self, known: &Fingerprint) -> (Result<Config, ConfigError>, Fingerprint) {
        let before =
            Fingerprint(known.again().0.into_iter().chain(Fingerprint::of(self.files(&[])).0).collect());
        let read = self.read();
        let others = read.as_ref().map_or_else(ConfigError::files, |config| &config.files);
        let files = before.of_files(self.files(others));
        (read, files)
    }

    /// The file itself, if it is one, and the other files that were read.
    fn files(&self, others: &[PathBuf]) -> Vec<PathBuf> {
        match self {
            Self::File(path) => std::iter::once(path).chain(others).cloned().collect(),
            Self::Text(_) => Vec::new(),
        }
    }
}

/// What is in some files, for finding out whether that changes. The content counts, not the time of the last change: a
/// secret that Kubernetes mounts is replaced by moving a symbolic link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Fingerprint {
    /// Of these files as they are now.
    fn of(files: Vec<PathBuf>) -> Self {
        Self::default().of_files(files)
    }

    /// As the same files are now; one that cannot be read has no content.
    pub(super) fn again(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), digest(path))).collect())
    }

    /// Of these files: those that it has are as they were, the others as they are now.
    fn of_files(mut self, files: Vec<PathBuf>) -> Self {
        let known = |path: PathBuf| {
            let digest = self.0.remove(&path).unwrap_or_else(|| digest(&path));
            (path, digest)
        };
        Self(files.into_iter().map(known).collect())
    }
}

/// Only of a plain file: a pipe could be read but once.
fn digest(path: &Path) -> Option<[u8; 32]> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut content = Vec::new();
    File::open(path).ok()?.take(MAX_FILE_BYTES).read_to_end(&mut content).ok()?;
    Some(Sha256::digest(&content).into())
}
