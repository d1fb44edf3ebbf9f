//! Answers written by hand: what the simulated cloud always sends in one way, and real clouds in several.

use dbsession_exporter::clock::Clock;
use dbsession_exporter::demo::Fault;
use serde_json::{Value, json};

use super::SourceKind;
use crate::accounts::{Configuration, cloud, instance};
use crate::parse::Page;

const ID: &str = "rm-answers";

/// The page after one fetch in which every call has this answer.
async fn page_of(source: SourceKind, answer: &Value) -> Page {
    let cloud = cloud().await;
    cloud.set_sessions(ID, Vec::new());
    cloud.set_fault(ID, Some(Fault::Status { status: 200, headers: Vec::new(), body: answer.to_string() }));
    Configuration::of([instance(source, ID)]).fetch(&cloud, ID).await
}

/// Alibaba Cloud's first answer with the result already in it.
fn finished(session_data: &Value) -> Value {
    json!({"Code": 200, "Success": true, "Data": {"IsFinish": true, "SessionData": session_data}})
}

#[track_caller]
fn assert_values(page: &Page, values: &[(&str, f64)]) {
    for (name, value) in values {
        assert_eq!(page.value(&format!("dbsession_{name}"), &[]), Some(*value), "{name}");
    }
}

#[tokio::test]
async fn a_first_answer_may_be_finished_with_numbers_as_texts_and_fields_unknown() {
    let row = json!({
        "SessionId": "9", "User": "app", "Client": "10.0.0.7", "Command": "Query", "Time": "12", "TrxDuration": "70.5",
        "Later": {"Rows": [{"Time": 1}]}, "SqlText": null,
    });
    let session_data = json!({
        "TotalSessionCount": "3", "ActiveSessionCount": "2", "MaxActiveTime": "12", "SessionList": [row], "Else": [[1]],
        "UserStats": [{"Key": "app", "TotalCount": "3", "ActiveCount": "2", "New": {}}],
    });
    let data = json!({
        "New": [null], "IsFinish": "true", "Fail": "false", "State": "SUCCESS", "SessionData": session_data,
        "Complete": true, "Timestamp": "x",
    });
    let answer =
        json!({"RequestId": "r", "Code": "200", "Success": "true", "Data": data, "More": {"Data": 1}});
    let page = page_of(SourceKind::AlibabaRds, &answer).await;
    assert_values(
        &page,
        &[
            ("up", 1.0),
            ("fetch_api_calls", 1.0),
            ("sessions", 3.0),
            ("active_sessions", 2.0),
            ("active_session_max_duration_seconds", 12.0),
            ("unlisted_sessions", 2.0),
            ("executing_sessions", 1.0),
            ("slow_sessions", 1.0),
            ("active_session_age_seconds_gsum", 12.0),
            ("transaction_max_duration_seconds", 70.5),
            ("long_transactions", 1.0),
        ],
    );
    assert_eq!(page.value("dbsession_user_sessions", &[("db_user", "app")]), Some(3.0));
}

#[tokio::test]
async fn huaweis_numbers_may_be_texts_too_and_texts_numbers() {
    let row = json!({
        "id": 7, "user": "app", "host": "10.0.0.7:1", "command": "Execute", "time": 5, "trx_executed_time": "61",
        "extra": {"deep": []},
    });
    let page = page_of(SourceKind::HuaweiDas, &json!({"processes": [row], "count": "1", "next": null})).await;
    let values = [
        ("sessions", 1.0),
        ("executing_sessions", 1.0),
        ("active_session_max_duration_seconds", 5.0),
        ("transaction_max_duration_seconds", 61.0),
    ];
    assert_values(&page, &values);

    let row = json!({"id": "7", "db": "shop", "command": "Query", "time": "5", "trx_executed_time": "61", "info": 1});
    let page =
        page_of(SourceKind::HuaweiDdm, &json!({"physical_processes": [row], "total_count": "1"})).await;
    assert_values(&page, &values);
    assert_eq!(page.value("dbsession_database_sessions", &[("db_name", "shop")]), Some(1.0));
}

/// What only rows can tell is absent, never 0.
#[tokio::test]
async fn without_a_list_there_is_only_what_is_reported() {
    let session_data = json!({
        "TotalSessionCount": 40, "ActiveSessionCount": 2, "MaxActiveTime": 9,
        "DbStats": [{"Key": "shop", "TotalCount": 30, "ActiveCount": 2}, {"Key": "", "TotalCount": 10, "ActiveCount": 0}],
    });
    let page = page_of(SourceKind::AlibabaRds, &finished(&session_data)).await;
    assert_values(
        &page,
        &[
            ("up", 1.0),
            ("sessions", 40.0),
            ("unlisted_sessions", 40.0),
            ("active_sessions", 2.0),
            ("active_session_max_duration_seconds", 9.0),
        ],
    );
    assert_eq!(page.value("dbsession_database_sessions", &[("db_name", "shop")]), Some(30.0));
    assert_eq!(page.value("dbsession_database_sessions", &[("db_name", "none")]), Some(10.0));
    for absent in [
        "executing_sessions",
        "idle_sessions",
        "system_sessions",
        "slow_sessions",
        "waiting_sessions",
        "transactions",
        "transaction_max_duration_seconds",
        "long_transactions",
        "idle_transactions",
        "active_session_age_seconds_gcount",
        "transaction_age_seconds_bucket",
        "user_sessions",
        "client_sessions",
        "command_sessions",
        "state_sessions",
    ] {
        assert!(page.series_of(&format!("dbsession_{absent}")).is_empty(), "{absent}");
    }
}

#[tokio::test]
async fn an_empty_instance_needs_no_list() {
    let page = page_of(SourceKind::AlibabaRds, &finished(&json!({"TotalSessionCount": 0}))).await;
    assert_values(&page, &[("sessions", 0.0), ("executing_sessions", 0.0), ("transactions", 0.0)]);
}

/// Seconds, milliseconds, microseconds and nanoseconds, as numbers and as texts, of a time that was a while ago.
#[tokio::test]
async fn the_providers_time_is_read_in_any_unit() {
    let taken = Clock.now().as_second() - 4000;
    let units = [1, 1_000, 1_000_000, 1_000_000_000].map(|unit| json!(taken * unit));
    for stamp in units.into_iter().chain([json!((taken * 1000).to_string())]) {
        let page = page_of(SourceKind::AlibabaRds, &finished(&data_of(&stamp))).await;
        let shown = page.value("dbsession_snapshot_timestamp_seconds", &[]);
        #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
        let wanted = taken as f64;
        assert_eq!(shown, Some(wanted), "{stamp}");
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_is_replaced_by_that_of_receipt() {
    let day = 24 * 3600;
    let now = Clock.now().as_second();
    let absurd = [json!(0), json!(1), json!(null), json!(""), json!(now - day - 60), json!(now + day + 3600)];
    for stamp in absurd.into_iter().chain([json!(u64::MAX)]) {
        let page = page_of(SourceKind::AlibabaRds, &finished(&data_of(&stamp))).await;
        let shown = page.value("dbsession_snapshot_timestamp_seconds", &[]);
        assert_eq!(shown, page.value("dbsession_last_success_timestamp_seconds", &[]), "{stamp}");
        assert_values(&page, &[("up", 1.0), ("sessions", 0.0)]);
    }
}

fn data_of(stamp: &Value) -> Value {
    json!({"TimeStamp": stamp, "TotalSessionCount": 0, "SessionList": []})
}
