//! The fleet: a row for each target.

use askama::Template;
use axum::response::Response;

use super::words::{self, Moment};
use super::{Frame, Section, html};
use crate::store::TargetStatus;

#[derive(Template)]
#[template(path = "fleet.html")]
struct Fleet<'a> {
    frame: Frame<'a>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    title: String,
    is_named: bool,
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
    at: Moment,
}

/// The page of the fleet.
pub fn fleet(frame: Frame<'_>, statuses: &[TargetStatus]) -> Response {
    html(&Fleet { frame: frame.of(Section::Fleet), rows: statuses.iter().map(Row::from).collect() })
}

impl<'a> From<&'a TargetStatus> for Row<'a> {
    fn from(status: &'a TargetStatus) -> Self {
        let target = &status.target;
        let snapshot = status.snapshot.as_deref();
        Self {
            title: target.name.clone().unwrap_or_else(|| target.id()),
            is_named: target.name.is_some(),
            id: target.id(),
            cloud: format!("{} {}", target.account.provider.label(), target.service.label()),
            account: &target.account.name,
            state: status.state.label(),
            sessions: words::count(snapshot.map(|snapshot| snapshot.sessions)),
            active: words::count(snapshot.and_then(|snapshot| snapshot.active)),
            age: status.age.map_or_else(|| "never".to_owned(), words::span),
            error: status.error.as_ref().map(|last| Trouble {
                reason: last.error.kind.label(),
                detail: last.error.detail.clone(),
                remedy: last.error.kind.remedy(),
                at: last.at.into(),
            }),
        }
    }
}
