//! Pages for people.

use std::time::Duration;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use crate::store::TargetStatus;

/// Nothing is loaded, nothing runs, nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

#[derive(Template)]
#[template(path = "fleet.html")]
struct Fleet<'a> {
    version: &'a str,
    telemetry_path: &'a str,
    at: String,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    id: String,
    cloud: String,
    account: &'a str,
    state: &'static str,
    sessions: String,
    active: String,
    age: String,
    error: Option<Trouble>,
}

struct Trouble {
    reason: &'static str,
    detail: String,
    remedy: &'static str,
    at: String,
}

/// The fleet: a row for each target.
pub(super) fn fleet(statuses: &[TargetStatus], telemetry_path: &str, now: Timestamp) -> Response {
    let rows = statuses.iter().map(Row::from).collect();
    let page = Fleet { version: env!("CARGO_PKG_VERSION"), telemetry_path, at: when(now), rows };
    match page.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl<'a> From<&'a TargetStatus> for Row<'a> {
    fn from(status: &'a TargetStatus) -> Self {
        let target = &status.target;
        let snapshot = status.snapshot.as_deref();
        let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
        Self {
            name: target.name.as_deref().unwrap_or_default(),
            id: target.id(),
            cloud: format!("{} {}", target.account.provider.label(), target.service.label()),
            account: &target.account.name,
            state: status.state.label(),
            sessions: number(snapshot.map(|snapshot| snapshot.sessions)),
            active: number(snapshot.and_then(|snapshot| snapshot.active)),
            age: status.age.map_or_else(|| "never".to_owned(), age),
            error: status.error.as_ref().map(|last| Trouble {
                reason: last.error.kind.label(),
                detail: last.error.detail.clone(),
                remedy: last.error.kind.remedy(),
                at: when(last.at),
            }),
        }
    }
}

fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
