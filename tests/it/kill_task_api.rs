//! Kill tasks that are registered while the daemon runs: who may, what is refused, what outlives the process, and what a task
//! did to its instance.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, KillTask};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::parse::Page;
use crate::program::{Answer, Invocation, Program, resident, wait_until};
use crate::scene::{self, Api, Scene, of, rows};

const PATH: &str = "/api/v1/kill-tasks";
const ADMIN: &str = "--web.enable-admin-api";

fn task(state: &str, killed: u64) -> KillTask {
    KillTask {
        state: state.to_owned(),
        killed,
        failed: 0,
        ignored: 0,
        reasons: vec![("SESSION_KILLED".to_owned(), killed)],
    }
}

/// One instance of each cloud.
fn file(cloud: &Cloud) -> String {
    let mut scene = Scene::new("interval: 1s, timeout: 2s");
    scene.account(cloud, Api::Alibaba, "ali").account(cloud, Api::HuaweiDdm, "hw");
    scene.instance(cloud, Api::Alibaba, "ali", "rm-1", 20).instance(cloud, Api::HuaweiDdm, "hw", "ddm-1", 1);
    scene.file()
}

async fn start(cloud: &Cloud, flags: &[&str]) -> Program {
    Invocation::configured(&file(cloud), flags).start().await
}

fn body(task: &str) -> String {
    json!({"account": "ali", "instance": "rm-1", "task": task}).to_string()
}

async fn register(program: &Program, task: &str) -> Answer {
    program.post_json(PATH, &body(task), &[]).await
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

fn ids(answer: &Answer) -> Vec<String> {
    let json = json(answer);
    let tasks = json["tasks"].as_array().expect("a list");
    tasks.iter().map(|task| task["task"].as_str().expect("an id").to_owned()).collect()
}

/// Ended tasks of the instance, by the counter.
fn ended(page: &Page) -> f64 {
    page.with(&[("instance_id", "rm-1")]).sum("dbsession_kill_tasks_total")
}

#[tokio::test]
async fn a_registered_task_is_followed_to_its_end() {
    let cloud = scene::cloud().await;
    cloud.set_kill_task("rm-1", "t-1", task("SUCCESS", 2));
    let program = start(&cloud, &[ADMIN]).await;
    assert_eq!(json(&program.get(PATH).await), json!({"tasks": []}));
    let answer = register(&program, "t-1").await;
    assert_eq!((answer.status, ids(&answer)), (201, vec!["t-1".to_owned()]));
    let mut listed = json!(null);
    wait_until("its end", async || {
        listed = json(&program.get(PATH).await)["tasks"][0].clone();
        listed["state"] == "success"
    })
    .await;
    let [registered_at, ended_at] =
        ["registered_at", "ended_at"].map(|key| listed[key].as_str().expect(key).to_owned());
    assert!(registered_at.ends_with('Z') && registered_at <= ended_at, "{registered_at}, {ended_at}");
    let expected = json!({
        "account": "ali", "instance": "rm-1", "node": null, "task": "t-1", "state": "success", "killed": 2, "failed": 0,
        "ignored": 0, "registered_at": registered_at, "ended_at": ended_at,
    });
    assert_eq!(listed, expected);
    let page = program.scrape_until("the counter", |page| ended(page) > 0.0).await;
    let state = [("task_id", "t-1"), ("state", "success")];
    assert_eq!(page.value("dbsession_kill_task_state", &state), Some(1.0));

    assert_eq!(register(&program, "t-1").await.status, 200, "it is known");
    assert_eq!(program.delete(&format!("{PATH}/t-1")).await.status, 204);
    assert_eq!(program.delete(&format!("{PATH}/t-1")).await.status, 404);
    let page = program.scrape().await;
    assert_eq!((page.value("dbsession_kill_task_state", &state), ended(&page) > 0.0), (None, true));
}

#[tokio::test]
async fn a_configured_task_that_was_forgotten_is_not_counted_again_by_a_reload() {
    let cloud = scene::cloud().await;
    cloud.set_kill_task("rm-1", "t-1", task("SUCCESS", 2));
    let file = file(&cloud) + "kill_tasks:\n  - {account: ali, instance: rm-1, task: t-1}\n";
    let program = Invocation::configured(&file, &[ADMIN, "--web.enable-lifecycle"]).start().await;
    program.scrape_until("its end", |page| ended(page) > 0.0).await;
    assert_eq!(program.delete(&format!("{PATH}/t-1")).await.status, 204);
    assert_eq!(program.reload().await.status, 200);
    let fetches = |page: &Page| of(page, "rm-1", "dbsession_fetches_total");
    let before = fetches(&program.scrape().await);
    let page = program.scrape_until("more fetches", |page| fetches(page) > before).await;
    assert_eq!(ended(&page).to_string(), "1");
    assert_eq!(json(&program.get(PATH).await), json!({"tasks": []}));
}

#[tokio::test]
async fn the_clouds_own_answer_will_do() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[ADMIN]).await;
    for (data, expected) in [("one", vec!["one"]), ("[\"two\",\"three\"]", vec!["two", "three"])] {
        let answer = json!({"Code": 200, "Message": "Successful", "Success": true, "Data": data});
        let body =
            json!({"account": "ali", "instance": "pc-1", "node": "pi-a", "answer": answer}).to_string();
        let answer = program.post_json(PATH, &body, &[]).await;
        assert_eq!((answer.status, ids(&answer)), (201, expected.iter().map(|&id| id.to_owned()).collect()));
        assert_eq!(json(&answer)["tasks"][0]["node"], "pi-a");
        assert_eq!(program.post_json(PATH, &body, &[]).await.status, 200);
    }
    assert_eq!(ids(&program.get(PATH).await), ["one", "two", "three"]);
}

#[tokio::test]
async fn nobody_registers_or_forgets_without_the_flag() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[]).await;
    for answer in [register(&program, "t-1").await, program.delete(&format!("{PATH}/t-1")).await] {
        let error = json(&answer)["error"].as_str().expect("a text").to_owned();
        assert!(answer.status == 403 && error.contains(ADMIN), "{}: {error}", answer.status);
    }
    assert_eq!(program.get(PATH).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason_and_takes_no_memory() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[ADMIN]).await;
    let wrong = |status: u16, body: &str, hint: &'static str| (status, body.to_owned(), hint);
    let table = [
        wrong(400, "", "EOF"),
        wrong(400, "[]", "send a JSON object"),
        wrong(400, r#"["ali", "rm-1", null, "t", null]"#, "send a JSON object"),
        wrong(400, r#"{"account": "ali", "instance": "rm-1", "task": ""}"#, "the id of the task is empty"),
        wrong(400, r#"{"account": "ali", "instance": "", "task": "t"}"#, "the id of the instance is empty"),
        wrong(
            400,
            r#"{"account": "ali", "instance": "rm-1", "node": "", "task": "t"}"#,
            "the id of the node is empty",
        ),
        wrong(
            400,
            r#"{"account": "ali", "instance": "rm-1", "answer": {"Success": "false", "Data": "t"}}"#,
            "Success is false",
        ),
        wrong(400, r#"{"account": "ali", "instance": "rm-1"}"#, "either task, or answer"),
        wrong(
            400,
            r#"{"account": "ali", "instance": "rm-1", "task": "t", "answer": {}}"#,
            "either task, or answer",
        ),
        wrong(
            400,
            r#"{"account": "ali", "instance": "rm-1", "task": "t", "tusk": 1}"#,
            "unknown field `tusk`",
        ),
        wrong(
            400,
            r#"{"account": "al", "instance": "rm-1", "task": "t"}"#,
            "no account \"al\"; there are: \"ali\", \"hw\"",
        ),
        wrong(400, r#"{"account": "hw", "instance": "ddm-1", "task": "t"}"#, "only Alibaba Cloud"),
        wrong(400, r#"{"account": "ali", "instance": "ddm-1", "task": "t"}"#, "is one of account \"hw\""),
        wrong(400, r#"{"account": "ali", "instance": "rm-1", "task": "a/b"}"#, "the id of the task"),
        wrong(400, r#"{"account": "ali", "instance": "rm 1", "task": "t"}"#, "the id of the instance"),
        wrong(
            400,
            r#"{"account": "ali", "instance": "rm-1", "answer": {"Success": false, "Data": "t"}}"#,
            "Success is false",
        ),
        wrong(400, r#"{"account": "ali", "instance": "rm-1", "answer": {"Data": 7}}"#, "Data is no text"),
        wrong(400, r#"{"account": "ali", "instance": "rm-1", "answer": {"Data": "[]"}}"#, "no id"),
        wrong(413, &format!("{{\"account\": \"{}\"}}", "x".repeat(70_000)), "larger than 64 kB"),
    ];
    for (status, body, hint) in &table {
        let answer = program.post_json(PATH, body, &[]).await;
        assert!(
            answer.status == *status && answer.body.contains(&hint.replace('"', "\\\"")),
            "{body:.99}: {} {}",
            answer.status,
            answer.body
        );
    }
    let good = body("t");
    for headers in [&[("origin", "https://elsewhere.example")], &[("sec-fetch-site", "cross-site")]] {
        assert_eq!(program.post_json(PATH, &good, headers).await.status, 403, "{headers:?}");
    }
    let own = format!("http://{}", program.address());
    assert_eq!(program.post_json(PATH, &body("own"), &[("origin", &own)]).await.status, 201);
    for (number, sent) in ["application/x-www-form-urlencoded", "text/plain"].into_iter().enumerate() {
        let request = reqwest::Client::new().post(format!("{own}{PATH}")).header("content-type", sent);
        let answer = program.request(request.body(body("own"))).await;
        assert_eq!(answer.status, 200, "{number}: what a client calls the body is no matter");
    }

    let mut before = None;
    for round in 0..10_000 {
        let (_, body, _) = &table[round % (table.len() - 1)];
        program.post_json(PATH, body, &[]).await;
        if round == 2_000 {
            before = Some(resident(&program));
        }
    }
    let (before, after) = (before.expect("it was measured"), resident(&program));
    assert!(after * 20 < before * 21, "{before} kB have grown to {after}");
    assert_eq!(ids(&program.get(PATH).await), ["own"]);
}

#[tokio::test]
async fn a_hundred_are_tracked_and_the_oldest_that_ended_goes_first() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[ADMIN]).await;
    for number in 0..100 {
        let id = format!("t-{number}");
        cloud.set_kill_task("rm-1", &id, task("RUNNING", 0));
        assert_eq!(register(&program, &id).await.status, 201);
    }
    let full = register(&program, "t-100").await;
    assert_eq!(full.status, 429, "{}", full.body);
    cloud.set_kill_task("rm-1", "t-42", task("FAILURE", 0));
    program.scrape_until("the end of one", |page| ended(page) > 0.0).await;
    assert_eq!(register(&program, "t-100").await.status, 201);
    let known = ids(&program.get(PATH).await);
    assert!(known.len() == 100 && !known.contains(&"t-42".to_owned()) && known.contains(&"t-100".to_owned()));
}

/// A generator that is the same in each run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[tokio::test]
async fn whatever_moment_it_is_killed_at_no_task_is_lost_or_counted_twice() {
    const TASKS: u32 = 50;
    let (cloud, directory) = (scene::cloud().await, tempfile::tempdir().expect("a directory"));
    let mut moments = Moments(1);
    for number in 0..TASKS {
        let (asked, ends_after) = (AtomicU32::new(0), u32::try_from(moments.next(60)).expect("it is small"));
        cloud.play_kill_task("rm-1", &format!("t-{number}"), move |_| {
            let running = asked.fetch_add(1, Ordering::Relaxed) < ends_after;
            if running { task("RUNNING", 0) } else { task("SUCCESS", 1) }
        });
    }
    let storage = format!("--storage.path={}", directory.path().display());
    let (mut registered, file) = (Vec::new(), file(&cloud));
    for _ in 0..200 {
        let program = Invocation::configured(&file, &[ADMIN, &storage]).start().await;
        assert_eq!(ids(&program.get(PATH).await), registered, "all that were answered are there");
        let kill = Duration::from_micros(moments.next(8_000));
        let lives = async {
            for _ in 0..3 {
                if registered.len() < TASKS as usize {
                    let id = format!("t-{}", registered.len());
                    let answer = register(&program, &id).await;
                    assert!([200, 201].contains(&answer.status), "{}", answer.body);
                    registered.push(id);
                }
            }
            sleep(kill).await;
        };
        lives.await;
        program.signal("KILL");
        program.finished().await;
        assert!(!directory.path().join("kill-tasks.json.damaged").exists(), "the file could not be read");
    }
    assert_eq!(registered.len(), TASKS as usize);
    for number in 0..TASKS {
        cloud.set_kill_task("rm-1", &format!("t-{number}"), task("SUCCESS", 1));
    }
    let program = Invocation::configured(&file, &[ADMIN, &storage]).start().await;
    let page = program.scrape_until("the end of all", |page| ended(page) >= f64::from(TASKS)).await;
    assert_eq!(ended(&page).to_string(), TASKS.to_string(), "each is counted once");
    assert_eq!(ids(&program.get(PATH).await), registered);
    let second =
        Invocation::configured(&file, &[&storage, "--web.listen-address=127.0.0.1:0"]).finish().await;
    assert!(second.code == Some(1) && second.stderr.contains("another process"), "{second:?}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    let (cloud, directory) = (scene::cloud().await, tempfile::tempdir().expect("a directory"));
    let path = directory.path().join("kill-tasks.json");
    let storage = format!("--storage.path={}", directory.path().display());
    for damaged in ["{\"version\": 1, \"tasks\"", "{\"version\": 7, \"tasks\": [], \"counters\": []}", "\0"] {
        fs::write(&path, damaged).expect("a file");
        let program = start(&cloud, &[ADMIN, &storage]).await;
        assert_eq!(json(&program.get(PATH).await), json!({"tasks": []}));
        assert!(program.stderr().contains("set aside"), "{}", program.stderr());
        let aside: &Path = &path.with_extension("json.damaged");
        assert_eq!(fs::read_to_string(aside).expect("it was kept"), damaged);
        assert_eq!(register(&program, "t-1").await.status, 201);
        program.stop().await;
    }
}

/// So many sessions of the user whose sessions the simulated tasks kill, the first few of them from the same client.
fn sessions_of_victim(sessions: usize, from_same_client: usize) -> Vec<SimSession> {
    let host = |place| if place < from_same_client { "100.104.0.10:4711" } else { "10.0.0.9:4711" };
    let of_victim = |(place, row)| SimSession {
        user: Some("testUser".to_owned()),
        host: Some(host(place).to_owned()),
        ..row
    };
    rows(sessions).into_iter().enumerate().map(of_victim).collect()
}

#[tokio::test]
async fn what_a_task_did_to_its_instance_is_told() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[ADMIN]).await;
    cloud.set_sessions("rm-1", sessions_of_victim(20, 20));
    program
        .scrape_until("the load", |page| of(page, "rm-1", "dbsession_active_sessions") == Some(20.0))
        .await;
    cloud.set_kill_task("rm-1", "t-1", task("RUNNING", 0));
    assert_eq!(register(&program, "t-1").await.status, 201);
    let effect = |page: &Page, when: &str| {
        page.value("dbsession_kill_task_active_sessions", &[("task_id", "t-1"), ("when", when)])
    };
    let page = program
        .scrape_until("the task", |page| {
            page.value("dbsession_kill_task_state", &[("task_id", "t-1"), ("state", "running")]).is_some()
        })
        .await;
    assert_eq!((effect(&page, "before"), effect(&page, "after")), (None, None));
    cloud.set_sessions("rm-1", sessions_of_victim(6, 4));
    cloud.set_kill_task("rm-1", "t-1", task("SUCCESS", 16));
    let page = program.scrape_until("the effect", |page| effect(page, "after").is_some()).await;
    assert_eq!((effect(&page, "before"), effect(&page, "after")), (Some(20.0), Some(6.0)));
    let returned = page.value("dbsession_kill_task_returned_sessions", &[("task_id", "t-1")]);
    assert_eq!(returned, Some(4.0), "six of the user, four of the client");
}

#[tokio::test]
async fn a_person_watches_a_task_from_the_command_line() {
    let cloud = scene::cloud().await;
    let program = start(&cloud, &[ADMIN]).await;
    let url = format!("--url=http://{}", program.address());
    for (id, state, code) in [("good", "SUCCESS", 0), ("bad", "FAILURE", 1)] {
        cloud.set_kill_task("rm-1", id, task(state, 3));
        let watched = Invocation::new(&["kill-task", "watch", &url, "ali", "rm-1", id]).finish().await;
        assert_eq!(watched.code, Some(code), "{watched:?}");
        let first = format!("task {id} of rm-1: {}", state.to_lowercase());
        assert_eq!(watched.stdout.lines().next(), Some(first.as_str()), "{watched:?}");
        assert!(watched.stdout.contains("killed             3 sessions"), "{watched:?}");
    }
    let nowhere = Invocation::new(&["kill-task", "watch", &url, "nobody", "rm-1", "t"]).finish().await;
    assert!(nowhere.code == Some(1) && nowhere.stderr.contains("no account"), "{nowhere:?}");
}

#[tokio::test]
async fn a_person_learns_that_the_cloud_tells_nothing_of_a_task() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("--url=http://{}", listener.local_addr().unwrap());
    // In the place of an exporter: of its answers the last alone has a state.
    let exporter = async {
        for looks in 0..12 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let state = if looks == 11 { json!("success") } else { json!(null) };
            let task =
                json!({"account": "ali", "instance": "rm-1", "node": null, "task": "t", "state": state});
            let body = json!({"tasks": [task]}).to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    };
    let watch = Invocation::new(&["kill-task", "watch", &url, "ali", "rm-1", "t"]).finish();
    let (watched, ()) = tokio::join!(watch, exporter);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    assert_eq!(
        watched.stderr.matches("the cloud has told nothing of the task so far").count(),
        1,
        "{watched:?}"
    );
}
