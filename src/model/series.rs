//! How many series one target may have, and how that is shared out. The numbers of families are held by a test against the page.

use super::command::Command;

/// Series of a target apart from those by command, state, template, user, client and database.
pub const FIXED: usize = 77;

/// Users, clients and databases.
const DIMENSIONS: usize = 3;

/// Families by user, client and database each: sessions, active sessions, oldest transaction.
pub const PER_VALUE: usize = 3;

/// Series of a target under the names of `mysqld_exporter`, apart from those by command, state, user and client.
pub const MYSQLD_FIXED: usize = 2;

/// Dimensions that are shown under those names: user and client.
pub const MYSQLD_DIMENSIONS: usize = 2;

/// Series under those names of each pair of command and state: threads, seconds.
pub const MYSQLD_PER_STATE: usize = 2;

/// Of the series that are not fixed, one in this many may be a pair of command and state.
const STATES_SHARE: usize = 4;

/// What one snapshot may show beyond its fixed series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    max_series: usize,
    mysqld_names: bool,
}

impl Room {
    /// The room that `max_series` leaves.
    #[must_use]
    pub fn new(max_series: usize) -> Self {
        Self { max_series, mysqld_names: false }
    }

    /// The same, where the target is shown under the names of `mysqld_exporter`, too.
    #[must_use]
    pub fn with_mysqld_names(self, mysqld_names: bool) -> Self {
        Self { mysqld_names, ..self }
    }

    /// Whether it is shown under those names.
    #[must_use]
    pub fn has_mysqld_names(self) -> bool {
        self.mysqld_names
    }

    fn series(self) -> usize {
        self.max_series.saturating_sub(FIXED + self.if_mysqld(MYSQLD_FIXED))
    }

    fn per_state(self) -> usize {
        1 + self.if_mysqld(MYSQLD_PER_STATE)
    }

    fn if_mysqld(self, series: usize) -> usize {
        if self.mysqld_names { series } else { 0 }
    }

    /// Series of so many commands where nothing more can be folded: each has a pair with the state `other`.
    fn per_commands(self, commands: usize) -> usize {
        commands * (1 + self.per_state())
    }

    /// Series of one value, or of `other`, in each of `dimensions`, and of an SQL template if there are such.
    fn per_value(self, dimensions: usize, templates: bool) -> usize {
        PER_VALUE * dimensions + usize::from(templates) + self.if_mysqld(MYSQLD_DIMENSIONS.min(dimensions))
    }

    /// Pairs of command and state that fit, beside one of each of so many commands with the state `other`.
    #[must_use]
    pub fn states(self, commands: usize) -> usize {
        let folded = self.per_commands(commands) + self.per_value(DIMENSIONS, true);
        let room = self.series().saturating_sub(folded).min(self.series() / STATES_SHARE);
        room / self.per_state()
    }

    /// Values that fit in each of `dimensions`, beside `other`, and SQL templates if there are such, when so many commands and
    /// pairs of command and state are shown.
    #[must_use]
    pub fn values(self, commands: usize, states: usize, dimensions: usize, templates: bool) -> usize {
        let taken = commands + self.per_state() * states;
        let each = self.per_value(dimensions, templates);
        (self.series().saturating_sub(taken) / each.max(1)).saturating_sub(1)
    }
}

/// The series of a target with every command, when all that can be is in `other`: no cap can be below.
#[must_use]
pub fn least(mysqld_names: bool) -> usize {
    let room = Room::new(0).with_mysqld_names(mysqld_names);
    let fixed = FIXED + room.if_mysqld(MYSQLD_FIXED);
    fixed + room.per_commands(Command::COUNT) + room.per_value(DIMENSIONS, true)
}

/// The series of a target that shows `top` values everywhere and as many states as instances usually have.
#[must_use]
pub fn usual(top: usize, mysqld_names: bool) -> usize {
    const COMMANDS: usize = 20;
    const STATES: usize = 40;
    let mysqld = MYSQLD_FIXED + MYSQLD_PER_STATE * STATES + MYSQLD_DIMENSIONS * (top + 1);
    FIXED
        + COMMANDS
        + STATES
        + (PER_VALUE * DIMENSIONS + 1) * (top + 1)
        + if mysqld_names { mysqld } else { 0 }
}
