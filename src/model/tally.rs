//! Counts over sessions, folded in row by row: no row is kept, and nothing is allocated for a value already seen.

use std::collections::HashMap;

use super::command::Command;
use super::host;
use super::label;
use super::session::{Session, Standing};
use super::state::Wait;

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

/// A gauge histogram of ages in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ages {
    /// Observations at or below each bound and above the one before; the last is `+Inf`.
    pub buckets: [u64; AGE_BOUNDS.len() + 1],
    /// Sum of all observations.
    pub sum: f64,
    /// Greatest observation; 0 where there is none.
    pub max: f64,
}

impl Ages {
    fn observe(&mut self, seconds: f64) {
        self.buckets[AGE_BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
        self.max = self.max.max(seconds);
    }
}

/// What the sessions of one user, client or database add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Group {
    /// All sessions.
    pub total: u64,
    /// Active ones.
    pub active: u64,
    /// Age of the oldest transaction in seconds; 0: none.
    pub oldest_transaction: f64,
}

impl Group {
    /// Takes another group in.
    pub fn add(&mut self, other: Self) {
        self.total += other.total;
        self.active += other.active;
        self.oldest_transaction = self.oldest_transaction.max(other.oldest_transaction);
    }
}

/// Groups by label value.
pub type Groups = HashMap<Box<str>, Group>;

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
    pub(super) execution_ages: Ages,
    pub(super) transactions: u64,
    pub(super) long_transactions: u64,
    pub(super) idle_transactions: u64,
    pub(super) oldest_idle_transaction: f64,
    pub(super) transaction_ages: Ages,
    /// Sessions by command, and below it by the state's raw text.
    pub(super) states: Vec<HashMap<Box<str>, u64>>,
    pub(super) users: Groups,
    pub(super) clients: Groups,
    pub(super) databases: Groups,
    /// Sessions by SQL template, and how many have none.
    pub(super) templates: HashMap<Box<str>, u64>,
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
            transactions: 0,
            long_transactions: 0,
            idle_transactions: 0,
            oldest_idle_transaction: 0.0,
            transaction_ages: Ages::default(),
            states: vec![HashMap::new(); Command::COUNT],
            users: Groups::new(),
            clients: Groups::new(),
            databases: Groups::new(),
            templates: HashMap::new(),
            without_template: 0,
        }
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
            self.add_execution(session.seconds);
        }
        self.add_transaction(session, standing);
        self.add_labels(session, standing);
    }

    fn add_execution(&mut self, seconds: Option<f64>) {
        self.executing += 1;
        if let Some(seconds) = seconds {
            self.execution_ages.observe(seconds);
            self.slow += u64::from(seconds >= self.thresholds.slow);
        }
    }

    fn add_transaction(&mut self, session: &Session<'_>, standing: Standing) {
        let Some(transaction) = session.transaction else { return };
        self.transactions += 1;
        self.idle_transactions += u64::from(standing.idle_in_transaction);
        let Some(seconds) = transaction.seconds else { return };
        self.transaction_ages.observe(seconds);
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
        add_group(&mut self.users, session.user, group);
        add_group(&mut self.clients, session.client.map(host::without_port), group);
        add_group(&mut self.databases, session.database, group);
        count(&mut self.states[standing.command.index()], session.state.unwrap_or_default());
        match session.template {
            Some(template) => count(&mut self.templates, &label::real(template)),
            None => self.without_template += 1,
        }
    }
}

/// Adds to the group of a raw name.
pub fn add_group(groups: &mut Groups, raw: Option<&str>, group: Group) {
    let label = label::value(raw);
    match groups.get_mut(label.as_ref()) {
        Some(known) => known.add(group),
        None => drop(groups.insert(Box::from(label), group)),
    }
}

fn count(counts: &mut HashMap<Box<str>, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(known) => *known += 1,
        None => drop(counts.insert(Box::from(key), 1)),
    }
}
