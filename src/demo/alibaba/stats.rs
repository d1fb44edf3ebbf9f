//! `SessionData` of Alibaba Cloud's session query: the rows, and the statistics that the cloud counts itself. A test may set
//! these apart from the rows, as the cloud does when it lists fewer sessions than it counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Number;

use crate::demo::row::{ALIBABA, Row};
use crate::demo::session::{SimSession, seconds};

/// A number or list of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reported<T> {
    /// Counted from the rows.
    #[default]
    Derived,
    /// Whatever the rows say.
    Fixed(T),
    /// Left out.
    Omitted,
}

impl<T> Reported<T> {
    fn or_derive(self, derive: impl FnOnce() -> T) -> Option<T> {
        match self {
            Self::Derived => Some(derive()),
            Self::Fixed(value) => Some(value),
            Self::Omitted => None,
        }
    }
}

/// Statistics of one user, client or database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    /// User, client or database; empty for none.
    pub key: String,
    /// All its sessions.
    pub total_count: u64,
    /// The active ones.
    pub active_count: u64,
    /// Ids of its sessions.
    pub thread_id_list: Vec<u64>,
    /// Users of its sessions.
    pub user_list: BTreeSet<String>,
}

/// What Alibaba's answer says beside the rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlibabaStats {
    /// `TotalSessionCount`
    pub total: Reported<u64>,
    /// `ActiveSessionCount`
    pub active: Reported<u64>,
    /// `MaxActiveTime`, seconds
    pub max_active_time: Reported<Number>,
    /// `UserStats`
    pub users: Reported<Vec<Group>>,
    /// `ClientStats`
    pub clients: Reported<Vec<Group>>,
    /// `DbStats`
    pub databases: Reported<Vec<Group>>,
    /// Rows of `SessionList`; none: all.
    pub listed: Option<usize>,
}

/// What a finished query holds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_session_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_session_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_active_time: Option<Number>,
    session_list: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_stats: Option<Vec<Group>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_stats: Option<Vec<Group>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db_stats: Option<Vec<Group>>,
    time_stamp: i64,
}

impl<'a> SessionData<'a> {
    pub fn new(sessions: &'a [SimSession], stats: &AlibabaStats, time_stamp: i64) -> Self {
        let AlibabaStats { total, active, max_active_time, users, clients, databases, listed } =
            stats.clone();
        let active_sessions = || sessions.iter().filter(|session| session.is_active());
        let longest =
            || active_sessions().filter_map(|session| seconds(session.time.as_deref())).fold(0.0, f64::max);
        Self {
            total_session_count: total.or_derive(|| sessions.len() as u64),
            active_session_count: active.or_derive(|| active_sessions().count() as u64),
            max_active_time: max_active_time.or_derive(|| number(longest())),
            session_list: sessions
                .iter()
                .take(listed.unwrap_or(usize::MAX))
                .map(|session| ALIBABA.row(session))
                .collect(),
            user_stats: users.or_derive(|| groups(sessions, |session| session.user.as_deref())),
            client_stats: clients.or_derive(|| groups(sessions, |session| session.host.as_deref())),
            db_stats: databases.or_derive(|| groups(sessions, |session| session.database.as_deref())),
            time_stamp,
        }
    }
}

/// Whole seconds as an integer, as the cloud sends them; anything else as it is.
fn number(seconds: f64) -> Number {
    let whole = serde_json::from_str(&format!("{seconds:.0}")).ok().filter(|_| seconds.fract() == 0.0);
    whole.or_else(|| Number::from_f64(seconds)).unwrap_or_else(|| 0.into())
}

fn groups<'a>(sessions: &'a [SimSession], key: impl Fn(&'a SimSession) -> Option<&'a str>) -> Vec<Group> {
    let mut groups: BTreeMap<&str, (u64, Vec<u64>, BTreeSet<&str>)> = BTreeMap::new();
    for session in sessions {
        let (active, ids, users) = groups.entry(key(session).unwrap_or_default()).or_default();
        *active += u64::from(session.is_active());
        ids.push(session.id);
        users.extend(session.user.as_deref());
    }
    let group =
        |(key, (active_count, thread_id_list, users)): (&str, (u64, Vec<u64>, BTreeSet<&str>))| Group {
            key: key.to_owned(),
            total_count: thread_id_list.len() as u64,
            active_count,
            thread_id_list,
            user_list: users.into_iter().map(str::to_owned).collect(),
        };
    groups.into_iter().map(group).collect()
}
