//! The life of one target: a fetch at each tick of its interval, never two at once, every outcome published.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::cloud::budget::{Budget, RETRIES};
use crate::cloud::source::{SessionSource, Standing};
use crate::config::Target;
use crate::error::{Again, FailureKind, FetchError, Origin};
use crate::exposition::{LastFetch, Skip};
use crate::model::{Fetched, Rankings, Snapshot};
use crate::store::Publisher;
use crate::telemetry::Instruments;

/// All that the life of one target needs.
pub(super) struct Fetcher<S> {
    /// Where the sessions come from.
    pub source: S,
    /// Whose they are.
    pub target: Arc<Target>,
    /// What of them is shown by name.
    pub rankings: Rankings,
    /// Where they are shown.
    pub publisher: Publisher,
    /// Dates them.
    pub clock: Clock,
    /// Counts what it costs.
    pub instruments: Instruments,
}

impl<S: SessionSource> Fetcher<S> {
    /// Fetches for ever.
    pub(super) async fn run(mut self) {
        let interval = self.target.settings.interval;
        let mut tick = Instant::now() + phase(&self.target.id(), interval);
        loop {
            sleep_until(tick).await;
            let mut rest = Duration::ZERO;
            if self.source.standing() == Standing::Held {
                self.publisher.held(self.clock.now());
            } else {
                // On the heap for as long as it lasts: most targets wait most of the time, and should weigh little then.
                rest = Box::pin(self.fetch()).await;
            }
            let rested = Instant::now() + rest;
            let (next, missed) = next_tick(tick, interval, Instant::now());
            self.publisher.skipped(Skip::Overlap, missed);
            tick = next.max(rested);
        }
    }

    /// Fetches once; how long the target is to be left alone.
    async fn fetch(&mut self) -> Duration {
        let began = Instant::now();
        let retries = if self.publisher.is_up() == Some(false) { 0 } else { RETRIES };
        let mut budget = Budget::new(self.target.settings.timeout, retries);
        let outcome = AssertUnwindSafe(self.source.fetch(&mut budget)).catch_unwind().await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(FetchError::new(FailureKind::Internal, "the fetch panicked")));
        let fetch = LastFetch { duration: began.elapsed(), api_calls: budget.calls };
        match outcome {
            Ok(fetched) => {
                self.publish(fetched, fetch);
                self.instruments.published(budget.answered_at.unwrap_or(began).elapsed());
            }
            Err(error) if error.origin == Origin::Hold => self.publisher.held(self.clock.now()),
            Err(error) => {
                let again = error.again;
                self.fail(error, fetch);
                if let Again::Later { told: Some(told), .. } = again {
                    return told;
                }
            }
        }
        Duration::ZERO
    }

    fn publish(&mut self, fetched: Fetched, fetch: LastFetch) {
        let (instance_id, node_id) = (&self.target.instance_id, &self.target.node_id);
        let was_up = self.publisher.is_up();
        let now = self.clock.now();
        let snapshot = Snapshot::new(fetched, &mut self.rankings, now);
        let LastFetch { duration, api_calls } = fetch;
        debug!(instance_id, node_id, sessions = snapshot.sessions, ?duration, api_calls, "fetched");
        self.publisher.fetched(snapshot, fetch, now);
        if was_up == Some(false) {
            info!(instance_id, node_id, "fetching works again");
        }
    }

    fn fail(&self, error: FetchError, fetch: LastFetch) {
        let Target { instance_id, node_id, account, .. } = &*self.target;
        warn!(
            instance_id,
            node_id,
            account = account.name,
            reason = error.kind.label(),
            error = error.detail,
            remedy = error.kind.remedy(),
            "fetch failed"
        );
        self.publisher.failed(error, fetch, self.clock.now());
    }
}

/// Where in the interval a target's ticks lie: by its name, so that the fetches of many targets are spread, and stay
/// where they are over restarts.
fn phase(id: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let thousandths = u32::try_from(hasher.finish() % 1000).expect("a remainder of 1000 fits");
    interval * thousandths / 1000
}

/// The tick after `tick`, and how many were missed. A fetch that outlasts its interval is followed by the latest tick
/// that passed meanwhile, at once; the ones before that are missed.
fn next_tick(tick: Instant, interval: Duration, now: Instant) -> (Instant, u64) {
    let passed = now.saturating_duration_since(tick).as_nanos() / interval.as_nanos();
    let steps = u32::try_from(passed).unwrap_or(u32::MAX).max(1);
    (tick + interval * steps, u64::from(steps - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_that_ends_in_time_is_followed_by_the_next_tick() {
        let (tick, interval) = (Instant::now(), Duration::from_secs(10));
        assert_eq!(next_tick(tick, interval, tick), (tick + interval, 0));
        assert_eq!(next_tick(tick, interval, tick + Duration::from_secs(9)), (tick + interval, 0));
    }

    #[test]
    fn a_fetch_that_outlasts_its_interval_is_followed_at_once() {
        let (tick, interval) = (Instant::now(), Duration::from_secs(10));
        assert_eq!(next_tick(tick, interval, tick + Duration::from_secs(15)), (tick + interval, 0));
        assert_eq!(next_tick(tick, interval, tick + Duration::from_secs(35)), (tick + interval * 3, 2));
    }

    #[test]
    fn phases_are_spread_over_the_interval() {
        let interval = Duration::from_secs(30);
        let mut phases: Vec<_> = (0..1000).map(|i| phase(&format!("rm-{i}"), interval)).collect();
        phases.sort_unstable();
        assert!(phases.iter().all(|phase| *phase < interval));
        let gap = phases.windows(2).map(|w| w[1].checked_sub(w[0]).unwrap()).max();
        assert!(gap < Some(Duration::from_millis(500)), "{gap:?}");
    }
}
