//! Keys that a program prints, for profiles of Alibaba Cloud's command line with mode External. As there, the command is taken
//! apart at blanks, and no shell has a part in it. What the program says is never repeated.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::Identity;
use super::answer::{Fresh, MAX_BYTES, Moment, PRINTED, bad, json};
use super::issuer::Request;
use crate::cloud::budget::Budget;
use crate::config::{Credentials, Found, Process};
use crate::error::{FailureKind, FetchError};

/// Longest that the program may take: it may ask a person.
pub(super) const BOUND: Duration = Duration::from_mins(1);

/// Whether a program may have to be run.
pub(super) fn is_part_of(credentials: &Credentials) -> bool {
    match credentials {
        Credentials::Process(_) => true,
        Credentials::Role(role) => is_part_of(&role.base),
        Credentials::Chain(links) => {
            links.iter().any(|link| matches!(&link.found, Found::Credentials(found) if is_part_of(found)))
        }
        _ => false,
    }
}

/// Runs the program.
pub(super) async fn run(
    request: Request<'_>,
    process: &Process,
    budget: &Budget,
) -> Result<Fresh, FetchError> {
    let what = format!("the process_command that {} names", process.named_by.display());
    let moment = Moment { at: Instant::now(), time: request.account.now() };
    let printed = budget.run(printed(process)).await?;
    let failed = |why: String| {
        FetchError::new(FailureKind::Auth, format!("{what}: {why}; run it by hand to see what it says"))
    };
    let json = json(&what, &printed.map_err(failed)?)?;
    let mode = json.get("mode").and_then(Value::as_str).unwrap_or_default();
    if !matches!(mode, "AK" | "StsToken") {
        return Err(bad(&what, "the mode that it prints is neither AK nor StsToken"));
    }
    let (keys, ends_at) = PRINTED.read(&what, &json)?;
    Fresh::issued(&what, Identity::Keys(keys), ends_at, moment)
}

/// What the program prints, if it ends well; it is killed when nobody waits for it any more.
async fn printed(process: &Process) -> Result<Vec<u8>, String> {
    let mut words = process.command.expose().split_whitespace();
    let program = words.next().ok_or("there is no program in it")?;
    let command = &mut Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let stdout = child.stdout.take().ok_or("has no output")?;
    let mut text = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    stdout.take(limit).read_to_end(&mut text).await.map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() > MAX_BYTES {
        return Err("prints more than 64 KiB".to_owned());
    }
    let status = child.wait().await.map_err(|error| format!("cannot be waited for: {error}"))?;
    if status.success() { Ok(text) } else { Err(format!("ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    /// Whether a process is there and has not ended.
    fn is_running(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
    }

    #[tokio::test]
    async fn a_program_that_nobody_waits_for_any_more_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let (script, id) = (directory.path().join("script"), directory.path().join("id"));
        std::fs::write(&script, format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", id.display()))
            .unwrap();
        let command = Secret::new(format!("sh {}", script.display()));
        let process = Process { command, named_by: script };
        let running = tokio::spawn(async move { printed(&process).await.map(|_| ()) });
        while !id.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let id = std::fs::read_to_string(id).unwrap();
        assert!(is_running(id.trim()));
        running.abort();
        while is_running(id.trim()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
