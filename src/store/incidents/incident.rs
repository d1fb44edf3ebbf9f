//! One incident, as it is kept, shown as JSON and put on pages. Counts of sessions, ages in seconds.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::model::Snapshot;
use crate::model::command::Command;
use crate::model::incident::{Grown, grown, grown_states};
use crate::model::oldest::{OldestRow, OldestRows};
use crate::model::ranking::Dimension;
use crate::model::snapshot::Listed;

/// Bytes of one incident as JSON, that a few with very long names do not push out all others; a usual one has about 6 kB.
const MAX_BYTES: usize = 64 << 10;

/// A spike of active sessions, and who was in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Counted from 1, never used twice.
    pub id: u64,
    /// Where it was.
    #[serde(flatten)]
    pub target: TargetName,
    /// What people call the instance.
    pub name: Option<String>,
    /// End of the fetch that found it.
    pub started_at: Timestamp,
    /// End of the last good fetch in it.
    pub last_seen_at: Timestamp,
    /// End of the fetch that found it over; `None`: it is open.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How often it went on within the cooldown of its end.
    pub reopened: u32,
    /// The target's usual number of active sessions when it began.
    pub level: f64,
    /// The last fetch before it.
    pub before: Option<Moment>,
    /// The fetch that found it.
    pub first: Moment,
    /// The fetch with most active sessions.
    pub peak: Moment,
    /// The fetch that found it over.
    pub after: Option<Moment>,
    /// Database accounts that grew from `before` to `peak`, those that grew most first.
    pub users: Vec<GrownValue>,
    /// Client hosts that grew.
    pub clients: Vec<GrownValue>,
    /// Databases that grew.
    pub databases: Vec<GrownValue>,
    /// Pairs of command and state that grew.
    pub states: Vec<GrownState>,
    /// The sessions that had executed longest at the peak.
    pub oldest_sessions: Vec<Row>,
    /// The transactions that had been open longest at the peak.
    pub oldest_transactions: Vec<Row>,
}

/// What makes a target the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TargetName {
    /// Name of its account.
    pub account: String,
    /// `das` or `ddm`.
    pub service: String,
    /// The instance.
    pub instance_id: String,
    /// The node, where it is one.
    pub node_id: Option<String>,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The load went back.
    Calm,
    /// The data became too old to be shown, since fetching failed: what came then is not known.
    Lost,
    /// The exporter was stopped for long, or the target or its incidents were taken out of the configuration.
    Interrupted,
}

/// One fetch. What is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When the fetch ended.
    pub at: Timestamp,
    /// All sessions.
    pub sessions: u64,
    /// Active ones.
    pub active_sessions: u64,
    /// Executing ones.
    pub executing_sessions: Option<u64>,
    /// Longest active time.
    pub active_max_seconds: Option<f64>,
    /// Open transactions.
    pub transactions: Option<u64>,
    /// Age of the oldest.
    pub transaction_max_seconds: Option<f64>,
    /// Open in sleeping sessions.
    pub idle_transactions: Option<u64>,
}

/// A user, client or database that grew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrownValue {
    /// As the label has it; `other`: all that are not shown by name.
    pub name: String,
    /// Active sessions before.
    pub active_sessions_before: u64,
    /// Active sessions at the peak.
    pub active_sessions: u64,
    /// Sessions before.
    pub sessions_before: u64,
    /// Sessions at the peak.
    pub sessions: u64,
}

/// A pair of command and state that grew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrownState {
    /// As the label has it.
    pub command: String,
    /// As the label has it.
    pub state: String,
    /// Sessions before.
    pub sessions_before: u64,
    /// Sessions at the peak.
    pub sessions: u64,
}

/// A session at the peak. What it has not is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: Option<String>,
    /// Database account.
    pub user: Option<String>,
    /// Client host.
    pub client: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// As the label has it.
    pub command: Option<String>,
    /// As the label has it.
    pub state: Option<String>,
    /// How long it had executed, or how old its transaction was.
    pub seconds: f64,
    /// Whether it slept while its transaction was open.
    pub idle_in_transaction: bool,
    /// What it executed, with every literal replaced, where statements are shown.
    pub statement: Option<String>,
}

impl TargetName {
    /// The name of a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self {
            account: target.account.name.clone(),
            service: target.service.label().to_owned(),
            instance_id: target.instance_id.clone(),
            node_id: target.node_id.clone(),
        }
    }
}

impl Outcome {
    /// As JSON has it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Lost => "lost",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Moment {
    /// The moment of a snapshot; `None` where active sessions are not known.
    #[must_use]
    pub fn of(snapshot: &Snapshot, at: Timestamp) -> Option<Self> {
        let listed = snapshot.listed.as_ref();
        Some(Self {
            at,
            sessions: snapshot.sessions,
            active_sessions: snapshot.active?,
            executing_sessions: listed.map(|listed| listed.executing),
            active_max_seconds: snapshot.longest_active,
            transactions: listed.map(|listed| listed.transactions),
            transaction_max_seconds: listed.map(|listed| listed.transaction_ages.max),
            idle_transactions: listed.map(|listed| listed.idle_transactions),
        })
    }
}

impl Incident {
    /// An incident that `first` finds in `snapshot`, without an id; `before` is the last fetch that was calm.
    #[must_use]
    pub fn begun(
        target: &Target,
        level: f64,
        before: Option<(&Snapshot, Timestamp)>,
        (snapshot, first): (&Snapshot, Moment),
    ) -> Self {
        let mut incident = Self {
            id: 0,
            target: TargetName::of(target),
            name: target.name.clone(),
            started_at: first.at,
            last_seen_at: first.at,
            ended_at: None,
            outcome: None,
            reopened: 0,
            level,
            before: before.and_then(|(snapshot, at)| Moment::of(snapshot, at)),
            first,
            peak: first,
            after: None,
            users: Vec::new(),
            clients: Vec::new(),
            databases: Vec::new(),
            states: Vec::new(),
            oldest_sessions: Vec::new(),
            oldest_transactions: Vec::new(),
        };
        incident.tell(before.map(|(snapshot, _)| snapshot), snapshot);
        incident
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.ended_at.is_none()
    }

    /// How long it has lasted, or did.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.ended_at.unwrap_or(self.last_seen_at).duration_since(self.started_at).as_secs()
    }

    /// A further fetch finds it going on. `before` is the last fetch that was calm, if it is still known: after a restart it is
    /// not, and who grew is told as it was.
    pub fn observe(&mut self, before: Option<&Snapshot>, snapshot: &Snapshot, moment: Moment) {
        self.last_seen_at = moment.at;
        if moment.active_sessions > self.peak.active_sessions {
            self.peak = moment;
            self.tell(before, snapshot);
        }
    }

    /// A fetch finds it over.
    pub fn end(&mut self, after: Moment) {
        (self.ended_at, self.outcome, self.after) = (Some(after.at), Some(Outcome::Calm), Some(after));
    }

    /// Nothing is known of it any more since its last fetch.
    pub fn cut(&mut self, outcome: Outcome) {
        (self.ended_at, self.outcome, self.after) = (Some(self.last_seen_at), Some(outcome), None);
    }

    /// It goes on after all.
    pub fn reopen(&mut self) {
        (self.ended_at, self.outcome, self.after) = (None, None, None);
        self.reopened += 1;
    }

    /// Tells who grew, and who was oldest, in the snapshot of the peak.
    fn tell(&mut self, before: Option<&Snapshot>, peak: &Snapshot) {
        if before.is_some() || self.before.is_none() {
            let grown =
                |of: fn(&Snapshot) -> Option<&Dimension>| values(&grown(before.and_then(of), of(peak)));
            self.users = grown(|snapshot| snapshot.users.as_ref());
            self.clients = grown(|snapshot| snapshot.clients.as_ref());
            self.databases = grown(|snapshot| snapshot.databases.as_ref());
            let listed = before.and_then(|before| before.listed.as_ref());
            self.states = states(&grown_states(listed, peak.listed.as_ref()));
        }
        let rows = |of: fn(&Listed) -> &OldestRows| {
            peak.listed.iter().flat_map(|listed| of(listed).iter()).map(Row::from).collect()
        };
        self.oldest_sessions = rows(|listed| &listed.oldest_sessions);
        self.oldest_transactions = rows(|listed| &listed.oldest_transactions);
        self.fit();
    }

    /// Leaves out what is last in each list until it is small enough.
    fn fit(&mut self) {
        fn halve<T>(list: &mut Vec<T>) {
            list.truncate(list.len() / 2);
        }
        while self.bytes() > MAX_BYTES {
            [&mut self.users, &mut self.clients, &mut self.databases].into_iter().for_each(halve);
            [&mut self.oldest_sessions, &mut self.oldest_transactions].into_iter().for_each(halve);
            halve(&mut self.states);
        }
    }

    /// Bytes as JSON.
    pub(super) fn bytes(&self) -> usize {
        let mut count = Count(0);
        serde_json::to_writer(&mut count, self)
            .expect("texts, numbers and lists are JSON, and counting cannot fail");
        count.0
    }
}

/// Counts what is written.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn values(grown: &[Grown<&str>]) -> Vec<GrownValue> {
    let value = |grown: &Grown<&str>| GrownValue {
        name: grown.value.to_owned(),
        active_sessions_before: grown.before.active,
        active_sessions: grown.after.active,
        sessions_before: grown.before.total,
        sessions: grown.after.total,
    };
    grown.iter().map(value).collect()
}

fn states(grown: &[Grown<(Command, &str)>]) -> Vec<GrownState> {
    let state = |grown: &Grown<(Command, &str)>| GrownState {
        command: grown.value.0.label().to_owned(),
        state: grown.value.1.to_owned(),
        sessions_before: grown.before.total,
        sessions: grown.after.total,
    };
    grown.iter().map(state).collect()
}

impl From<OldestRow<'_>> for Row {
    fn from(row: OldestRow<'_>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            id: text(row.id),
            user: text(row.user),
            client: text(row.client),
            database: text(row.database),
            command: text(row.command.map(Command::label)),
            state: text(row.state),
            seconds: row.seconds,
            idle_in_transaction: row.idle_in_transaction,
            statement: text(row.statement),
        }
    }
}
