//! The slot of one target.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::history::{History, Point};
use super::lock;
use crate::config::{Provider, Target};
use crate::error::FetchError;
use crate::exposition::{self, Health, IncidentCount, Labels, LastFetch, PageInput, Skip, TargetView};
use crate::model::Snapshot;

/// How a target stands, the `state` label of `dbsession_exporter_targets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The last fetch was good.
    Up,
    /// The last fetch failed.
    Down,
    /// No fetch has ended yet.
    Pending,
    /// Its account is held.
    Held,
}

impl State {
    /// Every state, in the order of their labels on `/metrics`.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Pending, Self::Held];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Pending => "pending",
            Self::Held => "held",
        }
    }
}

/// Why the last fetch failed.
#[derive(Debug, Clone)]
pub struct LastError {
    /// The failure.
    pub error: FetchError,
    /// When it ended the fetch.
    pub at: Timestamp,
}

/// How one target stands, for people.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// What is fetched.
    pub target: Arc<Target>,
    /// Where it stands.
    pub state: State,
    /// End of the last good fetch; `None`: never any.
    pub last_success: Option<Timestamp>,
    /// Age of the last good data, shown or withdrawn; `None`: never any.
    pub age: Option<Duration>,
    /// The last good data, unless withdrawn.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Why the last fetch failed; `None` where it was good.
    pub error: Option<LastError>,
    /// Number of the incident that is open.
    pub incident: Option<u64>,
}

/// What is known of one target, apart from its name and labels.
#[derive(Debug, Default)]
pub struct TargetRecord {
    state: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    health: Arc<Health>,
    mysqld_names: bool,
    held: bool,
    /// The last good data, and when its fetch ended.
    last_good: Option<(Arc<Snapshot>, Instant)>,
    /// How long that fetch took.
    last_good_took: Duration,
    /// How long after its fetch the data are shown.
    stale_after: Duration,
    /// When the next fetch is due.
    due: Option<Instant>,
    error: Option<LastError>,
    history: History,
    /// How many series there are while the last good data are shown, if there are any.
    series: usize,
}

/// A record as it is shown: under this name, with these labels.
#[derive(Debug)]
pub struct Slot {
    target: Arc<Target>,
    labels: Labels,
    info: Labels,
    record: Arc<TargetRecord>,
}

impl TargetRecord {
    /// The last good data, shown or not; with when their fetch began and when it ended.
    #[must_use]
    pub fn last_good(&self) -> Option<(Arc<Snapshot>, Instant, Instant)> {
        let inner = lock(&self.state);
        let (snapshot, ended) = inner.last_good.as_ref()?;
        let took = inner.last_good_took;
        Some((Arc::clone(snapshot), ended.checked_sub(took).unwrap_or(*ended), *ended))
    }
}

impl Slot {
    /// Shows `record` as what is known of `target`.
    #[must_use]
    pub fn new(target: &Arc<Target>, record: Arc<TargetRecord>) -> Self {
        Self {
            labels: labels(&target.instance_id, target.node_id.as_deref(), &target.labels),
            info: info(target),
            target: Arc::clone(target),
            record,
        }
    }

    pub(super) fn provider(&self) -> Provider {
        self.target.account.provider
    }

    pub(super) fn state(&self) -> State {
        lock(&self.record.state).state()
    }

    /// Whose record it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What a page says of the target at the time `now`.
    #[must_use]
    pub fn view(&self, now: Instant) -> TargetView {
        let inner = lock(&self.record.state);
        inner.view(self.labels.clone(), self.info.clone(), inner.shown(now))
    }

    /// Series of the target now.
    pub(super) fn series(&self, now: Instant) -> usize {
        let inner = lock(&self.record.state);
        if inner.last_good.is_some() && inner.shown(now).is_none() { inner.count(None) } else { inner.series }
    }

    /// How long ago the target's next fetch was due.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        lock(&self.record.state).due.map(|due| now.saturating_duration_since(due)).unwrap_or_default()
    }

    /// The past hour, the oldest point first; shown whether the data are withdrawn or not.
    #[must_use]
    pub fn history(&self) -> Vec<Point> {
        lock(&self.record.state).history.points()
    }

    /// How the target stands at the time `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> TargetStatus {
        let inner = lock(&self.record.state);
        TargetStatus {
            target: Arc::clone(&self.target),
            state: inner.state(),
            last_success: inner.health.last_success,
            age: inner.last_good.as_ref().map(|(_, ended)| now.duration_since(*ended)),
            snapshot: inner.shown(now),
            error: inner.error.clone(),
            incident: inner.health.incidents.and_then(|incidents| incidents.open),
        }
    }
}

impl Inner {
    /// The health, to be changed; a page that is being read keeps what it began with.
    fn health(&mut self) -> &mut Health {
        Arc::make_mut(&mut self.health)
    }

    fn state(&self) -> State {
        match self.health.up {
            _ if self.held => State::Held,
            None => State::Pending,
            Some(true) => State::Up,
            Some(false) => State::Down,
        }
    }

    fn view(&self, labels: Labels, info: Labels, snapshot: Option<Arc<Snapshot>>) -> TargetView {
        let (health, mysqld_names) = (Arc::clone(&self.health), self.mysqld_names);
        TargetView { labels, info, health, mysqld_names, snapshot }
    }

    /// Data are withdrawn when they are older than `stale_after`, whoever looks, so that no fetch has to end for it.
    fn shown(&self, now: Instant) -> Option<Arc<Snapshot>> {
        let fresh = |(_, ended): &&(Arc<Snapshot>, Instant)| now.duration_since(*ended) <= self.stale_after;
        self.last_good.as_ref().filter(fresh).map(|(snapshot, _)| Arc::clone(snapshot))
    }

    /// Counts the series anew, when what they say may have changed: it is done once a fetch, not at each scrape.
    fn count_series(&mut self) {
        self.series = self.count(self.last_good.as_ref().map(|(snapshot, _)| Arc::clone(snapshot)));
    }

    fn count(&self, snapshot: Option<Arc<Snapshot>>) -> usize {
        let targets = vec![self.view(Labels::default(), Labels::default(), snapshot)];
        exposition::count_series(&PageInput { targets, ..PageInput::default() })
    }
}

/// The identity labels of every series of an instance or node.
pub(super) fn labels<'a>(
    instance_id: &'a str,
    node_id: Option<&'a str>,
    configured: &'a [(String, String)],
) -> Labels {
    let configured = configured.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let node = node_id.map(|node| ("node_id", node));
    Labels::new(std::iter::once(("instance_id", instance_id)).chain(node).chain(configured))
}

fn info(target: &Target) -> Labels {
    let account = &target.account;
    let mut pairs = vec![
        ("provider", account.provider.label()),
        ("service", target.service.label()),
        ("account", account.name.as_str()),
    ];
    pairs.extend(account.region.as_deref().map(|region| ("region", region)));
    pairs.extend(target.name.as_deref().map(|name| ("instance_name", name)));
    Labels::new(pairs)
}

/// The writing end of a record.
#[derive(Debug)]
pub struct Publisher {
    record: Arc<TargetRecord>,
}

impl Default for Publisher {
    fn default() -> Self {
        let record = TargetRecord::default();
        lock(&record.state).count_series();
        Self { record: Arc::new(record) }
    }
}

impl Publisher {
    /// What it writes to.
    #[must_use]
    pub fn record(&self) -> Arc<TargetRecord> {
        Arc::clone(&self.record)
    }

    /// From now on `interval` is in force, data are shown for `stale_after`, the next fetch is due at `due`, and incidents are
    /// counted like this.
    pub fn planned(
        &self,
        interval: Duration,
        stale_after: Duration,
        due: Instant,
        incidents: Option<IncidentCount>,
    ) {
        let mut inner = lock(&self.record.state);
        let health = inner.health();
        health.interval = interval;
        let before = std::mem::replace(&mut health.incidents, incidents);
        (inner.stale_after, inner.due) = (stale_after, Some(due));
        if before.is_some() != incidents.is_some() {
            inner.count_series();
        }
    }

    /// Whether the target is shown under the names of `mysqld_exporter`, too, from now on.
    pub fn show_mysqld_names(&self, yes: bool) {
        let mut inner = lock(&self.record.state);
        if inner.mysqld_names != yes {
            inner.mysqld_names = yes;
            inner.count_series();
        }
    }

    /// A good fetch ended now; with it, incidents are counted like this.
    pub fn fetched(
        &self,
        snapshot: Arc<Snapshot>,
        fetch: LastFetch,
        at: Timestamp,
        incidents: Option<IncidentCount>,
    ) {
        self.ended(fetch, |inner| {
            let health = inner.health();
            health.up = Some(true);
            health.last_success = Some(at);
            health.incidents = incidents;
            inner.history.push(Point::good(at, &snapshot));
            inner.last_good = Some((snapshot, Instant::now()));
            inner.last_good_took = fetch.duration;
            inner.error = None;
        });
    }

    /// A fetch failed now; the last good data stay until they are too old.
    pub fn failed(&self, error: FetchError, fetch: LastFetch, at: Timestamp) {
        self.ended(fetch, |inner| {
            let health = inner.health();
            health.up = Some(false);
            health.failures[error.kind as usize] += 1;
            inner.history.push(Point::failed(at));
            inner.error = Some(LastError { error, at });
        });
    }

    /// A fetch was due, but the account is held.
    pub fn held(&self, at: Timestamp) {
        let mut inner = lock(&self.record.state);
        inner.held = true;
        inner.history.push(Point::failed(at));
        let health = inner.health();
        health.up = Some(false);
        health.skipped[Skip::AuthHold as usize] += 1;
        inner.error.get_or_insert_with(|| LastError { error: FetchError::held(), at });
        inner.count_series();
    }

    /// Fetches were due, but not started.
    pub fn skipped(&self, reason: Skip, fetches: u64) {
        if fetches > 0 {
            lock(&self.record.state).health().skipped[reason as usize] += fetches;
        }
    }

    /// Whether the last fetch was good; `None` before the first has ended.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        lock(&self.record.state).health.up
    }

    fn ended(&self, fetch: LastFetch, outcome: impl FnOnce(&mut Inner)) {
        let mut inner = lock(&self.record.state);
        inner.held = false;
        let health = inner.health();
        health.fetches += 1;
        health.last_fetch = Some(fetch);
        outcome(&mut inner);
        inner.count_series();
    }
}
