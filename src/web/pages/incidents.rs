//! The incidents: a row for each, and one with all its evidence.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::number::Number;
use super::oldest::Oldest;
use super::picture::{Line, Picture, Unit};
use super::words::{self, Moment, UNKNOWN};
use super::{Frame, Section, html, message};
use crate::store::history::Point;
use crate::store::{self, GrownState, GrownValue, Incident, Outcome, Slot, TargetName};

/// Rows of the list: as many as a person looks through.
const SHOWN: usize = 200;

/// What a picture shows before an incident and after it: enough to see what is usual.
const AROUND: SignedDuration = SignedDuration::from_mins(5);

#[derive(Template)]
#[template(path = "incidents.html")]
struct List<'a> {
    frame: Frame<'a>,
    found: usize,
    rows: Vec<Row<'a>>,
}

/// What is said of every incident.
struct Row<'a> {
    id: u64,
    link: String,
    title: String,
    target: String,
    state: &'static str,
    /// Its colour.
    class: &'static str,
    user: &'a str,
    usual: String,
    peak: u64,
    lasted: String,
    began: Moment,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Page<'a> {
    frame: Frame<'a>,
    row: Row<'a>,
    account: &'a str,
    reopened: u32,
    why: Option<&'static str>,
    leaders: Vec<Leader<'a>>,
    picture: Option<Picture>,
    course: Vec<Step>,
    grown: [Grown<'a>; 3],
    states: &'a [GrownState],
    oldest: [Oldest<'a>; 2],
}

/// The value of a dimension that grew most.
struct Leader<'a> {
    what: &'static str,
    name: &'a str,
    grew: String,
}

/// One of the fetches that are told.
struct Step {
    name: &'static str,
    at: Moment,
    numbers: [String; 7],
}

struct Grown<'a> {
    head: &'static str,
    rows: &'a [GrownValue],
}

/// The list of these incidents, the newest first.
pub(in crate::web) fn incidents(frame: Frame<'_>, incidents: &[Arc<Incident>]) -> Response {
    let rows = incidents.iter().take(SHOWN).map(|incident| Row::new(incident, &frame)).collect();
    html(&List { found: incidents.len(), rows, frame: frame.of(Section::Incidents) })
}

/// One of them, if it is kept; `slots` are all targets, whose past may still show it.
pub(in crate::web) fn incident(frame: Frame<'_>, slots: &[Slot], incident: Option<&Incident>) -> Response {
    let Some(incident) = incident else {
        let page = message(frame, "Not found", "No incident with this number is kept.");
        return (StatusCode::NOT_FOUND, page).into_response();
    };
    let slot = slots.iter().find(|slot| TargetName::of(slot.target()) == incident.target);
    let grown = [("User", &incident.users), ("Client", &incident.clients), ("Database", &incident.databases)];
    html(&Page {
        row: Row::new(incident, &frame),
        account: &incident.target.account,
        reopened: incident.reopened,
        why: incident.outcome.and_then(why),
        leaders: grown.iter().filter_map(|(what, values)| Leader::of(what, values)).collect(),
        picture: slot.and_then(|slot| picture(incident, &slot.history(), frame.now)),
        course: course(incident),
        grown: grown.map(|(head, rows)| Grown { head, rows }),
        states: &incident.states,
        oldest: [
            Oldest::new("Oldest sessions at the peak", "Executing for", &incident.oldest_sessions),
            Oldest::new("Oldest transactions at the peak", "Open for", &incident.oldest_transactions),
        ],
        frame: frame.of(Section::Incidents),
    })
}

impl<'a> Row<'a> {
    fn new(incident: &'a Incident, frame: &Frame<'_>) -> Self {
        let node = incident.target.node_id.as_deref();
        let instance = incident.target.instance_id.as_str();
        let target = node.map_or_else(|| instance.to_owned(), |node| format!("{instance}/{node}"));
        let title = match (&incident.name, node) {
            (Some(name), Some(node)) => format!("{name}/{node}"),
            (Some(name), None) => name.clone(),
            (None, _) => target.clone(),
        };
        let outcome = incident.outcome.map(Outcome::label);
        Self {
            id: incident.id,
            link: frame.to(&format!("/incidents/{}", incident.id)),
            title,
            target,
            state: outcome.unwrap_or("active"),
            class: if outcome.is_none() { "down" } else { "over" },
            user: incident.users.first().map_or(UNKNOWN, |user| &user.name),
            usual: format!("{:.0}", incident.level),
            peak: incident.peak.active_sessions,
            lasted: words::span(Duration::from_secs(incident.seconds().max(0).unsigned_abs())),
            began: incident.started_at.into(),
        }
    }
}

/// What an end that is not calm means.
fn why(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Calm => None,
        Outcome::Lost => Some(
            "It ended with the last good fetch: the data became too old, and what came then is not known.",
        ),
        Outcome::Interrupted => Some(
            "It ended with the last fetch: the exporter was stopped, or nobody wanted its incidents any more.",
        ),
    }
}

impl<'a> Leader<'a> {
    fn of(what: &'static str, values: &'a [GrownValue]) -> Option<Self> {
        let GrownValue { name, active_sessions_before, active_sessions, sessions_before, sessions } =
            values.first()?;
        let grew = if active_sessions > active_sessions_before {
            format!("from {active_sessions_before} to {active_sessions} active sessions")
        } else {
            format!("from {sessions_before} to {sessions} sessions")
        };
        Some(Self { what, name, grew })
    }
}

/// Active sessions around the incident; `None` where the past that is kept begins later.
fn picture(incident: &Incident, history: &[Point], now: Timestamp) -> Option<Picture> {
    let (start, end) = (incident.started_at, incident.ended_at.unwrap_or(incident.last_seen_at));
    let oldest = history.first().map(|point| point.at).filter(|oldest| *oldest < start)?;
    let (from, to) = (oldest.max(start - AROUND), now.min(end + AROUND));
    let seen: Vec<&Point> = history.iter().filter(|point| (from..=to).contains(&point.at)).collect();
    let line = Line {
        name: "active",
        points: seen.iter().map(|point| (point.at, point.active.map(f64::from))).collect(),
        now: Number::count(seen.last().and_then(|point| point.active).map(u64::from)),
    };
    let picture = Picture::new(("sessions", "Active sessions"), (from, to), Unit::Count, vec![line]);
    Some(picture.marked("The incident lasts", start, end))
}

fn course(incident: &Incident) -> Vec<Step> {
    let steps = [
        ("Last before", incident.before),
        ("First", Some(incident.first)),
        ("Peak", Some(incident.peak)),
        ("First calm", incident.after),
    ];
    steps.into_iter().filter_map(|(name, moment)| Some(Step::new(name, moment?))).collect()
}

impl Step {
    fn new(name: &'static str, moment: store::Moment) -> Self {
        let numbers = [
            Some(moment.active_sessions.to_string()),
            moment.executing_sessions.map(|count| count.to_string()),
            Some(moment.sessions.to_string()),
            moment.active_max_seconds.map(seconds),
            moment.transactions.map(|count| count.to_string()),
            moment.transaction_max_seconds.map(seconds),
            moment.idle_transactions.map(|count| count.to_string()),
        ];
        let numbers = numbers.map(|number| number.unwrap_or_else(|| UNKNOWN.to_owned()));
        Self { name, at: moment.at.into(), numbers }
    }
}

fn seconds(seconds: f64) -> String {
    words::span(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}
