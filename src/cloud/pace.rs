//! Keeps the calls of one account and service under its rate limit: never more than N in any period, first come, first
//! served. Each target has one call waiting at most, so that is a turn for each target, too. And keeps them away from a cloud
//! that throttles the account.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{self, Notify};
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
use crate::config::Rate;
use crate::error::FetchError;

/// The provider counts arrivals, not departures: a call may reach it a little sooner after its departure than another did.
const MARGIN: Duration = Duration::from_millis(25);

/// The first pause where the provider does not say how long; it doubles with each further throttling in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause where the provider does not say how long.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The calls of one account and service.
#[derive(Debug)]
pub struct Pace {
    /// When the calls of the last period began, the oldest first. The lock is fair, and held while waiting: it is the queue.
    begun: sync::Mutex<VecDeque<Instant>>,
    state: Mutex<State>,
    /// The rate or the pause is another one.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    /// The present or the last pause.
    pause: Option<Pause>,
    /// Throttlings in a row, each of a call that began after the pause for the one before.
    throttlings: i32,
    /// After a pause calls are spaced evenly until one was not throttled.
    careful: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    from: Instant,
    until: Instant,
}

impl State {
    fn pause_ends(&self) -> Option<Instant> {
        self.pause.map(|pause| pause.until).filter(|until| Instant::now() < *until)
    }

    fn pause(&mut self, length: Duration) {
        let now = Instant::now();
        let (from, earlier) = match self.pause {
            Some(pause) if now < pause.until => (pause.from, pause.until),
            _ => (now, now),
        };
        self.pause = Some(Pause { from, until: earlier.max(now + length) });
    }

    /// Whether a call that began then was under way when the last pause began.
    fn is_older_than_pause(&self, began: Instant) -> bool {
        self.pause.is_some_and(|pause| began <= pause.from)
    }

    /// Time from the last call to the next one, after so many calls in the last period. The more of the limit is used, the
    /// more evenly: a limit that is used up at once would keep everybody waiting for the rest of the period.
    fn spacing(&self, begun: usize) -> Duration {
        let calls = self.rate.calls.max(1);
        let even = self.rate.per / calls;
        let used = f64::from(u32::try_from(begun).unwrap_or(u32::MAX)) / f64::from(calls);
        match used {
            _ if self.careful => even,
            0.0..=0.5 => Duration::ZERO,
            _ => even.mul_f64(used.min(1.0)),
        }
    }

    /// When the next call may begin, after those that have begun.
    fn ready(&self, begun: &mut VecDeque<Instant>) -> Instant {
        let (calls, now) = (self.rate.calls.max(1), Instant::now());
        let window = self.rate.per + MARGIN;
        while begun.front().is_some_and(|oldest| *oldest + window <= now) {
            begun.pop_front();
        }
        let nth_last = begun.len().checked_sub(calls as usize).map(|nth| begun[nth] + window);
        let spaced = begun.back().map(|last| *last + self.spacing(begun.len()));
        let pause = self.pause.map(|pause| pause.until);
        [nth_last, spaced, pause].into_iter().flatten().fold(now, Instant::max)
    }
}

impl Pace {
    /// At most so many calls in any period.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let state = State { rate, pause: None, throttlings: 0, careful: false };
        Self { begun: sync::Mutex::default(), state: Mutex::new(state), changed: Notify::new() }
    }

    /// The limit now in force.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.lock().rate
    }

    /// Changes the limit, for those who wait as well; calls of the last period before count.
    pub fn set_rate(&self, rate: Rate) {
        self.lock().rate = rate;
        self.changed.notify_waiters();
    }

    /// Whether the provider asked for a pause that is not over.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.lock().pause_ends().is_some()
    }

    /// Whether nothing that was says anything of the next call: no call in the last period, and no pause.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        let Ok(begun) = self.begun.try_lock() else { return false };
        let state = self.lock();
        let is_old = |last: &Instant| last.elapsed() >= state.rate.per + MARGIN;
        begun.back().is_none_or(is_old) && state.pause_ends().is_none()
    }

    /// Waits until a call may begin. The wait moves the deadline: neither the limit nor a pause is this fetch's own fault.
    ///
    /// # Errors
    /// [`FetchError::paused`], at once, where there is a pause that ends past the deadline.
    pub async fn turn(&self, budget: &mut Budget) -> Result<Turn<'_>, FetchError> {
        let asked = Instant::now();
        let turn = tokio::select! {
            biased;
            left = self.pause_beyond(|| budget.ends() + asked.elapsed()) => return Err(FetchError::paused(left)),
            turn = self.head() => turn,
        };
        budget.extend(asked.elapsed());
        Ok(turn)
    }

    /// Waits for a pause that ends past the deadline; what is left of it.
    async fn pause_beyond(&self, deadline: impl Fn() -> Instant) -> Duration {
        loop {
            let changed = self.changed.notified();
            let ends = self.lock().pause_ends();
            if let Some(ends) = ends.filter(|ends| *ends >= deadline()) {
                return ends.saturating_duration_since(Instant::now());
            }
            changed.await;
        }
    }

    async fn head(&self) -> Turn<'_> {
        let mut begun = self.begun.lock().await;
        loop {
            let changed = self.changed.notified();
            let ready = self.lock().ready(&mut begun);
            if ready <= Instant::now() {
                return Turn { begun };
            }
            // tokio's timer ends a wait up to a millisecond after its time, never before it.
            let _ = timeout_at(ready, changed).await;
        }
    }

    /// Takes in that the provider throttled the account with a call that `began` then: all its calls pause. How long, if this
    /// throttling begins a pause.
    pub fn throttled(&self, began: Instant, told: Option<Duration>) -> Option<Duration> {
        let mut state = self.lock();
        // Calls that were under way when the pause began tell the same once more.
        let known = state.is_older_than_pause(began);
        if known && told.is_none() {
            return None;
        }
        let backoff = FIRST_PAUSE.mul_f64(2_f64.powi(state.throttlings.min(30))).min(LONGEST_PAUSE);
        let jittered = backoff.mul_f64(1.0 - fastrand::f64() / 2.0);
        let length = told.unwrap_or(jittered);
        state.pause(length);
        state.careful = true;
        state.throttlings = state.throttlings.saturating_add(i32::from(!known));
        drop(state);
        self.changed.notify_waiters();
        (!known).then_some(length)
    }

    /// Takes in that a call that `began` then was answered without being throttled.
    pub fn answered(&self, began: Instant) {
        let mut state = self.lock();
        if state.careful && !state.is_older_than_pause(began) {
            (state.careful, state.throttlings) = (false, 0);
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to begin one call. Nobody else of the account and service has it; dropped, the call has not begun.
#[derive(Debug)]
pub struct Turn<'p> {
    begun: sync::MutexGuard<'p, VecDeque<Instant>>,
}

impl Turn<'_> {
    /// The call begins now; when that is.
    #[must_use]
    pub fn begin(mut self) -> Instant {
        let now = Instant::now();
        self.begun.push_back(now);
        now
    }
}
