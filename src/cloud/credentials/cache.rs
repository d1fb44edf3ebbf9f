//! Keeps what was issued while it is good: asked for once however many want it, renewed in the background well before its end,
//! and used to its end where renewing fails. Knows no cloud.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::cloud::budget::{Budget, RETRIES};
use crate::cloud::gate::HOLD;
use crate::config::Service;
use crate::error::{FailureKind, FetchError, Origin};

/// The first wait after a failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait where there is nothing to go on with.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Longest wait where the old ones are still good.
const LONGEST_RENEWAL_WAIT: Duration = Duration::from_mins(5);

/// Where it comes from.
pub trait Issue: Send + Sync + 'static {
    /// What is issued.
    type Value: Send + Sync + 'static;

    /// Issues anew. `renewal`: there is an older one that is still good, so that a refusal must not hold the account.
    fn issue(
        &self,
        service: Service,
        renewal: bool,
        budget: &mut Budget,
    ) -> impl Future<Output = Result<Issued<Self::Value>, FetchError>> + Send;

    /// How long it may take, where the fetch that wants it has `timeout`.
    fn patience(&self, timeout: Duration) -> Duration;

    /// Tells that renewing failed, while the old one is still good.
    fn renewal_failed(&self, error: &FetchError);
}

/// What was issued.
pub struct Issued<T> {
    /// It.
    pub value: T,
    /// When its life began and how long it is; none: it lasts.
    pub life: Option<(Instant, Duration)>,
    /// Whether asking again may give another one.
    pub temporary: bool,
}

/// What was issued, and is kept. Its value is never shown.
pub struct Held<T> {
    /// It.
    pub value: T,
    renew_at: Option<Instant>,
    ends: Option<Instant>,
    temporary: bool,
}

impl<T> Held<T> {
    fn new(issued: Issued<T>, before: Duration) -> Self {
        let Issued { value, life, temporary } = issued;
        let ends = life.map(|(began, life)| began + life);
        let renew_at = life.map(|(began, life)| began + life.saturating_sub(before.min(life / 4)));
        Self { value, renew_at, ends, temporary }
    }

    /// Whether asking again may give another one.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }

    fn is_good(&self) -> bool {
        self.ends.is_none_or(|ends| Instant::now() < ends)
    }

    fn is_due(&self) -> bool {
        self.renew_at.is_some_and(|at| at <= Instant::now())
    }
}

/// Values of one issuer.
pub struct Cache<I: Issue> {
    issuer: I,
    /// How long before its end a value is renewed; a quarter of its life, if that is shorter.
    before: Duration,
    state: Mutex<State<I::Value>>,
}

impl<I: Issue> fmt::Debug for Cache<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

struct State<T> {
    current: Option<Arc<Held<T>>>,
    /// The issue that is under way.
    flight: Option<Flight<T>>,
    /// Failures in a row.
    failures: u32,
    /// What failed last with nothing to go on with, and until when that is the answer.
    failed: Option<(Instant, FetchError)>,
    /// When renewing may be tried again after it has failed.
    renew_after: Option<Instant>,
}

type Flight<T> = watch::Receiver<Option<Arc<Landing<T>>>>;

/// How an issue ended.
struct Landing<T> {
    outcome: Result<Arc<Held<T>>, FetchError>,
    /// What it waited for the rate limit.
    waited: Duration,
    calls: u64,
}

impl<T> State<T> {
    fn good(&self) -> Option<&Arc<Held<T>>> {
        self.current.as_ref().filter(|current| current.is_good())
    }

    fn under_way(&self) -> Option<Flight<T>> {
        // One that panicked told nothing, and never will.
        self.flight.clone().filter(|flight| flight.has_changed().is_ok())
    }

    fn may_renew(&self) -> bool {
        self.under_way().is_none() && self.renew_after.is_none_or(|after| after <= Instant::now())
    }

    fn wait(&self, longest: Duration) -> Duration {
        FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures.saturating_sub(1))).min(longest)
    }
}

impl<I: Issue> Cache<I> {
    /// Nothing is issued yet.
    #[must_use]
    pub fn new(issuer: I, before: Duration) -> Self {
        let state = State { current: None, flight: None, failures: 0, failed: None, renew_after: None };
        Self { issuer, before, state: Mutex::new(state) }
    }

    /// A value that is good, and whether it was kept from before. While one is good nobody waits; else all wait for the same
    /// one.
    ///
    /// # Errors
    /// Why none can be had; for a while after a failure that is the answer at once.
    pub async fn get(
        self: &Arc<Self>,
        service: Service,
        budget: &mut Budget,
    ) -> Result<(Arc<Held<I::Value>>, bool), FetchError> {
        let (mut flight, is_own) = {
            let mut state = self.lock();
            if let Some(current) = state.good().cloned() {
                if current.is_due() && state.may_renew() {
                    state.flight = Some(self.start(service, true, budget.timeout()));
                }
                return Ok((current, true));
            }
            if let Some((_, error)) = state.failed.as_ref().filter(|(until, _)| Instant::now() < *until) {
                return Err(error.clone());
            }
            match state.under_way() {
                Some(flight) => (flight, false),
                None => (state.flight.insert(self.start(service, false, budget.timeout())).clone(), true),
            }
        };
        let asked = Instant::now();
        let landed = async { flight.wait_for(Option::is_some).await.ok()?.clone() };
        // What takes as long as the fetch may ends by itself, and its waits for the rate limit do not count.
        let outlasts = self.issuer.patience(budget.timeout()) > budget.timeout();
        let landing = if outlasts { budget.run(landed).await? } else { landed.await };
        let landing = landing.ok_or_else(|| {
            FetchError::new(FailureKind::Internal, "obtaining credentials ended without an outcome")
        })?;
        budget.extend(landing.waited.min(asked.elapsed()));
        budget.calls += if is_own { landing.calls } else { 0 };
        landing.outcome.clone().map(|held| (held, false))
    }

    /// The value to use now for a call that was given `held`: the newest that is good, if any is.
    #[must_use]
    pub fn freshest(&self, held: &Arc<Held<I::Value>>) -> Option<Arc<Held<I::Value>>> {
        let newest = self.lock().good().cloned();
        newest.or_else(|| Some(Arc::clone(held)).filter(|held| held.is_good()))
    }

    /// Drops a value that was refused, unless it has been replaced already.
    pub fn refused(&self, held: &Arc<Held<I::Value>>) {
        self.lock().current.take_if(|current| Arc::ptr_eq(current, held));
    }

    /// Forgets failures.
    pub fn try_again(&self) {
        let mut state = self.lock();
        (state.failures, state.failed, state.renew_after) = (0, None, None);
    }

    /// Begins to issue, in a task of its own: whoever waits may give up, and the next one still has it.
    fn start(self: &Arc<Self>, service: Service, renewal: bool, timeout: Duration) -> Flight<I::Value> {
        let (tell, flight) = watch::channel(None);
        let cache = Arc::clone(self);
        tokio::spawn(async move {
            let landing = cache.issue(service, renewal, timeout).await;
            tell.send_replace(Some(Arc::new(landing)));
        });
        flight
    }

    async fn issue(&self, service: Service, renewal: bool, timeout: Duration) -> Landing<I::Value> {
        let (began, patience) = (Instant::now(), self.issuer.patience(timeout));
        let mut budget = Budget::new(patience, if renewal { 0 } else { RETRIES });
        let issued = self.issuer.issue(service, renewal, &mut budget).await;
        let outcome = issued.map(|issued| Arc::new(Held::new(issued, self.before)));
        if let (Err(error), true) = (&outcome, renewal) {
            self.issuer.renewal_failed(error);
        }
        self.land(renewal, &outcome);
        let waited = budget.ends().saturating_duration_since(began + patience);
        Landing { outcome, waited, calls: budget.calls }
    }

    fn land(&self, renewal: bool, outcome: &Result<Arc<Held<I::Value>>, FetchError>) {
        let mut state = self.lock();
        state.flight = None;
        match outcome {
            Ok(held) => {
                state.current = Some(Arc::clone(held));
                (state.failures, state.failed, state.renew_after) = (0, None, None);
            }
            Err(error) if renewal => {
                state.failures += 1;
                // Not at every call, lest the cloud lock what is tried.
                let refused = error.kind == FailureKind::Auth;
                let wait = if refused { HOLD } else { state.wait(LONGEST_RENEWAL_WAIT) };
                state.renew_after = Some(Instant::now() + wait);
            }
            // Nothing was asked.
            Err(error) if matches!(error.origin, Origin::Hold | Origin::Pause) => {}
            Err(error) => {
                state.failures += 1;
                state.failed = Some((Instant::now() + state.wait(LONGEST_WAIT), error.clone()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<I::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
