//! `kill-task watch`: registers a task with a running exporter, follows it there, and prints its outcome.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::warn;

use super::exporter::{Exporter, answer};
use super::{Failure, print};
use crate::cli::Watch;

/// Time between two looks; the exporter itself asks the cloud less often.
const PAUSE: Duration = Duration::from_secs(1);

/// So many looks at a task of which the cloud has told nothing are enough to say so.
const PATIENCE: u32 = 10;

/// One answer of the exporter.
const TIMEOUT: Duration = Duration::from_secs(10);

const PATH: &str = "/api/v1/kill-tasks";

#[derive(Deserialize)]
struct Listed {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    account: String,
    instance: String,
    node: Option<String>,
    #[serde(rename = "task")]
    id: String,
    state: Option<String>,
    killed: Option<u64>,
    failed: Option<u64>,
    ignored: Option<u64>,
}

/// Registers, follows and prints; a task that does not end well is a failure.
pub(super) async fn watch(watch: &Watch) -> Result<(), Failure> {
    let exporter = Exporter::new(&watch.whom, TIMEOUT)?;
    let Watch { account, instance, node, task, .. } = watch;
    let body = json!({"account": account, "instance": instance, "node": node, "task": task});
    let request = exporter.post(PATH).header("content-type", "application/json").body(body.to_string());
    let mut listed = listed(request).await?;
    let mut untold = 0;
    loop {
        let found = listed.tasks.into_iter().find(|found| is_it(found, watch));
        let found =
            found.ok_or_else(|| Failure::Runtime("the exporter has forgotten the task".to_owned()))?;
        match found.state.as_deref() {
            Some("running") => untold = 0,
            Some(state) => return outcome(&found, state),
            None => untold += 1,
        }
        if untold == PATIENCE {
            warn!(task, "the cloud has told nothing of the task so far; the log of the exporter says why");
        }
        sleep(PAUSE).await;
        listed = self::listed(exporter.get(PATH)).await?;
    }
}

fn is_it(task: &Task, watch: &Watch) -> bool {
    (&task.account, &task.instance, &task.node, &task.id)
        == (&watch.account, &watch.instance, &watch.node, &watch.task)
}

async fn listed(request: RequestBuilder) -> Result<Listed, Failure> {
    let (status, body) = answer(request).await?;
    if !status.is_success() {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = body.get("error").and_then(Value::as_str).unwrap_or("no reason is given");
        return Err(Failure::Runtime(format!("the exporter answers {status}: {why}")));
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::runtime("that is no answer of this exporter", &error))
}

fn outcome(task: &Task, state: &str) -> Result<(), Failure> {
    let node = task.node.as_ref().map(|node| format!("/{node}")).unwrap_or_default();
    let mut text = format!("task {} of {}{node}: {state}\n\n", task.id, task.instance);
    for (label, sessions) in [("killed", task.killed), ("failed", task.failed), ("ignored", task.ignored)] {
        let _ = writeln!(text, "{label:<10}{:>10} sessions", sessions.unwrap_or_default());
    }
    print(&text)?;
    if state == "success" { Ok(()) } else { Err(Failure::Runtime(format!("the task ended as {state}"))) }
}
