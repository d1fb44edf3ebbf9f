//! What the file of the kill tasks holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Counters, Table, TaskKey, TaskRecord, labels};
use crate::exposition::{Effect, Labels, TaskCounters};
use crate::model::kill_task::{Results, TaskReport, TaskState, Victims};
use crate::store::storage::Document;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
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

impl Document for File {
    const NAME: &'static str = "kill-tasks.json";
    const WHAT: &'static str = "kill tasks";
    const VERSION: u32 = 1;
}

impl File {
    pub(super) fn of(table: &Table) -> Self {
        Self {
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
