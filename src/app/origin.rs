//! Where the configuration comes from, and whether it has changed there.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::web::{self, WebConfig};
use crate::config::{self, Config, ConfigError, Shard};

/// A configuration file or a secret is smaller; a path to something endless must not fill the memory.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Where all that the daemon needs comes from.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// What is fetched.
    pub config: Origin,
    /// How the endpoints are secured; not at all where it is missing.
    pub web: Option<PathBuf>,
    /// The part of what is fetched that this process holds.
    pub shard: Shard,
}

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

    fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }
}

impl Sources {
    /// Reads and checks all; the warnings and files of both are in the configuration.
    ///
    /// # Errors
    /// All problems of both.
    pub(super) fn read(&self) -> Result<(Config, WebConfig), ConfigError> {
        let environment = |name: &str| env::var(name).ok();
        let web = self.web.as_ref().map(|path| web::load(path, &environment));
        let config = self.config.read().map(|config| config.of_shard(self.shard));
        web::both(config, web.unwrap_or_else(|| Ok(WebConfig::default())))
    }

    /// Reads and checks all; with what was in the files before, so that whatever changes meanwhile is noticed at the next look.
    pub(super) fn read_with_files(
        &self,
        known: &Fingerprint,
    ) -> (Result<(Config, WebConfig), ConfigError>, Fingerprint) {
        let before =
            Fingerprint(known.again().0.into_iter().chain(Fingerprint::of(self.files(&[])).0).collect());
        let read = self.read();
        let others = read.as_ref().map_or_else(ConfigError::files, |(config, _)| &config.files);
        let files = before.of_files(self.files(others));
        (read, files)
    }

    /// The files themselves, and the other files that were read.
    fn files(&self, others: &[PathBuf]) -> BTreeSet<PathBuf> {
        self.config.file().into_iter().chain(&self.web).chain(others).cloned().collect()
    }
}

/// What is in some files, for finding out whether that changes. The content counts, not the time of the last change: a
/// secret that Kubernetes mounts is replaced by moving a symbolic link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Fingerprint {
    /// Of these files as they are now.
    fn of(files: BTreeSet<PathBuf>) -> Self {
        Self::default().of_files(files)
    }

    /// As the same files are now; one that cannot be read has no content.
    pub(super) fn again(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), digest(path))).collect())
    }

    /// Of these files: those that it has are as they were, the others as they are now.
    fn of_files(mut self, files: BTreeSet<PathBuf>) -> Self {
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
