//! Keeps a bad key from being tried again and again. Huawei Cloud locks a key for everybody after more than 5 bad
//! signatures in a row, so the calls of an account pass through here: until one call has proven the key they go one at a
//! time, and after an authentication failure none goes for a while. Processes that share a key try it each on their own, so
//! each makes its part of the tries.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::budget::Budget;
use crate::config::FORGIVEN;
use crate::error::{FailureKind, FetchError};

/// How long an account is held after an authentication failure; it doubles with each further hold in a row.
pub const HOLD: Duration = Duration::from_mins(5);

/// Longest hold.
pub const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// A call that proves nothing for this long lets the next one try, so that one instance that hangs does not stop all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Calls that may be under way at once: with a key that nothing has proven, and with any key of a cloud that locks keys,
/// since one that is revoked fails them all. It is what a hold may cost at most.
const MAX_TRIES: u32 = 3;

/// What a hold may cost at most in each of so many processes that use the key of an account: together no more than what is
/// forgiven, as far as one try each allows it.
#[must_use]
pub fn tries(processes: u32) -> usize {
    (FORGIVEN / processes.max(1)).clamp(1, MAX_TRIES) as usize
}

/// The gate of one account's key.
#[derive(Debug)]
pub struct Gate {
    /// Whether the cloud locks a key after some failures.
    locks: bool,
    state: Mutex<State>,
    /// Who waits for a turn: the lock is fair, so that an instance that hangs again and again passes nobody.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
    held: Notify,
}

#[derive(Debug)]
struct State {
    /// Calls that may be under way at once; at least 1.
    tries: usize,
    proven: bool,
    held_until: Option<Instant>,
    /// Holds in a row.
    holds: u32,
    /// How often the holds were lifted: what was under way by then says nothing any more.
    lifts: u64,
    /// When each call that is under way and counts began.
    under_way: Vec<Instant>,
    /// When the key was refused since something has proven it, or it became another one; of those of the last [`HOLD`].
    refused: Vec<Instant>,
}

enum Turn {
    Go,
    Held,
    Wait(Duration),
}

impl State {
    fn new(tries: usize, lifts: u64) -> Self {
        let (under_way, refused) = (Vec::new(), Vec::new());
        Self { tries, proven: false, held_until: None, holds: 0, lifts, under_way, refused }
    }

    fn held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() < until)
    }

    fn turn(&self) -> Turn {
        if self.held() {
            return Turn::Held;
        }
        let wait = if self.proven { self.wait_of_proven() } else { self.wait_of_unproven() };
        if wait.is_zero() { Turn::Go } else { Turn::Wait(wait) }
    }

    /// Calls that hang do not count, so that they stop nobody.
    fn wait_of_proven(&self) -> Duration {
        let left = self.under_way.iter().map(|began| PATIENCE.saturating_sub(began.elapsed()));
        let young: Vec<_> = left.filter(|left| !left.is_zero()).collect();
        if young.len() < self.tries { Duration::ZERO } else { young.into_iter().min().unwrap_or_default() }
    }

    fn wait_of_unproven(&self) -> Duration {
        let refused = self.refused.iter().filter(|at| at.elapsed() < HOLD).count();
        let tries = self.tries.saturating_sub(refused).max(1);
        match self.under_way.last() {
            None => Duration::ZERO,
            Some(_) if self.under_way.len() >= tries => HOLD,
            Some(youngest) => PATIENCE.saturating_sub(youngest.elapsed()),
        }
    }

    /// A call that was under way when another one failed says nothing about the key as it is now.
    fn prove(&mut self) {
        if !self.held() {
            (self.proven, self.holds) = (true, 0);
            self.refused.clear();
        }
    }

    /// Begins a hold, or makes the present one last; how long, if it begins.
    fn hold(&mut self) -> Option<Duration> {
        let begins = !self.held();
        self.holds += u32::from(begins);
        let span = HOLD.saturating_mul(2_u32.saturating_pow(self.holds.saturating_sub(1))).min(LONGEST_HOLD);
        let now = Instant::now();
        self.proven = false;
        self.held_until = Some(now + span);
        self.refused.retain(|at| at.elapsed() < HOLD);
        self.refused.push(now);
        begins.then_some(span)
    }

    /// Ends a hold as soon as no more tries than these fall into the span of a hold.
    fn relent(&mut self) {
        let due = self.refused.iter().rev().nth(self.tries - 1).map(|refused| *refused + HOLD);
        self.held_until = self.held_until.min(due);
    }
}

impl Gate {
    /// A gate of a key that nothing has proven yet; `locks` tells whether the cloud locks a key after some failures, `tries`
    /// how many calls may be under way at once, see [`tries`].
    #[must_use]
    pub fn new(locks: bool, tries: usize) -> Self {
        Self {
            locks,
            state: Mutex::new(State::new(tries, 0)),
            queue: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            held: Notify::new(),
        }
    }

    /// Whether calls are refused at present.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock().held()
    }

    /// Whether a refusal of the key still counts: it is held, or was refused within the span of a hold.
    #[must_use]
    pub fn remembers(&self) -> bool {
        let state = self.lock();
        state.held() || state.refused.iter().any(|at| at.elapsed() < HOLD)
    }

    /// Waits until calls are refused.
    pub async fn until_held(&self) {
        loop {
            let held = self.held.notified();
            if self.is_held() {
                return;
            }
            held.await;
        }
    }

    /// Ends a hold, and forgets what was learnt of the key: it may be another one now.
    pub fn lift(&self) {
        let mut state = self.lock();
        *state = State::new(state.tries, state.lifts + 1);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Ends a hold of a key that is the same as before, as far as that may be: where the cloud has refused it as often as a hold
    /// may cost within the span of one, the hold lasts until that span is over. How long it still lasts, if it does.
    pub fn relent(&self) -> Option<Duration> {
        let mut state = self.lock();
        state.relent();
        let left = state.held_until.map(|until| until.saturating_duration_since(Instant::now()));
        drop(state);
        self.changed.notify_waiters();
        left.filter(|left| !left.is_zero())
    }

    /// So many calls may be under way at once from now on.
    pub fn set_tries(&self, tries: usize) {
        self.lock().tries = tries;
        self.changed.notify_waiters();
    }

    /// Waits for a turn; the wait moves the deadline.
    ///
    /// # Errors
    /// [`FetchError::held`] while the account is held.
    pub async fn pass(self: &Arc<Self>, budget: &mut Budget) -> Result<Pass, FetchError> {
        let asked = Instant::now();
        // Where there is nothing to wait for, there is no queue.
        let _queue = if self.counts(&self.lock()) { Some(self.queue.lock().await) } else { None };
        loop {
            let changed = self.changed.notified();
            match self.turn() {
                Ok(turn) => {
                    budget.extend(asked.elapsed());
                    return turn;
                }
                Err(wait) => drop(timeout(wait, changed).await),
            }
        }
    }

    /// Whether calls count that are under way; else any number may be.
    fn counts(&self, state: &State) -> bool {
        self.locks || !state.proven
    }

    /// A turn or a refusal at once, or how long to wait for either.
    fn turn(self: &Arc<Self>) -> Result<Result<Pass, FetchError>, Duration> {
        let mut state = self.lock();
        let counts = self.counts(&state);
        match state.turn() {
            Turn::Held => Ok(Err(FetchError::held())),
            Turn::Wait(wait) if counts => Err(wait),
            _ => {
                let began = counts.then(Instant::now);
                state.under_way.extend(began);
                Ok(Ok(Pass { gate: Arc::clone(self), began, lifts: state.lifts }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to make one call. Dropping it gives the turn back without proving anything.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    /// When it began, if it counts.
    began: Option<Instant>,
    lifts: u64,
}

impl Pass {
    /// Tells how the call ended: how long a hold it begins, if it is this failure that begins one.
    #[must_use]
    pub fn settle<T>(self, outcome: &Result<T, FetchError>) -> Option<Duration> {
        let mut state = self.gate.lock();
        if self.lifts != state.lifts {
            return None;
        }
        match outcome.as_ref().map_err(|error| error.kind) {
            Err(FailureKind::Auth) => {
                let begun = state.hold();
                self.gate.held.notify_waiters();
                return begun;
            }
            // These answers come from behind the check of the key.
            Ok(_) | Err(FailureKind::Permission | FailureKind::NotFound | FailureKind::TaskFailed) => {
                state.prove();
            }
            Err(_) => {}
        }
        None
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        let began = self.began.filter(|_| self.lifts == state.lifts);
        let place = began.and_then(|began| state.under_way.iter().position(|other| *other == began));
        place.map(|place| state.under_way.remove(place));
        drop(state);
        self.gate.changed.notify_waiters();
    }
}
