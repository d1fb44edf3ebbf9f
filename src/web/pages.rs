//! Pages for people: plain HTML that needs no script. This is the frame around all of them; what is in it is in the modules
//! below. The templates escape whatever they are given.

mod fleet;
mod incidents;
mod instance;
mod number;
mod oldest;
mod picture;
mod words;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use super::assets::{ICON, STYLE};
use super::links::Links;
use crate::store::LastError;
pub(super) use fleet::{Query, fleet};
pub(super) use incidents::{incident, incidents};
pub(super) use instance::instance;
use words::Moment;

/// The parts of the site that the navigation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// `/` and `/instances/…`.
    Fleet,
    /// `/incidents` and `/incidents/…`.
    Incidents,
}

/// What every page has around its content: links, navigation, version, time.
pub(super) struct Frame<'a> {
    links: &'a Links,
    section: Option<Section>,
    /// The moment of which the page tells.
    now: Timestamp,
}

impl<'a> Frame<'a> {
    /// The frame of a page that is in no section, as of `now`.
    pub(super) fn new(links: &'a Links, now: Timestamp) -> Self {
        Self { links, section: None, now }
    }

    fn of(self, section: Section) -> Self {
        Self { section: Some(section), ..self }
    }

    fn to(&self, path: &str) -> String {
        self.links.to(path)
    }

    fn metrics(&self) -> String {
        self.links.metrics()
    }

    fn moment(&self) -> Moment {
        self.now.into()
    }

    fn style(&self) -> String {
        self.links.to(&STYLE.link())
    }

    fn icon(&self) -> String {
        self.links.to(&ICON.link())
    }

    /// Marks the link to the section that the page is in.
    fn current(&self, section: Section) -> askama::filters::Safe<&'static str> {
        askama::filters::Safe(if self.section == Some(section) { " aria-current=\"page\"" } else { "" })
    }

    #[expect(clippy::unused_self, reason = "templates ask the frame for all that is in it")]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
}

fn message(frame: Frame<'_>, title: &str, text: &str) -> Response {
    html(&Message { frame, title, text })
}

/// Why the last fetch of a target failed, and what to do.
struct Trouble {
    reason: &'static str,
    detail: String,
    remedy: &'static str,
    at: Moment,
}

impl From<&LastError> for Trouble {
    fn from(last: &LastError) -> Self {
        let LastError { error, at } = last;
        let (reason, remedy) = (error.kind.label(), error.kind.remedy());
        Self { reason, detail: error.detail.clone(), remedy, at: (*at).into() }
    }
}
