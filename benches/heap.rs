//! Heap that folding one answer takes at most, the body not counted: for 10,000 sessions with few distinct users, clients and
//! databases, and for 10,000 sessions of which each has its own. Then the heap that an instance holds once its whole hour of past
//! is there, with the oldest rows of its answer.

#[path = "common/answer.rs"]
mod answer;

use std::sync::Arc;
use std::time::Duration;

use answer::{SESSIONS, THRESHOLDS, answer};
use dbsession_exporter::cloud::alibaba::das;
use dbsession_exporter::exposition::LastFetch;
use dbsession_exporter::model::{Rankings, Snapshot};
use dbsession_exporter::store::Publisher;
use dbsession_exporter::store::history::MAX_POINTS;
use jiff::{SignedDuration, Timestamp};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let few = answer();
    let text = String::from_utf8(few.clone()).expect("the answer is UTF-8");
    let rows = text.split("\"User\":\"app_").enumerate();
    let own = rows.map(|(number, row)| format!("\"User\":\"u{number}_{row}")).collect::<Vec<_>>().concat();
    let own = own.trim_start_matches("\"User\":\"u0_");
    println!("peak heap of a fold of {SESSIONS} sessions beyond the body, in bytes");
    let rows = [
        ("dbsession_exporter", peak(|| drop(das::fold(&few, THRESHOLDS).expect("the answer is good")))),
        (
            "dbsession_exporter, each session its own user",
            peak(|| drop(das::fold(own.as_bytes(), THRESHOLDS).expect("good"))),
        ),
        (
            "serde_json::Value",
            peak(|| drop(serde_json::from_slice::<serde_json::Value>(&few).expect("good"))),
        ),
    ];
    for (name, bytes) in rows {
        println!("  {name:<58}{bytes:>12}");
    }
    println!("heap of an instance after {MAX_POINTS} fetches in an hour, in bytes");
    println!("  {:<58}{:>12}", "dbsession_exporter", with_an_hour_of_past(&few));
}

/// The heap that a record holds with all its past, its snapshot and the one of the calm before, and what ranks the next one.
fn with_an_hour_of_past(body: &[u8]) -> usize {
    let began = Timestamp::from_second(1_766_632_214).expect("a second of 2025");
    let profiler = dhat::Profiler::builder().testing().build();
    let (publisher, mut rankings) = (Publisher::default(), Rankings::new(20, 1000));
    let mut snapshot =
        |at| Arc::new(Snapshot::new(das::fold(body, THRESHOLDS).expect("good"), &mut rankings, at));
    let calm = snapshot(began);
    for point in 0..MAX_POINTS {
        let at = began + SignedDuration::from_secs(5) * i32::try_from(point).expect("it is small");
        let latest = if point + 1 == MAX_POINTS { snapshot(at) } else { Arc::clone(&calm) };
        publisher.fetched(latest, LastFetch { duration: Duration::ZERO, api_calls: 2 }, at, None);
    }
    let held = dhat::HeapStats::get().curr_bytes;
    drop((profiler, publisher, rankings, calm));
    held
}

/// The most that is allocated at one time while `work` runs.
fn peak(work: impl FnOnce()) -> usize {
    let profiler = dhat::Profiler::builder().testing().build();
    work();
    let peak = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    peak
}
