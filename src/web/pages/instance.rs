//! The page of one instance or node, which answers who is doing this: the leaders in words, the recent past in pictures, then
//! everything by user, client, database and state, and the oldest sessions and transactions one by one.

mod facts;
mod leaders;
mod tables;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::fleet::{cloud, nodes, title};
use super::number::Number;
use super::oldest::Oldest;
use super::picture::{Line, Picture, Unit};
use super::words::Moment;
use super::{Frame, Section, Trouble, html, message};
use crate::model::Snapshot;
use crate::store::history::{Point, SPAN};
use crate::store::{Slot, State, TargetStatus};
use facts::Fact;
use leaders::Leader;
use tables::{Groups, Standing};

/// Pictures are no shorter than this: one point is no past.
const SHORTEST_PAST: SignedDuration = SignedDuration::from_mins(5);

#[derive(Template)]
#[template(path = "instance.html")]
struct Instance<'a> {
    frame: Frame<'a>,
    title: String,
    id: String,
    cloud: String,
    account: &'a str,
    region: Option<&'a str>,
    labels: &'a [(String, String)],
    metrics: String,
    json: String,
    state: &'static str,
    trouble: Option<Trouble>,
    pictures: Option<[Picture; 2]>,
    fetching: Vec<Fact>,
    shown: Option<Shown<'a>>,
    /// Why nothing is shown, if nothing is.
    why_not: &'static str,
}

/// What the data tell.
struct Shown<'a> {
    taken_at: Moment,
    leaders: Vec<Leader<'a>>,
    facts: Vec<Fact>,
    groups: Vec<Groups<'a>>,
    waiting: Vec<Fact>,
    states: Vec<Standing<'a>>,
    oldest: Vec<Oldest<'a>>,
}

/// The page of the instance `id`, or of one of its nodes. Where it has nodes and none is named, they are listed.
pub(in crate::web) fn instance(frame: Frame<'_>, slots: &[Slot], id: &str, node: Option<&str>) -> Response {
    let of_instance: Vec<&Slot> = slots.iter().filter(|slot| slot.target().instance_id == id).collect();
    match of_instance.iter().find(|slot| slot.target().node_id.as_deref() == node) {
        Some(slot) => page(frame, slot),
        None if node.is_none() && !of_instance.is_empty() => nodes(frame, of_instance, id),
        None => {
            let wanted = node.map_or_else(|| id.to_owned(), |node| format!("{id}/{node}"));
            let text = format!("No instance or node {wanted} is configured and enabled.");
            (StatusCode::NOT_FOUND, message(frame, "Not found", &text)).into_response()
        }
    }
}

fn page(frame: Frame<'_>, slot: &Slot) -> Response {
    let now = Instant::now();
    let (status, view, history) = (slot.status(now), slot.view(now), slot.history());
    let target = slot.target();
    html(&Instance {
        title: title(&status),
        id: target.id(),
        cloud: cloud(&status),
        account: &target.account.name,
        region: target.account.region.as_deref(),
        labels: &target.labels,
        metrics: frame.links.probe(target),
        json: frame.links.json(target),
        state: status.state.label(),
        trouble: status.error.as_ref().map(Trouble::from),
        pictures: pictures(&history, status.snapshot.as_deref(), frame.now),
        fetching: facts::fetching(&view.health),
        shown: status.snapshot.as_deref().map(Shown::new),
        why_not: why_not(&status),
        frame: frame.of(Section::Fleet),
    })
}

fn why_not(status: &TargetStatus) -> &'static str {
    match (status.age, status.state) {
        (Some(_), _) => "The last good data are too old to be shown.",
        (None, State::Pending) => "The first fetch has not ended yet.",
        (None, _) => "No fetch has been good yet.",
    }
}

impl<'a> Shown<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            taken_at: snapshot.taken_at.into(),
            leaders: leaders::leaders(snapshot),
            facts: facts::of(snapshot),
            groups: tables::groups(snapshot),
            waiting: facts::waiting(snapshot),
            states: tables::states(snapshot),
            oldest: tables::oldest(snapshot),
        }
    }
}

/// Sessions, and the oldest transaction, over the kept past; `None` while there is none.
fn pictures(history: &[Point], snapshot: Option<&Snapshot>, now: Timestamp) -> Option<[Picture; 2]> {
    let first = history.first()?.at;
    let span = (first.min(now - SHORTEST_PAST).max(now - SPAN), now);
    let line = |name, value: fn(&Point) -> Option<f64>, now: Number| Line {
        name,
        points: history.iter().map(|point| (point.at, value(point))).collect(),
        now,
    };
    let listed = snapshot.and_then(|snapshot| snapshot.listed.as_ref());
    let sessions = vec![
        line("total", |point| point.sessions.map(f64::from), Number::count(snapshot.map(|s| s.sessions))),
        line("active", |point| point.active.map(f64::from), Number::count(snapshot.and_then(|s| s.active))),
        line("executing", |point| point.executing.map(f64::from), Number::count(listed.map(|l| l.executing))),
    ];
    let oldest = Number::seconds(listed.map(|listed| listed.transaction_ages.max));
    let oldest = vec![line("oldest", |point| point.oldest_transaction.map(f64::from), oldest)];
    Some([
        Picture::new(("sessions", "Sessions"), span, Unit::Count, sessions),
        Picture::new(("transaction", "Oldest transaction"), span, Unit::Seconds, oldest),
    ])
}
