//! Families of sessions: totals, what the listed sessions do, and who has them.

use super::families::{Family, Read, ages, gauge};
use super::format::Samples;
use crate::model::Snapshot;
use crate::model::ranking::Dimension;
use crate::model::state::Wait;

pub const FAMILIES: &[Family] = &[
    gauge(
        "dbsession_sessions",
        "All sessions.",
        Read::Snapshot(|snapshot, out| out.value(snapshot.sessions)),
    ),
    gauge(
        "dbsession_active_sessions",
        "Active sessions: as the provider reports them, else those that execute a statement or have an open transaction.",
        Read::Snapshot(|snapshot, out| out.value_if(snapshot.active)),
    ),
    gauge(
        "dbsession_executing_sessions",
        "Sessions with command Query or Execute, without system sessions.",
        Read::Listed(|_, listed, out| out.value(listed.executing)),
    ),
    gauge(
        "dbsession_idle_sessions",
        "Sleeping sessions without an open transaction.",
        Read::Listed(|_, listed, out| out.value(listed.idle)),
    ),
    gauge(
        "dbsession_system_sessions",
        "Sessions of the server itself and of replication.",
        Read::Listed(|_, listed, out| out.value(listed.system)),
    ),
    gauge(
        "dbsession_active_session_max_duration_seconds",
        "Longest time for which a session has been active, in seconds; 0 if none is.",
        Read::Snapshot(|snapshot, out| out.value_if(snapshot.longest_active)),
    ),
    ages(
        "dbsession_active_session_age_seconds",
        "How long the executing sessions have been executing, in seconds, as a histogram of the present moment.",
        Read::Listed(|snapshot, listed, out| out.ages(&listed.execution_ages, snapshot.taken_at)),
    ),
    gauge(
        "dbsession_slow_sessions",
        "Sessions that have been executing for at least dbsession_slow_session_threshold_seconds.",
        Read::Listed(|_, listed, out| out.value(listed.slow)),
    ),
    gauge(
        "dbsession_slow_session_threshold_seconds",
        "Time from which on an executing session counts as slow, in seconds.",
        Read::Listed(|snapshot, _, out| out.value(snapshot.thresholds.slow)),
    ),
    gauge(
        "dbsession_waiting_sessions",
        "Sessions whose state says that they wait, by kind of what they wait for.",
        Read::Listed(|_, listed, out| {
            out.by("kind", Wait::ALL.map(Wait::label).into_iter().zip(listed.waiting));
        }),
    ),
    gauge(
        "dbsession_command_sessions",
        "Sessions by command.",
        Read::Listed(|_, listed, out| {
            out.by("command", listed.commands.iter().map(|(command, sessions)| (command.label(), *sessions)));
        }),
    ),
    gauge(
        "dbsession_state_sessions",
        "Sessions by command and thread state.",
        Read::Listed(|_, listed, out| {
            for (state, (command, sessions)) in listed.states.iter() {
                out.labelled(&[("command", command.label()), ("state", state)], *sessions);
            }
        }),
    ),
    gauge(
        "dbsession_user_sessions",
        "Sessions by database account.",
        Read::Snapshot(|snapshot, out| out.groups("db_user", snapshot.users.as_ref(), |user| user.total)),
    ),
    gauge(
        "dbsession_user_active_sessions",
        "Active sessions by database account.",
        Read::Snapshot(|snapshot, out| out.groups("db_user", snapshot.users.as_ref(), |user| user.active)),
    ),
    gauge(
        "dbsession_client_sessions",
        "Sessions by client host.",
        Read::Snapshot(|snapshot, out| {
            out.groups("client_host", snapshot.clients.as_ref(), |client| client.total);
        }),
    ),
    gauge(
        "dbsession_client_active_sessions",
        "Active sessions by client host.",
        Read::Snapshot(|snapshot, out| {
            out.groups("client_host", snapshot.clients.as_ref(), |client| client.active);
        }),
    ),
    gauge(
        "dbsession_database_sessions",
        "Sessions by default database.",
        Read::Snapshot(|snapshot, out| {
            out.groups("db_name", snapshot.databases.as_ref(), |database| database.total);
        }),
    ),
    gauge(
        "dbsession_database_active_sessions",
        "Active sessions by default database.",
        Read::Snapshot(|snapshot, out| {
            out.groups("db_name", snapshot.databases.as_ref(), |database| database.active);
        }),
    ),
    gauge(
        "dbsession_template_sessions",
        "Sessions by SQL template.",
        Read::Snapshot(|snapshot, out| {
            out.groups("sql_template_id", snapshot.templates.as_deref(), |template| template.total);
        }),
    ),
    gauge(
        "dbsession_dimension_values",
        "Distinct users, clients and databases that have sessions now, by dimension.",
        Read::Snapshot(|snapshot, out| dimensions(snapshot, out, |dimension| dimension.distinct as u64)),
    ),
    gauge(
        "dbsession_dimension_folded_values",
        "Distinct users, clients and databases that are summed as other, by dimension.",
        Read::Snapshot(|snapshot, out| dimensions(snapshot, out, |dimension| dimension.folded as u64)),
    ),
    gauge(
        "dbsession_dimension_overflow_sessions",
        "Sessions in other whose users, clients or databases were too many to be told apart, by dimension.",
        Read::Snapshot(|snapshot, out| dimensions(snapshot, out, |dimension| dimension.overflow)),
    ),
    gauge(
        "dbsession_series_capped",
        "Whether max_series made more label values go to other than the top alone would: 1 yes, 0 no.",
        Read::Snapshot(|snapshot, out| out.value(snapshot.is_capped())),
    ),
];

fn dimensions(snapshot: &Snapshot, out: &mut Samples<'_>, values: fn(&Dimension) -> u64) {
    let Snapshot { users, clients, databases, .. } = snapshot;
    let named = [("user", users), ("client", clients), ("database", databases)];
    out.by(
        "dimension",
        named.into_iter().filter_map(|(name, dimension)| Some((name, values(dimension.as_ref()?)))),
    );
}
