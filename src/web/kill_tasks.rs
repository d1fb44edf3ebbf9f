//! `/api/v1/kill-tasks`: lists the session-terminating tasks that are watched, takes new ones in, and forgets them. Every answer is
//! JSON; an error is `{"error": "…"}`.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Refusal, answer};
use super::control::{Control, ControlRequest};
use crate::schedule::{NewKillTasks, WatchError};
use crate::store::{TaskRecord, Tasks};

/// Tasks of one request: a cluster's nodes, and more.
const MAX_AT_ONCE: usize = 100;

fn wrong(why: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why.into())
}

fn stopping() -> Refusal {
    Refusal(StatusCode::SERVICE_UNAVAILABLE, "the exporter is about to stop".to_owned())
}

/// `GET`
pub(super) fn list(tasks: &Tasks) -> Response {
    answer(StatusCode::OK, &shown(&tasks.list()))
}

/// `POST`
pub(super) async fn register(
    control: &Control,
    enabled: bool,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let registered = async {
        allowed(enabled, headers)?;
        let wanted = wanted(body)?;
        let outcome = control.ask(|answer| ControlRequest::Watch(wanted, answer)).await;
        outcome.ok_or_else(stopping)?.map_err(|error| {
            let status = match error {
                WatchError::Wrong(_) => StatusCode::BAD_REQUEST,
                WatchError::Full => StatusCode::TOO_MANY_REQUESTS,
                WatchError::Unsaved(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Refusal(status, error.to_string())
        })
    };
    match registered.await {
        Ok((new, records)) => {
            let status = if new { StatusCode::CREATED } else { StatusCode::OK };
            answer(status, &shown(&records))
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// `DELETE`
pub(super) async fn forget(control: &Control, enabled: bool, headers: &HeaderMap, task: String) -> Response {
    if let Err(refusal) = allowed(enabled, headers) {
        return refusal.into_response();
    }
    match control.ask(|answer| ControlRequest::Forget(task, answer)).await {
        Some(Ok(true)) => StatusCode::NO_CONTENT.into_response(),
        Some(Ok(false)) => {
            Refusal(StatusCode::NOT_FOUND, "no such task is watched".to_owned()).into_response()
        }
        Some(Err(error)) => Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        None => stopping().into_response(),
    }
}

/// Refuses what the operator has not allowed, and what a page of another site makes a browser send: every browser tells where such a
/// request comes from.
fn allowed(enabled: bool, headers: &HeaderMap) -> Result<(), Refusal> {
    if !enabled {
        let why = "changing kill tasks over HTTP is off: start with --web.enable-admin-api";
        return Err(Refusal(StatusCode::FORBIDDEN, why.to_owned()));
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host_of = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
    let other_site =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let other_origin = headers.contains_key(header::ORIGIN)
        && text(header::ORIGIN).and_then(host_of) != text(header::HOST).map(str::to_ascii_lowercase);
    if other_site || other_origin {
        return Err(Refusal(StatusCode::FORBIDDEN, "a page of another site may not do this".to_owned()));
    }
    Ok(())
}

/// What a `POST` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    account: String,
    instance: String,
    node: Option<String>,
    task: Option<String>,
    answer: Option<Value>,
}

/// Whatever type the request gives the body: curl, if not told otherwise, calls it a form.
fn wanted(body: &Bytes) -> Result<NewKillTasks, Refusal> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(wrong("send a JSON object"));
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    let tasks = match (body.task, body.answer) {
        (Some(task), None) => vec![task],
        (None, Some(answer)) => ids(&answer).map_err(wrong)?,
        _ => return Err(wrong("give either task, or answer")),
    };
    if tasks.len() > MAX_AT_ONCE {
        return Err(wrong(format!("more than {MAX_AT_ONCE} tasks at once")));
    }
    Ok(NewKillTasks { account: body.account, instance: body.instance, node: body.node, tasks })
}

/// The task ids of an answer of `CreateKillInstanceSessionTask`: `Data` is one, or for all nodes of a `PolarDB` cluster a text
/// that is a JSON array of several.
fn ids(answer: &Value) -> Result<Vec<String>, &'static str> {
    // Some of the cloud's answers spell it as a text.
    if answer.get("Success").is_some_and(|success| success == false || success == "false") {
        return Err("answer: Success is false, so there is no task");
    }
    let data = answer.get("Data").and_then(Value::as_str).map(str::trim).filter(|data| !data.is_empty());
    let data = data.ok_or("answer: Data is no text with the id of a task")?;
    if !data.starts_with('[') {
        return Ok(vec![data.to_owned()]);
    }
    let ids: Vec<String> = serde_json::from_str(data).map_err(|_| "answer: Data is no JSON array of ids")?;
    if ids.is_empty() { Err("answer: Data has no id of a task") } else { Ok(ids) }
}

fn shown(records: &[TaskRecord]) -> Value {
    json!({"tasks": records.iter().map(task).collect::<Vec<_>>()})
}

fn task(record: &TaskRecord) -> Value {
    let report = record.report.as_ref();
    json!({
        "account": record.key.account,
        "instance": record.key.instance_id,
        "node": record.key.node_id,
        "task": record.key.task_id,
        "state": report.map(|report| report.state.label()),
        "killed": report.map(|report| report.killed),
        "failed": report.map(|report| report.failed),
        "ignored": report.map(|report| report.ignored),
        "registered_at": record.registered_at.to_string(),
        "ended_at": record.ended_at.map(|at| at.to_string()),
    })
}
