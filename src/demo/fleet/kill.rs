//! The kill tasks of the demo: how far each has come at a time.

use std::time::Duration;

use super::profiles::SPIKE;
use crate::demo::KillTask;

/// A kill task that is watched.
pub(super) struct KillTarget {
    pub instance: &'static str,
    pub node: &'static str,
    pub task: &'static str,
    pub state: fn(Duration) -> KillTask,
}

/// One ends the first spike of orders; the other's account may not kill.
pub(super) const KILL_TASKS: [KillTarget; 2] = [
    KillTarget {
        instance: "rm-demo-orders",
        node: "",
        task: "f77d535b45405bd462b21caa3ee8demo",
        state: spike_kill,
    },
    KillTarget {
        instance: "pc-demo-catalog",
        node: "pi-demo-writer",
        task: "e93fab5d45405bd462b21caa3ee8demo",
        state: refused_kill,
    },
];

fn spike_kill(time: Duration) -> KillTask {
    let killed = SPIKE.kills(time.as_secs());
    if killed < SPIKE.sessions {
        return KillTask { state: "RUNNING".to_owned(), killed, ..KillTask::default() };
    }
    let reasons = vec![("SESSION_KILLED".to_owned(), killed), ("SESSION_IGNORED_USER".to_owned(), 2)];
    KillTask { state: "SUCCESS".to_owned(), killed, failed: 0, ignored: 2, reasons }
}

fn refused_kill(time: Duration) -> KillTask {
    if time < Duration::from_secs(30) {
        return KillTask { state: "RUNNING".to_owned(), ..KillTask::default() };
    }
    let reasons = vec![("SESSION_NO_PERMISSION".to_owned(), 3)];
    KillTask { state: "FAILURE".to_owned(), failed: 3, reasons, ..KillTask::default() }
}
