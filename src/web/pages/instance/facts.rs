//! Single numbers of an instance, each with the metric that it is.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::error::FailureKind;
use crate::exposition::{Health, Skip};
use crate::model::Snapshot;
use crate::model::state::Wait;
use crate::web::pages::number::Number;

/// A number, its name, and the metric that it is.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div><dt title="{{ metric }}">{{ name }}{% if !value.is_empty() %} <b>{{ value }}</b>{% endif %}</dt><dd>{{ number }}</dd></div>"#
)]
pub(super) struct Fact {
    name: &'static str,
    /// The metric's own label, where it has one; else empty.
    value: &'static str,
    metric: &'static str,
    number: Number,
}

impl HtmlSafe for Fact {}

const fn fact(name: &'static str, metric: &'static str, number: Number) -> Fact {
    Fact { name, value: "", metric, number }
}

/// Those counts that are not 0.
fn counts(
    name: &'static str,
    metric: &'static str,
    counts: impl Iterator<Item = (&'static str, u64)>,
) -> impl Iterator<Item = Fact> {
    let counted = counts.filter(|(_, count)| *count > 0);
    counted.map(move |(value, count)| Fact { value, ..fact(name, metric, Number::count(count)) })
}

/// What the data say of the instance as a whole, the most telling first.
pub(super) fn of(snapshot: &Snapshot) -> Vec<Fact> {
    let (listed, long) = (snapshot.listed.as_ref(), snapshot.thresholds.long);
    let is_long = |age: Option<f64>| age.is_some_and(|age| age >= long);
    let (oldest, oldest_idle) =
        (listed.map(|l| l.transaction_ages.max), listed.map(|l| l.oldest_idle_transaction));
    vec![
        fact("total", "dbsession_sessions", Number::count(snapshot.sessions)),
        fact("active", "dbsession_active_sessions", Number::count(snapshot.active)),
        fact("executing", "dbsession_executing_sessions", Number::count(listed.map(|l| l.executing))),
        fact("slow", "dbsession_slow_sessions", Number::count(listed.map(|l| l.slow))),
        fact(
            "longest execution",
            "dbsession_active_session_max_duration_seconds",
            Number::seconds(snapshot.longest_active),
        ),
        fact("transactions", "dbsession_transactions", Number::count(listed.map(|l| l.transactions))),
        fact(
            "oldest transaction",
            "dbsession_transaction_max_duration_seconds",
            Number::seconds(oldest).notable_if(is_long(oldest)),
        ),
        fact(
            "idle transactions",
            "dbsession_idle_transactions",
            Number::count(listed.map(|l| l.idle_transactions)),
        ),
        fact(
            "oldest idle transaction",
            "dbsession_idle_transaction_max_duration_seconds",
            Number::seconds(oldest_idle).notable_if(is_long(oldest_idle)),
        ),
        fact("idle sessions", "dbsession_idle_sessions", Number::count(listed.map(|l| l.idle))),
        fact("system", "dbsession_system_sessions", Number::count(listed.map(|l| l.system))),
        fact("unlisted", "dbsession_unlisted_sessions", Number::count(snapshot.unlisted)),
    ]
}

/// What the sessions wait for that wait.
pub(super) fn waiting(snapshot: &Snapshot) -> Vec<Fact> {
    let waiting = snapshot.listed.as_ref().map(|listed| listed.waiting).unwrap_or_default();
    let kinds = Wait::ALL.map(Wait::label).into_iter().zip(waiting);
    counts("waiting for", "dbsession_waiting_sessions", kinds).collect()
}

/// How fetching goes.
pub(super) fn fetching(health: &Health) -> Vec<Fact> {
    let last = health.last_fetch;
    let mut facts = vec![
        fact("interval", "dbsession_fetch_interval_seconds", Number::seconds(health.interval.as_secs_f64())),
        fact(
            "last fetch took",
            "dbsession_fetch_duration_seconds",
            Number::seconds(last.map(|last| last.duration.as_secs_f64())),
        ),
        fact("its calls", "dbsession_fetch_api_calls", Number::count(last.map(|last| last.api_calls))),
        fact("fetches", "dbsession_fetches_total", Number::count(health.fetches)),
    ];
    let failures = FailureKind::ALL.map(FailureKind::label).into_iter().zip(health.failures);
    let skipped = Skip::ALL.map(Skip::label).into_iter().zip(health.skipped);
    facts.extend(counts("failed:", "dbsession_fetch_failures_total", failures));
    facts.extend(counts("skipped:", "dbsession_fetches_skipped_total", skipped));
    facts
}
