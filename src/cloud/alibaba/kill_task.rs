//! What a session-terminating task did: DAS `GetKillInstanceSessionTaskResult`, for RDS for MySQL and PolarDB for MySQL.

use super::client::Client;
use crate::cloud::budget::Budget;
use crate::cloud::json::{Count, Error, Fields, Reader, Text};
use crate::config::KillTask;
use crate::error::{FailureKind, FetchError};
use crate::model::kill_task::{Results, TaskReport, TaskState, Victims};

const ACTION: &str = "GetKillInstanceSessionTaskResult";

/// Asks for the present result of `task`.
///
/// # Errors
/// Of the call, or [`FailureKind::BadResponse`] where the answer has no known `TaskState`.
pub async fn result(client: &Client, task: &KillTask, budget: &mut Budget) -> Result<TaskReport, FetchError> {
    let mut parameters = vec![("InstanceId", task.instance_id.as_str()), ("TaskId", task.task_id.as_str())];
    parameters.extend(task.node_id.as_deref().map(|node| ("NodeId", node)));
    let max_bytes = task.account.settings.max_response_bytes;
    let data = client.call(ACTION, &parameters, Data::default, max_bytes, budget).await?;
    let unknown =
        || FetchError::new(FailureKind::BadResponse, format!("{ACTION}: no TaskState that is documented"));
    Ok(TaskReport {
        state: data.state.ok_or_else(unknown)?,
        killed: data.killed.0.unwrap_or_default(),
        failed: data.failed.0.unwrap_or_default(),
        ignored: data.ignored.0.unwrap_or_default(),
        results: data.results,
        unknown_reason: data.unknown_reason,
        victims: data.victims,
    })
}

/// `Data` of an answer.
#[derive(Default)]
struct Data {
    state: Option<TaskState>,
    killed: Count,
    failed: Count,
    ignored: Count,
    results: Results,
    unknown_reason: Option<String>,
    victims: Victims,
}

impl<'a> Fields<'a> for Data {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"TaskState" => self.state = reader.value::<Text<'a>>()?.as_deref().and_then(TaskState::of),
            b"KillSuccessCount" => self.killed = reader.value()?,
            b"KillFailCount" => self.failed = reader.value()?,
            b"IgnoredUserSessionCount" => self.ignored = reader.value()?,
            b"Result" => drop(reader.rows(|row: &Row<'a>| self.add(row))?),
            _ => reader.skip()?,
        }
        Ok(())
    }
}

impl Data {
    fn add(&mut self, row: &Row<'_>) {
        let text = |text: &Text<'_>| text.as_deref().unwrap_or_default().to_owned();
        let reason = row.reason.as_deref().unwrap_or_default();
        if !self.results.add(reason) {
            self.unknown_reason = Some(reason.to_owned());
        }
        if reason.eq_ignore_ascii_case("SESSION_KILLED") {
            self.victims.add(&text(&row.user), &text(&row.host));
        }
    }
}

/// One row of `Result`.
#[derive(Default)]
struct Row<'a> {
    reason: Text<'a>,
    user: Text<'a>,
    host: Text<'a>,
}

impl<'a> Fields<'a> for Row<'a> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"Reason" => self.reason = reader.value()?,
            b"User" => self.user = reader.value()?,
            b"Host" => self.host = reader.value()?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}
