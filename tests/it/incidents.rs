//! Incidents: a spike of active sessions is recorded with who was in it, once, and outlives the process.

use std::fs;
use std::path::Path;

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, Fault, Refusal};
use serde_json::{Value, json};

use crate::parse::Page;
use crate::program::{Invocation, Program, wait_until};
use crate::scene::{self, Api, Scene, of, rows};

const PATH: &str = "/api/v1/incidents";
const TOTAL: &str = "dbsession_incidents_total";
const ACTIVE: &str = "dbsession_incident_active";

/// Active sessions of the scenes' instances while nothing is the matter.
const CALM: usize = 4;

/// Fetches of each second, and incidents as these keys say.
fn scene(cloud: &Cloud, incidents: &str) -> Scene {
    let mut scene =
        Scene::new(&format!("interval: 1s, timeout: 2s, stale_after: 3s, incidents: {incidents}"));
    scene.account(cloud, Api::Alibaba, "ali").account(cloud, Api::HuaweiDdm, "hw");
    scene.instance(cloud, Api::Alibaba, "ali", "rm-1", CALM);
    scene.instance(cloud, Api::HuaweiDdm, "hw", "ddm-1", CALM);
    scene
}

/// The calm sessions, and as many of one user that wait for a lock.
fn storm(user: &str, sessions: u64) -> Vec<SimSession> {
    let text = |text: &str| Some(text.to_owned());
    let stuck = |id: u64| SimSession {
        id: 1000 + id,
        user: text(user),
        host: text("10.9.9.9:4000"),
        database: text("stock"),
        command: text("Query"),
        state: text("Waiting for row lock"),
        time: Some((100 + id).to_string()),
        trx_seconds: Some((200 + id).to_string()),
        sql: text("update stock set card = 4711"),
        ..SimSession::default()
    };
    rows(CALM).into_iter().chain((1..=sessions).map(stuck)).collect()
}

async fn json(program: &Program, path: &str) -> Value {
    let answer = program.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

async fn list(program: &Program, filter: &str) -> Vec<Value> {
    let list = json(program, &format!("{PATH}{filter}")).await;
    list["incidents"].as_array().expect("a list").clone()
}

/// Waits until the level of every target is learnt.
async fn learn(program: &Program) {
    let learnt =
        |page: &Page| ["rm-1", "ddm-1"].iter().all(|id| of(page, id, "dbsession_fetches_total") >= Some(4.0));
    program.scrape_until("a few fetches", learnt).await;
}

async fn wait_active(program: &Program, instance: &str, active: f64) -> Page {
    program.scrape_until("the incident", |page| of(page, instance, ACTIVE) == Some(active)).await
}

/// Whether these are RFC 3339 times of UTC in their order.
fn is_sorted(times: [&Value; 4]) -> bool {
    let texts = times.map(|time| time.as_str().expect("a time"));
    texts.iter().all(|text| text.ends_with('Z')) && texts.is_sorted()
}

#[tokio::test]
async fn a_spike_is_one_incident_and_names_who_grew() {
    let cloud = scene::cloud().await;
    let scene = scene(&cloud, "{active_above: 20, cooldown: 1h}");
    let program = Invocation::configured(&scene.file(), &[]).start().await;
    let page = program.scrape_fetched(&["rm-1", "ddm-1"]).await;
    assert_eq!(
        ["rm-1", "ddm-1"].map(|id| (of(&page, id, TOTAL), of(&page, id, ACTIVE))),
        [(Some(0.0), Some(0.0)); 2]
    );
    learn(&program).await;
    assert_eq!(list(&program, "").await, Vec::<Value>::new());

    for (id, instance) in [(1, "rm-1"), (2, "ddm-1")] {
        cloud.set_sessions(instance, storm("batch", 30));
        wait_active(&program, instance, 1.0).await;
        cloud.set_sessions(instance, storm("batch", 60));
        let peaked = async || json(&program, &format!("{PATH}/{id}")).await["peak"]["active_sessions"] == 64;
        wait_until("the peak", peaked).await;
        assert_eq!(list(&program, &format!("?active=true&instance_id={instance}")).await.len(), 1);
        cloud.set_sessions(instance, rows(CALM));
        let page = wait_active(&program, instance, 0.0).await;
        assert_eq!(of(&page, instance, TOTAL), Some(1.0));

        let incident = json(&program, &format!("{PATH}/{id}")).await;
        assert_eq!(
            list(&program, &format!("?instance_id={instance}")).await,
            std::slice::from_ref(&incident)
        );
        let whose =
            ["id", "instance_id", "node_id", "active", "outcome", "reopened"].map(|key| &incident[key]);
        assert_eq!(json!(whose), json!([id, instance, null, false, "calm", 0]));
        let active =
            ["before", "first", "peak", "after"].map(|moment| incident[moment]["active_sessions"].as_u64());
        assert_eq!(active, [Some(CALM as u64), Some(34), Some(64), Some(CALM as u64)]);
        assert_eq!(incident["level"].as_f64(), Some(4.0));
        let grown = json!({"name": "batch", "active_sessions_before": 0, "active_sessions": 60, "sessions_before": 0, "sessions": 60});
        assert_eq!(incident["users"], json!([grown]));
        assert_eq!(incident["clients"][0]["name"], "10.9.9.9");
        assert_eq!(incident["databases"][0]["name"], "stock");
        let states = json!([{"command": "query", "state": "waiting_for_row_lock", "sessions_before": 0, "sessions": 60}]);
        assert_eq!(incident["states"], states);
        for (list, seconds) in [("oldest_sessions", 160.0), ("oldest_transactions", 260.0)] {
            let oldest = &incident[list][0];
            assert_eq!(
                (&oldest["user"], oldest["seconds"].as_f64()),
                (&json!("batch"), Some(seconds)),
                "{list}"
            );
            assert_eq!((incident[list].as_array().map(Vec::len), &oldest["id"]), (Some(10), &json!("1060")));
        }
        let times = [
            &incident["before"]["at"],
            &incident["started_at"],
            &incident["peak"]["at"],
            &incident["ended_at"],
        ];
        assert!(is_sorted(times), "{times:?}");
    }
    let log = program.stderr();
    for line in ["message=\"an incident begins", "message=\"the incident has ended\""] {
        assert_eq!(log.matches(line).count(), 2, "{log}");
    }
    assert!(log.contains("user=batch"), "{log}");
    assert!(!program.get(PATH).await.body.contains("4711"), "no statement is told");
    let pages = [("/incidents", "href=\"/incidents/2\""), ("/incidents/2", "from 0 to 60 active sessions")];
    for (path, told) in pages {
        let page = program.get(path).await;
        assert!(
            page.status == 200 && page.body.contains(told) && page.body.contains("batch"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("4711"), "no statement is told");
    }
    let page = program.get("/incidents/2").await.body;
    assert!(page.contains("class=\"during\"") && page.contains("The incident lasts from"), "{page}");
    assert_eq!(program.get("/incidents/3").await.status, 404);
}

#[tokio::test]
async fn a_flapping_load_is_one_incident() {
    let cloud = scene::cloud().await;
    let scene = scene(&cloud, "{active_above: 20, cooldown: 1h}");
    let program = Invocation::configured(&scene.file(), &[]).start().await;
    learn(&program).await;
    for round in 0..3 {
        cloud.set_sessions("rm-1", storm("batch", 30 + round));
        wait_active(&program, "rm-1", 1.0).await;
        cloud.set_sessions("rm-1", rows(CALM));
        wait_active(&program, "rm-1", 0.0).await;
    }
    let page = program.scrape().await;
    assert_eq!((of(&page, "rm-1", TOTAL), of(&page, "ddm-1", TOTAL)), (Some(1.0), Some(0.0)));
    let incidents = list(&program, "").await;
    let facts = incidents.iter().map(|it| (&it["reopened"], &it["active"])).collect::<Vec<_>>();
    assert_eq!(facts, [(&json!(2), &json!(false))]);
    assert_eq!(program.stderr().matches(" incident=1 ").count(), 2, "{}", program.stderr());
}

#[tokio::test]
async fn only_the_latest_of_each_target_are_kept() {
    let cloud = scene::cloud().await;
    let mut scene = scene(&cloud, "{active_above: 20, cooldown: 500ms, keep: 2}");
    scene.entry("account: ali, id: rm-off, incidents: off");
    cloud.set_sessions("rm-off", rows(CALM));
    let program = Invocation::configured(&scene.file(), &[]).start().await;
    learn(&program).await;
    cloud.set_sessions("rm-off", storm("batch", 90));
    cloud.set_sessions("ddm-1", storm("other", 30));
    for round in 1..=3 {
        cloud.set_sessions("rm-1", storm("batch", 30));
        wait_active(&program, "rm-1", 1.0).await;
        cloud.set_sessions("rm-1", rows(CALM));
        program
            .scrape_until("its end", |page| {
                of(page, "rm-1", ACTIVE) == Some(0.0) && of(page, "rm-1", TOTAL) == Some(f64::from(round))
            })
            .await;
    }
    let ids = |incidents: &[Value]| incidents.iter().map(|it| it["id"].as_u64()).collect::<Vec<_>>();
    let own = ids(&list(&program, "?instance_id=rm-1").await);
    assert!(own.len() == 2 && own[0] > own[1], "the newest first: {own:?}");
    assert_eq!(list(&program, "?instance_id=ddm-1").await.len(), 1, "each target has its own");
    let page = program
        .scrape_until("its load", |page| of(page, "rm-off", "dbsession_active_sessions") > Some(90.0))
        .await;
    assert_eq!((of(&page, "rm-off", TOTAL), of(&page, "rm-off", ACTIVE)), (None, None), "off");
    assert_eq!(list(&program, "?instance_id=rm-off").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_incident_without_data_is_lost_and_goes_on_with_them() {
    let cloud = scene::cloud().await;
    let scene = scene(&cloud, "{active_above: 20, cooldown: 1h}");
    let program = Invocation::configured(&scene.file(), &["--web.enable-lifecycle"]).start().await;
    learn(&program).await;
    cloud.set_sessions("rm-1", storm("batch", 30));
    wait_active(&program, "rm-1", 1.0).await;
    cloud.set_fault("rm-1", Some(Fault::Refuse(Refusal::INTERNAL_ERROR)));
    let outcome = async |wanted: Value| {
        wait_until("the outcome", async || json(&program, "/api/v1/incidents/1").await["outcome"] == wanted)
            .await;
    };
    outcome(json!("lost")).await;
    let page = program.scrape_until("no data", |page| of(page, "rm-1", "dbsession_sessions").is_none()).await;
    assert_eq!((of(&page, "rm-1", TOTAL), of(&page, "rm-1", ACTIVE)), (Some(1.0), Some(0.0)));
    cloud.set_fault("rm-1", None);
    wait_active(&program, "rm-1", 1.0).await;
    outcome(json!(null)).await;

    program.configure(&scene.file().replace("id: rm-1", "id: rm-1, incidents: off"));
    assert_eq!(program.reload().await.status, 200);
    outcome(json!("interrupted")).await;
    let page = program.scrape_until("no series", |page| of(page, "rm-1", TOTAL).is_none()).await;
    assert_eq!(of(&page, "rm-1", ACTIVE), None);
    assert_eq!(list(&program, "").await.len(), 1);
}

#[tokio::test]
async fn incidents_outlive_the_process() {
    let (cloud, directory) = (scene::cloud().await, tempfile::tempdir().expect("a directory"));
    let scene = scene(&cloud, "{active_above: 20, cooldown: 1h}");
    let storage = format!("--storage.path={}", directory.path().display());
    let start = async || Invocation::configured(&scene.file(), &[&storage]).start().await;
    let program = start().await;
    learn(&program).await;
    for instance in ["rm-1", "ddm-1"] {
        cloud.set_sessions(instance, storm("batch", 30));
        wait_active(&program, instance, 1.0).await;
    }
    cloud.set_sessions("rm-1", rows(CALM));
    wait_active(&program, "rm-1", 0.0).await;
    let ended = list(&program, "?active=false").await;
    let file = directory.path().join("incidents.json");
    let kept = async || {
        let file: Value = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok())?;
        file["incidents"].as_array().map(|all| all.iter().filter(|it| it["ended_at"] != json!(null)).count())
    };
    wait_until("the end on disk", async || kept().await == Some(1)).await;
    program.signal("KILL");
    program.finished().await;

    // The storm of one target has lasted, and that of the other comes back within the cooldown.
    cloud.set_sessions("rm-1", storm("batch", 40));
    let program = start().await;
    for instance in ["rm-1", "ddm-1"] {
        wait_active(&program, instance, 1.0).await;
    }
    let incidents = list(&program, "").await;
    let facts: Vec<_> =
        incidents.iter().map(|it| json!([it["id"], it["reopened"], it["users"][0]["name"]])).collect();
    assert_eq!(facts, [json!([2, 0, "batch"]), json!([1, 1, "batch"])], "{ended:?}");
    assert_eq!(incidents[1]["started_at"], ended[0]["started_at"]);
    program.stop().await;

    let configured = scene.file().replace("id: ddm-1", "id: ddm-1, enabled: false");
    let program = Invocation::configured(&configured, &[&storage]).start().await;
    let outcomes: Vec<_> =
        list(&program, "?instance_id=ddm-1").await.iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, ["interrupted"]);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    let (cloud, directory) = (scene::cloud().await, tempfile::tempdir().expect("a directory"));
    let path = directory.path().join("incidents.json");
    let storage = format!("--storage.path={}", directory.path().display());
    let scene = scene(&cloud, "{active_above: 20}");
    for damaged in
        ["{\"version\":1,\"last_id\":7,\"inci", "{\"version\":9,\"last_id\":7,\"incidents\":[]}", "\0"]
    {
        fs::write(&path, damaged).expect("a file");
        let program = Invocation::configured(&scene.file(), &[&storage]).start().await;
        assert_eq!(list(&program, "").await, Vec::<Value>::new());
        assert!(program.stderr().contains("set aside"), "{}", program.stderr());
        let aside: &Path = &path.with_extension("json.damaged");
        assert_eq!(fs::read_to_string(aside).expect("it was kept"), damaged);
        program.stop().await;
    }
    fs::write(&path, "{\"version\":1,\"last_id\":7,\"incidents\":[]}").expect("a file");
    let program = Invocation::configured(&scene.file(), &[&storage]).start().await;
    learn(&program).await;
    cloud.set_sessions("rm-1", storm("batch", 30));
    wait_active(&program, "rm-1", 1.0).await;
    assert_eq!(list(&program, "").await[0]["id"], 8, "no number is used twice");
}

#[tokio::test]
async fn a_wrong_question_is_told_so() {
    let cloud = scene::cloud().await;
    let program = Program::start(&scene(&cloud, "off").file()).await;
    for (path, status, hint) in [
        ("?active=perhaps", 400, "true or false"),
        ("/1", 404, "no such incident"),
        ("/first", 404, "no such incident"),
    ] {
        let answer = program.get(&format!("{PATH}{path}")).await;
        let error: Value = serde_json::from_str(&answer.body).expect("JSON");
        let told = error["error"].as_str().expect("a text");
        assert!(answer.status == status && told.contains(hint), "{path}: {} {told}", answer.status);
    }
    let page = program.scrape_fetched(&["rm-1", "ddm-1"]).await;
    assert_eq!(page.sum(TOTAL).to_string(), "0");
    assert!(page.series_of(TOTAL).is_empty() && page.series_of(ACTIVE).is_empty());
}
