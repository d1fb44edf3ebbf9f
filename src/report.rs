//! What `fetch` and `check` print.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::{Config, Division, Target};
use crate::model::Snapshot;
use crate::model::ranking::Dimension;
use crate::schedule::plan::{Demand, demands, per_second};
use crate::store::TargetStatus;
use crate::store::history::Point;
use crate::web::api::Instance;

/// One good fetch of one target, for people.
pub struct Table<'a> {
    /// What was fetched.
    pub target: &'a Target,
    /// What was learnt.
    pub snapshot: &'a Snapshot,
    /// Calls that it took.
    pub calls: u64,
    /// Time that it took.
    pub took: Duration,
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, snapshot, calls, took } = self;
        let name = target.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        writeln!(
            f,
            "{}{name}: {} calls, {} ms, data of {}",
            target.id(),
            calls,
            took.as_millis(),
            snapshot.taken_at
        )?;
        writeln!(f)?;
        for (label, value) in facts(snapshot) {
            writeln!(f, "{label:<34}{value:>10}")?;
        }
        for (label, dimension) in dimensions(snapshot) {
            write_dimension(f, label, dimension)?;
        }
        Ok(())
    }
}

/// Name and value of each number; those that are not known are left out.
fn facts(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("sessions", snapshot.sessions.to_string()),
        ("unlisted sessions", snapshot.unlisted.to_string()),
    ];
    facts.extend(snapshot.active.map(|active| ("active sessions", active.to_string())));
    facts
        .extend(snapshot.longest_active.map(|seconds| ("longest active time, seconds", seconds.to_string())));
    if let Some(listed) = &snapshot.listed {
        facts.extend([
            ("executing sessions", listed.executing.to_string()),
            ("slow sessions", listed.slow.to_string()),
            ("idle sessions", listed.idle.to_string()),
            ("system sessions", listed.system.to_string()),
            ("waiting sessions", listed.waiting.iter().sum::<u64>().to_string()),
            ("transactions", listed.transactions.to_string()),
            ("long transactions", listed.long_transactions.to_string()),
            ("oldest transaction, seconds", listed.transaction_ages.max.to_string()),
            ("idle transactions", listed.idle_transactions.to_string()),
            ("oldest idle transaction, seconds", listed.oldest_idle_transaction.to_string()),
        ]);
    }
    facts
}

fn dimensions(snapshot: &Snapshot) -> impl Iterator<Item = (&'static str, &Dimension)> {
    let dimensions =
        [("user", &snapshot.users), ("client", &snapshot.clients), ("database", &snapshot.databases)];
    dimensions.into_iter().filter_map(|(label, dimension)| Some((label, dimension.as_ref()?)))
}

fn write_dimension(f: &mut fmt::Formatter<'_>, label: &str, dimension: &Dimension) -> fmt::Result {
    let other = (dimension.folded > 0).then(|| (format!("other ({})", dimension.folded), dimension.other));
    let shown = dimension.shown.iter().map(|(name, group)| (printable(name), *group)).chain(other);
    writeln!(f, "\n{label:<34}{:>10}{:>10}{:>16}", "sessions", "active", "transaction s")?;
    for (name, group) in shown {
        writeln!(f, "{name:<34}{:>10}{:>10}{:>16}", group.total, group.active, group.oldest_transaction)?;
    }
    Ok(())
}

/// A name that a terminal shows as it is.
fn printable(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// One good fetch, with the keys of `/api/v1/instances/ID` and what only a fetch of one's own tells.
#[derive(Serialize)]
struct Fetch<'a> {
    #[serde(flatten)]
    instance: Instance<'a>,
    taken_at: Option<Timestamp>,
    unlisted_sessions: Option<u64>,
}

/// One fetch of one target as JSON.
///
/// # Panics
/// Never: texts and numbers can be written as JSON.
#[must_use]
pub fn json(status: &TargetStatus, history: &[Point]) -> String {
    let snapshot = status.snapshot.as_deref();
    let fetch = Fetch {
        instance: Instance::new(status, history),
        taken_at: snapshot.map(|snapshot| snapshot.taken_at),
        unlisted_sessions: snapshot.map(|snapshot| snapshot.unlisted),
    };
    serde_json::to_string_pretty(&fetch).expect("texts and numbers can be written as JSON")
}

/// The plan of a configuration, and what about it is probably not meant.
#[must_use]
pub fn plan(config: &Config) -> String {
    let mut text = config.division.as_ref().map(|division| part(division, config)).unwrap_or_default();
    let _ = writeln!(text, "{} targets, {} kill tasks\n", config.targets.len(), config.kill_tasks.len());
    let demands = demands(config);
    text.push_str(&plan_line(
        ["account", "provider", "service"],
        ["targets", "calls/s", "of rate_limit", "of the quota", "interval"],
    ));
    for demand in &demands {
        let names = [demand.account.as_str(), demand.provider.label(), demand.service.label()];
        let columns = [
            demand.targets.to_string(),
            format!("{:.2}", demand.wanted),
            share(demand.wanted, Some(per_second(demand.rate))),
            share(demand.wanted, demand.quota),
            span(demand.stretched()),
        ];
        text.push_str(&plan_line(names, columns.each_ref().map(String::as_str)));
    }
    let notable = |demand: &&Demand| span(demand.stretched()) != span(demand.intervals);
    let stretched = demands.iter().filter(notable).map(stretched);
    for warning in config.warnings.iter().cloned().chain(stretched) {
        let _ = write!(text, "\nwarning: {warning}");
    }
    text.push('\n');
    text
}

/// What the plan is of, where it is not of the whole configuration.
fn part(division: &Division, config: &Config) -> String {
    let Division { shard, targets, .. } = division;
    format!("shard {} of {}: {} of {targets} targets\n", shard.index(), shard.total(), config.targets.len())
}

fn plan_line(names: [&str; 3], columns: [&str; 5]) -> String {
    let ([account, provider, service], [targets, calls, limit, quota, interval]) = (names, columns);
    format!(
        "{account:<20}{provider:<10}{service:<9}{targets:>8}{calls:>10}{limit:>15}{quota:>14}{interval:>16}\n"
    )
}

/// What the operator can do about intervals that are longer than configured.
fn stretched(demand: &Demand) -> String {
    let Demand { account, service, terms, .. } = demand;
    let (service, (from, to)) = (service.label(), (span(demand.intervals), span(demand.stretched())));
    let (enough, factor) = (demand.enough(), (10.0 * terms.stretch).ceil() / 10.0);
    format!(
        "account {account}, {service}: rate_limit allows too few calls, so the interval is {to} instead of {from}; \
         multiply interval by {factor:.1}, or set rate_limit.{service} to {enough} if the quota allows it",
    )
}

/// The shortest and the longest interval, or the one that all have.
fn span((shortest, longest): (Duration, Duration)) -> String {
    let seconds =
        |duration: Duration| format!("{:.1}", duration.as_secs_f64()).trim_end_matches(".0").to_owned();
    match (seconds(shortest), seconds(longest)) {
        (shortest, longest) if shortest == longest => format!("{shortest}s"),
        (shortest, longest) => format!("{shortest}s-{longest}s"),
    }
}

fn share(calls_per_second: f64, allowed: Option<f64>) -> String {
    allowed.map_or_else(|| "-".to_owned(), |allowed| format!("{:.1} %", 100.0 * calls_per_second / allowed))
}
