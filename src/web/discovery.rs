//! `/sd` and `/probe`: the targets as Prometheus discovers them, and the page of one of them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::Target;
use crate::store::{Slot, Store};

/// `/sd`: the format of Prometheus' HTTP service discovery, a group for each target.
pub(super) fn groups(store: &Store) -> Response {
    let groups: Vec<Value> = store.targets().iter().map(|slot| group(slot.target())).collect();
    ([(header::CONTENT_TYPE, "application/json")], Value::from(groups).to_string()).into_response()
}

fn group(target: &Target) -> Value {
    let account = &target.account;
    let labels = [
        ("instance_id", Some(target.instance_id.as_str())),
        ("node_id", target.node_id.as_deref()),
        ("instance_name", target.name.as_deref()),
        ("provider", Some(account.provider.label())),
        ("service", Some(target.service.label())),
        ("account", Some(account.name.as_str())),
        ("region", account.region.as_deref()),
    ];
    let known = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let labels: Map<String, Value> =
        known.map(|(name, value)| (format!("__meta_dbsession_{name}"), Value::from(value))).collect();
    json!({"targets": [target.id()], "labels": labels})
}

/// What `/probe` is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Probe {
    target: Option<String>,
    node: Option<String>,
}

impl Probe {
    /// Asks for an instance, or for a node of it.
    pub(super) fn new(target: String, node: Option<String>) -> Self {
        Self { target: Some(target), node }
    }
}

/// The slot that `/probe` asks for, among all of them.
///
/// # Errors
/// 400 with the choices where the target or its node is not named, 404 where it is not known.
pub(super) fn find<'s>(slots: &'s [Slot], probe: &Probe) -> Result<&'s Slot, (StatusCode, String)> {
    let Some(wanted) = probe.target.as_deref().filter(|target| !target.is_empty()) else {
        let text = format!("Name a target, like /probe?target=ID&node=NODE. There are: {}", choices(slots));
        return Err((StatusCode::BAD_REQUEST, text));
    };
    // Discovery names a node as ID/NODE.
    let (id, node) = match wanted.split_once('/') {
        Some((id, node)) if probe.node.is_none() => (id, Some(node)),
        _ => (wanted, probe.node.as_deref().filter(|node| !node.is_empty())),
    };
    let of_instance = || slots.iter().filter(|slot| slot.target().instance_id == id);
    if let Some(slot) = of_instance().find(|slot| slot.target().node_id.as_deref() == node) {
        return Ok(slot);
    }
    match of_instance().count() {
        0 => Err((StatusCode::NOT_FOUND, format!("No target {wanted:?}. See /sd for all of them."))),
        _ if node.is_some() => Err((
            StatusCode::NOT_FOUND,
            format!("No such node of {id:?}. There are: {}", choices(of_instance())),
        )),
        _ => Err((
            StatusCode::BAD_REQUEST,
            format!("{id:?} has nodes: name one by node. There are: {}", choices(of_instance())),
        )),
    }
}

/// Names of slots, the first few of them.
fn choices<'s>(slots: impl IntoIterator<Item = &'s Slot>) -> String {
    const SHOWN: usize = 50;
    let ids: Vec<String> = slots.into_iter().map(|slot| slot.target().id()).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    ids[..ids.len().min(SHOWN)].join(", ") + more
}
