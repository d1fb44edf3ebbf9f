//! How many series one target may have, and how that is shared out. The numbers of families are held by a test against the page.

/// Series of a target apart from those by command, state, template, user, client and database.
pub const FIXED: usize = 77;

/// Families by user, client and database each: sessions, active sessions, oldest transaction.
pub const PER_VALUE: usize = 3;

/// Of the series that are not fixed, one in this many may be a pair of command and state.
const STATES_SHARE: usize = 4;

/// What one snapshot may show beyond its fixed series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    series: usize,
}

impl Room {
    /// The room that `max_series` leaves.
    #[must_use]
    pub fn new(max_series: usize) -> Self {
        Self { series: max_series.saturating_sub(FIXED) }
    }

    /// Pairs of command and state that fit.
    #[must_use]
    pub fn states(self) -> usize {
        self.series / STATES_SHARE
    }

    /// Values that fit in each of `dimensions`, beside `other`, and SQL templates if there are such, when commands and states
    /// take `taken` series.
    #[must_use]
    pub fn values(self, taken: usize, dimensions: usize, templates: bool) -> usize {
        let each = PER_VALUE * dimensions + usize::from(templates);
        (self.series.saturating_sub(taken) / each.max(1)).saturating_sub(1)
    }
}

/// The series of a target that shows `top` values everywhere and as many states as instances usually have.
#[must_use]
pub fn usual(top: usize) -> usize {
    const COMMANDS_AND_STATES: usize = 60;
    FIXED + COMMANDS_AND_STATES + (PER_VALUE * 3 + 1) * (top + 1)
}
