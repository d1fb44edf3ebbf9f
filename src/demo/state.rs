//! What the simulated cloud knows: its clock, its instances, keys and users, and the log of its calls. Everything that an
//! instance shows is a function of the simulated time; a fixed value is a constant one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::alibaba::kill::KillTask;
use super::alibaba::stats::AlibabaStats;
use super::fault::Fault;
use super::identity::Identities;
use super::session::SimSession;

/// How far the clocks of caller and cloud may be apart, at both clouds.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(15);

/// A demo may run for days: only the latest calls are kept.
const MAX_CALLS: usize = 100_000;

/// A value as a function of the time since the cloud started.
pub(super) type Script<T> = Arc<dyn Fn(Duration) -> T + Send + Sync>;

/// One call, as the cloud logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When it was received, on the runtime's clock.
    pub at: Instant,
    /// `x-acs-action`, or the last segment of the path.
    pub operation: String,
    /// `ID` or `ID/NODE`, as asked; for what issues identities [`super::IAM`], [`super::STS`] or [`super::METADATA`].
    pub instance: String,
    /// Status answered; none where the call was left hanging or reset.
    pub status: Option<u16>,
    /// Query, decoded, in the order received.
    pub query: Vec<(String, String)>,
    /// Access key id of the signature, or the token; empty without either.
    pub key: String,
}

/// One instance or node.
#[derive(Clone, Default)]
pub(super) struct Instance {
    pub sessions: Option<Script<Arc<[SimSession]>>>,
    pub stats: Arc<AlibabaStats>,
    pub polls: u32,
    pub fault: Option<Script<Option<Fault>>>,
    pub kill_tasks: HashMap<String, Script<KillTask>>,
}

/// A result of Alibaba's asynchronous session query.
pub(super) struct Pending {
    pub instance: String,
    pub asked: Instant,
    pub polls_left: u32,
    pub sessions: Arc<[SimSession]>,
}

/// Secret and security token of an access key.
#[derive(Clone)]
pub(super) struct Key {
    pub secret: String,
    pub token: Option<String>,
    /// End of its life; none: it lasts.
    pub ends_at: Option<Timestamp>,
}

/// Domain, user and password of an IAM user.
pub(super) type IamUser = (String, String, String);

#[derive(Default)]
pub(super) struct State {
    pub instances: HashMap<String, Instance>,
    pub keys: HashMap<String, Key>,
    pub nonces: Nonces,
    pub iam_users: HashSet<IamUser>,
    pub identities: Identities,
    /// End of each token's life.
    pub tokens: HashMap<String, Timestamp>,
    pub results: HashMap<String, Pending>,
    /// Polls that the present [`Fault::RefuseResultId`] has refused.
    pub refused_polls: HashMap<String, u32>,
    /// Faults of the next calls, before the standing one.
    pub next_faults: HashMap<String, VecDeque<Fault>>,
    pub calls: VecDeque<Call>,
    /// What the cloud's clock is ahead of the caller's.
    pub clock_offset: SignedDuration,
    /// Time that it takes to refuse a caller.
    pub refusals_take: Option<Duration>,
    serial: u64,
}

impl State {
    /// A number that no other id has.
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub fn instance(&mut self, name: &str) -> &mut Instance {
        self.instances.entry(name.to_owned()).or_default()
    }

    pub fn log(&mut self, call: Call) {
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
}

/// State and clock, shared by the handles and the server.
pub(super) struct Shared {
    state: Mutex<State>,
    started: Instant,
    epoch: Timestamp,
}

impl Shared {
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the other side of the wire has a clock of its own")]
        let epoch = Timestamp::now();
        Self { state: Mutex::default(), started: Instant::now(), epoch }
    }

    /// No caller's code runs under this lock.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The cloud's wall clock; it goes with the runtime's clock.
    pub fn now(&self) -> Timestamp {
        let offset = self.state().clock_offset;
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed.saturating_add(offset)).unwrap_or(Timestamp::MAX)
    }

    /// The instance that answers to this name; a cluster's id alone names the first of its nodes.
    pub fn instance(&self, name: &str) -> Option<Instance> {
        let state = self.state();
        let node = || {
            let nodes = state.instances.iter().filter(|(key, _)| key.starts_with(&format!("{name}/")));
            nodes.min_by_key(|(key, _)| key.as_str()).map(|(_, instance)| instance)
        };
        state.instances.get(name).or_else(node).cloned()
    }

    /// The rows of an instance now; none if it has none to show.
    pub fn sessions(&self, name: &str) -> Option<Arc<[SimSession]>> {
        let sessions = self.instance(name)?.sessions?;
        Some(sessions(self.elapsed()))
    }

    /// The fault of the next call about an instance.
    pub fn take_fault(&self, name: &str) -> Option<Fault> {
        let next = self.state().next_faults.get_mut(name).and_then(VecDeque::pop_front);
        next.or_else(|| {
            let fault = self.state().instances.get(name)?.fault.clone()?;
            fault(self.elapsed())
        })
    }

    /// A request id, of the form both clouds use somewhere.
    pub fn request_id(&self) -> String {
        format!("B6D17591-B48B-4D31-9CD6-{:012X}", self.state().serial())
    }
}

/// Nonces of the recent past; twice the tolerance covers every date that is accepted.
#[derive(Default)]
pub(super) struct Nonces {
    recent: HashSet<String>,
    older: HashSet<String>,
    since: Option<Timestamp>,
}

impl Nonces {
    /// Whether this nonce was not used before.
    pub fn use_up(&mut self, nonce: &str, now: Timestamp) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) > CLOCK_TOLERANCE * 2 {
            self.older = std::mem::take(&mut self.recent);
            self.since = Some(now);
        }
        !self.older.contains(nonce) && self.recent.insert(nonce.to_owned())
    }
}
