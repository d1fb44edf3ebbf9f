//! The targets that pages show.

#![expect(clippy::cast_precision_loss, reason = "figures for people stay far below 2^53")]

use std::sync::Arc;
use std::time::Duration;

use dbsession_exporter::exposition::{Health, Labels, LastFetch, TargetView};
use dbsession_exporter::model::{
    Fetched, Rankings, Reported, Session, SessionId, Snapshot, Tally, Thresholds, Transaction,
};
use jiff::Timestamp;

const THRESHOLDS: Thresholds = Thresholds { slow: 3.0, long: 60.0 };

/// Targets of about 141 series each, as a page shows them.
pub fn targets(count: usize) -> Vec<TargetView> {
    (0..count).map(target).collect()
}

fn target(number: usize) -> TargetView {
    let mut tally = Tally::new(THRESHOLDS);
    for i in 0..20 {
        let (user, client) =
            (format!("app_{}", (i + number) % 6), format!("10.{}.0.{}:4{i:03}", number % 250, i % 9));
        let command = if i % 4 == 0 { "Query" } else { "Sleep" };
        tally.add(&Session {
            id: Some(SessionId::Number(1000 + i as u64)),
            user: Some(&user),
            client: Some(&client),
            database: Some(["shop", "stock", "mail"][i % 3]),
            command: Some(command),
            state: (i % 4 == 0).then_some("Sending data"),
            seconds: Some(i as f64 * 3.0),
            transaction: Transaction::of(Some((i % 5) as f64), None),
            ..Session::default()
        });
    }
    let fetched = Fetched { tally: Some(tally), reported: Reported::default(), thresholds: THRESHOLDS };
    let at = Timestamp::from_second(1_766_632_214).expect("a second of 2025");
    let snapshot = Snapshot::new(fetched, &mut Rankings::new(20, 1000), at);
    let id = format!("rm-2ze8g2am{number:05}");
    let health = Health {
        up: Some(true),
        last_success: Some(at),
        interval: Duration::from_secs(15),
        last_fetch: Some(LastFetch { duration: Duration::from_millis(612), api_calls: 2 }),
        fetches: 40,
        ..Health::default()
    };
    TargetView {
        labels: Labels::new([("instance_id", id.as_str()), ("team", "payments")]),
        info: Labels::new([
            ("provider", "alibaba"),
            ("service", "das"),
            ("account", "ali"),
            ("region", "cn-shanghai"),
        ]),
        health: Arc::new(health),
        mysqld_names: false,
        snapshot: Some(Arc::new(snapshot)),
    }
}
