//! `/api/v1/incidents`: what is kept of spikes, the newest first.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Refusal, answer};
use crate::store::{Incident, Incidents};

/// Which incidents are asked for; all where nothing is said.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Filter {
    instance_id: Option<String>,
    node_id: Option<String>,
    active: Option<String>,
}

#[derive(Serialize)]
struct List<'a> {
    incidents: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    active: bool,
    #[serde(flatten)]
    incident: &'a Incident,
}

impl<'a> From<&'a Arc<Incident>> for Shown<'a> {
    fn from(incident: &'a Arc<Incident>) -> Self {
        Self { active: incident.is_active(), incident }
    }
}

impl Filter {
    /// The incidents that are asked for.
    ///
    /// # Errors
    /// The rule that the question breaks.
    fn of(&self, incidents: &Incidents) -> Result<Vec<Arc<Incident>>, &'static str> {
        let active = match self.active.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err("active: expected true or false"),
        };
        let named = |wanted: &Option<String>, name: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || Some(wanted) == name)
        };
        let mut found = incidents.list();
        found.retain(|incident| {
            let target = &incident.target;
            named(&self.instance_id, Some(&target.instance_id))
                && named(&self.node_id, target.node_id.as_deref())
                && active.is_none_or(|active| active == incident.is_active())
        });
        Ok(found)
    }
}

/// All that are asked for.
pub(in crate::web) fn list(incidents: &Incidents, filter: Result<Query<Filter>, QueryRejection>) -> Response {
    let wrong = |why: String| Refusal(StatusCode::BAD_REQUEST, why);
    let found = filter.map_err(|rejection| wrong(rejection.body_text()));
    match found.and_then(|Query(filter)| filter.of(incidents).map_err(|rule| wrong(rule.to_owned()))) {
        Ok(found) => answer(StatusCode::OK, &List { incidents: found.iter().map(Shown::from).collect() }),
        Err(refusal) => refusal.into_response(),
    }
}

/// One of them.
pub(in crate::web) fn one(incidents: &Incidents, id: Result<Path<String>, PathRejection>) -> Response {
    let missing = || Refusal(StatusCode::NOT_FOUND, "no such incident is kept".to_owned());
    match id.map_err(Refusal::from).and_then(|Path(id)| find(incidents, &id).ok_or_else(missing)) {
        Ok(incident) => answer(StatusCode::OK, &Shown::from(&incident)),
        Err(refusal) => refusal.into_response(),
    }
}

/// The incident with this number.
pub(in crate::web) fn find(incidents: &Incidents, id: &str) -> Option<Arc<Incident>> {
    incidents.get(id.parse().ok()?)
}
