//! The slot of one kill task, and the counters of the instance or node that it belongs to.

use std::sync::{Arc, Mutex};

use super::target::labels;
use super::{Store, lock};
use crate::config::KillTask;
use crate::exposition::{Labels, TaskCounters, TaskView};
use crate::model::kill_task::{Results, TaskReport, TaskState};

#[derive(Debug)]
pub(super) struct TaskSlot {
    labels: Mutex<Labels>,
    task_id: Arc<str>,
    report: Mutex<Option<TaskReport>>,
}

impl TaskSlot {
    pub(super) fn new(task: &KillTask) -> Self {
        let labels = Mutex::new(labels_of(task));
        Self { labels, task_id: task.task_id.as_str().into(), report: Mutex::new(None) }
    }

    pub(super) fn view(&self) -> Option<TaskView> {
        let report = lock(&self.report).clone()?;
        Some(TaskView { labels: lock(&self.labels).clone(), task_id: Arc::clone(&self.task_id), report })
    }
}

fn labels_of(task: &KillTask) -> Labels {
    labels(&task.instance_id, task.node_id.as_deref(), &task.labels)
}

/// What the ended tasks of one instance or node add up to.
#[derive(Debug)]
pub(super) struct Counters {
    instance_id: String,
    node_id: Option<String>,
    sums: Mutex<TaskCounters>,
}

impl Counters {
    pub(super) fn new(task: &KillTask) -> Self {
        let sums = TaskCounters {
            labels: labels_of(task),
            tasks: [0; TaskState::ENDS.len()],
            results: Results::default(),
        };
        Self { instance_id: task.instance_id.clone(), node_id: task.node_id.clone(), sums: Mutex::new(sums) }
    }

    pub(super) fn is_of(&self, task: &KillTask) -> bool {
        self.instance_id == task.instance_id && self.node_id == task.node_id
    }

    pub(super) fn view(&self) -> TaskCounters {
        lock(&self.sums).clone()
    }

    fn relabel(&self, task: &KillTask) {
        lock(&self.sums).labels = labels_of(task);
    }

    fn count(&self, report: &TaskReport) {
        let mut sums = lock(&self.sums);
        if let Some(end) = TaskState::ENDS.iter().position(|end| *end == report.state) {
            sums.tasks[end] += 1;
            sums.results.merge(&report.results);
        }
    }
}

/// The writing end of a kill task's slot.
#[derive(Debug)]
pub struct TaskPublisher {
    store: Store,
    slot: Arc<TaskSlot>,
    counters: Arc<Counters>,
}

impl TaskPublisher {
    pub(super) fn new(store: Store, slot: Arc<TaskSlot>, counters: Arc<Counters>) -> Self {
        Self { store, slot, counters }
    }

    /// Shows the task, and its instance's counters, with the labels that `task` has now.
    pub fn relabel(&self, task: &KillTask) {
        *lock(&self.slot.labels) = labels_of(task);
        self.counters.relabel(task);
    }

    /// Shows an answer; one that ends the task is counted, and must be the last.
    pub fn report(&self, report: TaskReport) {
        self.counters.count(&report);
        *lock(&self.slot.report) = Some(report);
    }
}

impl Drop for TaskPublisher {
    fn drop(&mut self) {
        self.store.forget_task(&self.slot);
    }
}
