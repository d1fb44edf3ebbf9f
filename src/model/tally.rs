//! Counts over sessions, folded in row by row: no row is kept, and nothing is allocated for a value already seen.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::command::Command;
use super::exemplars::Exemplars;
use super::groups::{Group, Groups};
use super::host;
use super::oldest::Candidates;
use super::session::{Session, SessionId, Standing};
use super::state::{self, Wait};

/// When a statement is slow and a transaction long, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// An executing session counts as slow from here on.
    pub slow: f64,
    /// An open transaction counts as long from here on.
    pub long: f64,
}

/// Upper bounds of the age buckets in seconds; `+Inf` follows.
pub const AGE_BOUNDS: [f64; 9] = [1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0];

/// A gauge histogram of ages in seconds, and whose the oldest age in each bucket is: while it is counted, and as it is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ages<O = Exemplars> {
    /// Observations at or below each bound and above the one before; the last is `+Inf`.
    pub buckets: [u32; AGE_BOUNDS.len() + 1],
    /// Sum of all observations.
    pub sum: f64,
    /// Greatest observation; 0 where there is none.
    pub max: f64,
    /// The oldest of each bucket that has one, in no order.
    pub oldest: O,
}

/// The session with the greatest age in a bucket: an exemplar.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Oldest {
    /// Place of the bucket in [`Ages::buckets`].
    pub bucket: u8,
    /// Its age in seconds.
    pub seconds: f64,
    /// Its id; empty where it has none.
    pub session_id: String,
    /// The id of its transaction; empty where it has none.
    pub transaction_id: String,
}

impl Ages<Vec<Oldest>> {
    /// The same for as long as a snapshot lasts.
    #[must_use]
    pub fn kept(&self) -> Ages {
        let Self { buckets, sum, max, ref oldest } = *self;
        Ages { buckets, sum, max, oldest: oldest.as_slice().into() }
    }

    fn observe(&mut self, seconds: f64, session: &Session<'_>) {
        let place = AGE_BOUNDS.partition_point(|bound| *bound < seconds);
        let bucket = u8::try_from(place).expect("there are ten buckets");
        self.buckets[place] += 1;
        self.sum += seconds;
        self.max = self.max.max(seconds);
        match self.oldest.iter_mut().find(|oldest| oldest.bucket == bucket) {
            Some(oldest) if seconds > oldest.seconds => oldest.become_of(seconds, session),
            Some(_) => {}
            None => {
                let mut oldest = Oldest { bucket, ..Oldest::default() };
                oldest.become_of(seconds, session);
                self.oldest.push(oldest);
            }
        }
    }
}

impl Oldest {
    /// Reuses its texts' memory, since a list sorted by age makes every session the oldest so far.
    fn become_of(&mut self, seconds: f64, session: &Session<'_>) {
        self.seconds = seconds;
        self.session_id.clear();
        match session.id {
            Some(SessionId::Number(number)) => self.session_id.push_str(itoa::Buffer::new().format(number)),
            Some(SessionId::Text(text)) => self.session_id.push_str(text),
            None => {}
        }
        self.transaction_id.clear();
        self.transaction_id.push_str(session.transaction.and_then(|t| t.id).unwrap_or_default());
    }
}

/// The sessions in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct InState {
    /// How many they are.
    pub sessions: u64,
    /// How long they have been in it, together, in seconds.
    pub seconds: f64,
}

impl InState {
    /// Takes others in.
    pub fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.seconds += other.seconds;
    }
}

/// Sessions by the raw text of their state.
pub type States = HashMap<Box<str>, InState, RandomState>;

/// What the listed sessions add up to.
#[derive(Debug, Clone)]
pub struct Tally {
    thresholds: Thresholds,
    pub(super) listed: u64,
    pub(super) active: u64,
    pub(super) executing: u64,
    pub(super) idle: u64,
    pub(super) system: u64,
    pub(super) slow: u64,
    pub(super) waiting: [u64; Wait::ALL.len()],
    pub(super) execution_ages: Ages<Vec<Oldest>>,
    pub(super) oldest_sessions: Candidates,
    pub(super) transactions: u64,
    pub(super) long_transactions: u64,
    pub(super) idle_transactions: u64,
    pub(super) oldest_idle_transaction: f64,
    pub(super) transaction_ages: Ages<Vec<Oldest>>,
    pub(super) oldest_transactions: Candidates,
    /// Sessions by command, in no order, and below it by the state's raw text. Most instances show a handful of commands.
    pub(super) states: Vec<(Command, States)>,
    pub(super) users: Groups,
    pub(super) clients: Groups,
    pub(super) databases: Groups,
    /// By SQL template, and how many have none: on most instances, all.
    pub(super) templates: Groups,
    pub(super) without_template: u64,
}

impl Tally {
    /// An empty tally.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            listed: 0,
            active: 0,
            executing: 0,
            idle: 0,
            system: 0,
            slow: 0,
            waiting: [0; Wait::ALL.len()],
            execution_ages: Ages::default(),
            oldest_sessions: Candidates::default(),
            transactions: 0,
            long_transactions: 0,
            idle_transactions: 0,
            oldest_idle_transaction: 0.0,
            transaction_ages: Ages::default(),
            oldest_transactions: Candidates::default(),
            states: Vec::new(),
            users: Groups::default(),
            clients: Groups::default(),
            databases: Groups::default(),
            templates: Groups::default(),
            without_template: 0,
        }
    }

    /// Whether the oldest sessions and transactions keep their statements, as digests; without it, they do not.
    #[must_use]
    pub fn with_statements(self, kept: bool) -> Self {
        let candidates = Candidates::new(kept);
        Self { oldest_sessions: candidates.clone(), oldest_transactions: candidates, ..self }
    }

    /// When a statement is slow and a transaction long.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Sessions folded in so far.
    #[must_use]
    pub fn listed(&self) -> u64 {
        self.listed
    }

    /// Folds one session in.
    pub fn add(&mut self, session: &Session<'_>) {
        let standing = session.standing();
        self.listed += 1;
        self.active += u64::from(standing.active);
        self.idle += u64::from(standing.idle);
        self.system += u64::from(standing.system);
        if let Some(wait) = standing.waiting {
            self.waiting[wait as usize] += 1;
        }
        if standing.executing {
            self.add_execution(session);
        }
        self.add_transaction(session, standing);
        self.add_labels(session, standing);
    }

    fn add_execution(&mut self, session: &Session<'_>) {
        self.executing += 1;
        if let Some(seconds) = session.seconds {
            self.execution_ages.observe(seconds, session);
            self.oldest_sessions.consider(seconds, session);
            self.slow += u64::from(seconds >= self.thresholds.slow);
        }
    }

    fn add_transaction(&mut self, session: &Session<'_>, standing: Standing) {
        let Some(transaction) = session.transaction else { return };
        self.transactions += 1;
        self.idle_transactions += u64::from(standing.idle_in_transaction);
        let Some(seconds) = transaction.seconds else { return };
        self.transaction_ages.observe(seconds, session);
        self.oldest_transactions.consider(seconds, session);
        self.long_transactions += u64::from(seconds >= self.thresholds.long);
        if standing.idle_in_transaction {
            self.oldest_idle_transaction = self.oldest_idle_transaction.max(seconds);
        }
    }

    fn add_labels(&mut self, session: &Session<'_>, standing: Standing) {
        let group = Group {
            total: 1,
            active: u64::from(standing.active),
            oldest_transaction: session.transaction.and_then(|t| t.seconds).unwrap_or_default(),
        };
        self.users.add(session.user, group);
        self.clients.add(session.client.map(host::without_port), group);
        self.databases.add(session.database, group);
        let one = InState { sessions: 1, seconds: session.seconds.unwrap_or_default() };
        add(self.states_of(standing.command), session.state.unwrap_or(state::ABSENT), one);
        match session.template {
            Some(_) => self.templates.add(session.template, Group { total: 1, ..Group::default() }),
            None => self.without_template += 1,
        }
    }

    fn states_of(&mut self, command: Command) -> &mut States {
        let known = self.states.iter().position(|(other, _)| *other == command);
        let place = known.unwrap_or_else(|| {
            self.states.push((command, States::default()));
            self.states.len() - 1
        });
        &mut self.states[place].1
    }
}

fn add(states: &mut States, state: &str, sessions: InState) {
    match states.get_mut(state) {
        Some(known) => known.add(sessions),
        None => drop(states.insert(Box::from(state), sessions)),
    }
}
