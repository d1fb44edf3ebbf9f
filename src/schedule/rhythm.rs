//! What one target asks of the plan, as its fetches teach: how many calls they take, whether they are in vain, and whether
//! its active sessions are more than usual.

use std::time::Duration;

use super::plan::Ask;
use crate::cloud::budget::RETRIES;
use crate::config::{Settings, Spike};
use crate::error::{Again, FailureKind, FetchError};
use crate::model::baseline::Baseline;

/// How far one fetch moves what is learnt of the calls of a fetch.
const LEARNT: f64 = 0.3;

/// A target that fails for a reason of its own is asked for less often: at most this many doublings of its interval.
const MOST_DOUBLINGS: u32 = 3;

/// What is learnt of one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rhythm {
    calls: f64,
    doublings: u32,
    usual: Baseline,
    spikes: bool,
}

impl Rhythm {
    /// Nothing is learnt yet but a guess of the calls of one fetch.
    pub(super) fn new(calls: f64) -> Self {
        Self { calls, doublings: 0, usual: Baseline::default(), spikes: false }
    }

    /// A good fetch took `calls` and found `active` sessions, `elapsed` after the good one before.
    pub(super) fn fetched(
        &mut self,
        calls: u64,
        active: Option<u64>,
        elapsed: Duration,
        spike: Option<&Spike>,
    ) {
        self.learn(as_f64(calls));
        self.doublings = 0;
        if let Some(active) = active {
            self.spikes = spike.is_some_and(|spike| is_spike(spike, active, self.usual));
            self.usual.observe(as_f64(active), elapsed);
        }
    }

    fn learn(&mut self, calls: f64) {
        // A fetch that has grown at once, like a restarted application's, must not crowd out others until it is learnt.
        let grown = calls >= 2.0 * self.calls;
        self.calls = if grown { calls } else { self.calls + LEARNT * (calls - self.calls) };
    }

    /// The fetch that is under way takes `calls` in the end, as far as it knows.
    pub(super) fn foreseen(&mut self, calls: u64) {
        self.calls = self.calls.max(as_f64(calls));
    }

    /// A fetch failed after `calls`. What the operator has to mend does not mend itself: it is looked at less and less often.
    pub(super) fn failed(&mut self, error: &FetchError, calls: u64) {
        self.spikes = false;
        // It may have ended early, or have sent some calls again: only more than that says something of the next fetch.
        if calls > u64::from(RETRIES) && as_f64(calls - u64::from(RETRIES)) > self.calls {
            self.learn(as_f64(calls));
        }
        let own = match error.kind {
            FailureKind::Permission | FailureKind::NotFound => true,
            // What names the account makes all its calls pause already.
            FailureKind::Throttled => !matches!(error.again, Again::Later { shared: true, .. }),
            _ => false,
        };
        if own {
            self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        }
    }

    /// What to ask of the plan.
    pub(super) fn ask(&self, settings: &Settings) -> Ask {
        let interval = settings.interval * 2_u32.pow(self.doublings);
        let wish = settings.spike.filter(|_| self.spikes).map(|spike| spike.interval);
        Ask { calls: self.calls, interval, wish: wish.filter(|wish| *wish < interval) }
    }
}

fn is_spike(spike: &Spike, active: u64, usual: Baseline) -> bool {
    let usual = usual.level().unwrap_or(f64::INFINITY);
    active >= spike.min_active && as_f64(active) > usual * spike.above.as_f64()
}

#[expect(clippy::cast_precision_loss, reason = "nobody has that many calls or sessions")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Factor;

    const SPIKE: Spike = Spike { interval: Duration::from_secs(5), above: Factor::TWICE, min_active: 10 };
    const INTERVAL: Duration = Duration::from_secs(30);

    fn settings() -> Settings {
        Settings { interval: INTERVAL, spike: Some(SPIKE), ..Settings::DEFAULT }
    }

    fn fetched(rhythm: &mut Rhythm, active: u64) -> Option<Duration> {
        let interval = rhythm.ask(&settings()).wish.unwrap_or(INTERVAL);
        rhythm.fetched(2, Some(active), interval, Some(&SPIKE));
        rhythm.ask(&settings()).wish
    }

    #[test]
    fn what_the_operator_has_to_mend_is_looked_at_less_and_less_often() {
        let mut rhythm = Rhythm::new(2.0);
        let mut interval = |error: Result<(), FailureKind>| {
            match error {
                Ok(()) => rhythm.fetched(2, None, INTERVAL, None),
                Err(kind) => rhythm.failed(&FetchError::new(kind, ""), 2),
            }
            rhythm.ask(&settings()).interval.as_secs()
        };
        for kind in [FailureKind::Permission, FailureKind::NotFound, FailureKind::Throttled] {
            let slowed = [kind; 4].map(|kind| interval(Err(kind)));
            assert_eq!(slowed, [60, 120, 240, 240], "{kind}");
            assert_eq!(interval(Ok(())), 30);
        }
        for kind in [FailureKind::Network, FailureKind::Timeout, FailureKind::ProviderError] {
            assert_eq!(interval(Err(kind)), 30, "{kind}");
        }
        let again = Again::Later { told: None, shared: true };
        rhythm.failed(&FetchError { again, ..FetchError::new(FailureKind::Throttled, "") }, 2);
        assert_eq!(rhythm.ask(&settings()).interval, INTERVAL, "the whole account pauses already");
    }

    #[test]
    fn calls_are_learnt_at_once_where_they_double_and_else_by_and_by() {
        let mut rhythm = Rhythm::new(1.0);
        rhythm.fetched(40, None, INTERVAL, None);
        let learnt = |rhythm: &Rhythm, calls: f64| (rhythm.ask(&settings()).calls - calls).abs() < 0.01;
        assert!(learnt(&rhythm, 40.0));
        rhythm.fetched(50, None, INTERVAL, None);
        assert!(learnt(&rhythm, 43.0));
        for _ in 0..30 {
            rhythm.fetched(1, None, INTERVAL, None);
        }
        assert!(learnt(&rhythm, 1.0));
    }

    #[test]
    fn a_fetch_that_fails_after_many_calls_teaches_them_and_one_that_fails_early_nothing() {
        let mut rhythm = Rhythm::new(2.0);
        let mut after = |calls| {
            rhythm.failed(&FetchError::new(FailureKind::Timeout, ""), calls);
            rhythm.ask(&settings()).calls
        };
        for (calls, learnt) in [(0, 2.0), (1, 2.0), (4, 2.0), (11, 11.0), (1, 11.0), (13, 11.0), (15, 12.2)] {
            assert!((after(calls) - learnt).abs() < 0.01, "{calls}: some may have been sent again");
        }
    }

    #[test]
    fn what_a_fetch_foresees_holds_at_once_unless_more_is_known() {
        let mut rhythm = Rhythm::new(1.0);
        for (foreseen, calls) in [(40, 40.0), (8, 40.0), (41, 41.0)] {
            rhythm.foreseen(foreseen);
            assert!((rhythm.ask(&settings()).calls - calls).abs() < 0.01);
        }
    }

    #[test]
    fn a_spike_is_looked_at_closely_until_it_ends() {
        let mut rhythm = Rhythm::new(2.0);
        let calm = [12, 12, 23].map(|active| fetched(&mut rhythm, active));
        assert_eq!(calm, [None; 3], "up to twice the level is calm");
        assert_eq!([30, 300, 40].map(|active| fetched(&mut rhythm, active)), [Some(SPIKE.interval); 3]);
        assert_eq!(fetched(&mut rhythm, 12), None);
        assert_eq!(fetched(&mut rhythm, 100), Some(SPIKE.interval));
        rhythm.failed(&FetchError::new(FailureKind::Network, ""), 2);
        assert_eq!(rhythm.ask(&settings()).wish, None, "nothing is known of it any more");
    }

    #[test]
    fn few_sessions_are_no_spike_and_a_load_that_stays_becomes_the_usual_one() {
        let mut rhythm = Rhythm::new(2.0);
        assert_eq!([1, 9].map(|active| fetched(&mut rhythm, active)), [None; 2]);
        let spikes = (0..1000).take_while(|_| fetched(&mut rhythm, 100).is_some()).count();
        assert!((60..240).contains(&spikes), "{spikes} fetches at intervals of 5 s");
    }
}
