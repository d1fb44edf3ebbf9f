//! The families that have a series for each value of something, and what becomes of the values that are too many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::row::Row;
use super::{count, labels, longest, number, put};
use crate::parse::Samples;

/// How many (command, state) pairs outside the table of states are kept.
const MORE_STATES: usize = 30;

/// A dimension: its name, the label of its families, and how a row spells its value.
pub type Dimension = (&'static str, &'static str, fn(&Row) -> &str);

pub const DIMENSIONS: [Dimension; 3] = [
    ("user", "db_user", |row| &row.user),
    ("client", "client_host", |row| &row.client),
    ("database", "db_name", |row| &row.database),
];

/// Sessions, active sessions and longest transaction of each top value and of all `other`; then how many values there are.
pub fn dimension(page: &mut Samples, rows: &[Row], (name, label, value): Dimension, top: usize) {
    let mut values: Vec<(&str, Vec<&Row>)> = grouped(rows, value).into_iter().collect();
    values.sort_by_key(|(_, rows)| (Reverse(active(rows)), Reverse(rows.len())));
    let rest = values.split_off(top.min(values.len()));
    let mut numbers = |family: &str, value: f64| {
        put(page, &format!("dbsession_dimension_{family}"), &[("dimension", name)], value);
    };
    numbers("values", number(values.len() + rest.len()));
    numbers("folded_values", number(rest.len()));
    values.push(("other", rest.into_iter().flat_map(|(_, rows)| rows).collect()));
    for (value, rows) in values {
        let mut series = |family: &str, number: f64| {
            put(page, &format!("dbsession_{name}_{family}"), &[(label, value)], number);
        };
        let transactions: Vec<f64> = rows.iter().filter_map(|row| row.transaction).collect();
        series("sessions", number(rows.len()));
        series("active_sessions", number(active(&rows)));
        series("transaction_max_duration_seconds", longest(&transactions));
    }
}

/// Sessions by command.
pub fn commands(page: &mut Samples, rows: &[Row]) {
    for (command, rows) in grouped(rows, |row| &row.command) {
        put(page, "dbsession_command_sessions", &[("command", command)], number(rows.len()));
    }
}

/// Sessions by command and state.
pub fn states(page: &mut Samples, rows: &[Row]) {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in rows {
        *pairs.entry((&row.command, &row.state)).or_default() += 1;
    }
    let (table, mut more): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|((_, state), _)| labels::is_table_state(state));
    let mut pairs = BTreeMap::from_iter(table);
    more.sort_by_key(|&(_, sessions)| Reverse(sessions));
    for (place, ((command, state), sessions)) in more.into_iter().enumerate() {
        let state = if place < MORE_STATES { state } else { "other" };
        *pairs.entry((command, state)).or_default() += sessions;
    }
    for ((command, state), sessions) in pairs {
        put(page, "dbsession_state_sessions", &[("command", command), ("state", state)], number(sessions));
    }
}

/// Sessions by template; left out altogether unless a row has a template.
pub fn templates(page: &mut Samples, rows: &[Row], top: usize) {
    if count(rows, |row| row.template.is_some()) == 0.0 {
        return;
    }
    let mut templates: Vec<_> =
        grouped(rows, |row| row.template.as_deref().unwrap_or("none")).into_iter().collect();
    templates.sort_by_key(|(_, rows)| Reverse(rows.len()));
    let rest = templates.split_off(top.min(templates.len()));
    templates.push(("other", rest.into_iter().flat_map(|(_, rows)| rows).collect()));
    for (template, rows) in templates {
        put(page, "dbsession_template_sessions", &[("sql_template_id", template)], number(rows.len()));
    }
}

/// The rows of each value, values in ascending order: a stable sort keeps that order where it sees no difference.
fn grouped(rows: &[Row], value: impl Fn(&Row) -> &str) -> BTreeMap<&str, Vec<&Row>> {
    let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(value(row)).or_default().push(row);
    }
    groups
}

fn active(rows: &[&Row]) -> usize {
    rows.iter().filter(|row| row.is_active()).count()
}
