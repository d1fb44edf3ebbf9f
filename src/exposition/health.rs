//! Families of a target's identity and health. All but those of the shown snapshot stay while the target is down.

use super::families::{Family, Read, counter, gauge};
use super::view::Skip;
use crate::error::FailureKind;

pub const FAMILIES: &[Family] = &[
    gauge(
        "dbsession_up",
        "Whether the last fetch of the target was good: 1 yes, 0 no.",
        Read::Target(|target, out| out.value_if(target.health.up)),
    ),
    gauge(
        "dbsession_instance_info",
        "What the target is, told by labels; always 1.",
        Read::Target(|target, out| out.info(&target.info)),
    ),
    gauge(
        "dbsession_last_success_timestamp_seconds",
        "When the last good fetch ended, in seconds since the Unix epoch; 0 if there was none.",
        Read::Target(|target, out| out.value(target.health.last_success.unwrap_or_default())),
    ),
    gauge(
        "dbsession_snapshot_timestamp_seconds",
        "When the shown data were taken, in seconds since the Unix epoch.",
        Read::Snapshot(|snapshot, out| out.value(snapshot.taken_at)),
    ),
    gauge(
        "dbsession_fetch_interval_seconds",
        "Interval between fetches that is now in force, in seconds.",
        Read::Target(|target, out| out.value(target.health.interval)),
    ),
    gauge(
        "dbsession_fetch_duration_seconds",
        "How long the last fetch took, in seconds.",
        Read::Target(|target, out| out.value_if(target.health.last_fetch.map(|fetch| fetch.duration))),
    ),
    gauge(
        "dbsession_fetch_api_calls",
        "Calls to the provider's API that the last fetch made.",
        Read::Target(|target, out| out.value_if(target.health.last_fetch.map(|fetch| fetch.api_calls))),
    ),
    counter(
        "dbsession_fetches_total",
        "Fetches that have ended, good or bad.",
        Read::Target(|target, out| out.value(target.health.fetches)),
    ),
    counter(
        "dbsession_fetch_failures_total",
        "Fetches that have failed, by reason.",
        Read::Target(|target, out| {
            out.by(
                "reason",
                FailureKind::ALL.map(FailureKind::label).into_iter().zip(target.health.failures),
            );
        }),
    ),
    counter(
        "dbsession_fetches_skipped_total",
        "Fetches that were due but not started, by reason.",
        Read::Target(|target, out| {
            out.by("reason", Skip::ALL.map(Skip::label).into_iter().zip(target.health.skipped));
        }),
    ),
    counter(
        "dbsession_incidents_total",
        "Incidents that have begun: times when active sessions were far above their own recent level.",
        Read::Target(|target, out| out.value_if(target.health.incidents.map(|incidents| incidents.total))),
    ),
    gauge(
        "dbsession_incident_active",
        "Whether an incident goes on, as far as is known: 1 yes, 0 no.",
        Read::Target(|target, out| {
            out.value_if(target.health.incidents.map(|incidents| incidents.open.is_some()));
        }),
    ),
    gauge(
        "dbsession_unlisted_sessions",
        "Sessions that the provider reports, but that are not among the rows it listed.",
        Read::Snapshot(|snapshot, out| out.value(snapshot.unlisted)),
    ),
];
