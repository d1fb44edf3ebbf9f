//! Wall-clock time as a value. Waiting and ageing use tokio's clock; this one only dates signatures and snapshots.

use jiff::Timestamp;

/// The machine's clock, handed to whoever dates something, so that nothing else reads it.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// The present time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
        Timestamp::now()
    }
}
