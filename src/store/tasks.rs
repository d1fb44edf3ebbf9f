//! What is known of the kill tasks: those that are watched, those that have ended a while ago, and what the ended ones of an
//! instance add up to. With a directory for it, all of that outlives the process: a task that has been counted is not counted
//! again.

mod saved;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::lock;
use super::storage::{Kept, Storage, StorageError};
use super::target::labels;
use crate::config::KillTask;
use crate::exposition::{Effect, Labels, TaskCounters, TaskView};
use crate::model::kill_task::{Results, TaskReport, TaskState};
use saved::File;

/// Most tasks that are watched or shown at a time. An operator has a few; a client gone wild must not fill memory and page.
const MAX_TASKS: usize = 100;

/// What makes a task the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    /// Name of its account.
    pub account: String,
    /// The instance whose sessions it ends.
    pub instance_id: String,
    /// The node, where it was made for one.
    pub node_id: Option<String>,
    /// The cloud's id of the task.
    pub task_id: String,
}

impl TaskKey {
    /// The key of a task.
    #[must_use]
    pub fn of(task: &KillTask) -> Self {
        let KillTask { account, instance_id, node_id, task_id, .. } = task;
        Self {
            account: account.name.clone(),
            instance_id: instance_id.clone(),
            node_id: node_id.clone(),
            task_id: task_id.clone(),
        }
    }
}

/// What became of a wish to watch a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It is watched from now on.
    New,
    /// It was known already.
    Known,
    /// Too many are running.
    Full,
}

/// One task, as it stands.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    /// Which one it is.
    pub key: TaskKey,
    /// When it was first known here.
    pub registered_at: Timestamp,
    /// When an answer said that it has ended.
    pub ended_at: Option<Timestamp>,
    /// The last answer.
    pub report: Option<TaskReport>,
    /// What it did to its instance.
    pub effect: Effect,
    labels: Labels,
    /// The configuration names it; else somebody has registered it.
    configured: bool,
    /// Nothing is asked any more, whether it has ended or not.
    closed: bool,
    /// Its time on the page is over. It is remembered only as long as the configuration names it.
    retired: bool,
}

impl TaskRecord {
    fn new(key: TaskKey, labels: Labels, now: Timestamp) -> Self {
        let (report, effect) = (None, Effect::default());
        Self {
            key,
            registered_at: now,
            ended_at: None,
            report,
            effect,
            labels,
            configured: false,
            closed: false,
            retired: false,
        }
    }

    /// Whether its time on the page is over.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether the cloud has still to be asked for it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closed
    }
}

/// What the ended tasks of one instance or node add up to.
#[derive(Debug)]
struct Counters {
    instance_id: String,
    node_id: Option<String>,
    sums: TaskCounters,
}

/// All tasks.
#[derive(Debug, Default)]
struct Table {
    /// In the order in which they became known.
    records: Vec<TaskRecord>,
    /// Counters outlive their tasks.
    counters: Vec<Counters>,
    /// Changes that are worth saving.
    changes: u64,
}

impl Table {
    fn record(&mut self, key: &TaskKey) -> Option<&mut TaskRecord> {
        self.records.iter_mut().find(|record| record.key == *key)
    }

    fn counters(&mut self, key: &TaskKey, labels: &Labels) -> &mut Counters {
        let TaskKey { instance_id, node_id, .. } = key;
        let known =
            |counters: &Counters| (&counters.instance_id, &counters.node_id) == (instance_id, node_id);
        let place = self.counters.iter().position(known).unwrap_or_else(|| {
            let sums = TaskCounters {
                labels: labels.clone(),
                tasks: [0; TaskState::ENDS.len()],
                results: Results::default(),
            };
            let (instance_id, node_id) = (instance_id.clone(), node_id.clone());
            self.counters.push(Counters { instance_id, node_id, sums });
            self.counters.len() - 1
        });
        &mut self.counters[place]
    }

    /// Makes room for one more; the task that ended first goes.
    fn make_room(&mut self) -> bool {
        if self.records.iter().filter(|record| !record.retired).count() < MAX_TASKS {
            return true;
        }
        let closed = self.records.iter().enumerate().filter(|(_, record)| record.closed && !record.retired);
        let oldest = closed.min_by_key(|(_, record)| record.ended_at.unwrap_or(record.registered_at));
        let Some((oldest, _)) = oldest else { return false };
        self.records[oldest].retired = true;
        self.records.retain(|record| record.configured || !record.retired);
        true
    }
}

/// All tasks, and the file that keeps them; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    file: Option<Kept<File>>,
}

impl Tasks {
    /// The tasks that `storage` keeps.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(storage: &Storage) -> Result<Self, StorageError> {
        let (file, saved) = storage.file::<File>()?;
        let table = Mutex::new(saved.map(File::into_table).unwrap_or_default());
        Ok(Self(Arc::new(Shared { table, file: Some(file) })))
    }

    /// Takes a task in, unless it is known or there is no room, and gives it the labels that it has now.
    #[must_use]
    pub fn register(&self, task: &KillTask, configured: bool, now: Timestamp) -> Registration {
        let (key, labels) = (TaskKey::of(task), labels_of(task));
        let mut table = lock(&self.0.table);
        if let Some(record) = table.record(&key) {
            record.labels = labels.clone();
            record.configured |= configured;
            table.counters(&key, &labels).sums.labels.clone_from(&labels);
            return Registration::Known;
        }
        if !table.make_room() {
            return Registration::Full;
        }
        table.counters(&key, &labels).sums.labels.clone_from(&labels);
        table.records.push(TaskRecord { configured, ..TaskRecord::new(key, labels, now) });
        table.changes += 1;
        Registration::New
    }

    /// What is known of a task.
    #[must_use]
    pub fn get(&self, key: &TaskKey) -> Option<TaskRecord> {
        lock(&self.0.table).record(key).cloned()
    }

    /// Every task that is watched or shown.
    #[must_use]
    pub fn list(&self) -> Vec<TaskRecord> {
        let table = lock(&self.0.table);
        table.records.iter().filter(|record| !record.retired).cloned().collect()
    }

    /// Takes an answer in; `true` when it ends the task, which is counted then, once.
    #[must_use]
    pub fn report(&self, key: &TaskKey, report: TaskReport, now: Timestamp) -> bool {
        let mut table = lock(&self.0.table);
        let Some(record) = table.record(key).filter(|record| !record.closed) else { return true };
        let end = TaskState::ENDS.iter().position(|end| *end == report.state);
        let (results, labels) = (report.results, record.labels.clone());
        record.report = Some(report);
        let Some(end) = end else { return false };
        (record.closed, record.ended_at) = (true, Some(now));
        let sums = &mut table.counters(key, &labels).sums;
        sums.tasks[end] += 1;
        sums.results.merge(&results);
        table.changes += 1;
        true
    }

    /// Takes in what a task did to its instance.
    pub fn set_effect(&self, key: &TaskKey, effect: Effect) {
        let mut table = lock(&self.0.table);
        if let Some(record) = table.record(key) {
            record.effect = effect;
            table.changes += 1;
        }
    }

    /// The task is not asked for any more, though it has not ended.
    pub fn close(&self, key: &TaskKey) {
        let mut table = lock(&self.0.table);
        if let Some(record) = table.record(key) {
            record.closed = true;
            table.changes += 1;
        }
    }

    /// The task is not shown any more. One that the configuration names is remembered, so that it is not asked for anew.
    pub fn retire(&self, key: &TaskKey) {
        let mut table = lock(&self.0.table);
        if let Some(record) = table.record(key) {
            record.retired = true;
        }
        table.records.retain(|record| record.configured || record.key != *key);
        table.changes += 1;
    }

    /// Forgets a task.
    pub fn forget(&self, key: &TaskKey) {
        let mut table = lock(&self.0.table);
        table.records.retain(|record| record.key != *key);
        table.changes += 1;
    }

    /// Forgets the tasks that the configuration named and names no more; `named` are those that it names now.
    pub fn unconfigure(&self, named: &HashSet<TaskKey>) {
        let mut table = lock(&self.0.table);
        let before = table.records.len();
        table.records.retain(|record| !record.configured || named.contains(&record.key));
        if table.records.len() != before {
            table.changes += 1;
        }
    }

    /// What a page says of all tasks now: those that have an answer, and all counters.
    #[must_use]
    pub fn views(&self) -> (Vec<TaskView>, Vec<TaskCounters>) {
        let table = lock(&self.0.table);
        let view = |record: &TaskRecord| {
            let (labels, effect) = (record.labels.clone(), record.effect);
            let (task_id, report) = (record.key.task_id.as_str().into(), record.report.clone()?);
            Some(TaskView { labels, task_id, report, effect })
        };
        let shown = table.records.iter().filter(|record| !record.retired);
        (
            shown.filter_map(view).collect(),
            table.counters.iter().map(|counters| counters.sums.clone()).collect(),
        )
    }

    /// Keeps what is known now on disk, where there is a directory for it; when it returns, it is there.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn save(&self) -> Result<(), StorageError> {
        let Some(file) = &self.0.file else { return Ok(()) };
        let table = || {
            let table = lock(&self.0.table);
            (table.changes, File::of(&table))
        };
        let wanted = lock(&self.0.table).changes;
        file.save(wanted, table).await
    }
}

fn labels_of(task: &KillTask) -> Labels {
    labels(&task.instance_id, task.node_id.as_deref(), &task.labels)
}
