//! The life of one watched kill task: asked for while it runs, shown for a while when it has ended, then gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::lane::Seat;
use crate::cloud::alibaba::client::Client;
use crate::cloud::alibaba::kill_task::result;
use crate::cloud::budget::Budget;
use crate::cloud::source::Standing;
use crate::config::KillTask;
use crate::error::{FailureKind, FetchError, Origin};
use crate::model::kill_task::{TaskReport, TaskState};
use crate::store::TaskPublisher;

/// Time between two questions.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// A task that has not ended by then is not asked for any more.
const FOLLOWED_FOR: Duration = Duration::from_hours(1);

/// What to ask for, and through whom; a reload replaces it as a whole.
#[derive(Debug)]
pub(super) struct Watch {
    /// Asks.
    pub client: Client,
    /// The task.
    pub task: KillTask,
}

/// Follows one task to its end, and shows it until its retention is over.
pub(super) struct Follower {
    orders: watch::Receiver<Arc<Watch>>,
    publisher: TaskPublisher,
    seat: Seat,
    last_failure: Option<FailureKind>,
}

impl Follower {
    /// Follows the task ordered last; `seat` is its place in the plan while it runs.
    pub(super) fn new(orders: watch::Receiver<Arc<Watch>>, publisher: TaskPublisher, seat: Seat) -> Self {
        Self { orders, publisher, seat, last_failure: None }
    }

    /// The whole life.
    pub(super) async fn run(mut self) {
        let until = Instant::now() + FOLLOWED_FOR;
        while Instant::now() < until && !self.ask().await {
            let interval = self.seat.interval();
            relabelled_for(interval, &mut self.orders, &self.publisher).await;
        }
        let Self { mut orders, publisher, seat, .. } = self;
        drop(seat);
        let retention = orders.borrow().task.account.kill_task_retention;
        relabelled_for(retention, &mut orders, &publisher).await;
    }

    /// Asks once; `true` when the answer ends the task.
    async fn ask(&mut self) -> bool {
        let Watch { client, task } = &*Arc::clone(&self.orders.borrow());
        if client.standing() != Standing::Open {
            return false;
        }
        // The question is asked again soon anyway.
        let mut budget = Budget::new(task.account.settings.timeout, 0);
        match result(client, task, &mut budget).await {
            Ok(report) => {
                self.last_failure = None;
                show(report, task, &self.publisher)
            }
            Err(error) => {
                if error.origin != Origin::Hold {
                    complain(&error, task, &mut self.last_failure);
                }
                false
            }
        }
    }
}

/// Waits, and keeps the labels as the last configuration has them.
async fn relabelled_for(wait: Duration, orders: &mut watch::Receiver<Arc<Watch>>, publisher: &TaskPublisher) {
    let until = Instant::now() + wait;
    while timeout_at(until, orders.changed()).await.is_ok_and(|changed| changed.is_ok()) {
        publisher.relabel(&orders.borrow_and_update().task);
    }
    // Without anybody who could order there is nothing left to relabel.
    sleep_until(until).await;
}

/// Shows an answer; `true` when it ends the task.
fn show(report: TaskReport, task: &KillTask, publisher: &TaskPublisher) -> bool {
    let KillTask { instance_id, node_id, task_id, .. } = task;
    let ended = report.state != TaskState::Running;
    if let Some(reason) = report.unknown_reason.as_deref().filter(|_| ended) {
        let reason = reason.chars().take(64).collect::<String>();
        warn!(instance_id, node_id, task_id, ?reason, "the provider gives a reason that is not documented");
    }
    if ended {
        let TaskReport { state, killed, failed, ignored, .. } = report;
        info!(
            instance_id,
            node_id,
            task_id,
            state = state.label(),
            killed,
            failed,
            ignored,
            "kill task ended"
        );
    }
    publisher.report(report);
    ended
}

/// One warning for each kind of failure in a row: the question is asked every few seconds.
fn complain(error: &FetchError, task: &KillTask, last: &mut Option<FailureKind>) {
    let KillTask { instance_id, node_id, task_id, .. } = task;
    let (reason, detail, remedy) = (error.kind.label(), &error.detail, error.kind.remedy());
    if last.replace(error.kind) == Some(error.kind) {
        debug!(instance_id, node_id, task_id, reason, error = detail, "asking for a kill task failed again");
    } else {
        warn!(instance_id, node_id, task_id, reason, error = detail, remedy, "asking for a kill task failed");
    }
}
