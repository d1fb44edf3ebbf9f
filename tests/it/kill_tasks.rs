//! Session-terminating tasks: what the cloud says of them, and what stays when they are over.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

use std::sync::atomic::{AtomicU32, Ordering};

use dbsession_exporter::demo::{Cloud, Fault, KillTask, Refusal};

use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::SourceKind::AlibabaRds;
use crate::parse::{Page, Series};
use crate::program::{Invocation, Program, wait_until};

/// Each documented `Reason`, one that is not, and the label of each.
const REASONS: [(&str, &str); 9] = [
    ("SESSION_KILLED", "killed"),
    ("SESSION_EXPIRED", "expired"),
    ("SESSION_NO_PERMISSION", "no_permission"),
    ("SESSION_ACCOUNT_ERROR", "account_error"),
    ("SESSION_IGNORED_USER", "ignored_user"),
    ("SESSION_INTERNAL_USER_OR_COMMAND", "internal_user_or_command"),
    ("SESSION_KILL_TASK_TIMEOUT", "kill_task_timeout"),
    ("SESSION_OTHER_ERROR", "other_error"),
    ("SESSION_ABDUCTED", "unknown"),
];

const OPERATION: &str = "GetKillInstanceSessionTaskResult";

fn task(state: &str, [killed, failed, ignored]: [u64; 3], reasons: &[(&str, u64)]) -> KillTask {
    let reasons = reasons.iter().map(|&(reason, count)| (reason.to_owned(), count)).collect();
    KillTask { state: state.to_owned(), killed, failed, ignored, reasons }
}

/// These tasks (`INSTANCE/TASK` or `INSTANCE/NODE/TASK`) beside an instance.
fn watching(cloud: &Cloud, global: &str, tasks: &[&str]) -> Configuration {
    cloud.set_sessions("rm-watched", Vec::new());
    let entry = |task: &&str| match task.split('/').collect::<Vec<_>>()[..] {
        [instance, node, task] => format!("account: ali, instance: {instance}, node: {node}, task: {task}"),
        [instance, task] => format!("account: ali, instance: {instance}, task: {task}"),
        _ => panic!("{task} names no task"),
    };
    Configuration {
        global: global.to_owned(),
        kill_tasks: tasks.iter().map(entry).collect(),
        ..Configuration::of([instance(AlibabaRds, "rm-watched") + ", labels: {team: payments}"])
    }
}

/// The program, watching these.
async fn watch(cloud: &Cloud, global: &str, tasks: &[&str]) -> Program {
    Program::start(&watching(cloud, global, tasks).yaml(&cloud.url())).await
}

/// The present state of a task, if it has one and only one.
fn state(page: &Page, task: &str) -> Option<String> {
    let states = page.with(&[("task_id", task)]);
    let (mut present, absent): (Vec<_>, Vec<_>) =
        states.series_of("dbsession_kill_task_state").into_iter().partition(|(_, value)| *value == 1.0);
    assert!(present.len() <= 1 && absent.iter().all(|(_, value)| *value == 0.0));
    assert!(states.samples.is_empty() || present.len() + absent.len() == 4);
    present.pop().map(|(labels, _)| labels["state"].clone())
}

/// Values by one label, the zeros left out.
fn by(page: &Page, family: &str, label: &str) -> Vec<(String, f64)> {
    let series = page.series_of(family).into_iter().filter(|(_, value)| *value != 0.0);
    series.map(|(labels, value)| (labels[label].clone(), value)).collect()
}

fn pairs(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test]
async fn a_task_is_followed_to_its_end_and_counted_once() {
    let cloud = cloud().await;
    let asked = AtomicU32::new(0);
    cloud.play_kill_task("rm-watched", "t-1", move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => task("RUNNING", [1, 0, 0], &[("SESSION_KILLED", 1)]),
        _ => task("SUCCESS", [2, 1, 1], &[("SESSION_KILLED", 2), ("SESSION_EXPIRED", 1)]),
    });
    let program = watch(&cloud, "", &["rm-watched/t-1"]).await;
    let page = program.scrape_until("the task", |page| state(page, "t-1").is_some()).await;
    assert_eq!(state(&page, "t-1").as_deref(), Some("running"));
    let sessions = |page: &Page| by(page, "dbsession_kill_task_sessions", "result");
    assert_eq!(sessions(&page), pairs(&[("killed", 1.0)]));
    assert_eq!(page.series_of("dbsession_kill_task_sessions").len(), 3, "zeros are shown");
    assert_eq!(page.series_of("dbsession_kill_task_results").len(), REASONS.len(), "zeros are shown");
    assert_eq!(page.sum("dbsession_kill_tasks_total"), 0.0, "only ended tasks count");
    assert_eq!(page.sum("dbsession_kill_results_total"), 0.0, "only ended tasks count");

    let ended = |page: &Page| state(page, "t-1").as_deref() == Some("success");
    let page = program.scrape_until("the end of the task", ended).await;
    assert_eq!(sessions(&page), pairs(&[("failed", 1.0), ("ignored", 1.0), ("killed", 2.0)]));
    let results = pairs(&[("expired", 1.0), ("killed", 2.0)]);
    assert_eq!(by(&page, "dbsession_kill_task_results", "reason"), results);
    assert_eq!(by(&page, "dbsession_kill_results_total", "reason"), results);
    assert_eq!(by(&page, "dbsession_kill_tasks_total", "state"), pairs(&[("success", 1.0)]));
    let calls = cloud.calls().into_iter().filter(|call| call.operation == OPERATION);
    assert_eq!(calls.count(), 2, "once while it ran, once at its end");
}

#[tokio::test]
async fn every_state_and_reason_has_its_series() {
    let cloud = cloud().await;
    let reasons: Vec<(&str, u64)> = REASONS.iter().zip(1..).map(|((raw, _), count)| (*raw, count)).collect();
    cloud.set_kill_task("rm-watched", "t-all", task("SUCCESS", [45, 0, 0], &reasons));
    cloud.set_kill_task("rm-watched", "t-failed", task("FAILURE", [0, 7, 0], &[("SESSION_KILLED", 1)]));
    cloud.set_kill_task("rm-watched", "t-broken", task("ERROR", [0, 0, 0], &[]));
    cloud.set_kill_task("pc-elsewhere/pi-1", "t-node", task("SUCCESS", [3, 0, 0], &[("SESSION_KILLED", 3)]));
    let tasks =
        ["rm-watched/t-all", "rm-watched/t-failed", "rm-watched/t-broken", "pc-elsewhere/pi-1/t-node"];
    let program = watch(&cloud, "", &tasks).await;
    let ended = |page: &Page| page.sum("dbsession_kill_tasks_total") == 4.0;
    let page = program.scrape_until("the end of all tasks", ended).await;

    // A configured instance has its labels; another one, here with a node, has none.
    let own = page.with(&[("instance_id", "rm-watched"), ("team", "payments")]);
    let elsewhere = page.with(&[("instance_id", "pc-elsewhere"), ("node_id", "pi-1")]);
    for (part, task, wanted) in [
        (&own, "t-all", "success"),
        (&own, "t-failed", "failure"),
        (&own, "t-broken", "error"),
        (&elsewhere, "t-node", "success"),
    ] {
        assert_eq!(state(part, task).as_deref(), Some(wanted), "{task}");
    }
    let states = by(&own, "dbsession_kill_tasks_total", "state");
    assert_eq!(states, pairs(&[("error", 1.0), ("failure", 1.0), ("success", 1.0)]));
    assert_eq!(by(&elsewhere, "dbsession_kill_tasks_total", "state"), pairs(&[("success", 1.0)]));
    for ((_, label), count) in REASONS.iter().zip(1_u8..) {
        let value = |name: &str, labels: &[(&str, &str)]| {
            let labels = [labels, &[("reason", *label)]].concat();
            own.samples.get(&Series::new(name, &labels)).copied()
        };
        let (count, with_failed) = (f64::from(count), f64::from(count + u8::from(*label == "killed")));
        assert_eq!(value("dbsession_kill_task_results", &[("task_id", "t-all")]), Some(count), "{label}");
        assert_eq!(value("dbsession_kill_results_total", &[]), Some(with_failed), "{label}");
    }
    let failed =
        Series::new("dbsession_kill_task_sessions", &[("task_id", "t-failed"), ("result", "failed")]);
    assert_eq!(own.samples[&failed], 7.0);
    let watched_only = page.with(&[("instance_id", "pc-elsewhere")]);
    assert!(watched_only.series_of("dbsession_up").is_empty(), "its sessions are not fetched");
    let stderr = program.stderr();
    assert_eq!(stderr.matches("SESSION_ABDUCTED").count(), 1, "one warning for a new reason: {stderr}");
}

#[tokio::test]
async fn a_task_may_list_ten_thousand_sessions_or_none() {
    let cloud = cloud().await;
    let results = [("SESSION_KILLED", 9_000), ("SESSION_EXPIRED", 1_000)];
    cloud.set_kill_task("rm-watched", "t-large", task("SUCCESS", [9_000, 1_000, 0], &results));
    cloud.set_kill_task("rm-watched", "t-empty", task("FAILURE", [0; 3], &[]));
    let program = watch(&cloud, "", &["rm-watched/t-large", "rm-watched/t-empty"]).await;
    let ended = |page: &Page| page.sum("dbsession_kill_tasks_total") == 2.0;
    let page = program.scrape_until("the end of both", ended).await;
    let results = pairs(&[("killed", 9_000.0), ("expired", 1_000.0)]);
    let of = |task: &str| page.with(&[("task_id", task)]);
    assert_eq!(by(&of("t-large"), "dbsession_kill_task_results", "reason"), sorted(&results));
    assert_eq!(by(&page, "dbsession_kill_results_total", "reason"), sorted(&results));
    let sessions = pairs(&[("failed", 1_000.0), ("killed", 9_000.0)]);
    assert_eq!(by(&of("t-large"), "dbsession_kill_task_sessions", "result"), sessions);
    assert_eq!(state(&page, "t-empty").as_deref(), Some("failure"));
    assert_eq!(by(&of("t-empty"), "dbsession_kill_task_results", "reason"), []);
    assert_eq!(
        by(&page, "dbsession_kill_tasks_total", "state"),
        pairs(&[("failure", 1.0), ("success", 1.0)])
    );
}

/// In the order in which series are kept.
fn sorted(pairs: &[(String, f64)]) -> Vec<(String, f64)> {
    let mut pairs = pairs.to_vec();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

#[tokio::test]
async fn counters_are_there_from_the_start() {
    let cloud = cloud().await;
    cloud.set_kill_task("rm-watched", "t-1", task("RUNNING", [0; 3], &[]));
    let program = watch(&cloud, "", &["rm-watched/t-1"]).await;
    let page = program.scrape().await;
    let tasks = page.with(&[("instance_id", "rm-watched"), ("team", "payments")]);
    let tasks: Vec<_> = tasks.series_of("dbsession_kill_tasks_total").into_iter().collect();
    let states: Vec<_> = tasks.iter().map(|(labels, value)| (labels["state"].as_str(), *value)).collect();
    assert_eq!(states, [("error", 0.0), ("failure", 0.0), ("success", 0.0)]);
    let mut results = page.series_of("dbsession_kill_results_total");
    results.sort_by(|(one, _), (other, _)| one["reason"].cmp(&other["reason"]));
    let mut reasons = REASONS.map(|(_, label)| (label.to_owned(), 0.0));
    reasons.sort_by(|(one, _), (other, _)| one.cmp(other));
    let results: Vec<_> =
        results.into_iter().map(|(labels, value)| (labels["reason"].clone(), value)).collect();
    assert_eq!(results, reasons);
}

#[tokio::test]
async fn series_go_after_the_retention_and_counters_stay() {
    let cloud = cloud().await;
    cloud.set_kill_task("rm-watched", "t-old", task("SUCCESS", [1, 0, 0], &[("SESSION_KILLED", 1)]));
    cloud.set_kill_task("rm-watched", "t-slow", task("RUNNING", [0; 3], &[]));
    let tasks = ["rm-watched/t-old", "rm-watched/t-slow"];
    // The instance is hardly ever fetched, so that the effect of the task is not known when its retention is over.
    let configuration =
        Configuration { interval: 3600, ..watching(&cloud, "kill_task_retention: 2s", &tasks) };
    let program = Program::start(&configuration.yaml(&cloud.url())).await;
    let both = |page: &Page| state(page, "t-old").is_some() && state(page, "t-slow").is_some();
    program.scrape_until("both tasks", both).await;
    let gone = |page: &Page| page.with(&[("task_id", "t-old")]).samples.is_empty();
    let page = program.scrape_until("the end of the retention", gone).await;
    assert_eq!(state(&page, "t-slow").as_deref(), Some("running"));
    assert_eq!(by(&page, "dbsession_kill_tasks_total", "state"), pairs(&[("success", 1.0)]));
    assert_eq!(by(&page, "dbsession_kill_results_total", "reason"), pairs(&[("killed", 1.0)]));
}

/// A task that cannot be asked for has no series, and disturbs neither another task nor its instance.
#[tokio::test]
async fn trouble_with_a_task_stays_its_own() {
    let cloud = cloud().await;
    cloud.set_kill_task("rm-watched", "t-good", task("SUCCESS", [1, 0, 0], &[("SESSION_KILLED", 1)]));
    cloud.set_kill_task("rm-watched", "t-odd", task("PAUSED", [0; 3], &[]));
    cloud.set_kill_task("rm-down", "t-down", task("SUCCESS", [1, 0, 0], &[]));
    cloud.set_fault("rm-down", Some(Fault::Refuse(Refusal::INTERNAL_ERROR)));
    let tasks =
        ["rm-watched/t-good", "rm-watched/t-odd", "rm-watched/t-none", "rm-gone/t-1", "rm-down/t-down"];
    let program = watch(&cloud, "", &tasks).await;
    wait_until("a question about every task", async || {
        let calls = cloud.calls().into_iter().filter(|call| call.operation == OPERATION);
        calls.count() >= tasks.len()
    })
    .await;
    let logged = |reason: &str| program.stderr().contains(&format!("reason={reason}"));
    wait_until("the warnings", async || {
        ["not_found", "bad_response", "provider_error"].iter().all(|r| logged(r))
    })
    .await;
    let settled = |page: &Page| {
        state(page, "t-good").is_some() && page.value("dbsession_fetches_total", &[]) >= Some(2.0)
    };
    let page = program.scrape_until("the good task and two fetches", settled).await;
    for task in ["t-odd", "t-none", "t-1", "t-down"] {
        assert!(page.with(&[("task_id", task)]).samples.is_empty(), "{task}");
    }
    assert_eq!(page.value("dbsession_up", &[]), Some(1.0));
    assert_eq!(page.sum("dbsession_fetch_failures_total"), 0.0, "these were no fetches");
    assert_eq!(page.sum("dbsession_kill_tasks_total"), 1.0);

    cloud.set_fault("rm-down", None);
    program.scrape_until("the task whose cloud works again", |page| state(page, "t-down").is_some()).await;
}

#[tokio::test]
async fn a_reload_relabels_a_task_and_counts_none_twice() {
    let cloud = cloud().await;
    cloud.set_sessions("rm-watched", Vec::new());
    cloud.set_kill_task("rm-watched", "t-1", task("SUCCESS", [2, 0, 0], &[("SESSION_KILLED", 2)]));
    let configured = |team: &str, tasks: &[&str]| {
        let entry = |task: &&str| format!("account: ali, instance: rm-watched, task: {task}");
        let configuration = Configuration {
            kill_tasks: tasks.iter().map(entry).collect(),
            ..Configuration::of([instance(AlibabaRds, "rm-watched") + ", labels: {team: " + team + "}"])
        };
        configuration.yaml(&cloud.url())
    };
    let flags = ["--web.enable-lifecycle", "--config.auto-reload-interval=0s"];
    let program = Invocation::configured(&configured("red", &["t-1"]), &flags).start().await;
    program.scrape_until("its end", |page| state(page, "t-1").as_deref() == Some("success")).await;
    let team = |page: &Page, team: &str| {
        page.value("dbsession_kill_tasks_total", &[("team", team), ("state", "success")])
    };
    for _ in 0..3 {
        program.configure(&configured("blue", &["t-1"]));
        assert_eq!(program.reload().await.status, 200);
    }
    let page = program.scrape_until("the new label", |page| team(page, "blue").is_some()).await;
    assert_eq!((team(&page, "blue"), team(&page, "red")), (Some(1.0), None));
    assert_eq!(state(&page, "t-1").as_deref(), Some("success"));
    program.configure(&configured("blue", &[]));
    assert_eq!(program.reload().await.status, 200);
    let page = program.scrape_until("its series to go", |page| state(page, "t-1").is_none()).await;
    assert_eq!(team(&page, "blue"), Some(1.0), "the counter stays");
}
