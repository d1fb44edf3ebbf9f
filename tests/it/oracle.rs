//! What a page must say, worked out from the contract in the plainest way: every session and transaction family of one
//! target after its first fetch. It knows the contract and the rows that the simulated cloud holds, and nothing of the
//! exporter, so that two independent readings of the contract meet in the tests.

mod groups;
mod labels;
mod properties;
mod row;
mod tests;

use std::time::Duration;

use dbsession_exporter::demo::session::SimSession;

use crate::parse::{Samples, Series};
use row::{Doing, Row, WAITING};

/// Which of the APIs the rows come through. Both kinds of Alibaba read alike: a template counts wherever one is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    AlibabaRds,
    AlibabaPolarX,
    HuaweiDas,
    HuaweiDdm,
}

impl SourceKind {
    pub fn is_alibaba(self) -> bool {
        matches!(self, Self::AlibabaRds | Self::AlibabaPolarX)
    }
}

/// The settings that shape these families: label values kept per dimension, and the two thresholds.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub top: usize,
    pub slow: Duration,
    pub long: Duration,
}

/// Upper bounds of the age families in seconds, as they are spelled and as they are compared.
const AGES: [(&str, f64); 10] = [
    ("1.0", 1.0),
    ("5.0", 5.0),
    ("10.0", 10.0),
    ("30.0", 30.0),
    ("60.0", 60.0),
    ("300.0", 300.0),
    ("600.0", 600.0),
    ("1800.0", 1800.0),
    ("3600.0", 3600.0),
    ("+Inf", f64::INFINITY),
];

/// Families that have no series at all when no row calls for one.
const OPTIONAL: [&str; 3] =
    ["dbsession_command_sessions", "dbsession_state_sessions", "dbsession_template_sessions"];

/// All series of the session and transaction families, and of `dbsession_unlisted_sessions`, without the target's own labels.
pub fn expected(rows: &[SimSession], source: SourceKind, settings: Settings) -> Samples {
    let rows: Vec<Row> = rows.iter().map(|row| Row::read(row, source)).collect();
    let mut page = Samples::new();
    totals(&mut page, &rows);
    durations(&mut page, &rows, source, settings);
    for kind in WAITING {
        let waiting = count(&rows, |row| row.waiting == Some(kind));
        put(&mut page, "dbsession_waiting_sessions", &[("kind", kind)], waiting);
    }
    groups::commands(&mut page, &rows);
    groups::states(&mut page, &rows);
    groups::templates(&mut page, &rows, settings.top);
    for dimension in groups::DIMENSIONS {
        groups::dimension(&mut page, &rows, dimension, settings.top);
    }
    page
}

/// What is wrong with the series that a page shows of a target (without the target's own labels), a line each. Series of
/// families that the oracle does not cover are left alone. Sums may differ by the order of their addends, in the last digits.
pub fn differences(expected: &Samples, shown: &Samples) -> Vec<String> {
    let covered = |name: &str| OPTIONAL.contains(&name) || expected.keys().any(|series| series.name == name);
    let surplus = shown.iter().filter(|(series, _)| !expected.contains_key(series) && covered(&series.name));
    let mut lines: Vec<String> =
        surplus.map(|(series, value)| format!("surplus {series:?} {value}")).collect();
    for (series, &want) in expected {
        // No family goes below zero, so a minus is wrong even before a zero.
        let fits = |value: f64| value.is_sign_positive() && (value - want).abs() <= want * 1e-9;
        match shown.get(series) {
            None => lines.push(format!("missing {series:?} {want}")),
            Some(&value) if !fits(value) => lines.push(format!("{series:?} is {value}, not {want}")),
            Some(_) => {}
        }
    }
    lines
}

fn totals(page: &mut Samples, rows: &[Row]) {
    let asleep = |row: &Row| row.doing == Doing::Sleep;
    let totals = [
        ("dbsession_sessions", count(rows, |_| true)),
        ("dbsession_unlisted_sessions", 0.0),
        ("dbsession_active_sessions", count(rows, Row::is_active)),
        ("dbsession_executing_sessions", count(rows, Row::is_executing)),
        ("dbsession_idle_sessions", count(rows, |row| asleep(row) && !row.in_transaction)),
        ("dbsession_system_sessions", count(rows, |row| row.system)),
        ("dbsession_transactions", count(rows, |row| row.in_transaction)),
        ("dbsession_idle_transactions", count(rows, |row| asleep(row) && row.in_transaction)),
    ];
    for (name, value) in totals {
        put(page, name, &[], value);
    }
}

fn durations(page: &mut Samples, rows: &[Row], source: SourceKind, settings: Settings) {
    let times = |wanted: fn(&Row) -> bool| -> Vec<f64> {
        rows.iter().filter(|row| wanted(row)).filter_map(|row| row.time).collect()
    };
    let executing = times(Row::is_executing);
    let reported = if source.is_alibaba() { times(Row::is_active) } else { executing.clone() };
    let open: Vec<f64> = rows.iter().filter_map(|row| row.transaction).collect();
    let idle: Vec<f64> =
        rows.iter().filter(|row| row.doing == Doing::Sleep).filter_map(|row| row.transaction).collect();
    let (slow, long) = (settings.slow.as_secs_f64(), settings.long.as_secs_f64());
    let values = [
        ("dbsession_active_session_max_duration_seconds", longest(&reported)),
        ("dbsession_slow_sessions", at_least(&executing, slow)),
        ("dbsession_slow_session_threshold_seconds", slow),
        ("dbsession_transaction_max_duration_seconds", longest(&open)),
        ("dbsession_long_transactions", at_least(&open, long)),
        ("dbsession_long_transaction_threshold_seconds", long),
        ("dbsession_idle_transaction_max_duration_seconds", longest(&idle)),
    ];
    for (name, value) in values {
        put(page, name, &[], value);
    }
    ages(page, "dbsession_active_session_age_seconds", &executing);
    ages(page, "dbsession_transaction_age_seconds", &open);
}

/// A gauge histogram as text 0.0.4 has it: three families.
fn ages(page: &mut Samples, family: &str, ages: &[f64]) {
    for (le, bound) in AGES {
        let younger = number(ages.iter().filter(|&&age| age <= bound).count());
        put(page, &format!("{family}_bucket"), &[("le", le)], younger);
    }
    put(page, &format!("{family}_gcount"), &[], number(ages.len()));
    put(page, &format!("{family}_gsum"), &[], ages.iter().fold(0.0, |sum, age| sum + age));
}

fn put(page: &mut Samples, name: &str, labels: &[(&str, &str)], value: f64) {
    let before = page.insert(Series::new(name, labels), value);
    assert_eq!(before, None, "the oracle gives {name} {labels:?} twice");
}

fn count(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> f64 {
    number(rows.iter().filter(|row| wanted(row)).count())
}

fn at_least(durations: &[f64], threshold: f64) -> f64 {
    number(durations.iter().filter(|&&duration| duration >= threshold).count())
}

/// The longest duration, 0 if there is none.
fn longest(durations: &[f64]) -> f64 {
    durations.iter().copied().fold(0.0, f64::max)
}

fn number(count: usize) -> f64 {
    u32::try_from(count).expect("tests have few rows").into()
}
