//! The file that keeps the kill tasks: JSON with a version, replaced as a whole, so that it is never half written. A file that
//! cannot be read is set aside, not lost.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{Counters, Table, TaskKey, TaskRecord, labels};
use crate::exposition::{Effect, Labels, TaskCounters};
use crate::model::kill_task::{Results, TaskReport, TaskState, Victims};

/// Of the format of the file.
const VERSION: u32 = 1;

const NAME: &str = "kill-tasks.json";

/// Why a directory cannot keep anything.
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

/// A directory that is this process's own as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Held, not used.
    _lock: fs::File,
    /// How many changes the file has.
    saved: Mutex<u64>,
}

impl Directory {
    /// Takes a directory into use, which is made if it is not there, and reads what it keeps.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<File>), StorageError> {
        fs::create_dir_all(path).map_err(|error| StorageError::new(path, &error))?;
        let lock_path = path.join("lock");
        let lock = fs::File::create(&lock_path).map_err(|error| StorageError::new(&lock_path, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StorageError::new(path, &"another process uses this directory"),
            TryLockError::Error(error) => StorageError::new(&lock_path, &error),
        })?;
        let file = read(&path.join(NAME))?;
        Ok((Self { path: path.to_owned(), _lock: lock, saved: Mutex::new(0) }, file))
    }

    /// Writes the table, unless all `wanted` changes are in the file already: many may wait for the same writing.
    pub(super) async fn save(
        &self,
        wanted: u64,
        table: impl Fn() -> (u64, File),
    ) -> Result<(), StorageError> {
        let mut saved = self.saved.lock().await;
        if *saved >= wanted {
            return Ok(());
        }
        let ((changes, file), path) = (table(), self.path.clone());
        let written = spawn_blocking(move || replace(&path, &file)).await;
        let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        written.map_err(|error| StorageError::new(&self.path.join(NAME), &error))?;
        *saved = changes;
        Ok(())
    }
}

/// What is in the file; one that cannot be understood is set aside.
fn read(path: &Path) -> Result<Option<File>, StorageError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::new(path, &error)),
    };
    let problem = match serde_json::from_slice::<File>(&text) {
        Ok(file) if file.version == VERSION => return Ok(Some(file)),
        Ok(file) => format!("its version is {}, and {VERSION} was expected", file.version),
        Err(error) => error.to_string(),
    };
    let aside = path.with_extension("json.damaged");
    fs::rename(path, &aside).map_err(|error| StorageError::new(path, &error))?;
    let (path, aside) = (path.display(), aside.display());
    warn!(%path, %aside, problem, "the file of kill tasks cannot be understood: it was set aside, and none is known");
    Ok(None)
}

/// Whoever reads the file sees the old one or the new one, also after a crash at any moment.
fn replace(directory: &Path, file: &File) -> io::Result<()> {
    let (new, path) = (directory.join(format!("{NAME}.new")), directory.join(NAME));
    let mut written = fs::File::create(&new)?;
    written.write_all(&serde_json::to_vec(file)?)?;
    written.sync_all()?;
    fs::rename(&new, &path)?;
    fs::File::open(directory)?.sync_all()
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
    version: u32,
    tasks: Vec<SavedTask>,
    counters: Vec<SavedCounters>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedTask {
    account: String,
    instance: String,
    node: Option<String>,
    task: String,
    registered_at: Timestamp,
    ended_at: Option<Timestamp>,
    report: Option<SavedReport>,
    active_before: Option<u64>,
    active_after: Option<u64>,
    returned: Option<u64>,
    configured: bool,
    closed: bool,
    retired: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedReport {
    state: String,
    killed: u64,
    failed: u64,
    ignored: u64,
    results: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedCounters {
    instance: String,
    node: Option<String>,
    tasks: BTreeMap<String, u64>,
    results: BTreeMap<String, u64>,
}

impl File {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            version: VERSION,
            tasks: table.records.iter().map(SavedTask::of).collect(),
            counters: table.counters.iter().map(SavedCounters::of).collect(),
        }
    }

    /// Labels are those of the configuration, and come with it.
    pub(super) fn into_table(self) -> Table {
        Table {
            records: self.tasks.into_iter().map(SavedTask::into_record).collect(),
            counters: self.counters.into_iter().map(SavedCounters::into_counters).collect(),
            changes: 0,
        }
    }
}

impl SavedTask {
    fn of(record: &TaskRecord) -> Self {
        let TaskKey { account, instance_id, node_id, task_id } = record.key.clone();
        Self {
            account,
            instance: instance_id,
            node: node_id,
            task: task_id,
            registered_at: record.registered_at,
            ended_at: record.ended_at,
            report: record.report.as_ref().map(SavedReport::of),
            active_before: record.effect.before,
            active_after: record.effect.after,
            returned: record.effect.returned,
            configured: record.configured,
            closed: record.closed,
            retired: record.retired,
        }
    }

    fn into_record(self) -> TaskRecord {
        let key = TaskKey {
            account: self.account,
            instance_id: self.instance,
            node_id: self.node,
            task_id: self.task,
        };
        let (before, after, returned) = (self.active_before, self.active_after, self.returned);
        TaskRecord {
            key,
            registered_at: self.registered_at,
            ended_at: self.ended_at,
            report: self.report.and_then(SavedReport::into_report),
            effect: Effect { before, after, returned },
            labels: Labels::default(),
            configured: self.configured,
            closed: self.closed,
            retired: self.retired,
        }
    }
}

impl SavedReport {
    fn of(report: &TaskReport) -> Self {
        let TaskReport { state, killed, failed, ignored, ref results, .. } = *report;
        Self { state: state.label().to_owned(), killed, failed, ignored, results: saved_results(results) }
    }

    fn into_report(self) -> Option<TaskReport> {
        let Self { killed, failed, ignored, .. } = self;
        let (state, results) = (TaskState::of(&self.state)?, results(&self.results));
        let (unknown_reason, victims) = (None, Victims::default());
        Some(TaskReport { state, killed, failed, ignored, results, unknown_reason, victims })
    }
}

impl SavedCounters {
    fn of(counters: &Counters) -> Self {
        let TaskCounters { tasks, results, .. } = &counters.sums;
        let tasks = TaskState::ENDS.iter().zip(tasks).map(|(end, tasks)| (end.label().to_owned(), *tasks));
        Self {
            instance: counters.instance_id.clone(),
            node: counters.node_id.clone(),
            tasks: tasks.collect(),
            results: saved_results(results),
        }
    }

    fn into_counters(self) -> Counters {
        let tasks = TaskState::ENDS.map(|end| self.tasks.get(end.label()).copied().unwrap_or_default());
        let labels = labels(&self.instance, self.node.as_deref(), &[]);
        let sums = TaskCounters { labels, tasks, results: results(&self.results) };
        Counters { instance_id: self.instance, node_id: self.node, sums }
    }
}

fn saved_results(results: &Results) -> BTreeMap<String, u64> {
    results.by_reason().map(|(reason, sessions)| (reason.to_owned(), sessions)).collect()
}

fn results(saved: &BTreeMap<String, u64>) -> Results {
    let mut results = Results::default();
    for (reason, sessions) in saved {
        results.add_labelled(reason, *sessions);
    }
    results
}
