//! The incidents: a log that is bounded in number for each target and in bytes for all together, and outlives the process
//! where there is a directory for it. Fetches write here, people read here.

mod incident;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::lock;
use super::storage::{Document, Kept, Storage, StorageError};
pub use incident::{GrownState, GrownValue, Incident, Moment, Outcome, Row, TargetName};

/// Bytes of all incidents as JSON: a storm over a whole fleet must fill neither memory nor disk. Some 700 of usual size.
const MAX_BYTES: usize = 4 << 20;

/// How long a change that only prolongs an incident may wait for its writing.
const LAZY: Duration = Duration::from_secs(30);

/// Between two writings: the file is written as a whole, and a storm over a whole fleet begins many incidents at once.
const PAUSE: Duration = Duration::from_secs(1);

/// All incidents; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Incidents(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    file: Option<Kept<File>>,
    /// Something has happened that a crash should not undo.
    urgent: Notify,
}

#[derive(Debug, Default)]
struct Log {
    last_id: u64,
    /// By id, so in the order in which they began.
    kept: BTreeMap<u64, Entry>,
    /// Of all together.
    bytes: usize,
    /// Changes that are worth saving.
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    incident: Arc<Incident>,
    bytes: usize,
}

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    last_id: u64,
    incidents: Vec<Arc<Incident>>,
}

impl Document for File {
    const NAME: &'static str = "incidents.json";
    const WHAT: &'static str = "incidents";
    const VERSION: u32 = 1;
}

impl Log {
    fn of(file: File) -> Self {
        let mut log = Self { last_id: file.last_id, ..Self::default() };
        for incident in file.incidents {
            log.last_id = log.last_id.max(incident.id);
            log.put(incident);
        }
        log.shrink();
        log
    }

    fn file(&self) -> File {
        let incidents = self.kept.values().map(|entry| Arc::clone(&entry.incident)).collect();
        File { last_id: self.last_id, incidents }
    }

    fn put(&mut self, incident: Arc<Incident>) {
        let bytes = incident.bytes();
        self.bytes += bytes;
        if let Some(before) = self.kept.insert(incident.id, Entry { incident, bytes }) {
            self.bytes -= before.bytes;
        }
    }

    fn remove(&mut self, id: u64) {
        self.bytes -= self.kept.remove(&id).map_or(0, |entry| entry.bytes);
    }

    /// Lets the oldest go, of those that have ended if there are such, until the rest is small enough.
    fn shrink(&mut self) {
        while self.bytes > MAX_BYTES {
            let ended = self.kept.values().find(|entry| !entry.incident.is_active());
            let oldest = ended.or_else(|| self.kept.values().next()).map(|entry| entry.incident.id);
            let Some(oldest) = oldest else { return };
            self.remove(oldest);
        }
    }

    fn of_target<'a>(&'a self, target: &'a TargetName) -> impl DoubleEndedIterator<Item = &'a Arc<Incident>> {
        self.kept.values().map(|entry| &entry.incident).filter(move |incident| incident.target == *target)
    }
}

impl Incidents {
    /// The incidents that `storage` keeps.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(storage: &Storage) -> Result<Self, StorageError> {
        let (file, saved) = storage.file::<File>()?;
        let log = Mutex::new(saved.map(Log::of).unwrap_or_default());
        Ok(Self(Arc::new(Shared { log, file: Some(file), urgent: Notify::new() })))
    }

    /// Takes an incident in, of whose target `keep` are kept, and gives it its id.
    #[must_use]
    pub fn begin(&self, incident: Incident, keep: usize) -> u64 {
        let mut log = lock(&self.0.log);
        let known: Vec<u64> = log.of_target(&incident.target).map(|incident| incident.id).collect();
        for id in &known[..(known.len() + 1).saturating_sub(keep)] {
            log.remove(*id);
        }
        log.last_id += 1;
        let id = log.last_id;
        log.put(Arc::new(Incident { id, ..incident }));
        log.shrink();
        log.changes += 1;
        self.0.urgent.notify_one();
        id
    }

    /// Changes an incident, unless it is gone already.
    pub fn change(&self, id: u64, change: impl FnOnce(&mut Incident)) -> Option<Arc<Incident>> {
        let mut log = lock(&self.0.log);
        let mut incident = Arc::clone(&log.kept.get(&id)?.incident);
        let (was_active, peak) = (incident.is_active(), incident.peak);
        change(Arc::make_mut(&mut incident));
        if was_active != incident.is_active() || peak != incident.peak {
            self.0.urgent.notify_one();
        }
        log.put(Arc::clone(&incident));
        log.shrink();
        log.changes += 1;
        Some(incident)
    }

    /// Ends the open incidents of targets that are not among `recorded`.
    pub fn interrupt_others(&self, recorded: &HashSet<TargetName>) {
        let others = self.list().into_iter();
        for incident in others.filter(|it| it.is_active() && !recorded.contains(&it.target)) {
            self.change(incident.id, |incident| incident.cut(Outcome::Interrupted));
        }
    }

    /// The newest incident of a target.
    #[must_use]
    pub fn latest_of(&self, target: &TargetName) -> Option<Arc<Incident>> {
        lock(&self.0.log).of_target(target).next_back().cloned()
    }

    /// One incident.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<Incident>> {
        lock(&self.0.log).kept.get(&id).map(|entry| Arc::clone(&entry.incident))
    }

    /// All incidents, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Incident>> {
        lock(&self.0.log).kept.values().rev().map(|entry| Arc::clone(&entry.incident)).collect()
    }

    /// Keeps what is known now on disk, where there is a directory for it.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn save(&self) -> Result<(), StorageError> {
        let Some(file) = &self.0.file else { return Ok(()) };
        let made = || {
            let log = lock(&self.0.log);
            (log.changes, log.file())
        };
        let wanted = lock(&self.0.log).changes;
        file.save(wanted, made).await
    }

    /// Saves what happens, for ever: beginnings, peaks and ends at once, the rest by and by.
    pub async fn keep_saved(&self) -> Infallible {
        let mut failing = false;
        loop {
            let _ = timeout(LAZY, self.0.urgent.notified()).await;
            let saved = self.save().await;
            match &saved {
                Ok(()) if failing => info!("incidents can be kept again"),
                Err(error) if !failing => {
                    warn!(%error, "incidents cannot be kept: a restart would forget them");
                }
                _ => {}
            }
            failing = saved.is_err();
            sleep(PAUSE).await;
        }
    }
}
