//! What a page says of targets and kill tasks at one moment: plain values and shared snapshots, owned by the page, so
//! that writing it waits for nobody.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;

use super::format;
use crate::error::FailureKind;
use crate::model::Snapshot;
use crate::model::kill_task::{Results, TaskReport, TaskState};

/// Labels as the format spells them, e.g. `instance_id="rm-1",node_id="pi-a"`: escaped once, cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// Spells (name, value) pairs in the order given. Values may hold anything; names are taken as they are, and must be
    /// valid and distinct.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::new();
        for (name, value) in pairs {
            text.push_str(if text.is_empty() { "" } else { "," });
            text.push_str(name);
            text.push_str("=\"");
            format::escape(value, |piece| text.push_str(piece));
            text.push('"');
        }
        Self(text.into())
    }

    /// The text between the braces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a fetch was not started, the `reason` label of `dbsession_fetches_skipped_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The fetch before had not ended.
    Overlap,
    /// The rate limit left no room.
    Budget,
    /// The account is held after an authentication failure.
    AuthHold,
}

impl Skip {
    /// Every reason, in the order in which `/metrics` lists them.
    pub const ALL: [Self; 3] = [Self::Overlap, Self::Budget, Self::AuthHold];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Budget => "budget",
            Self::AuthHold => "auth_hold",
        }
    }
}

/// The last fetch of a target, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFetch {
    /// From its start to its end.
    pub duration: Duration,
    /// Calls that it made, every attempt counted.
    pub api_calls: u64,
}

/// Incidents of a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IncidentCount {
    /// Those that have begun since the exporter started.
    pub total: u64,
    /// Number of the one that is open.
    pub open: Option<u64>,
}

/// How fetching a target goes. Counts since the exporter started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the last fetch was good; `None` before the first has ended.
    pub up: Option<bool>,
    /// End of the last good fetch.
    pub last_success: Option<Timestamp>,
    /// Interval now in force.
    pub interval: Duration,
    /// The last fetch, once one has ended.
    pub last_fetch: Option<LastFetch>,
    /// Fetches that ended.
    pub fetches: u64,
    /// Those that failed, by [`FailureKind::ALL`].
    pub failures: [u64; FailureKind::ALL.len()],
    /// Fetches that were due, but not started, by [`Skip::ALL`].
    pub skipped: [u64; Skip::ALL.len()],
    /// Its incidents; `None` where they are off.
    pub incidents: Option<IncidentCount>,
}

/// One target.
#[derive(Debug, Clone)]
pub struct TargetView {
    /// `instance_id`, `node_id` where there is one, then the configured labels.
    pub labels: Labels,
    /// Further labels of `dbsession_instance_info`: `provider`, `service`, `account`, `region`, `instance_name`, without
    /// those that are not known.
    pub info: Labels,
    /// How fetching it goes; shared, since a page of a whole fleet lives while its reader reads.
    pub health: Arc<Health>,
    /// Whether it is shown under the names of `mysqld_exporter`, too.
    pub mysqld_names: bool,
    /// What the last good fetch learnt; `None`: none yet, or withdrawn.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// One kill task that is shown.
#[derive(Debug, Clone)]
pub struct TaskView {
    /// Labels of its instance and node, as in [`TargetView::labels`].
    pub labels: Labels,
    /// The provider's id of the task.
    pub task_id: Arc<str>,
    /// What the provider last said of it.
    pub report: TaskReport,
    /// What it did to its instance.
    pub effect: Effect,
}

/// What a kill task did to its instance, as far as that is fetched. Counts of sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Active in the last fetch before the task was known.
    pub before: Option<u64>,
    /// Active in the first fetch that began after the task's end.
    pub after: Option<u64>,
    /// Of killed users and clients: the most in three fetches that began after the task's end.
    pub returned: Option<u64>,
}

/// What the ended kill tasks of one instance and node add up to.
#[derive(Debug, Clone)]
pub struct TaskCounters {
    /// Labels of the instance and node, as in [`TargetView::labels`].
    pub labels: Labels,
    /// Ended tasks, by [`TaskState::ENDS`].
    pub tasks: [u64; TaskState::ENDS.len()],
    /// Their sessions.
    pub results: Results,
}

/// Everything that one page is written from. Samples keep the order of the vectors; a series must not occur twice.
#[derive(Debug, Clone, Default)]
pub struct PageInput {
    /// Targets.
    pub targets: Vec<TargetView>,
    /// Kill tasks that are shown.
    pub tasks: Vec<TaskView>,
    /// Counters of kill tasks, one per instance and node.
    pub task_counters: Vec<TaskCounters>,
    /// The exporter's own instruments, as a prometheus registry gathers them.
    pub own: Vec<MetricFamily>,
}
