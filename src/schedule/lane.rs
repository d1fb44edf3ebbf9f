//! The targets of one account and service at run time: what they ask for together, and on which terms each is fetched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::plan::{Ask, Load, Terms, capacity, per_second};
use crate::config::Rate;
use crate::telemetry::LaneGauges;

/// A smaller change of terms wakes nobody: they change a little with each fetch of each target.
const WORTH_TELLING: f64 = 0.02;

/// One account and service.
#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    told: watch::Sender<Terms>,
    gauges: LaneGauges,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    load: Load,
}

impl State {
    fn terms(&self) -> Terms {
        Terms::of(self.load, capacity(self.rate))
    }
}

impl Lane {
    /// A lane without targets.
    pub(super) fn new(rate: Rate, gauges: LaneGauges) -> Arc<Self> {
        let state = State { rate, load: Load::default() };
        let lane = Self { told: watch::Sender::new(state.terms()), state: Mutex::new(state), gauges };
        lane.change(|_| {});
        Arc::new(lane)
    }

    /// Another limit holds from now on.
    pub(super) fn set_rate(&self, rate: Rate) {
        self.change(|state| state.rate = rate);
    }

    /// A place for a target, which asks for `ask`.
    pub(super) fn seat(self: &Arc<Self>, ask: Ask) -> Seat {
        self.change(|state| state.load = state.load.plus(ask.load()));
        Seat { lane: Arc::clone(self), ask, told: self.told.subscribe() }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let State { rate, load } = *state;
        self.gauges.set(per_second(rate), load.wanted(), load.planned(capacity(rate)));
        let terms = state.terms();
        self.told.send_if_modified(|told| {
            let differs = |new: f64, old: f64| (new - old).abs() > WORTH_TELLING * old.max(WORTH_TELLING);
            let tell = differs(terms.stretch, told.stretch) || differs(terms.granted, told.granted);
            if tell {
                *told = terms;
            }
            tell
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one target in its lane; dropping it makes room for the others.
#[derive(Debug)]
pub(super) struct Seat {
    lane: Arc<Lane>,
    ask: Ask,
    told: watch::Receiver<Terms>,
}

impl Seat {
    /// Asks for something else from now on.
    pub(super) fn ask(&mut self, ask: Ask) {
        if ask != self.ask {
            let (before, after) = (self.ask.load(), ask.load());
            self.ask = ask;
            self.lane.change(|state| state.load = state.load.minus(before).plus(after));
        }
    }

    /// The interval that the target gets now.
    pub(super) fn interval(&self) -> Duration {
        self.lane.lock().terms().interval(&self.ask)
    }

    /// What the plan multiplies intervals by now.
    pub(super) fn stretch(&self) -> f64 {
        self.lane.lock().terms().stretch
    }

    /// Waits until the terms have changed since the last time.
    pub(super) async fn changed(&mut self) {
        // The sender lives in the lane, and the lane as long as this seat.
        let _ = self.told.changed().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let load = self.ask.load();
        self.lane.change(|state| state.load = state.load.minus(load));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Instruments;

    fn ask(calls: f64, seconds: u64) -> Ask {
        Ask { calls, interval: Duration::from_secs(seconds), wish: None }
    }

    fn lane(calls: u32) -> Arc<Lane> {
        let gauges = Instruments::new().lane("alibaba", "a", "das");
        Lane::new(Rate { calls, per: Duration::from_secs(1) }, gauges)
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_stretches_the_others_and_who_goes_relaxes_them() {
        let lane = lane(10);
        let mut seat = lane.seat(ask(9.0, 1));
        assert_eq!(seat.interval(), Duration::from_secs(1));
        let other = lane.seat(ask(9.0, 1));
        seat.changed().await;
        assert_eq!(seat.interval(), Duration::from_secs(2));
        drop(other);
        seat.changed().await;
        assert_eq!(seat.interval(), Duration::from_secs(1));
        lane.set_rate(Rate { calls: 2, per: Duration::from_secs(1) });
        seat.changed().await;
        assert_eq!(seat.interval(), Duration::from_secs(5));
    }

    #[test]
    fn what_a_seat_asked_for_before_is_forgotten() {
        let lane = lane(10);
        let mut seat = lane.seat(ask(90.0, 1));
        assert_eq!(seat.interval(), Duration::from_secs(10));
        seat.ask(ask(1.0, 1));
        assert_eq!(seat.interval(), Duration::from_secs(1));
    }
}
