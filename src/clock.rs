//! Wall-clock time as a value. Waiting and ageing use tokio's clock; this one only dates signatures and snapshots.

use jiff::Timestamp;
use tokio::time::Instant;

/// Where the present time comes from.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that runs with tokio's, and so can be paused.
    Anchored(Timestamp, Instant),
}

impl Clock {
    /// The present time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
            Self::System => Timestamp::now(),
            Self::Anchored(at, started) => at.saturating_add(started.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }
}
