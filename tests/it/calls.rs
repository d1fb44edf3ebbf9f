//! The calls that the exporter makes, by the cloud's own log: how many, which, and how fast.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

mod limits;
mod network;
mod paging;
mod polling;
mod token;
mod wire;

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Call, Cloud};

/// This many plain rows, with ids from `first` on.
fn rows_from(first: u64, count: usize) -> Vec<SimSession> {
    let row = |id| SimSession { id, command: Some("Query".to_owned()), ..SimSession::default() };
    (first..).take(count).map(row).collect()
}

/// The values of a parameter over all calls, in their order; empty where a call is without it.
fn sent(cloud: &Cloud, parameter: &str) -> Vec<String> {
    let value =
        |call: Call| call.query.into_iter().find(|(name, _)| name == parameter).map(|(_, value)| value);
    cloud.calls().into_iter().map(|call| value(call).unwrap_or_default()).collect()
}
