//! Several processes that share one configuration: together they fetch all of it, none twice, within the accounts' limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use dbsession_exporter::demo::{Cloud, KillTask};
use serde_json::{Value, json};

use crate::program::{Invocation, Program, wait_until};
use crate::scene::{self, Api, Scene};

const SHARDS: usize = 4;
const INSTANCES: usize = 24;

/// Calls of the limited account in any second.
const LIMIT: usize = 10;

const TASKS: &str = "/api/v1/kill-tasks";
const SHARD: &str = "dbsession_exporter_shard";
const TOTAL_SHARDS: &str = "dbsession_exporter_total_shards";

/// Two accounts, of which one has few calls, and a kill task of each of its first instances.
fn fleet(cloud: &Cloud) -> String {
    let mut scene = Scene::new("interval: 1s");
    scene.rate("10/s").account(cloud, Api::Alibaba, "ali");
    scene.rate("1000/s").account(cloud, Api::HuaweiDdm, "hw");
    for number in 0..INSTANCES {
        scene.instance(cloud, Api::Alibaba, "ali", &format!("rm-{number}"), 3);
        scene.instance(cloud, Api::HuaweiDdm, "hw", &format!("ddm-{number}"), 3);
    }
    let mut file = scene.file() + "kill_tasks:\n";
    for number in 0..SHARDS {
        let (instance, task) = (format!("rm-{number}"), format!("task-{number}"));
        let running = KillTask { state: "RUNNING".to_owned(), ..KillTask::default() };
        cloud.set_kill_task(&instance, &task, running);
        let _ = writeln!(file, "  - {{account: ali, instance: {instance}, task: {task}}}");
    }
    file
}

async fn start(yaml: &str, shard: usize) -> Program {
    let flags =
        [format!("--shard={shard}"), format!("--total-shards={SHARDS}"), "--web.enable-admin-api".to_owned()];
    Invocation::configured(yaml, &flags.each_ref().map(String::as_str)).start().await
}

/// What a program discovers.
async fn discovered(program: &Program) -> Vec<String> {
    let groups: Vec<Value> = serde_json::from_str(&program.get("/sd").await.body).expect("JSON");
    groups.iter().filter_map(|group| group["targets"][0].as_str().map(str::to_owned)).collect()
}

/// The instances, or nodes, on a program's page.
async fn fetched(program: &Program, own: &[String]) -> Vec<String> {
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let page = program.scrape_fetched(&own).await;
    let up = page.samples.iter().filter(|(series, up)| series.name == "dbsession_up" && **up > 0.0);
    up.filter_map(|(series, _)| series.labels.get("instance_id").cloned()).collect()
}

#[tokio::test]
async fn four_processes_hold_a_fleet_together_and_nothing_twice() {
    let cloud = scene::cloud().await;
    let yaml = fleet(&cloud);
    let mut programs = Vec::new();
    for shard in 0..SHARDS {
        programs.push(start(&yaml, shard).await);
    }
    let (mut holders, mut quota) = (BTreeMap::new(), 0.0);
    for (shard, program) in programs.iter().enumerate() {
        let own = discovered(program).await;
        assert!(!own.is_empty(), "{shard} has nothing to do");
        let mut shown = fetched(program, &own).await;
        shown.sort_unstable();
        let mut sorted = own.clone();
        sorted.sort_unstable();
        assert_eq!(shown, sorted, "what is discovered is on the page");
        for id in own {
            assert_eq!(program.get(&format!("/probe?target={id}")).await.status, 200);
            if let Some(other) = holders.insert(id.clone(), shard) {
                panic!("{id} is held by {other} and by {shard}");
            }
        }
        let page = program.scrape().await;
        assert_eq!(page.value(SHARD, &[]), u32::try_from(shard).ok().map(f64::from));
        assert_eq!(page.value(TOTAL_SHARDS, &[]), Some(4.0));
        let labels = [("account", "ali")];
        quota += page.value("dbsession_exporter_api_quota_calls_per_second", &labels).unwrap_or_default();
    }
    let all = (0..INSTANCES).flat_map(|number| [format!("rm-{number}"), format!("ddm-{number}")]);
    assert_eq!(holders.keys().cloned().collect::<Vec<_>>(), {
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        all
    });
    assert!((quota - 10.0).abs() < 0.01, "the shares of {LIMIT} calls a second add up to {quota}");

    let strangers = holders["rm-0"] + 1;
    let answer = programs[strangers % SHARDS].get("/probe?target=rm-0").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    let received = async || {
        let calls = cloud.calls().into_iter().filter(|call| call.instance.starts_with("rm-"));
        calls.map(|call| call.at).collect::<Vec<_>>()
    };
    wait_until("seconds of calls", async || received().await.len() > 6 * LIMIT).await;
    let calls = received().await;
    // Calls may arrive late on a busy machine, but not by seconds; four times the limit would take a second and a half.
    let span = calls[6 * LIMIT] - calls[0];
    assert!(span > Duration::from_secs(4), "{} calls within {span:?}", 6 * LIMIT + 1);
}

#[tokio::test]
async fn kill_tasks_are_followed_where_their_instance_is_fetched() {
    let cloud = scene::cloud().await;
    let yaml = fleet(&cloud);
    let mut followed = Vec::new();
    for shard in 0..SHARDS {
        let program = start(&yaml, shard).await;
        let own = discovered(&program).await;
        let listed: Value = serde_json::from_str(&program.get(TASKS).await.body).expect("JSON");
        for task in listed["tasks"].as_array().expect("a list") {
            assert!(own.iter().any(|id| task["instance"] == id.as_str()), "{task} is of another shard");
            followed.push(task["task"].to_string());
        }
        let body = json!({"account": "ali", "instance": "rm-5", "task": "new"}).to_string();
        let answer = program.post_json(TASKS, &body, &[]).await;
        if own.iter().any(|id| id == "rm-5") {
            assert_eq!(answer.status, 201, "{}", answer.body);
        } else {
            assert!(answer.status == 400 && answer.body.contains("belongs to shard"), "{}", answer.body);
        }
    }
    followed.sort_unstable();
    assert_eq!(followed, (0..SHARDS).map(|number| format!("\"task-{number}\"")).collect::<Vec<_>>());
}

#[tokio::test]
async fn check_prints_the_part_of_a_shard_and_counts_all_of_them() {
    let cloud = scene::cloud().await;
    let yaml = fleet(&cloud);
    let mut targets = 0;
    for shard in 0..SHARDS {
        let pod = format!("dbsession-{shard}");
        let flags = ["check", "--shard-from-pod-name", "--total-shards=4"];
        let ended = Invocation::configured(&yaml, &flags).environment("HOSTNAME", &pod).finish().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let line = ended.stdout.lines().next().unwrap_or_default().to_owned();
        let own = line.strip_prefix(&format!("shard {shard} of 4: "));
        let own =
            own.and_then(|own| own.strip_suffix(" of 48 targets")).and_then(|own| own.parse::<usize>().ok());
        targets += own.unwrap_or_else(|| panic!("{}", ended.stdout));
        // Its limit is its part, and the advice is for the whole account.
        assert!(ended.stdout.contains("set rate_limit.das to "), "{}", ended.stdout);
    }
    assert_eq!(targets, 48);
}

/// Huawei Cloud locks a key after more than five bad signatures in a row, and each process tries once.
#[tokio::test]
async fn more_shards_than_a_key_of_huawei_cloud_bears_are_warned_of() {
    let cloud = scene::cloud().await;
    let yaml = fleet(&cloud);
    let warning = "account hw: 8 shards use its key";
    let check = async |total: &str| {
        let flags = ["check", "--shard=0", &format!("--total-shards={total}")];
        Invocation::configured(&yaml, &flags).finish().await.stdout
    };
    assert!(check("8").await.contains(&format!("warning: {warning}")));
    assert!(!check("5").await.contains("use its key"));
    let program = Invocation::configured(&yaml, &["--shard=0", "--total-shards=8"]).start().await;
    wait_until("the warning", async || program.stderr().contains(warning)).await;
}

#[tokio::test]
async fn a_shard_that_cannot_be_is_a_wrong_usage() {
    for (flags, pod, problem) in [
        (&["--shard=1"][..], "", "--shard needs --total-shards"),
        (&["--total-shards=2"], "", "--total-shards needs --shard or --shard-from-pod-name"),
        (&["--shard=2", "--total-shards=2"], "", "--shard is 2, but --total-shards=2 has shards 0 to 1"),
        (&["--shard=0", "--total-shards=257"], "", "--total-shards must be a number from 1 to 256"),
        (&["--shard-from-pod-name"], "a-0", "--shard-from-pod-name needs --total-shards"),
        (&["--shard-from-pod-name", "--shard=0", "--total-shards=2"], "a-0", "give one of them"),
        (&["--shard-from-pod-name", "--total-shards=2"], "a-2", "the ordinal of pod a-2 is 2, but"),
        (&["--shard-from-pod-name", "--total-shards=2"], "exporter", "the name \"exporter\" does not end in"),
    ] {
        let invocation = Invocation::configured("instances: []", &[&["check"], flags].concat());
        let ended = invocation.environment("HOSTNAME", pod).finish().await;
        assert!(ended.code == Some(2) && ended.stderr.contains(problem), "{flags:?}: {}", ended.stderr);
    }
}
