//! Heap that folding one answer takes at most, the body not counted: for 10,000 sessions with few distinct users, clients and
//! databases, and for 10,000 sessions of which each has its own.

#[path = "common/answer.rs"]
mod answer;

use answer::{SESSIONS, THRESHOLDS, answer};
use dbsession_exporter::cloud::alibaba::das;

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
}

/// The most that is allocated at one time while `work` runs.
fn peak(work: impl FnOnce()) -> usize {
    let profiler = dhat::Profiler::builder().testing().build();
    work();
    let peak = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    peak
}
