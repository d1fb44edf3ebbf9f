//! An instance or node as JSON: what the fleet's list says of it, and all that is known of it.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::Snapshot;
use crate::model::command::Command as MysqlCommand;
use crate::model::oldest::{OldestRow, OldestRows};
use crate::model::ranking::Dimension;
use crate::model::snapshot::Listed;
use crate::store::history::Point;
use crate::store::{State, TargetStatus};

/// An item of `/api/v1/instances`. Absent is null; seconds are numbers, times RFC 3339.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    instance_id: &'a str,
    node_id: Option<&'a str>,
    name: Option<&'a str>,
    provider: &'static str,
    service: &'static str,
    account: &'a str,
    region: Option<&'a str>,
    up: Option<bool>,
    sessions: Option<u64>,
    active_sessions: Option<u64>,
    executing_sessions: Option<u64>,
    active_max_seconds: Option<f64>,
    transactions: Option<u64>,
    transaction_max_seconds: Option<f64>,
    idle_transactions: Option<u64>,
    last_success: Option<Timestamp>,
    age_seconds: Option<f64>,
    error: Option<String>,
}

impl<'a> From<&'a TargetStatus> for Summary<'a> {
    fn from(status: &'a TargetStatus) -> Self {
        let target = &status.target;
        let snapshot = status.snapshot.as_deref();
        let listed = snapshot.and_then(|snapshot| snapshot.listed.as_ref());
        Self {
            instance_id: &target.instance_id,
            node_id: target.node_id.as_deref(),
            name: target.name.as_deref(),
            provider: target.account.provider.label(),
            service: target.service.label(),
            account: &target.account.name,
            region: target.account.region.as_deref(),
            up: (status.state != State::Pending).then_some(status.state == State::Up),
            sessions: snapshot.map(|snapshot| snapshot.sessions),
            active_sessions: snapshot.and_then(|snapshot| snapshot.active),
            executing_sessions: listed.map(|listed| listed.executing),
            active_max_seconds: snapshot.and_then(|snapshot| snapshot.longest_active),
            transactions: listed.map(|listed| listed.transactions),
            transaction_max_seconds: listed.map(|listed| listed.transaction_ages.max),
            idle_transactions: listed.map(|listed| listed.idle_transactions),
            last_success: status.last_success,
            age_seconds: status.age.map(|age| age.as_secs_f64()),
            error: status.error.as_ref().map(|last| format!("{}: {}", last.error.kind, last.error.detail)),
        }
    }
}

/// `/api/v1/instances/ID[/NODE]`.
#[derive(Debug, Serialize)]
pub struct Instance<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    users: Option<Vec<Value<'a>>>,
    clients: Option<Vec<Value<'a>>>,
    databases: Option<Vec<Value<'a>>>,
    commands: Option<Vec<Command>>,
    states: Option<Vec<ThreadState<'a>>>,
    oldest_sessions: Option<Vec<Session<'a>>>,
    oldest_transactions: Option<Vec<Session<'a>>>,
    history: Vec<Past>,
}

impl<'a> Instance<'a> {
    /// How a target stands, and its past.
    #[must_use]
    pub fn new(status: &'a TargetStatus, history: &[Point]) -> Self {
        let snapshot = status.snapshot.as_deref();
        let listed = snapshot.and_then(|snapshot| snapshot.listed.as_ref());
        let dimension =
            |of: fn(&Snapshot) -> &Option<Dimension>| snapshot.and_then(|it| of(it).as_ref()).map(values);
        let oldest = |of: fn(&Listed) -> &OldestRows| {
            listed.map(|listed| of(listed).iter().map(Session::from).collect())
        };
        Self {
            summary: status.into(),
            users: dimension(|snapshot| &snapshot.users),
            clients: dimension(|snapshot| &snapshot.clients),
            databases: dimension(|snapshot| &snapshot.databases),
            commands: listed.map(commands),
            states: listed.map(states),
            oldest_sessions: oldest(|listed| &listed.oldest_sessions),
            oldest_transactions: oldest(|listed| &listed.oldest_transactions),
            history: history.iter().map(Past::from).collect(),
        }
    }
}

/// A user, client or database.
#[derive(Debug, Serialize)]
struct Value<'a> {
    name: &'a str,
    sessions: u64,
    active_sessions: u64,
    transaction_max_seconds: f64,
}

fn values(dimension: &Dimension) -> Vec<Value<'_>> {
    let other = ("other", &dimension.other);
    let shown = dimension.shown.iter().chain([other]);
    shown
        .map(|(name, group)| Value {
            name,
            sessions: group.total,
            active_sessions: group.active,
            transaction_max_seconds: group.oldest_transaction,
        })
        .collect()
}

#[derive(Debug, Serialize)]
struct Command {
    command: &'static str,
    sessions: u64,
}

fn commands(listed: &Listed) -> Vec<Command> {
    let commands = listed.commands.iter();
    commands.map(|(command, sessions)| Command { command: command.label(), sessions: *sessions }).collect()
}

/// A thread state, within a command.
#[derive(Debug, Serialize)]
struct ThreadState<'a> {
    command: &'static str,
    state: &'a str,
    sessions: u64,
}

fn states(listed: &Listed) -> Vec<ThreadState<'_>> {
    let states = listed.states.iter();
    states
        .map(|(state, (command, sessions))| ThreadState {
            command: command.label(),
            state,
            sessions: *sessions,
        })
        .collect()
}

/// One of the oldest sessions, or the session of one of the oldest transactions.
#[derive(Debug, Serialize)]
struct Session<'a> {
    id: Option<&'a str>,
    user: Option<&'a str>,
    client: Option<&'a str>,
    database: Option<&'a str>,
    command: Option<&'static str>,
    state: Option<&'a str>,
    seconds: f64,
    idle_in_transaction: bool,
    statement: Option<&'a str>,
}

impl<'a> From<OldestRow<'a>> for Session<'a> {
    fn from(row: OldestRow<'a>) -> Self {
        let OldestRow { seconds, id, user, client, database, command, state, idle_in_transaction, statement } =
            row;
        let command = command.map(MysqlCommand::label);
        Self { id, user, client, database, command, state, seconds, idle_in_transaction, statement }
    }
}

/// A point of the past; all but `at` and `up` is null where the fetch failed.
#[derive(Debug, Serialize)]
struct Past {
    at: Timestamp,
    up: bool,
    sessions: Option<u32>,
    active_sessions: Option<u32>,
    executing_sessions: Option<u32>,
    active_max_seconds: Option<f32>,
    transaction_max_seconds: Option<f32>,
    idle_transactions: Option<u32>,
}

impl From<&Point> for Past {
    fn from(point: &Point) -> Self {
        Self {
            at: point.at,
            up: point.is_good(),
            sessions: point.sessions,
            active_sessions: point.active,
            executing_sessions: point.executing,
            active_max_seconds: point.longest_active,
            transaction_max_seconds: point.oldest_transaction,
            idle_transactions: point.idle_transactions,
        }
    }
}
