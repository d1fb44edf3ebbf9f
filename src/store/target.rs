//! The slot of one target.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Store, lock};
use crate::config::{Provider, Target};
use crate::error::FetchError;
use crate::exposition::{self, Health, Labels, LastFetch, PageInput, Skip, TargetView};
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
    /// Age of the last good data, shown or withdrawn; `None`: never any.
    pub age: Option<Duration>,
    /// The last good data, unless withdrawn.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Why the last fetch failed; `None` where it was good.
    pub error: Option<LastError>,
}

#[derive(Debug)]
pub(super) struct Slot {
    target: Arc<Target>,
    labels: Labels,
    info: Labels,
    state: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    health: Health,
    held: bool,
    /// The last good data, and when its fetch ended.
    last_good: Option<(Arc<Snapshot>, Instant)>,
    error: Option<LastError>,
    series: Series,
}

/// Series of a target, with its data and without.
#[derive(Debug, Clone, Copy, Default)]
struct Series {
    shown: usize,
    withdrawn: usize,
}

impl Slot {
    pub(super) fn new(target: &Arc<Target>) -> Self {
        let health = Health { interval: target.settings.interval, ..Health::default() };
        Self {
            labels: labels(&target.instance_id, target.node_id.as_deref(), &target.labels),
            info: info(target),
            target: Arc::clone(target),
            state: Mutex::new(Inner {
                health,
                held: false,
                last_good: None,
                error: None,
                series: Series::default(),
            }),
        }
    }

    pub(super) fn provider(&self) -> Provider {
        self.target.account.provider
    }

    pub(super) fn state(&self) -> State {
        lock(&self.state).state()
    }

    pub(super) fn view(&self, now: Instant) -> TargetView {
        let inner = lock(&self.state);
        self.view_with(&inner, inner.shown(self.target.settings.stale_after, now))
    }

    fn view_with(&self, inner: &Inner, snapshot: Option<Arc<Snapshot>>) -> TargetView {
        let (labels, info) = (self.labels.clone(), self.info.clone());
        TargetView { labels, info, health: inner.health.clone(), snapshot }
    }

    /// Series of the target now.
    pub(super) fn series(&self, now: Instant) -> usize {
        let inner = lock(&self.state);
        match inner.shown(self.target.settings.stale_after, now) {
            Some(_) => inner.series.shown,
            None => inner.series.withdrawn,
        }
    }

    /// Counts the series anew, when what they say may have changed: it is done once a fetch, not at each scrape.
    fn count_series(&self, inner: &mut Inner) {
        let count = |snapshot| {
            let targets = vec![self.view_with(inner, snapshot)];
            exposition::count_series(PageInput { targets, ..PageInput::default() })
        };
        let last_good = inner.last_good.as_ref().map(|(snapshot, _)| Arc::clone(snapshot));
        inner.series = Series { shown: count(last_good), withdrawn: count(None) };
    }

    pub(super) fn status(&self, now: Instant) -> TargetStatus {
        let inner = lock(&self.state);
        TargetStatus {
            target: Arc::clone(&self.target),
            state: inner.state(),
            age: inner.last_good.as_ref().map(|(_, ended)| now.duration_since(*ended)),
            snapshot: inner.shown(self.target.settings.stale_after, now),
            error: inner.error.clone(),
        }
    }
}

impl Inner {
    fn state(&self) -> State {
        match self.health.up {
            _ if self.held => State::Held,
            None => State::Pending,
            Some(true) => State::Up,
            Some(false) => State::Down,
        }
    }

    /// Data are withdrawn when they are older than `stale_after`, whoever looks, so that no fetch has to end for it.
    fn shown(&self, stale_after: Duration, now: Instant) -> Option<Arc<Snapshot>> {
        let fresh = |(_, ended): &&(Arc<Snapshot>, Instant)| now.duration_since(*ended) <= stale_after;
        self.last_good.as_ref().filter(fresh).map(|(snapshot, _)| Arc::clone(snapshot))
    }
}

/// The identity labels of every series of an instance or node.
pub(super) fn labels<'a>(
    instance_id: &'a str,
    node_id: Option<&'a str>,
    configured: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Labels {
    let configured = configured.into_iter().map(|(name, value)| (name.as_str(), value.as_str()));
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

/// The writing end of a target's slot.
#[derive(Debug)]
pub struct Publisher {
    store: Store,
    slot: Arc<Slot>,
}

impl Publisher {
    pub(super) fn new(store: Store, slot: Arc<Slot>) -> Self {
        slot.count_series(&mut lock(&slot.state));
        Self { store, slot }
    }

    /// A good fetch ended now.
    pub fn fetched(&self, snapshot: Snapshot, fetch: LastFetch, at: Timestamp) {
        self.ended(fetch, |inner| {
            inner.health.up = Some(true);
            inner.health.last_success = Some(at);
            inner.last_good = Some((Arc::new(snapshot), Instant::now()));
            inner.error = None;
        });
    }

    /// A fetch failed now; the last good data stay until they are too old.
    pub fn failed(&self, error: FetchError, fetch: LastFetch, at: Timestamp) {
        self.ended(fetch, |inner| {
            inner.health.up = Some(false);
            inner.health.failures[error.kind as usize] += 1;
            inner.error = Some(LastError { error, at });
        });
    }

    /// A fetch was due, but the account is held.
    pub fn held(&self, at: Timestamp) {
        let mut inner = lock(&self.slot.state);
        inner.held = true;
        inner.health.up = Some(false);
        inner.health.skipped[Skip::AuthHold as usize] += 1;
        inner.error.get_or_insert_with(|| LastError { error: FetchError::held(), at });
        self.slot.count_series(&mut inner);
    }

    /// Fetches were due, but not started.
    pub fn skipped(&self, reason: Skip, fetches: u64) {
        lock(&self.slot.state).health.skipped[reason as usize] += fetches;
    }

    /// Whether the last fetch was good; `None` before the first has ended.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        lock(&self.slot.state).health.up
    }

    fn ended(&self, fetch: LastFetch, outcome: impl FnOnce(&mut Inner)) {
        let mut inner = lock(&self.slot.state);
        inner.held = false;
        inner.health.fetches += 1;
        inner.health.last_fetch = Some(fetch);
        outcome(&mut inner);
        self.slot.count_series(&mut inner);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.store.forget_target(&self.slot);
    }
}
