//! Alibaba Cloud DAS, `GetKillInstanceSessionTaskResult`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::demo::refusal::Refusal;
use crate::demo::state::Shared;
use crate::demo::wire::Received;

/// A task that terminates sessions, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KillTask {
    /// `TaskState`: RUNNING, SUCCESS, FAILURE or ERROR.
    pub state: String,
    /// `KillSuccessCount`
    pub killed: u64,
    /// `KillFailCount`
    pub failed: u64,
    /// `IgnoredUserSessionCount`
    pub ignored: u64,
    /// Rows of `Result` by their `Reason`.
    pub reasons: Vec<(String, u64)>,
}

/// Answers a call of `GetKillInstanceSessionTaskResult` about `instance`.
pub(in crate::demo) fn result(
    shared: &Shared,
    request: &Received,
    instance: &str,
) -> Result<Vec<u8>, Refusal> {
    let id = request.parameter("TaskId").ok_or(Refusal::INVALID_PARAMS)?;
    let known = shared.instance(instance).ok_or(Refusal::INSTANCE_NOT_FOUND)?;
    let task = known.kill_tasks.get(id).ok_or(Refusal::TASK_NOT_FOUND)?(shared.elapsed());
    let reasons = task.reasons.iter().flat_map(|(reason, count)| (0..*count).map(move |_| reason.as_str()));
    let rows: Vec<Value> = (1_u64..).zip(reasons).map(|(session, reason)| row(session, reason)).collect();
    let ids: Vec<u64> = (1..=rows.len() as u64).collect();
    let (instance_id, node_id) =
        instance.split_once('/').map_or((instance, None), |(id, node)| (id, Some(node)));
    let body = Outcome {
        task_id: id,
        user_id: "164882191396****",
        instance_id,
        node_id,
        task_state: &task.state,
        sessions: ids,
        kill_success_count: task.killed,
        kill_fail_count: task.failed,
        ignored_user_session_count: task.ignored,
        result: rows,
    };
    Ok(super::envelope(shared, &body))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Outcome<'a> {
    task_id: &'a str,
    user_id: &'a str,
    instance_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_id: Option<&'a str>,
    task_state: &'a str,
    sessions: Vec<u64>,
    kill_success_count: u64,
    kill_fail_count: u64,
    ignored_user_session_count: u64,
    result: Vec<Value>,
}

fn row(session: u64, reason: &str) -> Value {
    json!({
        "Id": session, "User": "testUser", "Host": format!("100.104.0.10:{}", 23_000 + session % 40_000), "Db": "dbTest",
        "Command": "Sleep", "Time": 1, "State": "", "Info": "SELECT sleep(60)", "Active": true,
        "TaskId": format!("task_{session}"), "Reason": reason,
    })
}
