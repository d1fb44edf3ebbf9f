//! The life of one watched kill task: asked for while it runs, its effect looked for when it has ended, shown for a while,
//! then gone.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, error, info, warn};

use super::lane::Seat;
use crate::clock::Clock;
use crate::cloud::alibaba::client::Client;
use crate::cloud::alibaba::kill_task::result;
use crate::cloud::budget::Budget;
use crate::cloud::source::Standing;
use crate::config::KillTask;
use crate::error::{FailureKind, FetchError, Origin};
use crate::exposition::Effect;
use crate::model::kill_task::{TaskReport, TaskState, Victims};
use crate::store::{TargetRecord, TaskKey, Tasks};

/// Time between two questions, at first: most tasks end within seconds.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Time between two questions about a task that takes long.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// A task that has not ended by then is not asked for any more.
const FOLLOWED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Fetches after the end in which killed sessions may be back.
const FETCHES_AFTER: usize = 3;

/// The effect is looked for no longer than this.
const EFFECT_WITHIN: Duration = Duration::from_mins(30);

/// What to ask for, and through whom; a reload replaces it as a whole.
#[derive(Debug)]
pub(super) struct Watch {
    /// Asks.
    pub client: Client,
    /// The task.
    pub task: KillTask,
    /// What is known of its instance, where that is a target.
    pub target: Option<Arc<TargetRecord>>,
}

/// Follows one task to its end, and shows it until its retention is over.
pub(super) struct Follower {
    orders: watch::Receiver<Arc<Watch>>,
    key: TaskKey,
    known: Tasks,
    clock: Clock,
    last_failure: Option<FailureKind>,
}

impl Follower {
    /// Follows the task ordered last, which is one of the `known`.
    pub(super) fn new(orders: watch::Receiver<Arc<Watch>>, known: Tasks, clock: Clock) -> Self {
        let key = TaskKey::of(&orders.borrow().task);
        Self { orders, key, known, clock, last_failure: None }
    }

    /// The whole life; `seat` is the task's place in the plan while it runs.
    pub(super) async fn run(mut self, seat: Seat) {
        if self.is_open() {
            let before = self.look_before();
            let ended = self.follow(&seat).await;
            drop(seat);
            self.save().await;
            if let Some(victims) = ended {
                let effect = Effect { before, ..Effect::default() };
                // The task goes when its time is over, whatever is known of its effect by then.
                tokio::select! {
                    () = self.wait_for_retention() => {}
                    () = async { self.look_after(effect, &victims).await; pending().await } => {}
                }
            }
        }
        self.wait_for_retention().await;
        self.known.retire(&self.key);
        self.save().await;
    }

    fn is_open(&self) -> bool {
        self.known.get(&self.key).is_some_and(|record| record.is_open())
    }

    /// Asks until the task has ended, and returns whose sessions it has killed; `None` where it does not end.
    async fn follow(&mut self, seat: &Seat) -> Option<Victims> {
        let began = Instant::now();
        loop {
            if let Some(victims) = self.ask().await {
                return Some(victims);
            }
            if self.age() > FOLLOWED_FOR {
                self.known.close(&self.key);
                return None;
            }
            // A twelfth of its age: 5 s for the first minute, 30 s from the sixth on.
            let interval = (began.elapsed() / 12).clamp(INTERVAL, LONGEST_INTERVAL);
            sleep(interval.max(seat.interval())).await;
        }
    }

    fn age(&self) -> SignedDuration {
        let registered_at = self.known.get(&self.key).map(|record| record.registered_at);
        registered_at.map_or(SignedDuration::MAX, |at| self.clock.now().duration_since(at))
    }

    /// Asks once; whose sessions were killed where the answer ends the task.
    async fn ask(&mut self) -> Option<Victims> {
        let Watch { client, task, .. } = &*Arc::clone(&self.orders.borrow());
        if client.standing() != Standing::Open {
            return None;
        }
        // The question is asked again soon anyway.
        let mut budget = Budget::new(task.account.settings.timeout, 0);
        match result(client, task, &mut budget).await {
            Ok(report) => {
                self.last_failure = None;
                let victims = report.victims.clone();
                tell(&report, task);
                self.known.report(&self.key, report, self.clock.now()).then_some(victims)
            }
            Err(error) => {
                if error.origin != Origin::Hold {
                    complain(&error, task, &mut self.last_failure);
                }
                None
            }
        }
    }

    fn target(&self) -> Option<Arc<TargetRecord>> {
        self.orders.borrow().target.clone()
    }

    /// Active sessions when the task was first known.
    fn look_before(&self) -> Option<u64> {
        let (snapshot, ..) = self.target()?.last_good()?;
        snapshot.active
    }

    /// Looks at the fetches that began after the end.
    async fn look_after(&self, mut effect: Effect, victims: &Victims) {
        let (ended, mut last, mut fetches) = (Instant::now(), None, 0);
        self.known.set_effect(&self.key, effect);
        while fetches < FETCHES_AFTER && ended.elapsed() < EFFECT_WITHIN {
            let Some(target) = self.target() else { return };
            match target.last_good() {
                Some((snapshot, from, to)) if from >= ended && last != Some(to) => {
                    (last, fetches) = (Some(to), fetches + 1);
                    effect.after = effect.after.or(snapshot.active);
                    let back = victims.sessions_in(snapshot.users.as_ref(), snapshot.clients.as_ref());
                    effect.returned = effect.returned.max(back);
                    self.known.set_effect(&self.key, effect);
                }
                _ => sleep(Duration::from_secs(1)).await,
            }
        }
        self.save().await;
    }

    /// Waits until the task has been shown for long enough, also over restarts of the process and changes of the file.
    async fn wait_for_retention(&self) {
        let mut orders = self.orders.clone();
        loop {
            let retention = orders.borrow_and_update().task.retention;
            let closed_at = self.known.get(&self.key).and_then(|record| record.ended_at);
            let left = left(retention, closed_at, self.clock.now());
            match timeout_at(Instant::now() + left, orders.changed()).await {
                Ok(Ok(())) => {}
                // The time is over, or nobody orders any more.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    async fn save(&self) {
        if let Err(error) = self.known.save().await {
            let remedy = "make room there, or choose another --storage.path";
            error!(%error, remedy, "kill tasks cannot be kept: after a restart they may be counted twice");
        }
    }
}

fn left(retention: Duration, ended_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let since = ended_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at).max(SignedDuration::ZERO));
    retention.saturating_sub(since.unsigned_abs())
}

fn tell(report: &TaskReport, task: &KillTask) {
    let KillTask { instance_id, node_id, task_id, .. } = task;
    if report.state == TaskState::Running {
        return;
    }
    if let Some(reason) = report.unknown_reason.as_deref() {
        let reason = reason.chars().take(64).collect::<String>();
        warn!(instance_id, node_id, task_id, ?reason, "the provider gives a reason that is not documented");
    }
    let TaskReport { state, killed, failed, ignored, .. } = *report;
    info!(instance_id, node_id, task_id, state = state.label(), killed, failed, ignored, "kill task ended");
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
