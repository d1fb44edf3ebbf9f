//! Bounds of the log: in number for each target, in bytes for all together.

use serde_json::{Value, json};

use super::*;

/// An incident of `instance` that is open or has ended, with users of these names.
fn incident(instance: &str, open: bool, users: &[String]) -> Incident {
    let at = "2026-01-01T00:00:00Z";
    let moment = json!({"at": at, "sessions": 90, "active_sessions": 80});
    let users: Vec<Value> = users
        .iter()
        .map(|user| json!({"name": user, "active_sessions_before": 0, "active_sessions": 9, "sessions_before": 0, "sessions": 9}))
        .collect();
    let row = |user: &Value| json!({"user": user["name"], "seconds": 9.0, "idle_in_transaction": false});
    let rows: Vec<Value> = users.iter().map(row).collect();
    let incident = json!({
        "id": 0, "account": "ali", "service": "das", "instance_id": instance, "started_at": at, "last_seen_at": at,
        "ended_at": (!open).then_some(at), "reopened": 0, "level": 4.5, "first": moment, "peak": moment,
        "users": users, "clients": [], "databases": [], "states": [], "oldest_sessions": rows, "oldest_transactions": [],
    });
    serde_json::from_value(incident).expect("what is left out is absent")
}

fn name(incident: &Incident) -> TargetName {
    incident.target.clone()
}

fn bytes(incidents: &Incidents) -> usize {
    let log = lock(&incidents.0.log);
    assert_eq!(log.bytes, log.kept.values().map(|entry| entry.incident.bytes()).sum::<usize>());
    log.bytes
}

#[test]
fn each_target_keeps_its_latest() {
    let incidents = Incidents::default();
    let (one, other) = (incident("rm-1", false, &[]), incident("rm-2", false, &[]));
    assert_eq!(incidents.begin(other.clone(), 3), 1);
    for id in 2..=6 {
        assert_eq!(incidents.begin(one.clone(), 3), id);
    }
    assert_eq!(incidents.list().iter().map(|it| it.id).collect::<Vec<_>>(), [6, 5, 4, 1]);
    assert_eq!(incidents.latest_of(&name(&one)).map(|it| it.id), Some(6));
    assert_eq!(incidents.begin(other, 1), 7);
    assert_eq!(incidents.list().iter().map(|it| it.id).collect::<Vec<_>>(), [7, 6, 5, 4]);
}

#[test]
fn a_storm_over_a_fleet_stays_within_the_bytes() {
    let incidents = Incidents::default();
    let users: Vec<String> = (0..10).map(|user| format!("user-{user}-{}", "x".repeat(100))).collect();
    let first = incidents.begin(incident("rm-open", true, &users), 100);
    for open in [false, true] {
        for target in 0..2_000 {
            let _ = incidents.begin(incident(&format!("rm-{target}"), open, &users), 100);
        }
        assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&bytes(&incidents)), "it is full");
        assert_eq!(incidents.get(first).is_some(), !open, "what is open goes last");
        assert!(incidents.get(first + 1).is_none());
    }
    assert!(incidents.change(first, Incident::reopen).is_none(), "it is gone");
}

#[test]
fn what_it_keeps_is_what_it_was() {
    let incidents = Incidents::default();
    for open in [true, false] {
        let _ = incidents.begin(incident("rm-1", open, &["größe \"1\"".to_owned()]), 100);
    }
    let text = serde_json::to_vec(&lock(&incidents.0.log).file()).expect("JSON");
    let again = Log::of(serde_json::from_slice(&text).expect("its own JSON"));
    assert_eq!(again.last_id, 2);
    let kept: Vec<_> = again.kept.values().rev().map(|entry| Arc::clone(&entry.incident)).collect();
    assert_eq!(kept, incidents.list());
}

#[test]
fn those_of_targets_that_are_not_recorded_any_more_end() {
    let incidents = Incidents::default();
    let (one, other) = (incident("rm-1", true, &[]), incident("rm-2", true, &[]));
    let wanted = HashSet::from([name(&other)]);
    let ids = [incidents.begin(one, 100), incidents.begin(other, 100)];
    incidents.interrupt_others(&wanted);
    let outcomes = ids.map(|id| incidents.get(id).and_then(|it| it.outcome));
    assert_eq!(outcomes, [Some(Outcome::Interrupted), None]);
}
