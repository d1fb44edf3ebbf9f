//! One session: the fields that count, borrowed from a provider's answer, and what they mean.

use std::borrow::Cow;
use std::fmt;

use super::command::Command;
use super::state::Wait;

/// One row of an instance's process list. Texts that mean "no value" are already `None`; durations are in seconds and
/// `None` where the provider gave none that can be believed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session<'a> {
    /// Its id.
    pub id: Option<SessionId<'a>>,
    /// Database account.
    pub user: Option<&'a str>,
    /// Client as the provider writes it, perhaps with a port.
    pub client: Option<&'a str>,
    /// Default database.
    pub database: Option<&'a str>,
    /// MySQL's command, in any letter case.
    pub command: Option<&'a str>,
    /// MySQL's thread state.
    pub state: Option<&'a str>,
    /// Identifier of the SQL template (`PolarDB-X` only).
    pub template: Option<&'a str>,
    /// Time in the present state.
    pub seconds: Option<f64>,
    /// The open transaction, if there is one.
    pub transaction: Option<Transaction<'a>>,
    /// What it executes, or executed last.
    pub statement: Option<Statement<'a>>,
}

/// The text of a statement as a provider's answer spells it. Nearly all are gone over; those that are wanted are read then.
#[derive(Clone, Copy)]
pub struct Statement<'a> {
    /// As it is spelled.
    pub spelled: &'a [u8],
    /// How that is read; it may have been cut off anywhere.
    pub read: ReadStatement,
}

/// Makes text of what was spelled.
pub type ReadStatement = fn(&[u8]) -> Cow<'_, str>;

// Statements hold what nobody but the database should know.
impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<statement>")
    }
}

/// The id of a session: a number wherever it is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionId<'a> {
    /// A number.
    Number(u64),
    /// Anything else.
    Text(&'a str),
}

/// An open transaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transaction<'a> {
    /// Age in seconds; `None` where only its id is known.
    pub seconds: Option<f64>,
    /// Its id, where the provider tells it.
    pub id: Option<&'a str>,
}

impl<'a> Transaction<'a> {
    /// A transaction is open when it lasts, or has an id. Providers send 0 for "none", and for one younger than a second.
    #[must_use]
    pub fn of(seconds: Option<f64>, id: Option<&'a str>) -> Option<Self> {
        (seconds.is_some_and(|s| s > 0.0) || id.is_some()).then_some(Self { seconds, id })
    }
}

/// What a session is, as the metrics count it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "a session can be several of these at once")]
pub struct Standing {
    /// Its command.
    pub command: Command,
    /// A thread of the server or of replication, not somebody's work.
    pub system: bool,
    /// Query or Execute, or an open transaction.
    pub active: bool,
    /// Query or Execute, and not a system session.
    pub executing: bool,
    /// Sleep without a transaction.
    pub idle: bool,
    /// Sleep with a transaction.
    pub idle_in_transaction: bool,
    /// What it waits for; a system session never waits.
    pub waiting: Option<Wait>,
}

impl Session<'_> {
    /// What the session is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let command = Command::of(self.command);
        let system = command.is_system() || self.user.is_some_and(is_system_user);
        let open = self.transaction.is_some();
        Standing {
            command,
            system,
            active: command.is_executing() || open,
            executing: command.is_executing() && !system,
            idle: command.is_sleep() && !open,
            idle_in_transaction: command.is_sleep() && open,
            waiting: self.state.filter(|_| !system).and_then(Wait::of),
        }
    }
}

/// Replication threads run as `system user`, the event scheduler's as `event_scheduler`.
fn is_system_user(user: &str) -> bool {
    user.eq_ignore_ascii_case("system user") || user.eq_ignore_ascii_case("event_scheduler")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session<'a>(user: &'a str, command: &'a str, transaction: Option<f64>) -> Session<'a> {
        let transaction = Transaction::of(transaction, None);
        Session { user: Some(user), command: Some(command), transaction, ..Session::default() }
    }

    #[test]
    fn a_transaction_lasts_or_has_an_id() {
        assert_eq!(Transaction::of(Some(0.0), None), None);
        assert_eq!(Transaction::of(None, None), None);
        assert_eq!(Transaction::of(Some(3.0), None), Some(Transaction { seconds: Some(3.0), id: None }));
        assert_eq!(
            Transaction::of(Some(0.0), Some("7")),
            Some(Transaction { seconds: Some(0.0), id: Some("7") })
        );
        assert_eq!(Transaction::of(None, Some("7")), Some(Transaction { seconds: None, id: Some("7") }));
    }

    #[test]
    fn standing_follows_command_user_and_transaction() {
        let query = session("app", "QUERY", None).standing();
        assert!(query.active && query.executing && !query.idle && !query.system);
        let sleep = session("app", "Sleep", None).standing();
        assert!(sleep.idle && !sleep.active && !sleep.idle_in_transaction);
        let idle = session("app", "Sleep", Some(5.0)).standing();
        assert!(idle.active && idle.idle_in_transaction && !idle.idle && !idle.executing);
        let replication = session("system user", "Query", None).standing();
        assert!(replication.system && replication.active && !replication.executing);
        assert!(session("repl", "Binlog Dump GTID", None).standing().system);
        assert!(session("event_scheduler", "Daemon", None).standing().system);
        assert!(!session("app", "Connect", None).standing().system);
    }

    #[test]
    fn a_system_session_never_waits() {
        let waiting =
            |user| Session { state: Some("Waiting for commit lock"), user: Some(user), ..Session::default() };
        assert_eq!(waiting("app").standing().waiting, Some(Wait::GlobalReadLock));
        assert_eq!(waiting("system user").standing().waiting, None);
    }
}
