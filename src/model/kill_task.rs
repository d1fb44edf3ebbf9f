//! What a session-terminating task reports of itself (Alibaba Cloud DAS, `GetKillInstanceSessionTaskResult`).

use std::collections::BTreeSet;

use super::host;
use super::ranking::Dimension;

/// State of a task, the `state` label of the kill-task families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// In progress.
    Running,
    /// Ended well.
    Success,
    /// Failed.
    Failure,
    /// Another error ended it.
    Error,
}

impl TaskState {
    /// Every state, in the order of their labels on `/metrics`.
    pub const ALL: [Self; 4] = [Self::Running, Self::Success, Self::Failure, Self::Error];
    /// The states that end a task.
    pub const ENDS: [Self; 3] = [Self::Success, Self::Failure, Self::Error];

    /// The metric label, which is the API's word in lower case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }

    /// The state of the API's `TaskState`, in any letter case.
    #[must_use]
    pub fn of(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.label().eq_ignore_ascii_case(raw))
    }
}

/// What became of one session: the API's `Reason` and the `reason` label.
const REASONS: [(&str, &str); 8] = [
    ("SESSION_KILLED", "killed"),
    ("SESSION_EXPIRED", "expired"),
    ("SESSION_NO_PERMISSION", "no_permission"),
    ("SESSION_ACCOUNT_ERROR", "account_error"),
    ("SESSION_IGNORED_USER", "ignored_user"),
    ("SESSION_INTERNAL_USER_OR_COMMAND", "internal_user_or_command"),
    ("SESSION_KILL_TASK_TIMEOUT", "kill_task_timeout"),
    ("SESSION_OTHER_ERROR", "other_error"),
];

/// Sessions of a task by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Results([u64; REASONS.len() + 1]);

impl Results {
    /// Counts one session; `false` where the reason is not one of the API's, and counts as `unknown`.
    pub fn add(&mut self, reason: &str) -> bool {
        let place = REASONS.iter().position(|(raw, _)| raw.eq_ignore_ascii_case(reason));
        self.0[place.unwrap_or(REASONS.len())] += 1;
        place.is_some()
    }

    /// Adds another task's sessions.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// Adds sessions under a `reason` label; one that is none counts as `unknown`.
    pub fn add_labelled(&mut self, label: &str, sessions: u64) {
        let place = REASONS.iter().position(|(_, known)| *known == label);
        self.0[place.unwrap_or(REASONS.len())] += sessions;
    }

    /// Every `reason` label with its sessions.
    pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.iter().map(|(_, label)| *label).chain(["unknown"]).zip(self.0)
    }
}

/// One answer about a task. Counts of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskReport {
    /// State of the task.
    pub state: TaskState,
    /// `KillSuccessCount`.
    pub killed: u64,
    /// `KillFailCount`.
    pub failed: u64,
    /// `IgnoredUserSessionCount`.
    pub ignored: u64,
    /// Rows of `Result` by reason.
    pub results: Results,
    /// A reason that the API's documentation does not have, if there was one.
    pub unknown_reason: Option<String>,
    /// Whose sessions were killed.
    pub victims: Victims,
}

/// Most names that are kept of each kind: beyond it nobody asks who exactly is back.
const MAX_VICTIMS: usize = 1000;

/// Whose sessions a task has killed: database accounts, and clients without their ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Victims {
    users: BTreeSet<String>,
    clients: BTreeSet<String>,
}

impl Victims {
    /// Takes a row of `Result` in.
    pub fn add(&mut self, user: &str, host: &str) {
        for (names, name) in [(&mut self.users, user), (&mut self.clients, host::without_port(host))] {
            if names.len() < MAX_VICTIMS && !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    }

    /// Sessions that killed users have from killed clients, as far as the two dimensions can tell: those of the users, or
    /// those of the clients, whichever are fewer. `None` where nothing was killed, or where a dimension is not known.
    #[must_use]
    pub fn sessions_in(&self, users: Option<&Dimension>, clients: Option<&Dimension>) -> Option<u64> {
        let sessions = |names: &BTreeSet<String>, dimension: &Dimension| -> u64 {
            let of_victims = dimension.shown.iter().filter(|(name, _)| names.contains(*name));
            of_victims.map(|(_, group)| group.total).sum()
        };
        let (users, clients) = (sessions(&self.users, users?), sessions(&self.clients, clients?));
        (!self.users.is_empty()).then_some(users.min(clients))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_its_label_and_others_are_unknown() {
        let mut results = Results::default();
        assert!(REASONS.iter().all(|(raw, _)| results.add(raw)));
        assert!(!results.add("SESSION_EATEN"));
        assert!(results.by_reason().all(|(_, sessions)| sessions == 1));
        assert_eq!(results.by_reason().last(), Some(("unknown", 1)));
    }

    #[test]
    fn states_are_known_in_any_case() {
        assert_eq!(TaskState::of("SUCCESS"), Some(TaskState::Success));
        assert_eq!(TaskState::of("running"), Some(TaskState::Running));
        assert_eq!(TaskState::of("PAUSED"), None);
    }
}
