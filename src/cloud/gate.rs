//! Keeps a bad key from being tried again and again. Huawei Cloud locks a key for everybody after more than 5 bad
//! signatures in a row, so the calls of an account pass through here: until one call has proven the key they go one at a
//! time, and after an authentication failure none goes for a while.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::budget::Budget;
use crate::error::{FailureKind, FetchError};

/// How long an account is held after an authentication failure.
pub const HOLD: Duration = Duration::from_mins(5);

/// A call that proves nothing for this long lets the next one try, so that one instance that hangs does not stop all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Calls that may be under way with a key that nothing has proven: what a hold of [`HOLD`] may cost at most.
const MAX_UNPROVEN: usize = 3;

/// The gate of one account's key.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    /// Who waits for a turn: the lock is fair, so that an instance that hangs again and again passes nobody.
    queue: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    proven: bool,
    held_until: Option<Instant>,
    /// When each call that is under way with an unproven key began.
    unproven: Vec<Instant>,
}

enum Turn {
    Go,
    Held,
    Wait(Duration),
}

impl State {
    fn held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() < until)
    }

    fn turn(&self) -> Turn {
        match self.unproven.last() {
            _ if self.held() => Turn::Held,
            _ if self.proven => Turn::Go,
            None => Turn::Go,
            Some(_) if self.unproven.len() >= MAX_UNPROVEN => Turn::Wait(HOLD),
            Some(youngest) => match PATIENCE.saturating_sub(youngest.elapsed()) {
                Duration::ZERO => Turn::Go,
                wait => Turn::Wait(wait),
            },
        }
    }

    /// A call that was under way when another one failed says nothing about the key as it is now.
    fn prove(&mut self) {
        self.proven = !self.held();
    }

    /// Begins a hold; `true` unless there is one already.
    fn hold(&mut self) -> bool {
        let begins = !self.held();
        self.proven = false;
        self.held_until = Some(Instant::now() + HOLD);
        begins
    }
}

impl Gate {
    /// Whether calls are refused at present.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock().held()
    }

    /// Waits for a turn; the wait moves the deadline.
    ///
    /// # Errors
    /// [`FetchError::held`] while the account is held.
    pub async fn pass(self: &Arc<Self>, budget: &mut Budget) -> Result<Pass, FetchError> {
        let asked = Instant::now();
        // With a proven key there is nothing to wait for.
        let _queue = if self.lock().proven { None } else { Some(self.queue.lock().await) };
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

    /// A turn or a refusal at once, or how long to wait for either.
    fn turn(self: &Arc<Self>) -> Result<Result<Pass, FetchError>, Duration> {
        let mut state = self.lock();
        match state.turn() {
            Turn::Held => Ok(Err(FetchError::held())),
            Turn::Wait(wait) => Err(wait),
            Turn::Go => {
                let began = (!state.proven).then(Instant::now);
                state.unproven.extend(began);
                Ok(Ok(Pass { gate: Arc::clone(self), began }))
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
    began: Option<Instant>,
}

impl Pass {
    /// Tells how the call ended: `true` when it is this failure that begins a hold.
    #[must_use]
    pub fn settle<T>(self, outcome: &Result<T, FetchError>) -> bool {
        let mut state = self.gate.lock();
        match outcome.as_ref().map_err(|error| error.kind) {
            Err(FailureKind::Auth) => return state.hold(),
            // These answers come from behind the check of the key.
            Ok(_) | Err(FailureKind::Permission | FailureKind::NotFound | FailureKind::TaskFailed) => {
                state.prove();
            }
            Err(_) => {}
        }
        false
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if let Some(place) =
            self.began.and_then(|began| state.unproven.iter().position(|other| *other == began))
        {
            state.unproven.remove(place);
        }
        drop(state);
        self.gate.changed.notify_waiters();
    }
}
