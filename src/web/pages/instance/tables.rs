//! The tables of an instance: by user, client, database and template, by command and state, and the oldest sessions.

use std::cmp::Reverse;

use crate::model::groups::Group;
use crate::model::ranking::Dimension;
use crate::model::{Snapshot, label};
use crate::web::pages::number::Number;
use crate::web::pages::oldest::Oldest;

/// One dimension.
pub(super) struct Groups<'a> {
    pub head: &'static str,
    /// Metrics of the columns: sessions, active sessions, age of the oldest transaction. A template has the first alone.
    pub metrics: &'static [&'static str],
    /// How many values are present.
    pub distinct: usize,
    pub rows: Vec<GroupRow<'a>>,
}

/// One value of a dimension, or the sum of those that are not shown.
pub(super) struct GroupRow<'a> {
    pub name: &'a str,
    /// How many values it sums; 0: it is one itself.
    pub folded: usize,
    pub numbers: Vec<Number>,
    /// Its part of what the greatest row has, in percent: of active sessions, or of all where none is active.
    pub share: u64,
}

const USERS: &[&str] = &[
    "dbsession_user_sessions",
    "dbsession_user_active_sessions",
    "dbsession_user_transaction_max_duration_seconds",
];
const CLIENTS: &[&str] = &[
    "dbsession_client_sessions",
    "dbsession_client_active_sessions",
    "dbsession_client_transaction_max_duration_seconds",
];
const DATABASES: &[&str] = &[
    "dbsession_database_sessions",
    "dbsession_database_active_sessions",
    "dbsession_database_transaction_max_duration_seconds",
];
const TEMPLATES: &[&str] = &["dbsession_template_sessions"];

/// Every dimension that is known.
pub(super) fn groups(snapshot: &Snapshot) -> Vec<Groups<'_>> {
    let dimensions = [
        ("User", USERS, snapshot.users.as_ref()),
        ("Client", CLIENTS, snapshot.clients.as_ref()),
        ("Database", DATABASES, snapshot.databases.as_ref()),
        ("SQL template", TEMPLATES, snapshot.templates.as_deref()),
    ];
    let known =
        dimensions.into_iter().filter_map(|(head, metrics, dimension)| Some((head, metrics, dimension?)));
    known.map(|(head, metrics, dimension)| Groups::new(head, metrics, dimension, snapshot)).collect()
}

impl<'a> Groups<'a> {
    fn new(
        head: &'static str,
        metrics: &'static [&'static str],
        dimension: &'a Dimension,
        snapshot: &Snapshot,
    ) -> Self {
        let other =
            Some((label::OTHER, &dimension.other, dimension.folded)).filter(|(_, group, _)| group.total > 0);
        // Values that have left are zeros on /metrics for a while; here they are gone.
        let shown = dimension.shown.iter().filter(|(_, group)| group.total > 0 || group.active > 0);
        let rows: Vec<_> = shown.map(|(name, group)| (name, group, 0)).chain(other).collect();
        let is_active = rows.iter().any(|(_, group, _)| group.active > 0);
        let weight = |group: &Group| if is_active { group.active } else { group.total };
        let greatest = rows.iter().map(|(_, group, _)| weight(group)).max().unwrap_or(0);
        let share = |group: &Group| (weight(group) * 100).checked_div(greatest).unwrap_or(0);
        let rows = rows.iter().map(|(name, group, folded)| GroupRow {
            name,
            folded: *folded,
            numbers: numbers(group, snapshot).into_iter().take(metrics.len()).collect(),
            share: share(group),
        });
        Self { head, metrics, distinct: dimension.distinct, rows: rows.collect() }
    }
}

impl Groups<'_> {
    /// Metric and head of each column of numbers.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.metrics.iter().copied().zip(["Sessions", "Active", "Oldest trx"])
    }
}

fn numbers(group: &Group, snapshot: &Snapshot) -> [Number; 3] {
    let oldest = snapshot.listed.as_ref().map(|_| group.oldest_transaction);
    let is_long = group.oldest_transaction >= snapshot.thresholds.long;
    [Number::count(group.total), Number::count(group.active), Number::seconds(oldest).notable_if(is_long)]
}

/// Sessions of one command and state.
pub(super) struct Standing<'a> {
    pub command: &'static str,
    pub state: &'a str,
    pub sessions: Number,
}

/// Every pair of command and state, the most frequent first.
pub(super) fn states(snapshot: &Snapshot) -> Vec<Standing<'_>> {
    let mut states: Vec<_> = snapshot.listed.iter().flat_map(|listed| listed.states.iter()).collect();
    states.sort_by_key(|(_, (_, sessions))| Reverse(*sessions));
    let states = states.into_iter();
    states
        .map(|(state, (command, sessions))| Standing {
            command: command.label(),
            state,
            sessions: Number::count(*sessions),
        })
        .collect()
}

/// The longest executions and the oldest transactions.
pub(super) fn oldest(snapshot: &Snapshot) -> Vec<Oldest<'_>> {
    let Some(listed) = &snapshot.listed else { return Vec::new() };
    vec![
        Oldest::new("Longest executions", "Executing for", listed.oldest_sessions.iter()),
        Oldest::new("Oldest transactions", "Open for", listed.oldest_transactions.iter()),
    ]
}
