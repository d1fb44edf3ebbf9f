//! `healthcheck`: asks a running exporter whether it is well, for containers that hold no other program to ask with.

use std::time::Duration;

use super::Failure;
use super::exporter::{Exporter, answer};
use crate::cli::Healthcheck;

/// The exporter answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Of an answer that is not good, this much is repeated, in characters.
const REPEATED: usize = 200;

/// Asks once.
pub(super) async fn check(healthcheck: &Healthcheck) -> Result<(), Failure> {
    let path = if healthcheck.ready { "/-/ready" } else { "/-/healthy" };
    let exporter = Exporter::new(&healthcheck.whom, TIMEOUT)?;
    let (status, body) = answer(exporter.get(path)).await?;
    if status.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&body);
    let why: String = body.lines().next().unwrap_or_default().chars().take(REPEATED).collect();
    Err(Failure::Runtime(format!("the exporter answers {status}: {why}")))
}
