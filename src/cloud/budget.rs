//! What one fetch may spend: one deadline for all its calls together, a few calls that are sent again, and the count of the
//! calls it made.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{FailureKind, FetchError};

/// Calls that a fetch may send again while all is well. After a failed fetch it is none, so that trouble that lasts never
/// multiplies the calls.
pub const RETRIES: u32 = 2;

/// The deadline and the calls of one fetch.
#[derive(Debug)]
pub struct Budget {
    timeout: Duration,
    ends: Instant,
    retries: u32,
    /// Calls sent so far.
    pub calls: u64,
    /// When the last byte of the last answer came.
    pub answered_at: Option<Instant>,
    foreseen: watch::Sender<u64>,
}

impl Budget {
    /// A fetch that begins now, may take `timeout`, and may send `retries` calls again, all its calls together.
    #[must_use]
    pub fn new(timeout: Duration, retries: u32) -> Self {
        let (ends, foreseen) = (Instant::now() + timeout, watch::Sender::default());
        Self { timeout, ends, retries, calls: 0, answered_at: None, foreseen }
    }

    /// Tells that another `calls` are to come.
    pub fn foresee(&self, calls: u64) {
        self.foreseen.send_replace(self.calls + calls);
    }

    /// The calls that the fetch is known to take, as soon as it is known.
    #[must_use]
    pub fn foreseen(&self) -> watch::Receiver<u64> {
        self.foreseen.subscribe()
    }

    /// What the fetch may take, waits for the rate limit apart.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The deadline as it is now.
    #[must_use]
    pub fn ends(&self) -> Instant {
        self.ends
    }

    /// Takes leave to send a call again; `false` where none is left.
    #[must_use]
    pub fn take_retry(&mut self) -> bool {
        let left = self.retries.checked_sub(1);
        self.retries = left.unwrap_or_default();
        left.is_some()
    }

    /// Moves the deadline by a wait that is not the provider's fault: for the rate limit, or for another call to prove
    /// the account's key.
    pub fn extend(&mut self, waited: Duration) {
        self.ends += waited;
    }

    /// Runs `work` up to the deadline.
    ///
    /// # Errors
    /// [`FailureKind::Timeout`] when the deadline passes first.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, FetchError> {
        timeout_at(self.ends, work).await.map_err(|_| self.spent())
    }

    /// Waits, if something can still be done afterwards.
    ///
    /// # Errors
    /// [`FailureKind::Timeout`], at once, when the wait would end past the deadline.
    pub async fn pause(&self, wait: Duration) -> Result<(), FetchError> {
        let until = Instant::now() + wait;
        if until >= self.ends {
            return Err(self.spent());
        }
        sleep_until(until).await;
        Ok(())
    }

    fn spent(&self) -> FetchError {
        let calls = self.calls;
        FetchError::new(
            FailureKind::Timeout,
            format!("no result within {:?} and {calls} calls", self.timeout),
        )
    }
}
