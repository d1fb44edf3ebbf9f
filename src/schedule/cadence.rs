//! When one target is fetched: ticks on a grid of its own, whose first point is given by the target's name. Knows the
//! time only as far as it is told.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tokio::time::Instant;

/// The ticks of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cadence {
    /// Where within any span the target is put when many of them are to be spread over it.
    thousandths: u32,
    began: Instant,
    last: Option<Instant>,
    next: Instant,
    /// Nothing is due before, whatever the interval.
    barred_until: Instant,
    interval: Duration,
}

impl Cadence {
    /// The first tick lies within one interval from `now`: where, is decided by the name, so that the fetches of many
    /// targets are spread, and stay where they are over restarts.
    pub(super) fn new(name: &str, interval: Duration, now: Instant) -> Self {
        let thousandths = thousandths(name);
        let next = now + interval * thousandths / 1000;
        Self { thousandths, began: now, last: None, next, barred_until: now, interval }
    }

    /// The tick that is due next.
    pub(super) fn due(&self) -> Instant {
        self.next.max(self.barred_until)
    }

    /// Another interval holds from now on, counted from the last tick, or from the beginning for the first one. Where that
    /// makes many targets due at once, they are spread, but none is due later than it was.
    pub(super) fn set_interval(&mut self, interval: Duration, now: Instant) {
        let next = match self.last {
            Some(last) => last + interval,
            None => self.began + self.part_of(interval),
        };
        let shorter = self.part_of(self.interval.saturating_sub(interval));
        self.next = if next < now { self.next.min(now + shorter) } else { next };
        self.interval = interval;
    }

    fn part_of(&self, span: Duration) -> Duration {
        span * self.thousandths / 1000
    }

    /// The next tick is due within `span`.
    pub(super) fn hurry(&mut self, span: Duration, now: Instant) {
        self.next = self.next.min(now + self.part_of(span));
    }

    /// Nothing is due before `at`, even if the interval changes.
    pub(super) fn not_before(&mut self, at: Instant) {
        self.barred_until = at;
    }

    /// What was due is done now; tells how many ticks were missed meanwhile. A fetch that outlasts its interval is followed
    /// by the latest tick that passed, at once; the ones before that are missed.
    pub(super) fn advance(&mut self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.due()).as_nanos() / self.interval.as_nanos();
        let missed = u32::try_from(passed).unwrap_or(u32::MAX).max(1) - 1;
        let last = self.due() + self.interval * missed;
        (self.last, self.next) = (Some(last), last + self.interval);
        u64::from(missed)
    }
}

fn thousandths(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    u32::try_from(hasher.finish() % 1000).expect("a remainder of 1000 fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn cadence(now: Instant) -> Cadence {
        Cadence { thousandths: 500, began: now, last: None, next: now, barred_until: now, interval: INTERVAL }
    }

    #[test]
    fn a_fetch_that_ends_in_time_is_followed_by_the_next_tick() {
        let now = Instant::now();
        for after in [0, 9] {
            let mut cadence = cadence(now);
            assert_eq!(cadence.advance(now + Duration::from_secs(after)), 0);
            assert_eq!(cadence.due(), now + INTERVAL);
        }
    }

    #[test]
    fn a_fetch_that_outlasts_its_interval_is_followed_at_once() {
        let now = Instant::now();
        for (after, missed, due) in [(15, 0, 1), (35, 2, 3)] {
            let mut cadence = cadence(now);
            assert_eq!(cadence.advance(now + Duration::from_secs(after)), missed);
            assert_eq!(cadence.due(), now + INTERVAL * due);
        }
    }

    #[test]
    fn another_interval_counts_from_the_last_tick_or_from_the_beginning() {
        let now = Instant::now();
        let mut cadence = cadence(now);
        cadence.set_interval(INTERVAL * 3, now);
        assert_eq!(
            cadence.due(),
            now + INTERVAL * 3 / 2,
            "the first tick lies as far in the interval as before"
        );
        cadence.set_interval(INTERVAL, now);
        assert_eq!(cadence.due(), now + INTERVAL / 2);
        cadence.advance(now + INTERVAL / 2);
        cadence.set_interval(INTERVAL / 2, now);
        assert_eq!(cadence.due(), now + INTERVAL);
        cadence.not_before(now + INTERVAL * 2);
        cadence.set_interval(INTERVAL / 4, now + INTERVAL);
        assert_eq!(cadence.due(), now + INTERVAL * 2, "a provider that asked for a pause gets it");
        cadence.advance(now + INTERVAL * 2);
        assert_eq!(cadence.due(), now + INTERVAL * 2 + INTERVAL / 4);
    }

    #[test]
    fn what_a_shorter_interval_makes_overdue_is_spread_and_never_later_than_it_was() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for (now, due) in [(3, 7), (8, 10)] {
            let mut cadence = cadence(start);
            cadence.advance(start);
            cadence.set_interval(Duration::from_secs(2), after(now));
            assert_eq!(cadence.due(), after(due));
        }
        let mut cadence = cadence(start);
        cadence.hurry(Duration::from_secs(5), start);
        assert_eq!(cadence.due(), start, "what is due earlier stays so");
    }

    #[test]
    fn first_ticks_are_spread_over_the_interval() {
        let interval = Duration::from_secs(30);
        let now = Instant::now();
        let first = |i| Cadence::new(&format!("rm-{i}"), interval, now).due() - now;
        let mut phases: Vec<_> = (0..1000).map(first).collect();
        phases.sort_unstable();
        assert!(phases.iter().all(|phase| *phase < interval));
        let gap = phases.windows(2).map(|w| w[1].checked_sub(w[0]).unwrap()).max();
        assert!(gap < Some(Duration::from_millis(500)), "{gap:?}");
    }
}
