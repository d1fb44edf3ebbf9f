//! The simulated cloud in a process of its own, for measuring the exporter apart from it: prints the configuration with which
//! `dbsession_exporter run` watches N instances of M pooled connections each, and serves them until its input ends.

use std::io::{Write as _, stdout};

use dbsession_exporter::demo::fleet::{self, Size};
use tokio::io::{AsyncReadExt as _, stdin};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse().ok());
    let instances = numbers.next().flatten();
    let sessions = numbers.next().flatten().and_then(|sessions: usize| sessions.try_into().ok());
    let size = Size { instances, sessions };
    let cloud = fleet::start(size).await?;
    stdout().write_all(fleet::configuration(&cloud, size).as_bytes())?;
    stdout().flush()?;
    while stdin().read(&mut [0; 64]).await? > 0 {}
    cloud.shutdown().await;
    Ok(())
}
