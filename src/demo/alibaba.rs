//! Alibaba Cloud DAS, `GetMySQLAllSessionAsync`: the first call starts a query and yields a `ResultId`, polls with it end in
//! the sessions and their statistics.

pub mod kill;
pub mod stats;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use self::stats::SessionData;
use super::fault::Fault;
use super::refusal::Refusal;
use super::state::{Pending, Shared};
use super::wire::Received;
use crate::cloud::canonical::sha256_hex;

/// How long a result can be fetched; the cloud documents nothing.
const RESULT_LIFE: Duration = Duration::from_mins(5);

/// Answers a call of `GetMySQLAllSessionAsync` about `instance`.
pub(super) fn sessions(
    shared: &Shared,
    request: &Received,
    instance: &str,
    fault: Option<&Fault>,
) -> Result<Vec<u8>, Refusal> {
    let known = shared.instance(instance).ok_or(Refusal::INSTANCE_NOT_FOUND)?;
    let id = match request.parameter("ResultId") {
        Some(id) => poll(shared, instance, id, fault)?,
        None => ask(shared, instance, known.polls)?,
    };
    let (running, sessions) = {
        let state = shared.state();
        let pending = state.results.get(&id).ok_or(Refusal::INVALID_PARAMS)?;
        (pending.polls_left > 0, Arc::clone(&pending.sessions))
    };
    let now = shared.now().as_millisecond();
    let mut progress = Progress { result_id: &id, timestamp: now, ..Progress::default() };
    match fault {
        Some(Fault::Fail) => progress = Progress { fail: true, is_finish: true, state: "FAIL", ..progress },
        Some(Fault::EndlessRunning) => {}
        _ if running => {}
        _ => {
            let session_data = Some(SessionData::new(&sessions, &known.stats, now));
            progress =
                Progress { is_finish: true, complete: true, state: "SUCCESS", session_data, ..progress };
        }
    }
    Ok(envelope(shared, &progress))
}

/// Starts a query; its id.
fn ask(shared: &Shared, instance: &str, polls_left: u32) -> Result<String, Refusal> {
    let sessions = shared.sessions(instance).ok_or(Refusal::INSTANCE_NOT_FOUND)?;
    let mut state = shared.state();
    let serial = state.serial().to_string();
    let id = format!("async_{}", &sha256_hex(serial.as_bytes())[..32]);
    let asked = Instant::now();
    state.results.retain(|_, pending| asked - pending.asked < RESULT_LIFE);
    state.results.insert(id.clone(), Pending { instance: instance.to_owned(), asked, polls_left, sessions });
    Ok(id)
}

/// Counts a poll of a query; its id.
fn poll(shared: &Shared, instance: &str, id: &str, fault: Option<&Fault>) -> Result<String, Refusal> {
    let mut state = shared.state();
    if let Some(Fault::RefuseResultId(times)) = fault {
        let refused = state.refused_polls.entry(instance.to_owned()).or_default();
        *refused += 1;
        if *refused <= *times {
            return Err(Refusal::INVALID_PARAMS);
        }
    }
    let pending = state.results.get_mut(id).filter(|pending| pending.instance == instance);
    let pending = pending.ok_or(Refusal::INVALID_PARAMS)?;
    pending.polls_left = pending.polls_left.saturating_sub(1);
    Ok(id.to_owned())
}

/// The frame around every good answer.
fn envelope(shared: &Shared, body: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Envelope<'a, T> {
        code: u16,
        message: &'a str,
        data: &'a T,
        request_id: String,
        success: bool,
    }
    let request_id = shared.request_id();
    let envelope = Envelope { code: 200, message: "Successful", data: body, request_id, success: true };
    serde_json::to_vec(&envelope).expect("structs with text keys become JSON")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Progress<'a> {
    fail: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_data: Option<SessionData<'a>>,
    result_id: &'a str,
    is_finish: bool,
    state: &'a str,
    complete: bool,
    timestamp: i64,
}

impl Default for Progress<'_> {
    fn default() -> Self {
        Self {
            fail: false,
            session_data: None,
            result_id: "",
            is_finish: false,
            state: "RUNNING",
            complete: false,
            timestamp: 0,
        }
    }
}
