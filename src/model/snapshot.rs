//! What one good fetch learnt about one target: small, owned, immutable.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::command::Command;
use super::groups::{Group, Groups};
use super::label;
use super::oldest::OldestRows;
use super::ranking::{Dimension, Named, Ranking, Rankings};
use super::series::Room;
use super::state::{self, Wait};
use super::tally::{Ages, InState, States, Tally, Thresholds};

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
    /// By SQL template, where the provider has such: most have not.
    pub templates: Option<Box<Dimension>>,
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
    /// Those of them that have executed longest.
    pub oldest_sessions: OldestRows,
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
    /// Those of them that are open longest.
    pub oldest_transactions: OldestRows,
    /// Sessions by command, without zeros.
    pub commands: Box<[(Command, u64)]>,
    /// Sessions by state and command, without zeros.
    pub states: Named<(Command, u64)>,
    /// How long the sessions of each of these have been in it, together; none unless it is shown, which is under the names of
    /// `mysqld_exporter` alone.
    pub state_seconds: Box<[f64]>,
    /// `max_series` left no room for all of them.
    pub states_capped: bool,
}

/// A provider's time further than this from ours is not believed.
const BELIEVABLE: SignedDuration = SignedDuration::from_hours(24);

impl Snapshot {
    /// Cuts what was fetched to what is shown. `received_at` is the time of the last answer.
    #[must_use]
    pub fn new(fetched: Fetched, rankings: &mut Rankings, received_at: Timestamp) -> Self {
        let Fetched { tally, reported, thresholds } = fetched;
        let believable = |at: &Timestamp| received_at.duration_since(*at).abs() <= BELIEVABLE;
        let rows = tally.map(|tally| Rows::new(tally, rankings.room)).unwrap_or_default();
        let dimensions = [
            dimension(reported.users, rows.users),
            dimension(reported.clients, rows.clients),
            dimension(reported.databases, rows.databases),
        ];
        let (commands, states) =
            rows.listed.as_ref().map_or((0, 0), |listed| (listed.commands.len(), listed.states.len()));
        let present = dimensions.iter().flatten().count();
        let limit = rankings.room.values(commands, states, present, rows.templates.is_some());
        let cut =
            |groups: Option<Groups>, ranking: &mut Ranking| groups.map(|groups| ranking.cut(groups, limit));
        let [users, clients, databases] = dimensions;
        Self {
            taken_at: reported.taken_at.filter(believable).unwrap_or(received_at),
            sessions: reported.total.unwrap_or(rows.count),
            active: reported.active.or(rows.active),
            unlisted: reported.unlisted,
            longest_active: reported.longest_active.or(rows.listed.as_ref().map(|l| l.execution_ages.max)),
            users: cut(users, &mut rankings.users),
            clients: cut(clients, &mut rankings.clients),
            databases: cut(databases, &mut rankings.databases),
            templates: cut(rows.templates, &mut rankings.templates).map(Box::new),
            listed: rows.listed,
            thresholds,
        }
    }

    /// Whether `max_series` made more go to `other` than would have otherwise.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        let Self { users, clients, databases, .. } = self;
        let templates = self.templates.as_deref();
        let dimensions = [users.as_ref(), clients.as_ref(), databases.as_ref(), templates];
        let states = self.listed.as_ref().is_some_and(|listed| listed.states_capped);
        states || dimensions.into_iter().flatten().any(|dimension| dimension.capped)
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

impl Rows {
    fn new(mut tally: Tally, room: Room) -> Self {
        let states = ShownStates::new(&std::mem::take(&mut tally.states), room);
        Self {
            count: tally.listed,
            active: Some(tally.active),
            templates: templates(&mut tally),
            users: Some(std::mem::take(&mut tally.users)),
            clients: Some(std::mem::take(&mut tally.clients)),
            databases: Some(std::mem::take(&mut tally.databases)),
            listed: Some(Listed::new(&tally, states)),
        }
    }
}

impl Listed {
    fn new(tally: &Tally, ShownStates { states, seconds, capped }: ShownStates) -> Self {
        Self {
            executing: tally.executing,
            idle: tally.idle,
            system: tally.system,
            slow: tally.slow,
            waiting: tally.waiting,
            execution_ages: tally.execution_ages.kept(),
            oldest_sessions: tally.oldest_sessions.kept(),
            transactions: tally.transactions,
            long_transactions: tally.long_transactions,
            idle_transactions: tally.idle_transactions,
            oldest_idle_transaction: tally.oldest_idle_transaction,
            transaction_ages: tally.transaction_ages.kept(),
            oldest_transactions: tally.oldest_transactions.kept(),
            commands: commands(&states),
            states,
            state_seconds: seconds,
            states_capped: capped,
        }
    }
}

/// The provider's own counts where it gives them, with the oldest transactions of the rows; else the rows' counts. The
/// transaction of a row whose value the provider does not count belongs to `other`.
fn dimension(reported: Option<Groups>, listed: Option<Groups>) -> Option<Groups> {
    match (reported, listed) {
        (Some(mut groups), Some(rows)) => {
            groups.take_transactions(rows);
            Some(groups)
        }
        (reported, listed) => reported.or(listed),
    }
}

/// By template where any session has one; those without count as one value.
fn templates(tally: &mut Tally) -> Option<Groups> {
    let mut groups = std::mem::take(&mut tally.templates);
    if groups.is_empty() {
        return None;
    }
    if tally.without_template > 0 {
        groups.add(None, Group { total: tally.without_template, ..Group::default() });
    }
    Some(groups)
}

fn commands(states: &Named<(Command, u64)>) -> Box<[(Command, u64)]> {
    let mut commands: Vec<(Command, u64)> = Vec::new();
    for (_, (command, sessions)) in states.iter() {
        match commands.last_mut() {
            Some((last, sum)) if last == command => *sum += sessions,
            _ => commands.push((*command, *sessions)),
        }
    }
    commands.into()
}

/// Sessions by pair of command and state.
type Pairs = BTreeMap<(Command, Box<str>), InState>;

/// The pairs of command and state in their order, spelled as labels: all known states, of the others those with most
/// sessions, of all no more than there is room for, the rest as `other`.
struct ShownStates {
    states: Named<(Command, u64)>,
    seconds: Box<[f64]>,
    /// The room had a part in it.
    capped: bool,
}

impl ShownStates {
    fn new(raw: &[(Command, States)], room: Room) -> Self {
        let mut pairs = Pairs::new();
        for (command, states) in raw {
            for (state, sessions) in states {
                let spelled = state::label(Some(state.as_ref()));
                pairs.entry((*command, Box::from(spelled))).or_default().add(*sessions);
            }
        }
        fold(&mut pairs, |state| !state::is_known(state), state::MAX_UNKNOWN_PAIRS);
        let room_for = room.states(raw.len());
        let capped = pairs.len() > room_for;
        fold(&mut pairs, |state| state != label::OTHER, room_for);
        let seconds = pairs.values().filter(|_| room.has_mysqld_names()).map(|pair| pair.seconds).collect();
        let states = pairs.into_iter().map(|((command, state), pair)| (state, (command, pair.sessions)));
        Self { states: states.collect(), seconds, capped }
    }
}

/// Of the pairs whose state `counts`, keeps the `limit` with most sessions; the rest become `other`.
fn fold(pairs: &mut Pairs, counts: fn(&str) -> bool, limit: usize) {
    let mut counted: Vec<_> = pairs.iter().filter(|((_, state), _)| counts(state)).collect();
    counted.sort_unstable_by_key(|((command, state), pair)| (Reverse(pair.sessions), command.label(), state));
    let folded: Vec<_> = counted.into_iter().skip(limit).map(|(pair, _)| pair.clone()).collect();
    for pair in folded {
        let sessions = pairs.remove(&pair).unwrap_or_default();
        pairs.entry((pair.0, Box::from(label::OTHER))).or_default().add(sessions);
    }
}
