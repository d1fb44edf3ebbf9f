//! The table of targets: the whole fleet by pages, or the nodes of one instance.

mod columns;
mod request;

use askama::Template;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::number::Number;
use super::picture::Sparkline;
use super::words;
use super::{Frame, Section, Trouble, html};
use crate::store::{Slot, State, TargetStatus};
use columns::COLUMNS;
pub(super) use columns::{cloud, title};
pub(in crate::web) use request::Query;
use request::Request;

/// Rows of one page: a browser shows them at once, and a fleet of 10,000 has 40 pages.
const ROWS: usize = 250;

/// Pictures of a fleet begin together, and are no shorter than this.
const SHORTEST_PAST: SignedDuration = SignedDuration::from_mins(5);

#[derive(Template)]
#[template(path = "fleet.html")]
struct Fleet<'a> {
    frame: Frame<'a>,
    title: String,
    request: Request,
    is_whole: bool,
    found: usize,
    all: usize,
    states: Vec<(State, usize, String)>,
    heads: Vec<Head>,
    past: String,
    rows: Vec<Row>,
    pages: Pages,
}

struct Head {
    text: &'static str,
    metric: &'static str,
    link: String,
    is_number: bool,
    /// `ascending` or `descending` for the column that the rows are sorted by.
    order: Option<&'static str>,
}

struct Row {
    title: String,
    link: String,
    id: String,
    cloud: String,
    account: String,
    state: &'static str,
    /// A link to the incident that goes on.
    incident: Option<String>,
    numbers: Vec<(&'static str, Number)>,
    spark: Sparkline,
    trouble: Option<Trouble>,
}

/// Where the shown rows are among those that were found.
struct Pages {
    first: usize,
    last: usize,
    before: Option<String>,
    after: Option<String>,
}

/// The page of the fleet, as `query` asks for it.
pub(in crate::web) fn fleet(frame: Frame<'_>, slots: &[Slot], query: Query) -> Response {
    let request = Request::from(query);
    html(&Fleet::new(frame, slots.iter().collect(), request, None))
}

/// The nodes of the instance `id`.
pub(super) fn nodes(frame: Frame<'_>, slots: Vec<&Slot>, id: &str) -> Response {
    html(&Fleet::new(frame, slots, Request::from(Query::default()), Some(id)))
}

impl<'a> Fleet<'a> {
    fn new(frame: Frame<'a>, slots: Vec<&Slot>, request: Request, instance: Option<&str>) -> Self {
        let now = Instant::now();
        let links = frame.links;
        let mut found: Vec<(&Slot, TargetStatus)> =
            slots.into_iter().map(|slot| (slot, slot.status(now))).collect();
        let (all, states) = (found.len(), states(&found, &request, &frame));
        found.retain(|(_, status)| request.wants(status));
        sort(&mut found, &request);
        let last_page = found.len().div_ceil(ROWS).max(1);
        let request = Request { page: request.page.min(last_page), ..request };
        let first = (request.page - 1) * ROWS;
        let shown = &found[first..found.len().min(first + ROWS)];
        let (past, rows) = rows(shown, &frame);
        Self {
            title: instance.map_or_else(|| "Fleet".to_owned(), |id| format!("Nodes of {id}")),
            is_whole: instance.is_none(),
            heads: heads(&request, &frame),
            pages: Pages {
                first: first + 1,
                last: first + shown.len(),
                before: (request.page > 1).then(|| request.at_page(request.page - 1, links)),
                after: (request.page < last_page).then(|| request.at_page(request.page + 1, links)),
            },
            found: found.len(),
            frame: frame.of(Section::Fleet),
            request,
            all,
            states,
            past,
            rows,
        }
    }
}

/// How many targets there are in each state, with a link to them.
fn states(
    targets: &[(&Slot, TargetStatus)],
    request: &Request,
    frame: &Frame<'_>,
) -> Vec<(State, usize, String)> {
    let count = |state| targets.iter().filter(|(_, status)| status.state == state).count();
    let link = |state: State| request.filtered_by(&format!("state:{}", state.label()), frame.links);
    State::ALL
        .map(|state| (state, count(state), link(state)))
        .into_iter()
        .filter(|(_, count, _)| *count > 0)
        .collect()
}

fn sort(targets: &mut Vec<(&Slot, TargetStatus)>, request: &Request) {
    let Some((column, descending)) = request.sort else { return };
    let mut keyed: Vec<_> = targets.drain(..).map(|target| (column.key(&target.1), target)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.compare(b, descending));
    targets.extend(keyed.into_iter().map(|(_, target)| target));
}

fn heads(request: &Request, frame: &Frame<'_>) -> Vec<Head> {
    let order = |name| request.sort.filter(|(column, _)| column.name == name);
    let head = |column: &'static columns::Column| Head {
        text: column.head,
        metric: column.metric,
        link: request.sorted_by(column, frame.links),
        is_number: column.is_number(),
        order: order(column.name).map(|(_, descending)| if descending { "descending" } else { "ascending" }),
    };
    COLUMNS.iter().map(head).collect()
}

/// The rows, and how far back their pictures go.
fn rows(shown: &[(&Slot, TargetStatus)], frame: &Frame<'_>) -> (String, Vec<Row>) {
    let now = frame.now;
    let pasts: Vec<_> = shown.iter().map(|(slot, _)| slot.history()).collect();
    let first = pasts.iter().filter_map(|past| Some(past.first()?.at)).min().unwrap_or(now);
    let from = first.min(now - SHORTEST_PAST);
    let rows = shown.iter().zip(&pasts).map(|((_, status), past)| {
        let points = past.iter().map(|point| (point.at, point.active.map(f64::from)));
        Row::new(status, Sparkline::new("active sessions", from, now, points), frame)
    });
    (past(from, now), rows.collect())
}

fn past(from: Timestamp, to: Timestamp) -> String {
    let minutes = (to.duration_since(from).as_secs() + 30) / 60;
    words::round_span(std::time::Duration::from_mins(minutes.unsigned_abs()))
}

impl Row {
    fn new(status: &TargetStatus, spark: Sparkline, frame: &Frame<'_>) -> Self {
        let target = &status.target;
        Self {
            title: title(status),
            link: frame.links.target(target),
            id: target.id(),
            cloud: cloud(status),
            account: target.account.name.clone(),
            state: status.state.label(),
            incident: status.incident.map(|id| frame.to(&format!("/incidents/{id}"))),
            numbers: COLUMNS
                .iter()
                .filter_map(|column| Some((column.head, column.number(status)?)))
                .collect(),
            spark,
            trouble: status.error.as_ref().map(Trouble::from),
        }
    }
}
