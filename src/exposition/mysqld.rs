//! Families under the names of `mysqld_exporter`, for boards and alerts that were made for it: those that a snapshot can fill
//! with what is meant by them. Only for targets that are shown under these names.

use super::families::{Family, Read, gauge};
use super::format::Samples;
use super::view::TargetView;
use crate::model::Snapshot;
use crate::model::snapshot::Listed;

pub const FAMILIES: &[Family] = &[
    gauge(
        "mysql_up",
        "Whether the last fetch of the target was good: 1 yes, 0 no.",
        Read::Target(|target, out| out.value_if(target.health.up.filter(|_| target.mysqld_names))),
    ),
    gauge(
        "mysql_global_status_threads_connected",
        "Open connections: all sessions without those of the server itself.",
        Read::Target(|target, out| out.value_if(listed(target).map(connections))),
    ),
    gauge(
        "mysql_info_schema_processlist_threads",
        "Sessions by command and thread state.",
        Read::Target(|target, out| {
            by_state(target, out, |listed| listed.states.iter().map(|(_, (_, sessions))| *sessions));
        }),
    ),
    gauge(
        "mysql_info_schema_processlist_seconds",
        "How long sessions have been in their present state, together, by command and thread state.",
        Read::Target(|target, out| by_state(target, out, |listed| listed.state_seconds.iter().copied())),
    ),
    gauge(
        "mysql_info_schema_processlist_processes_by_user",
        "Sessions by database account.",
        Read::Target(|target, out| {
            let users = snapshot(target).and_then(|snapshot| snapshot.users.as_ref());
            out.groups("mysql_user", users, |user| user.total);
        }),
    ),
    gauge(
        "mysql_info_schema_processlist_processes_by_host",
        "Sessions by client host.",
        Read::Target(|target, out| {
            let clients = snapshot(target).and_then(|snapshot| snapshot.clients.as_ref());
            out.groups("client_host", clients, |client| client.total);
        }),
    ),
];

fn snapshot(target: &TargetView) -> Option<&Snapshot> {
    target.snapshot.as_deref().filter(|_| target.mysqld_names)
}

fn listed(target: &TargetView) -> Option<(&Snapshot, &Listed)> {
    let snapshot = snapshot(target)?;
    Some((snapshot, snapshot.listed.as_ref()?))
}

/// Threads of the server are in its process list, but not in its status variable `Threads_connected`; a replica that is sent
/// the binary log is in both (MySQL reference manual, "Server Status Variables").
fn connections((snapshot, listed): (&Snapshot, &Listed)) -> u64 {
    let dumps = listed.commands.iter().filter(|(command, _)| command.is_binlog_dump());
    let dumps: u64 = dumps.map(|(_, sessions)| sessions).sum();
    snapshot.sessions.saturating_sub(listed.system.saturating_sub(dumps))
}

/// A sample for each pair of command and state that has a value.
fn by_state<'a, V: Into<super::value::Value>, I: Iterator<Item = V>>(
    target: &'a TargetView,
    out: &mut Samples<'_>,
    values: impl FnOnce(&'a Listed) -> I,
) {
    let Some((_, listed)) = listed(target) else { return };
    for ((state, (command, _)), value) in listed.states.iter().zip(values(listed)) {
        out.labelled(&[("command", command.label()), ("state", state)], value);
    }
}
