//! MySQL's commands: the closed set behind the `command` label.

use super::label::{NONE, OTHER};

/// A command as a place in the closed set of label values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command(u8);

/// Label values of MySQL's known commands (MySQL reference manual, "Thread Command Values", and the server's own list),
/// the frequent ones first; then what stands for no command and for one that is not known.
const LABELS: [&str; 39] = [
    "sleep",
    "query",
    "execute",
    "daemon",
    "binlog_dump",
    "binlog_dump_gtid",
    "connect",
    "change_user",
    "clone",
    "close_stmt",
    "connect_out",
    "create_db",
    "debug",
    "delayed_insert",
    "drop_db",
    "error",
    "fetch",
    "field_list",
    "group_replication_data_stream_subscription",
    "init_db",
    "kill",
    "long_data",
    "ping",
    "prepare",
    "processlist",
    "quit",
    "refresh",
    "register_replica",
    "register_slave",
    "reset_connection",
    "reset_stmt",
    "set_option",
    "shutdown",
    "statistics",
    "subscribe_group_replication_stream",
    "table_dump",
    "time",
    NONE,
    OTHER,
];

impl Command {
    /// How many label values there are.
    pub const COUNT: usize = LABELS.len();

    const NONE: Self = Self(37);
    const OTHER: Self = Self(38);

    /// The command of a session; letter case does not count, and `_` stands for a space.
    #[must_use]
    pub fn of(raw: Option<&str>) -> Self {
        let Some(raw) = raw else { return Self::NONE };
        let known = LABELS[..Self::NONE.index()].iter().zip(0..).find(|(label, _)| spells(raw, label));
        known.map_or(Self::OTHER, |(_, place)| Self(place))
    }

    /// Every label value's command.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).take(Self::COUNT).map(Self)
    }

    /// Place in the set, below [`Self::COUNT`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The label value: lower case, spaces as `_`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        LABELS[self.index()]
    }

    /// The session waits for its client.
    #[must_use]
    pub const fn is_sleep(self) -> bool {
        self.0 == 0
    }

    /// The session runs a statement: Query or Execute.
    #[must_use]
    pub const fn is_executing(self) -> bool {
        matches!(self.0, 1 | 2)
    }

    /// A thread that sends the binary log to a replica.
    #[must_use]
    pub const fn is_binlog_dump(self) -> bool {
        matches!(self.0, 4 | 5)
    }

    /// A thread of the server itself: Daemon, or one that sends the binary log to a replica.
    #[must_use]
    pub const fn is_system(self) -> bool {
        matches!(self.0, 3..=5)
    }
}

fn spells(raw: &str, label: &str) -> bool {
    let normal = |b: u8| if b == b' ' { b'_' } else { b.to_ascii_lowercase() };
    raw.len() == label.len() && raw.bytes().zip(label.bytes()).all(|(r, l)| normal(r) == l)
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn commands_are_known_in_any_case() {
        for (raw, label) in [
            (Some("Query"), "query"),
            (Some("EXECUTE"), "execute"),
            (Some("Binlog Dump GTID"), "binlog_dump_gtid"),
            (Some("Register Slave"), "register_slave"),
            (Some("made up"), "other"),
            (Some("none"), "other"),
            (None, "none"),
        ] {
            assert_eq!(Command::of(raw).label(), label, "{raw:?}");
        }
    }

    #[test]
    fn classes_follow_the_names() {
        let classes = |f: fn(Command) -> bool| -> Vec<_> {
            Command::all().filter(|c| f(*c)).map(Command::label).collect()
        };
        assert_eq!(classes(Command::is_sleep), ["sleep"]);
        assert_eq!(classes(Command::is_executing), ["query", "execute"]);
        assert_eq!(classes(Command::is_system), ["daemon", "binlog_dump", "binlog_dump_gtid"]);
        assert_eq!(classes(Command::is_binlog_dump), ["binlog_dump", "binlog_dump_gtid"]);
    }
}
