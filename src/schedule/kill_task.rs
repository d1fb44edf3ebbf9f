//! The life of one watched kill task: asked for while it runs, shown for a while when it has ended, then gone.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::cloud::alibaba::client::Client;
use crate::cloud::alibaba::kill_task::result;
use crate::cloud::budget::{Budget, RETRIES};
use crate::cloud::source::Standing;
use crate::config::KillTask;
use crate::error::{FailureKind, FetchError, Origin};
use crate::model::kill_task::{TaskReport, TaskState};
use crate::store::TaskPublisher;

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(5);

/// A task that has not ended by then is not asked for any more.
const FOLLOWED_FOR: Duration = Duration::from_hours(1);

/// Follows `task` to its end, and shows it until its retention is over.
pub(super) async fn follow(client: Client, task: KillTask, publisher: TaskPublisher) {
    let until = Instant::now() + FOLLOWED_FOR;
    let mut last_failure = None;
    while Instant::now() < until {
        if client.standing() == Standing::Open {
            let retries = if last_failure.is_none() { RETRIES } else { 0 };
            let mut budget = Budget::new(task.account.settings.timeout, retries);
            match result(&client, &task, &mut budget).await {
                Ok(report) => {
                    last_failure = None;
                    if show(report, &task, &publisher) {
                        break;
                    }
                }
                Err(error) if error.origin == Origin::Hold => {}
                Err(error) => complain(&error, &task, &mut last_failure),
            }
        }
        sleep(INTERVAL).await;
    }
    sleep(task.account.kill_task_retention).await;
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
