//! What outlives the process: files of JSON with a version in a directory that is this process's own. Each is replaced as a
//! whole, so that it is never half written; one that cannot be understood is set aside, not lost. Knows nothing of what is
//! in them.

use std::fmt::Display;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tracing::warn;

/// Why something cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct StorageError {
    path: String,
    what: String,
}

impl StorageError {
    fn new(path: &Path, what: &dyn Display) -> Self {
        Self { path: path.display().to_string(), what: what.to_string() }
    }
}

/// A directory that is this process's own as long as this lives, or any file of it.
#[derive(Debug, Clone)]
pub struct Storage {
    path: PathBuf,
    /// Held, not used.
    _lock: Arc<File>,
}

/// What one file holds.
pub(super) trait Document: Serialize + DeserializeOwned + Send + 'static {
    /// Of the file.
    const NAME: &'static str;
    /// What it is for, in messages.
    const WHAT: &'static str;
    /// Of its format.
    const VERSION: u32;
}

/// One file of a [`Storage`].
#[derive(Debug)]
pub(super) struct Kept<T> {
    storage: Storage,
    /// How many changes the file has.
    saved: Mutex<u64>,
    document: PhantomData<fn() -> T>,
}

impl Storage {
    /// Takes a directory into use, which is made if it is not there.
    ///
    /// # Errors
    /// Where the directory cannot be used, or another process uses it.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(path).map_err(|error| StorageError::new(path, &error))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(|error| StorageError::new(&lock_path, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StorageError::new(path, &"another process uses this directory"),
            TryLockError::Error(error) => StorageError::new(&lock_path, &error),
        })?;
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// One of its files, and what it holds; `None` where there is none that can be understood.
    pub(super) fn file<T: Document>(&self) -> Result<(Kept<T>, Option<T>), StorageError> {
        let document = read(&self.path.join(T::NAME))?;
        Ok((Kept { storage: self.clone(), saved: Mutex::new(0), document: PhantomData }, document))
    }
}

impl<T: Document> Kept<T> {
    /// Writes the document that `made` gives, unless all `wanted` changes are in the file already: many may wait for the same
    /// writing. `made` tells how many changes its document has.
    pub(super) async fn save(&self, wanted: u64, made: impl Fn() -> (u64, T)) -> Result<(), StorageError> {
        let mut saved = self.saved.lock().await;
        if *saved >= wanted {
            return Ok(());
        }
        let ((changes, document), directory) = (made(), self.storage.path.clone());
        let written = spawn_blocking(move || replace(&directory, &document)).await;
        let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        written.map_err(|error| StorageError::new(&self.storage.path.join(T::NAME), &error))?;
        *saved = changes;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    document: &'a T,
}

/// What is in a file; one that cannot be understood is set aside.
fn read<T: Document>(path: &Path) -> Result<Option<T>, StorageError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::new(path, &error)),
    };
    let problem = match understood(&text) {
        Ok(document) => return Ok(Some(document)),
        Err(problem) => problem,
    };
    let aside = path.with_extension("json.damaged");
    fs::rename(path, &aside).map_err(|error| StorageError::new(path, &error))?;
    let (path, aside, what) = (path.display(), aside.display(), T::WHAT);
    warn!(%path, %aside, what, problem, "a file cannot be understood: it was set aside, and nothing of it is known");
    Ok(None)
}

fn understood<T: Document>(text: &[u8]) -> Result<T, String> {
    let Version { version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if version != T::VERSION {
        return Err(format!("its version is {version}, and {} was expected", T::VERSION));
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// Whoever reads the file sees the old one or the new one, also after a crash at any moment.
fn replace<T: Document>(directory: &Path, document: &T) -> io::Result<()> {
    let (new, path) = (directory.join(format!("{}.new", T::NAME)), directory.join(T::NAME));
    let mut written = File::create(&new)?;
    written.write_all(&serde_json::to_vec(&Versioned { version: T::VERSION, document })?)?;
    written.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()
}
