//! What `fetch` and `check` print.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Config, Target};
use crate::model::Snapshot;
use crate::model::ranking::Dimension;
use crate::schedule::plan::{Demand, demands};

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

/// One good fetch of one target, with the keys of `/api/v1/instances/ID`.
#[must_use]
pub fn json(target: &Target, snapshot: &Snapshot) -> Value {
    let listed = snapshot.listed.as_ref();
    let account = &target.account;
    json!({
        "instance_id": target.instance_id,
        "node_id": target.node_id,
        "name": target.name,
        "provider": account.provider.label(),
        "service": target.service.label(),
        "account": account.name,
        "region": account.region,
        "up": true,
        "taken_at": snapshot.taken_at.to_string(),
        "sessions": snapshot.sessions,
        "unlisted_sessions": snapshot.unlisted,
        "active_sessions": snapshot.active,
        "active_max_seconds": snapshot.longest_active,
        "executing_sessions": listed.map(|l| l.executing),
        "transactions": listed.map(|l| l.transactions),
        "transaction_max_seconds": listed.map(|l| l.transaction_ages.max),
        "idle_transactions": listed.map(|l| l.idle_transactions),
        "users": snapshot.users.as_ref().map(groups),
        "clients": snapshot.clients.as_ref().map(groups),
        "databases": snapshot.databases.as_ref().map(groups),
        "commands": listed.map(|l| l.commands.iter().map(|(command, sessions)| {
            json!({"command": command.label(), "sessions": sessions})
        }).collect::<Vec<_>>()),
        "states": listed.map(|l| l.states.iter().map(|(command, state, sessions)| {
            json!({"command": command.label(), "state": state, "sessions": sessions})
        }).collect::<Vec<_>>()),
    })
}

fn groups(dimension: &Dimension) -> Vec<Value> {
    let other = ("other", &dimension.other);
    let shown = dimension.shown.iter().map(|(name, group)| (name.as_ref(), group)).chain([other]);
    shown
        .map(|(name, group)| {
            json!({
                "name": name,
                "sessions": group.total,
                "active_sessions": group.active,
                "transaction_max_seconds": group.oldest_transaction,
            })
        })
        .collect()
}

/// The plan of a configuration, and what about it is probably not meant.
#[must_use]
pub fn plan(config: &Config) -> String {
    let mut text = format!("{} targets, {} kill tasks\n\n", config.targets.len(), config.kill_tasks.len());
    let demands = demands(config);
    let titles = ["account", "provider", "service", "targets", "calls/s", "of rate_limit", "of the quota"];
    let [account, provider, service, targets, calls, limit, quota] = titles;
    let _ = writeln!(
        text,
        "{account:<20}{provider:<10}{service:<9}{targets:>8}{calls:>10}{limit:>16}{quota:>16}"
    );
    for demand in &demands {
        let Demand { account, provider, service, targets, calls_per_second, .. } = demand;
        let _ = writeln!(
            text,
            "{account:<20}{:<10}{:<9}{targets:>8}{calls_per_second:>10.2}{:>16}{:>16}",
            provider.label(),
            service.label(),
            share(*calls_per_second, demand.rate_limit),
            share(*calls_per_second, demand.quota),
        );
    }
    let excess = demands.iter().filter_map(|demand| Some((demand, demand.excess()?)));
    let excess = excess.map(|(Demand { account, service, .. }, factor)| {
        let service = service.label();
        format!("account {account}, {service}: rate_limit allows too few calls; multiply the intervals by {factor:.2} or raise it")
    });
    let warnings: Vec<_> = config.warnings.iter().cloned().chain(excess).collect();
    for warning in warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    text.push('\n');
    text
}

fn share(calls_per_second: f64, allowed: Option<f64>) -> String {
    allowed.map_or_else(|| "-".to_owned(), |allowed| format!("{:.1} %", 100.0 * calls_per_second / allowed))
}
