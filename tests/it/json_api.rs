//! `/api/v1/instances`: the fleet and each instance as JSON, held against `/metrics` of the same moment; statements as digests
//! where they are wanted, and nowhere else.

use std::collections::BTreeSet;

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, Fault, Refusal};
use serde_json::{Value, json};

use crate::program::{Program, wait_until};
use crate::scene::{self, Api, Scene, of};

const SUMMARY: [&str; 18] = [
    "account",
    "active_max_seconds",
    "active_sessions",
    "age_seconds",
    "error",
    "executing_sessions",
    "idle_transactions",
    "instance_id",
    "last_success",
    "name",
    "node_id",
    "provider",
    "region",
    "service",
    "sessions",
    "transaction_max_seconds",
    "transactions",
    "up",
];

const DETAILS: [&str; 8] = [
    "clients",
    "commands",
    "databases",
    "history",
    "oldest_sessions",
    "oldest_transactions",
    "states",
    "users",
];

async fn json_of(program: &Program, path: &str) -> (u16, Value) {
    let answer = program.get(path).await;
    let body =
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{path}: {error}: {}", answer.body));
    (answer.status, body)
}

async fn instance(program: &Program, id: &str) -> Value {
    let (status, body) = json_of(program, &format!("/api/v1/instances/{id}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// A cluster of two nodes, a named instance of another cloud, and one that cannot be fetched.
async fn fleet(cloud: &Cloud) -> Program {
    let mut scene = Scene::new("interval: 1s");
    scene.account(cloud, Api::Alibaba, "ali").account(cloud, Api::HuaweiDdm, "hw");
    scene.entry("account: ali, id: pc-1, nodes: [pi-a, pi-b]");
    scene.entry("account: hw, service: ddm, id: ddm-1, name: orders");
    scene.entry("account: ali, id: rm-bad");
    for id in ["pc-1/pi-a", "pc-1/pi-b", "ddm-1", "rm-bad"] {
        cloud.set_sessions(id, scene::rows(14));
    }
    cloud.set_fault("rm-bad", Some(Fault::Refuse(Refusal::INSTANCE_NOT_FOUND)));
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["pc-1/pi-a", "pc-1/pi-b", "ddm-1", "rm-bad"]).await;
    program
}

#[tokio::test]
async fn the_fleet_is_listed_as_metrics_have_it() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    let page = program.scrape().await;
    let (status, body) = json_of(&program, "/api/v1/instances").await;
    assert_eq!((status, keys(&body)), (200, BTreeSet::from(["instances"])));
    let instances = body["instances"].as_array().expect("a list");
    let ids: Vec<_> = instances.iter().map(|it| (&it["instance_id"], &it["node_id"])).collect();
    let (pc, ddm, bad) = (json!("pc-1"), json!("ddm-1"), json!("rm-bad"));
    assert_eq!(
        ids,
        [(&pc, &json!("pi-a")), (&pc, &json!("pi-b")), (&ddm, &Value::Null), (&bad, &Value::Null)]
    );
    for instance in instances {
        assert_eq!(keys(instance), BTreeSet::from(SUMMARY));
    }
    let (ddm, bad) = (&instances[2], &instances[3]);
    for (key, family) in [
        ("sessions", "dbsession_sessions"),
        ("active_sessions", "dbsession_active_sessions"),
        ("executing_sessions", "dbsession_executing_sessions"),
        ("active_max_seconds", "dbsession_active_session_max_duration_seconds"),
        ("transactions", "dbsession_transactions"),
        ("transaction_max_seconds", "dbsession_transaction_max_duration_seconds"),
        ("idle_transactions", "dbsession_idle_transactions"),
    ] {
        assert_eq!(ddm[key].as_f64(), of(&page, "ddm-1", family), "{key}");
        assert_eq!(bad[key], Value::Null, "{key}");
    }
    assert_eq!((&ddm["up"], &ddm["error"], &ddm["name"]), (&json!(true), &Value::Null, &json!("orders")));
    assert!(ddm["last_success"].as_str().is_some_and(|at| at.ends_with('Z')), "{ddm}");
    assert_eq!(
        (&bad["up"], &bad["last_success"], &bad["age_seconds"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert!(bad["error"].as_str().is_some_and(|why| why.starts_with("not_found: ")), "{bad}");
}

#[tokio::test]
async fn an_instance_tells_who_does_what() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    let all: BTreeSet<&str> = SUMMARY.into_iter().chain(DETAILS).collect();
    for id in ["ddm-1", "pc-1/pi-b", "pc-1%2Fpi-b"] {
        let body = instance(&program, id).await;
        assert_eq!(keys(&body), all, "{id}");
        let app =
            json!({"name": "app", "sessions": 14, "active_sessions": 14, "transaction_max_seconds": 9.0});
        assert_eq!(body["users"][0], app, "{id}");
        assert_eq!(body["databases"][0]["name"], "shop");
        assert_eq!(body["clients"].as_array().map(Vec::len), Some(15), "14 hosts and other");
        assert_eq!(body["commands"], json!([{"command": "query", "sessions": 14}]));
        assert_eq!(body["states"], json!([{"command": "query", "state": "sending_data", "sessions": 14}]));
        let ids = |list: &str| -> Vec<u64> {
            let rows = body[list].as_array().into_iter().flatten();
            rows.filter_map(|row| row["id"].as_str()?.parse().ok()).collect()
        };
        assert_eq!(ids("oldest_sessions"), (1..=10).collect::<Vec<_>>(), "{id}");
        assert_eq!(ids("oldest_transactions"), [2, 4, 6, 8, 10, 12, 14], "{id}");
        let oldest = json!({
            "id": "1", "user": "app", "client": "10.0.0.1", "database": "shop", "command": "query", "state": "sending_data",
            "seconds": 7.0, "idle_in_transaction": false, "statement": null,
        });
        assert_eq!(body["oldest_sessions"][0], oldest);
    }
    let bad = instance(&program, "rm-bad").await;
    assert_eq!(keys(&bad), all);
    assert_eq!((&bad["users"], &bad["oldest_sessions"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_is_not_there_is_an_error_with_the_choices() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    for (path, status, hint) in [
        ("instances/pc-1", 400, "pc-1/pi-a, pc-1/pi-b"),
        ("instances/pc-1/pi-c", 404, "pc-1/pi-a, pc-1/pi-b"),
        ("instances/ddm-1/pi-a", 404, "ddm-1"),
        ("instances/nowhere", 404, "nowhere"),
        ("instances/%FF", 400, ""),
        ("instances/", 404, ""),
        ("instances/pc-1/pi-a/more", 404, ""),
        ("nothing", 404, ""),
    ] {
        let (seen, body) = json_of(&program, &format!("/api/v1/{path}")).await;
        let why = body["error"].as_str().unwrap_or_default();
        assert!(seen == status && !why.is_empty() && why.contains(hint), "{path}: {seen} {body}");
        assert_eq!(keys(&body), BTreeSet::from(["error"]));
    }
}

#[tokio::test]
async fn the_past_has_a_point_for_each_fetch_and_a_gap_for_each_failed_one() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    let past = async || instance(&program, "ddm-1").await["history"].as_array().cloned().unwrap_or_default();
    cloud.set_fault("ddm-1", Some(Fault::Refuse(Refusal::DDM_INSTANCE_NOT_FOUND)));
    wait_until("a gap", async || past().await.iter().any(|point| point["up"] == json!(false))).await;
    cloud.set_fault("ddm-1", None);
    cloud.set_sessions("ddm-1", scene::rows(5));
    wait_until("the end of the gap", async || {
        past().await.last().is_some_and(|point| point["sessions"] == json!(5))
    })
    .await;
    let points = past().await;
    let first = &points[0];
    let numbers = [
        "sessions",
        "active_sessions",
        "executing_sessions",
        "active_max_seconds",
        "transaction_max_seconds",
        "idle_transactions",
    ];
    assert_eq!(
        numbers.map(|key| first[key].clone()),
        [json!(14), json!(14), json!(14), json!(7.0), json!(9.0), json!(0)]
    );
    let gap = points.iter().find(|point| point["up"] == json!(false)).expect("there is one");
    assert!(numbers.iter().all(|key| gap[key].is_null()), "{gap}");
    let times: Vec<_> = points.iter().filter_map(|point| point["at"].as_str()).collect();
    assert!(times.len() == points.len() && times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn statements_are_shown_as_digests_where_that_is_wanted() {
    const SECRET: &str = "s3cret";
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s");
    let statement = format!(
        "select card /* {SECRET} */ from customers\nwhere name = 'it\\'s {SECRET}' and id in (4711, 4712)"
    );
    let told = |row: SimSession| SimSession { sql: Some(statement.clone()), ..row };
    let entry = |api: Api, id: &str| match api {
        Api::Alibaba => format!("account: {id}, id: {id}"),
        Api::HuaweiDas => format!("account: {id}, id: {id}, db_user_id: 2c25, users: [app]"),
        Api::HuaweiDdm => format!("account: {id}, id: {id}, service: ddm"),
    };
    let apis = [(Api::Alibaba, "ali"), (Api::HuaweiDas, "das"), (Api::HuaweiDdm, "ddm")];
    for (api, id) in apis {
        scene.account(&cloud, api, id);
        scene.entry(&format!("{}, expose_sql: digest", entry(api, id)));
        scene.entry(&entry(api, id).replace(&format!("id: {id}"), &format!("id: {id}-quiet")));
        for id in [id.to_owned(), format!("{id}-quiet")] {
            cloud.set_sessions(&id, scene::rows(3).into_iter().map(told).collect());
        }
    }
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["ali", "das", "ddm", "ali-quiet", "das-quiet", "ddm-quiet"]).await;
    for (_, id) in apis {
        let digest = json!("select card from customers where name = ? and id in (...)");
        for (id, expected) in [(id.to_owned(), digest), (format!("{id}-quiet"), Value::Null)] {
            let body = instance(&program, &id).await;
            for list in ["oldest_sessions", "oldest_transactions"] {
                assert_eq!(body[list][0]["statement"], expected, "{id}: {body}");
            }
            assert!(!body.to_string().contains(SECRET), "{body}");
        }
    }
    let outputs =
        [program.get("/metrics").await.body, program.get("/config").await.body, program.stop().await.stderr];
    assert!(outputs.iter().all(|output| !output.contains("customers") && !output.contains(SECRET)));
}
