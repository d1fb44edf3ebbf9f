//! The life of one target: a fetch at each tick of its interval, never two at once, every outcome published.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::cloud::budget::Budget;
use crate::cloud::source::SessionSource;
use crate::config::Target;
use crate::error::{FailureKind, FetchError, Origin};
use crate::exposition::{LastFetch, Skip};
use crate::model::{Fetched, Rankings, Snapshot};
use crate::store::Publisher;

/// Fetches `target` for ever.
pub(super) async fn run<S: SessionSource>(
    source: S,
    target: Target,
    top: usize,
    publisher: Publisher,
    clock: Clock,
) {
    let interval = target.settings.interval;
    let mut rankings = Rankings::new(top);
    let mut tick = Instant::now() + phase(&target.id(), interval);
    loop {
        sleep_until(tick).await;
        if source.is_held() {
            publisher.held(clock.now());
        } else {
            fetch(&source, &target, &mut rankings, &publisher, clock).await;
        }
        let (next, missed) = next_tick(tick, interval, Instant::now());
        publisher.skipped(Skip::Overlap, missed);
        tick = next;
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

async fn fetch<S: SessionSource>(
    source: &S,
    target: &Target,
    rankings: &mut Rankings,
    publisher: &Publisher,
    clock: Clock,
) {
    let began = Instant::now();
    let mut budget = Budget::new(target.settings.timeout);
    let outcome = AssertUnwindSafe(source.fetch(&mut budget)).catch_unwind().await;
    let outcome =
        outcome.unwrap_or_else(|_| Err(FetchError::new(FailureKind::Internal, "the fetch panicked")));
    let fetch = LastFetch { duration: began.elapsed(), api_calls: budget.calls };
    match outcome {
        Ok(fetched) => publish(fetched, target, rankings, publisher, fetch, clock),
        Err(error) if error.origin == Origin::Hold => publisher.held(clock.now()),
        Err(error) => {
            warn!(
                instance_id = target.instance_id,
                node_id = target.node_id,
                account = target.account.name,
                reason = error.kind.label(),
                error = error.detail,
                remedy = error.kind.remedy(),
                "fetch failed"
            );
            publisher.failed(error, fetch, clock.now());
        }
    }
}

fn publish(
    fetched: Fetched,
    target: &Target,
    rankings: &mut Rankings,
    publisher: &Publisher,
    fetch: LastFetch,
    clock: Clock,
) {
    let (instance_id, node_id) = (&target.instance_id, &target.node_id);
    let was_up = publisher.is_up();
    let now = clock.now();
    let snapshot = Snapshot::new(fetched, rankings, now);
    let LastFetch { duration, api_calls } = fetch;
    debug!(instance_id, node_id, sessions = snapshot.sessions, ?duration, api_calls, "fetched");
    publisher.fetched(snapshot, fetch, now);
    if was_up == Some(false) {
        info!(instance_id, node_id, "fetching works again");
    }
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
