//! The life of one target: a fetch at each tick, never two at once, every outcome published.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::cadence::Cadence;
use super::lane::Seat;
use super::recorder::Recorder;
use super::rhythm::Rhythm;
use crate::clock::Clock;
use crate::cloud::budget::{Budget, RETRIES};
use crate::cloud::source::{SessionSource, Standing};
use crate::config::Target;
use crate::error::{Again, FailureKind, FetchError, Origin};
use crate::exposition::{LastFetch, Skip};
use crate::model::{Fetched, Rankings, Snapshot};
use crate::store::Publisher;
use crate::telemetry::Instruments;

/// A target whose account has changed is fetched within this time, or its interval, if that is shorter.
const HURRY: Duration = Duration::from_secs(5);

/// What to fetch, and how; a reload replaces it as a whole.
#[derive(Debug)]
pub(super) struct Work<S> {
    /// Where the sessions come from.
    pub source: S,
    /// Whose they are.
    pub target: Arc<Target>,
    /// Label values kept per dimension.
    pub top: usize,
    /// Whether the account may do now what it could not do before.
    pub hurry: bool,
}

/// What the life of a target needs of its surroundings.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Where the outcomes are shown.
    pub publisher: Publisher,
    /// What is kept of its spikes.
    pub recorder: Recorder,
    /// Its place in the plan.
    pub seat: Seat,
    /// Dates the outcomes.
    pub clock: Clock,
    /// Counts what it costs.
    pub instruments: Arc<Instruments>,
}

/// A target and what is learnt of it.
pub(super) struct Fetcher<S> {
    orders: watch::Receiver<Arc<Work<S>>>,
    work: Arc<Work<S>>,
    around: Surroundings,
    rankings: Rankings,
    rhythm: Rhythm,
    cadence: Cadence,
    last_good: Option<Instant>,
    /// When it was last known how the target is, if only because that was not asked for yet.
    known_at: Instant,
    /// Whether the last fetch failed: persistent trouble is not worth more than one attempt each time.
    failing: bool,
}

impl<S: SessionSource> Fetcher<S> {
    /// A fetcher that does the work ordered last; `rhythm` is a first guess.
    pub(super) fn new(
        mut orders: watch::Receiver<Arc<Work<S>>>,
        around: Surroundings,
        rhythm: Rhythm,
    ) -> Self {
        let work = Arc::clone(&orders.borrow_and_update());
        let cadence = Cadence::new(&work.target.id(), around.seat.interval(), Instant::now());
        let rankings = rankings(&work);
        let known_at = Instant::now();
        Self { orders, work, around, rankings, rhythm, cadence, last_good: None, known_at, failing: false }
    }

    /// Fetches until nobody orders work any more. On the heap: a task would hold what it is given twice, as its argument and in
    /// its state.
    pub(super) async fn run(mut self: Box<Self>) {
        self.tell();
        loop {
            tokio::select! {
                biased;
                ordered = self.orders.changed() => match ordered {
                    Ok(()) => self.adopt(),
                    Err(_) => return,
                },
                () = self.around.seat.changed() => self.plan(),
                () = sleep_until(self.cadence.due()) => self.cycle().await,
            }
        }
    }

    /// Takes new work up without losing what is known of the target.
    fn adopt(&mut self) {
        let work = Arc::clone(&self.orders.borrow_and_update());
        let shown = |work: &Work<S>| {
            let settings = &work.target.settings;
            (work.top, settings.max_series, settings.mysqld_names)
        };
        if shown(&work) != shown(&self.work) {
            self.rankings = rankings(&work);
        }
        self.work = work;
        self.plan();
        if self.work.hurry {
            self.failing = false;
            self.cadence.hurry(HURRY.min(self.work.target.settings.interval), Instant::now());
        }
        self.tell();
    }

    /// Asks the plan for what the target needs now, and keeps to what it gets.
    fn plan(&mut self) {
        let settings = &self.work.target.settings;
        self.around.seat.ask(self.rhythm.ask(settings));
        self.cadence.set_interval(self.around.seat.interval(), Instant::now());
        self.tell();
    }

    fn tell(&self) {
        self.around.publisher.show_mysqld_names(self.work.target.settings.mysqld_names);
        self.tell_due(self.cadence.due());
    }

    /// Tells the plan, and when the next fetch is due.
    fn tell_due(&self, due: Instant) {
        self.around.publisher.planned(
            self.around.seat.interval(),
            self.stale_after(),
            due,
            self.around.recorder.count(&self.work.target),
        );
    }

    /// How long good data are shown.
    fn stale_after(&self) -> Duration {
        let settings = &self.work.target.settings;
        settings.stale_after(settings.interval.mul_f64(self.around.seat.stretch()))
    }

    async fn cycle(&mut self) {
        let mut asked_to_wait = None;
        match self.work.source.standing() {
            Standing::Held => self.around.publisher.held(self.around.clock.now()),
            // On the heap for as long as it lasts: most targets wait most of the time, and should weigh little then. A pause
            // may end before the deadline.
            Standing::Open | Standing::Throttled => asked_to_wait = Box::pin(self.fetch()).await,
        }
        let now = Instant::now();
        if now - self.known_at > self.stale_after() {
            self.around.recorder.lost(&self.work.target, self.around.clock.now());
        }
        self.around.publisher.skipped(Skip::Overlap, self.cadence.advance(now));
        self.plan();
        if let Some(wait) = asked_to_wait {
            self.cadence.not_before(now + wait);
            self.tell();
        }
    }

    /// One fetch; returns how long the provider asked to be left alone.
    async fn fetch(&mut self) -> Option<Duration> {
        let began = Instant::now();
        let retries = if self.failing { 0 } else { RETRIES };
        let mut budget = Budget::new(self.work.target.settings.timeout, retries);
        let work = Arc::clone(&self.work);
        let foreseen = budget.foreseen();
        let fetched = self.follow(work.source.fetch(&mut budget), foreseen).await;
        let (rankings, now) = (&mut self.rankings, self.around.clock.now());
        let outcome = fetched.and_then(|fetched| {
            catch_unwind(AssertUnwindSafe(|| Snapshot::new(fetched, rankings, now))).map_err(panicked)
        });
        let fetch = LastFetch { duration: began.elapsed(), api_calls: budget.calls };
        match outcome {
            Ok(snapshot) => {
                self.publish(snapshot, fetch);
                self.around.instruments.published(budget.answered_at.unwrap_or(began).elapsed());
                None
            }
            Err(error) if error.origin == Origin::Hold => {
                self.around.publisher.held(self.around.clock.now());
                None
            }
            Err(error) => {
                let told = if let Again::Later { told, .. } = error.again { told } else { None };
                match error.origin {
                    Origin::Pause if fetch.api_calls == 0 => self.around.publisher.skipped(Skip::Budget, 1),
                    _ => self.fail(error, fetch),
                }
                told
            }
        }
    }

    /// Waits for a fetch to end, and keeps to the plan meanwhile: a fetch of many calls takes long, and all others learn of
    /// them as soon as it does.
    async fn follow(
        &mut self,
        fetch: impl Future<Output = Result<Fetched, FetchError>>,
        mut foreseen: watch::Receiver<u64>,
    ) -> Result<Fetched, FetchError> {
        let mut fetch = pin!(AssertUnwindSafe(fetch).catch_unwind());
        loop {
            self.around.seat.ask(self.rhythm.ask(&self.work.target.settings));
            // If the fetch outlasts the interval, this is the tick that is missed first.
            self.tell_due(self.cadence.due() + self.around.seat.interval());
            tokio::select! {
                biased;
                outcome = &mut fetch => return outcome.unwrap_or_else(|panic| Err(panicked(panic))),
                Ok(()) = foreseen.changed() => self.rhythm.foreseen(*foreseen.borrow_and_update()),
                () = self.around.seat.changed() => {}
            }
        }
    }

    fn publish(&mut self, snapshot: Snapshot, fetch: LastFetch) {
        let Target { instance_id, node_id, settings, .. } = &*self.work.target;
        let (was_up, now) = (self.around.publisher.is_up(), Instant::now());
        let elapsed = self.last_good.replace(now).map_or(Duration::ZERO, |last| now - last);
        self.known_at = now;
        self.rhythm.fetched(fetch.api_calls, snapshot.active, elapsed, settings.spike.as_ref());
        self.failing = false;
        let LastFetch { duration, api_calls } = fetch;
        debug!(instance_id, node_id, sessions = snapshot.sessions, ?duration, api_calls, "fetched");
        let (snapshot, at) = (Arc::new(snapshot), self.around.clock.now());
        self.around.recorder.fetched(&self.work.target, &snapshot, elapsed, at);
        let incidents = self.around.recorder.count(&self.work.target);
        self.around.publisher.fetched(snapshot, fetch, at, incidents);
        if was_up == Some(false) {
            info!(instance_id, node_id, "fetching works again");
        }
    }

    fn fail(&mut self, error: FetchError, fetch: LastFetch) {
        let Target { instance_id, node_id, account, .. } = &*self.work.target;
        self.rhythm.failed(&error, fetch.api_calls);
        self.failing = true;
        warn!(
            instance_id,
            node_id,
            account = account.name,
            reason = error.kind.label(),
            error = error.detail,
            remedy = error.kind.remedy(),
            "fetch failed"
        );
        self.around.publisher.failed(error, fetch, self.around.clock.now());
    }
}

fn panicked(_: Box<dyn Any + Send>) -> FetchError {
    FetchError::new(FailureKind::Internal, "the fetch panicked")
}

fn rankings<S>(work: &Work<S>) -> Rankings {
    let settings = &work.target.settings;
    Rankings::new(work.top, settings.max_series).with_mysqld_names(settings.mysqld_names)
}
