//! What one good fetch learnt about one target: small, owned, immutable.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::command::Command;
use super::label;
use super::ranking::{Dimension, Ranking, Rankings};
use super::state::{self, Wait};
use super::tally::{Ages, Group, Groups, Tally, Thresholds};

/// What a provider reports beside, or instead of, the rows it lists. `None`: not reported.
#[derive(Debug, Clone, Default)]
pub struct Reported {
    /// All sessions.
    pub total: Option<u64>,
    /// Active sessions.
    pub active: Option<u64>,
    /// Longest active time in seconds.
    pub longest_active: Option<f64>,
    /// Sessions that the provider counted, but did not list.
    pub unlisted: u64,
    /// Counts by database account.
    pub users: Option<Groups>,
    /// Counts by client host.
    pub clients: Option<Groups>,
    /// Counts by database.
    pub databases: Option<Groups>,
    /// When the provider took the data.
    pub taken_at: Option<Timestamp>,
}

/// The outcome of one good fetch, before it is cut to what is shown.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What the rows add up to; `None` where the provider counted sessions, but listed none at all.
    pub tally: Option<Tally>,
    /// What the provider reports itself.
    pub reported: Reported,
    /// When a statement is slow and a transaction long.
    pub thresholds: Thresholds,
}

/// What one good fetch learnt. Counts of sessions, ages in seconds.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When the data were taken, as far as the provider says so believably; else when they were received.
    pub taken_at: Timestamp,
    /// All sessions.
    pub sessions: u64,
    /// Active ones; `None` where neither reported nor listed.
    pub active: Option<u64>,
    /// Counted by the provider, but not listed.
    pub unlisted: u64,
    /// Longest active time; `None` where neither reported nor listed.
    pub longest_active: Option<f64>,
    /// What the listed rows add up to.
    pub listed: Option<Listed>,
    /// By database account.
    pub users: Option<Dimension>,
    /// By client host.
    pub clients: Option<Dimension>,
    /// By database.
    pub databases: Option<Dimension>,
    /// By SQL template, where the provider has such.
    pub templates: Option<Dimension>,
    /// When a statement is slow and a transaction long.
    pub thresholds: Thresholds,
}

/// What the listed rows of a snapshot add up to.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Query or Execute, system sessions left out.
    pub executing: u64,
    /// Sleep without a transaction.
    pub idle: u64,
    /// Threads of the server.
    pub system: u64,
    /// Executing for at least the threshold.
    pub slow: u64,
    /// Waiting, by [`Wait::ALL`].
    pub waiting: [u64; Wait::ALL.len()],
    /// Time of the executing sessions.
    pub execution_ages: Ages,
    /// Open transactions.
    pub transactions: u64,
    /// Open for at least the threshold.
    pub long_transactions: u64,
    /// Open in a sleeping session.
    pub idle_transactions: u64,
    /// Age of the oldest of those.
    pub oldest_idle_transaction: f64,
    /// Ages of the open transactions.
    pub transaction_ages: Ages,
    /// Sessions by command, without zeros.
    pub commands: Vec<(Command, u64)>,
    /// Sessions by command and state, without zeros.
    pub states: Vec<(Command, Box<str>, u64)>,
}

/// A provider's time further than this from ours is not believed.
const BELIEVABLE: SignedDuration = SignedDuration::from_hours(24);

impl Snapshot {
    /// Cuts what was fetched to what is shown. `received_at` is the time of the last answer.
    #[must_use]
    pub fn new(fetched: Fetched, rankings: &mut Rankings, received_at: Timestamp) -> Self {
        let Fetched { tally, reported, thresholds } = fetched;
        let believable = |at: &Timestamp| received_at.duration_since(*at).abs() <= BELIEVABLE;
        let rows = tally.map(Rows::from).unwrap_or_default();
        Self {
            taken_at: reported.taken_at.filter(believable).unwrap_or(received_at),
            sessions: reported.total.unwrap_or(rows.count),
            active: reported.active.or(rows.active),
            unlisted: reported.unlisted,
            longest_active: reported.longest_active.or(rows.listed.as_ref().map(|l| l.execution_ages.max)),
            users: dimension(reported.users, rows.users, &mut rankings.users),
            clients: dimension(reported.clients, rows.clients, &mut rankings.clients),
            databases: dimension(reported.databases, rows.databases, &mut rankings.databases),
            templates: rows.templates.map(|groups| rankings.templates.cut(groups)),
            listed: rows.listed,
            thresholds,
        }
    }
}

/// A tally, taken apart; all `None` where there are no rows to speak of.
#[derive(Default)]
struct Rows {
    count: u64,
    active: Option<u64>,
    users: Option<Groups>,
    clients: Option<Groups>,
    databases: Option<Groups>,
    templates: Option<Groups>,
    listed: Option<Listed>,
}

impl From<Tally> for Rows {
    fn from(mut tally: Tally) -> Self {
        let states = states(&std::mem::take(&mut tally.states));
        Self {
            count: tally.listed,
            active: Some(tally.active),
            templates: (!tally.templates.is_empty()).then(|| templates(&tally)),
            users: Some(std::mem::take(&mut tally.users)),
            clients: Some(std::mem::take(&mut tally.clients)),
            databases: Some(std::mem::take(&mut tally.databases)),
            listed: Some(Listed::new(&tally, states)),
        }
    }
}

impl Listed {
    fn new(tally: &Tally, states: Vec<(Command, Box<str>, u64)>) -> Self {
        Self {
            executing: tally.executing,
            idle: tally.idle,
            system: tally.system,
            slow: tally.slow,
            waiting: tally.waiting,
            execution_ages: tally.execution_ages,
            transactions: tally.transactions,
            long_transactions: tally.long_transactions,
            idle_transactions: tally.idle_transactions,
            oldest_idle_transaction: tally.oldest_idle_transaction,
            transaction_ages: tally.transaction_ages,
            commands: commands(&states),
            states,
        }
    }
}

/// The provider's own counts where it gives them, with the oldest transactions of the rows; else the rows' counts. The
/// transaction of a row whose value the provider does not count belongs to `other`.
fn dimension(reported: Option<Groups>, listed: Option<Groups>, ranking: &mut Ranking) -> Option<Dimension> {
    let Some(mut groups) = reported else { return listed.map(|groups| ranking.cut(groups)) };
    let mut uncounted = 0.0_f64;
    for (label, rows) in listed.into_iter().flatten() {
        match groups.get_mut(&label) {
            Some(group) => group.oldest_transaction = rows.oldest_transaction,
            None => uncounted = uncounted.max(rows.oldest_transaction),
        }
    }
    let mut dimension = ranking.cut(groups);
    dimension.other.oldest_transaction = dimension.other.oldest_transaction.max(uncounted);
    Some(dimension)
}

fn templates(tally: &Tally) -> Groups {
    let group = |total| Group { total, ..Group::default() };
    let mut groups: Groups =
        tally.templates.iter().map(|(label, total)| (label.clone(), group(*total))).collect();
    if tally.without_template > 0 {
        groups.insert(Box::from(label::NONE), group(tally.without_template));
    }
    groups
}

fn commands(states: &[(Command, Box<str>, u64)]) -> Vec<(Command, u64)> {
    let mut commands: Vec<(Command, u64)> = Vec::new();
    for (command, _, sessions) in states {
        match commands.last_mut() {
            Some((last, sum)) if last == command => *sum += sessions,
            _ => commands.push((*command, *sessions)),
        }
    }
    commands
}

/// The pairs of command and state in their order, spelled as labels: all known states, of the others those with most
/// sessions, the rest as `other`.
fn states(raw: &[HashMap<Box<str>, u64>]) -> Vec<(Command, Box<str>, u64)> {
    let mut pairs: BTreeMap<(Command, Box<str>), u64> = BTreeMap::new();
    for (command, states) in Command::all().zip(raw) {
        for (state, sessions) in states {
            let spelled = state::label(Some(state.as_ref()));
            *pairs.entry((command, Box::from(spelled))).or_default() += sessions;
        }
    }
    let mut unknown: Vec<_> = pairs.iter().filter(|((_, state), _)| !state::is_known(state)).collect();
    unknown
        .sort_unstable_by_key(|((command, state), sessions)| (Reverse(**sessions), command.label(), state));
    let folded: Vec<_> =
        unknown.into_iter().skip(state::MAX_UNKNOWN_PAIRS).map(|(pair, _)| pair.clone()).collect();
    for pair in folded {
        let sessions = pairs.remove(&pair).unwrap_or_default();
        *pairs.entry((pair.0, Box::from(label::OTHER))).or_default() += sessions;
    }
    pairs.into_iter().map(|((command, state), sessions)| (command, state, sessions)).collect()
}
