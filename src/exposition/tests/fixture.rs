//! Targets and kill tasks as a fleet would have them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::{HistogramOpts, HistogramVec, IntGauge, Opts, Registry};

use crate::error::FailureKind;
use crate::exposition::{
    Effect, Format, Health, IncidentCount, Labels, LastFetch, PageInput, Skip, TargetView, TaskCounters,
    TaskView, page,
};
use crate::model::kill_task::{Results, TaskReport, TaskState, Victims};
use crate::model::{Fetched, Rankings, Reported, Session, Snapshot, Tally, Thresholds, Transaction};
use crate::model::{Group, Groups};

pub const THRESHOLDS: Thresholds = Thresholds { slow: 3.0, long: 60.0 };

/// The whole text of a page.
pub fn text(input: PageInput) -> String {
    let frames: Vec<_> = page(input, Format::Text).collect();
    String::from_utf8(frames.concat()).expect("a page is UTF-8")
}

/// A page of one target.
pub fn alone(target: TargetView) -> PageInput {
    PageInput { targets: vec![target], ..PageInput::default() }
}

pub fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap()
}

/// A row: user, client, database, command, state, seconds, transaction seconds.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, &'a str, &'a str, f64, f64);

const ROWS: [Row<'static>; 8] = [
    ("app", "10.0.0.7:51000", Some("shop"), "Query", "Sending data", 0.25, 0.0),
    ("app", "10.0.0.7:51001", Some("shop"), "Execute", "Waiting for row lock", 5.0, 75.5),
    ("app", "10.0.0.8:40000", Some("shop"), "Sleep", "", 700.0, 640.0),
    ("app", "10.0.0.8:40001", Some("shop"), "Sleep", "", 12.0, 0.0),
    ("report", "10.0.1.1:40002", Some("stock"), "Query", "Waiting for table metadata lock", 4000.0, 0.0),
    ("batch", "10.0.1.2:40003", Some("stock"), "Sleep", "", 1.0, 0.0),
    ("root", "localhost", None, "Query", "starting", 0.0, 0.0),
    ("event_scheduler", "localhost", None, "Daemon", "Waiting on empty queue", 90000.0, 0.0),
];

pub fn tally(thresholds: Thresholds) -> Tally {
    let mut tally = Tally::new(thresholds);
    for (user, client, database, command, state, seconds, transaction) in ROWS {
        tally.add(&Session {
            id: None,
            user: Some(user),
            client: Some(client),
            database,
            command: Some(command),
            state: Some(state).filter(|state| !state.is_empty()),
            template: None,
            seconds: Some(seconds),
            transaction: Transaction::of(Some(transaction), None),
            statement: None,
        });
    }
    tally
}

/// A snapshot of [`ROWS`], the top two values of each dimension shown.
pub fn listed() -> Snapshot {
    snapshot(Some(tally(THRESHOLDS)), Reported::default())
}

/// A snapshot of rows with SQL templates, more of them reported than listed.
pub fn templated() -> Snapshot {
    let mut tally = Tally::new(Thresholds { slow: 0.5, ..THRESHOLDS });
    for template in [Some("9a1f"), Some("9a1f"), Some("77b0"), Some("03cc"), None] {
        tally.add(&Session { command: Some("Query"), template, ..Session::default() });
    }
    let reported = Reported {
        total: Some(8),
        active: Some(6),
        longest_active: Some(12.5),
        unlisted: 3,
        taken_at: Some(at(1_760_000_000_000)),
        ..Reported::default()
    };
    snapshot(Some(tally), reported)
}

/// A snapshot of a provider that counts sessions, but lists none.
pub fn unlisted() -> Snapshot {
    let mut users = Groups::default();
    users.add(Some("app"), Group { total: 400, active: 3, oldest_transaction: 0.0 });
    let users = Some(users);
    snapshot(None, Reported { total: Some(400), unlisted: 400, users, ..Reported::default() })
}

fn snapshot(tally: Option<Tally>, reported: Reported) -> Snapshot {
    snapshot_with(tally, reported, &mut Rankings::new(2, usize::MAX).with_mysqld_names(true))
}

/// The next snapshot of a target with these rankings.
pub fn snapshot_with(tally: Option<Tally>, reported: Reported, rankings: &mut Rankings) -> Snapshot {
    let thresholds = tally.as_ref().map_or(THRESHOLDS, Tally::thresholds);
    Snapshot::new(Fetched { tally, reported, thresholds }, rankings, at(1_760_000_000_250))
}

/// A target that is fetched well.
pub fn healthy(id: &str, snapshot: Snapshot) -> TargetView {
    let health = Health {
        up: Some(true),
        last_success: Some(at(1_760_000_000_257)),
        interval: Duration::from_secs(30),
        last_fetch: Some(LastFetch { duration: Duration::from_millis(412), api_calls: 3 }),
        fetches: 17,
        incidents: Some(IncidentCount { total: 2, open: Some(7) }),
        ..Health::default()
    };
    let info = Labels::new([("provider", "alibaba"), ("service", "das"), ("account", "ali")]);
    TargetView {
        labels: Labels::new([("instance_id", id), ("team", "payments")]),
        info,
        health: Arc::new(health),
        mysqld_names: false,
        snapshot: Some(Arc::new(snapshot)),
    }
}

/// A target that has never answered.
pub fn failing() -> TargetView {
    let mut health = Health {
        up: Some(false),
        interval: Duration::from_millis(2500),
        last_fetch: Some(LastFetch { duration: Duration::from_secs(20), api_calls: 1 }),
        fetches: 4,
        incidents: Some(IncidentCount::default()),
        ..Health::default()
    };
    health.failures[FailureKind::Timeout as usize] = 4;
    health.skipped[Skip::Overlap as usize] = 2;
    TargetView {
        labels: Labels::new([("instance_id", "pc-bp1q"), ("node_id", "pi-a")]),
        info: Labels::new([("provider", "huawei"), ("instance_name", "the \"old\" one")]),
        health: Arc::new(health),
        mysqld_names: false,
        snapshot: None,
    }
}

/// A target whose first fetch has not ended.
pub fn new() -> TargetView {
    let labels = Labels::new([("instance_id", "rm-new")]);
    let incidents = Some(IncidentCount::default());
    let health = Health { interval: Duration::from_secs(15), incidents, ..Health::default() };
    let health = Arc::new(health);
    TargetView { labels, info: Labels::default(), health, mysqld_names: false, snapshot: None }
}

/// A kill task that ended well, and the counters of its instance.
pub fn task() -> (TaskView, TaskCounters) {
    let labels = Labels::new([("instance_id", "rm-1"), ("node_id", "pi-a")]);
    let mut results = Results::default();
    for reason in ["SESSION_KILLED", "SESSION_KILLED", "SESSION_EXPIRED", "SESSION_EATEN"] {
        results.add(reason);
    }
    let report = TaskReport {
        state: TaskState::Success,
        killed: 2,
        failed: 1,
        ignored: 1,
        results,
        unknown_reason: Some("SESSION_EATEN".into()),
        victims: Victims::default(),
    };
    let counters = TaskCounters { labels: labels.clone(), tasks: [5, 0, 1], results };
    (
        TaskView {
            labels,
            task_id: "f77d535b".into(),
            report,
            effect: Effect { before: Some(20), after: Some(4), returned: Some(3) },
        },
        counters,
    )
}

/// Own instruments: a gauge, and a histogram with labels.
pub fn registry() -> Registry {
    let registry = Registry::new();
    let shard = IntGauge::with_opts(Opts::new("dbsession_exporter_shard", "Number of this shard."));
    let calls = HistogramVec::new(
        HistogramOpts::new("dbsession_exporter_api_request_duration_seconds", "Duration of a call.")
            .buckets(vec![0.5, 2.0]),
        &["operation"],
    );
    let (shard, calls) = (shard.unwrap(), calls.unwrap());
    calls.with_label_values(&["GetMySQLAllSessionAsync"]).observe(0.25);
    registry.register(Box::new(shard)).unwrap();
    registry.register(Box::new(calls)).unwrap();
    registry
}
