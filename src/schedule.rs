//! When what is fetched: one task per target and per kill task. They share nothing but their account's gate and rate
//! limits, so one target's trouble stays its own.

mod kill_task;
pub mod plan;
mod task;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::cloud::Clouds;
use crate::config::Config;
use crate::model::Rankings;
use crate::store::Store;
use crate::telemetry::Instruments;
use task::Fetcher;

/// Starts fetching everything that the configuration names; stops when the set is dropped.
#[must_use]
pub fn start(
    config: &Config,
    clouds: &Clouds,
    store: &Store,
    clock: Clock,
    instruments: &Instruments,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for target in &config.targets {
        if let Some(source) = clouds.source(target) {
            let fetcher = Fetcher {
                source,
                target: Arc::clone(target),
                rankings: Rankings::new(config.top, target.settings.max_series),
                publisher: store.target(target),
                clock,
                instruments: instruments.clone(),
            };
            tasks.spawn(fetcher.run());
        }
    }
    for kill_task in &config.kill_tasks {
        if let Some(client) = clouds.kill_task_client(kill_task) {
            tasks.spawn(kill_task::follow(client, kill_task.clone(), store.task(kill_task)));
        }
    }
    tasks
}
