//! Families of session-terminating tasks: gauges of each task that is shown, counters of all that have ended.

use super::families::{Family, Read, counter, gauge};
use crate::model::kill_task::{TaskReport, TaskState};

pub const FAMILIES: &[Family] = &[
    gauge(
        "dbsession_kill_task_state",
        "State of the kill task: 1 for the present one, 0 for the others.",
        Read::Task(|task, out| {
            for state in TaskState::ALL {
                let labels = [("task_id", task.task_id.as_ref()), ("state", state.label())];
                out.labelled(&labels, task.report.state == state);
            }
        }),
    ),
    gauge(
        "dbsession_kill_task_sessions",
        "Sessions of the kill task, by what became of them as the provider counts it.",
        Read::Task(|task, out| {
            let TaskReport { killed, failed, ignored, .. } = task.report;
            for (result, sessions) in [("killed", killed), ("failed", failed), ("ignored", ignored)] {
                out.labelled(&[("task_id", &task.task_id), ("result", result)], sessions);
            }
        }),
    ),
    gauge(
        "dbsession_kill_task_results",
        "Sessions that the kill task lists, by reason of what became of them.",
        Read::Task(|task, out| {
            for (reason, sessions) in task.report.results.by_reason() {
                out.labelled(&[("task_id", &task.task_id), ("reason", reason)], sessions);
            }
        }),
    ),
    gauge(
        "dbsession_kill_task_active_sessions",
        "Active sessions of the kill task's instance, in the last fetch before it and the first one after it.",
        Read::Task(|task, out| {
            for (when, sessions) in [("before", task.effect.before), ("after", task.effect.after)] {
                if let Some(sessions) = sessions {
                    out.labelled(&[("task_id", &task.task_id), ("when", when)], sessions);
                }
            }
        }),
    ),
    gauge(
        "dbsession_kill_task_returned_sessions",
        "Sessions of users and clients that the task killed sessions of: the most in three fetches after it.",
        Read::Task(|task, out| {
            if let Some(sessions) = task.effect.returned {
                out.labelled(&[("task_id", task.task_id.as_ref())], sessions);
            }
        }),
    ),
    counter(
        "dbsession_kill_tasks_total",
        "Kill tasks that have ended, by the state in which they did.",
        Read::TaskCounters(|counters, out| {
            out.by("state", TaskState::ENDS.map(TaskState::label).into_iter().zip(counters.tasks));
        }),
    ),
    counter(
        "dbsession_kill_results_total",
        "Sessions that ended kill tasks listed, by reason of what became of them.",
        Read::TaskCounters(|counters, out| {
            out.by("reason", counters.results.by_reason());
        }),
    ),
];
