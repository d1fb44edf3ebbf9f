//! `/api/v1/instances`: the fleet, and one instance or node of it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::instance::{Instance, Summary};
use super::{Refusal, answer};
use crate::store::Store;
use crate::web::discovery::{self, Probe};

#[derive(Serialize)]
struct Fleet<'a> {
    instances: Vec<Summary<'a>>,
}

/// Every target, in the order of the configuration.
pub(in crate::web) fn list(store: &Store) -> Response {
    let statuses = store.statuses();
    answer(StatusCode::OK, &Fleet { instances: statuses.iter().map(Summary::from).collect() })
}

/// One target, or why there is none.
pub(in crate::web) fn one(store: &Store, wanted: Result<Probe, Refusal>) -> Response {
    let slots = store.targets();
    let found = wanted
        .and_then(|wanted| discovery::find(&slots, &wanted).map_err(|(status, why)| Refusal(status, why)));
    match found {
        Ok(slot) => answer(StatusCode::OK, &Instance::new(&slot.status(Instant::now()), &slot.history())),
        Err(refusal) => refusal.into_response(),
    }
}
