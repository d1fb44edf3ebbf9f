//! The columns of the fleet's table: what each shows of a target, and how it sorts.

use std::cmp::Ordering;

use crate::model::Snapshot;
use crate::model::snapshot::Listed;
use crate::store::TargetStatus;
use crate::web::pages::number::Number;

/// One column that can be sorted by.
pub(super) struct Column {
    /// Its name as the value of `sort`.
    pub name: &'static str,
    /// Its head.
    pub head: &'static str,
    /// The metric that it shows; empty where there is none.
    pub metric: &'static str,
    /// What it shows.
    pub content: Content,
}

/// What a column shows of a target.
pub(super) enum Content {
    /// A text, which has a cell of its own kind.
    Text(fn(&TargetStatus) -> String),
    /// A count.
    Count(fn(&TargetStatus) -> Option<u64>),
    /// A span in seconds.
    Seconds(fn(&TargetStatus) -> Option<f64>),
}

/// A value as it sorts.
pub(super) enum Key {
    Text(String),
    Count(u64),
    Seconds(f64),
    Unknown,
}

const fn column(name: &'static str, head: &'static str, metric: &'static str, content: Content) -> Column {
    Column { name, head, metric, content }
}

/// All columns that can be sorted by, in the order in which they stand.
pub(super) static COLUMNS: [Column; 10] = [
    column("name", "Instance", "", Content::Text(|status| title(status).to_lowercase())),
    column("cloud", "Cloud", "", Content::Text(cloud)),
    column("state", "State", "dbsession_up", Content::Text(|status| status.state.label().to_owned())),
    column("total", "Total", "dbsession_sessions", Content::Count(|status| Some(snapshot(status)?.sessions))),
    column(
        "active",
        "Active",
        "dbsession_active_sessions",
        Content::Count(|status| snapshot(status)?.active),
    ),
    column(
        "executing",
        "Executing",
        "dbsession_executing_sessions",
        Content::Count(|status| Some(listed(status)?.executing)),
    ),
    column(
        "longest",
        "Longest execution",
        "dbsession_active_session_max_duration_seconds",
        Content::Seconds(|status| snapshot(status)?.longest_active),
    ),
    column(
        "oldest",
        "Oldest transaction",
        "dbsession_transaction_max_duration_seconds",
        Content::Seconds(|status| Some(listed(status)?.transaction_ages.max)),
    ),
    column(
        "idle",
        "Idle transactions",
        "dbsession_idle_transactions",
        Content::Count(|status| Some(listed(status)?.idle_transactions)),
    ),
    column("age", "Age of data", "", Content::Seconds(|status| Some(status.age?.as_secs_f64()))),
];

fn snapshot(status: &TargetStatus) -> Option<&Snapshot> {
    status.snapshot.as_deref()
}

fn listed(status: &TargetStatus) -> Option<&Listed> {
    snapshot(status)?.listed.as_ref()
}

/// What a person calls the target.
pub(in crate::web::pages) fn title(status: &TargetStatus) -> String {
    let target = &status.target;
    match (&target.name, &target.node_id) {
        (Some(name), Some(node)) => format!("{name} {node}"),
        (Some(name), None) => name.clone(),
        (None, _) => target.id(),
    }
}

/// Cloud and service.
pub(in crate::web::pages) fn cloud(status: &TargetStatus) -> String {
    let target = &status.target;
    format!("{} {}", target.account.provider.label(), target.service.label())
}

impl Column {
    /// The column that `sort` names.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        COLUMNS.iter().find(|column| column.name == name)
    }

    /// Columns of numbers have what asks for attention on top at first, the others begin with A.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self.content, Content::Text(_))
    }

    pub(super) fn key(&self, status: &TargetStatus) -> Key {
        match self.content {
            Content::Text(text) => Key::Text(text(status)),
            Content::Count(count) => count(status).map_or(Key::Unknown, Key::Count),
            Content::Seconds(seconds) => seconds(status).map_or(Key::Unknown, Key::Seconds),
        }
    }

    /// Its number of a target; `None` for a column of texts.
    pub(super) fn number(&self, status: &TargetStatus) -> Option<Number> {
        let number = match self.content {
            Content::Text(_) => return None,
            Content::Count(count) => Number::count(count(status)),
            Content::Seconds(seconds) => Number::seconds(seconds(status)),
        };
        Some(number.notable_if(self.asks_for_attention(status)))
    }

    fn asks_for_attention(&self, status: &TargetStatus) -> bool {
        let long = |age: fn(&Listed) -> f64| {
            let shown = snapshot(status).zip(listed(status));
            shown.is_some_and(|(snapshot, listed)| age(listed) >= snapshot.thresholds.long)
        };
        match self.name {
            "oldest" => long(|listed| listed.transaction_ages.max),
            "idle" => long(|listed| listed.oldest_idle_transaction),
            "age" => status.snapshot.is_none(),
            _ => false,
        }
    }
}

impl Key {
    /// What is not known comes last, whichever way the rest goes.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Count(a), Self::Count(b)) => a.cmp(b),
            (Self::Seconds(a), Self::Seconds(b)) => a.total_cmp(b),
            (Self::Unknown, Self::Unknown) => Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, _) => return Ordering::Less,
        };
        if descending { order.reverse() } else { order }
    }
}
