//! A configuration that changes while the daemon runs: what is taken up, what goes on as if nothing had happened, and what
//! is refused.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use dbsession_exporter::demo::Cloud;
use tokio::time::sleep;

use crate::parse::{Page, Series};
use crate::program::{Invocation, Program, resident, wait_until};
use crate::scene::{self, Api, Scene, counted, data, is_up, of};

const LIFECYCLE: &str = "--web.enable-lifecycle";
const SUCCESSFUL: &str = "dbsession_exporter_config_last_reload_successful";

/// A daemon that reloads when it is told to, and only then.
async fn start(yaml: &str) -> Program {
    let flags = [LIFECYCLE, "--config.auto-reload-interval=0s"];
    Invocation::configured(yaml, &flags).start().await
}

/// One account with an instance for each entry: an id, and more of its entry.
fn scene(cloud: &Cloud, global: &str, instances: &[(&str, &str)]) -> String {
    let mut scene = Scene::new(global);
    scene.account(cloud, Api::Alibaba, "ali");
    for (id, more) in instances {
        cloud.set_sessions(id, scene::rows(3));
        scene.entry(&format!("account: ali, id: {id}{more}"));
    }
    scene.file()
}

fn label<'a>(page: &'a Page, instance: &str, family: &str, label: &str) -> Option<&'a str> {
    let series = page.samples.keys().find(|series| {
        series.name == family && series.labels.get("instance_id").is_some_and(|id| id == instance)
    })?;
    series.labels.get(label).map(String::as_str)
}

async fn reload(program: &Program, yaml: &str) {
    program.configure(yaml);
    let answer = program.reload().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_relabelled_instance_costs_no_fetch_and_restarts_no_counter() {
    let cloud = scene::cloud().await;
    let entries = [("a", ", labels: {team: red}"), ("b", "")];
    let program = start(&scene(&cloud, "interval: 1h", &entries)).await;
    // The first tick lies anywhere within the hour: a shorter interval brings it on.
    reload(&program, &scene(&cloud, "interval: 1s", &entries)).await;
    program.scrape_until("some fetches", |page| of(page, "a", "dbsession_fetches_total") > Some(1.0)).await;
    reload(&program, &scene(&cloud, "interval: 1h", &entries)).await;
    let before = program.scrape_fetched(&["a", "b"]).await;
    let calls = cloud.calls().len();

    let entries = [("b", ""), ("a", ", name: orders, labels: {team: blue}")];
    reload(&program, &scene(&cloud, "interval: 1h", &entries)).await;
    let after = program.scrape().await;
    assert_eq!(label(&after, "a", "dbsession_sessions", "team"), Some("blue"));
    assert_eq!(label(&after, "a", "dbsession_instance_info", "instance_name"), Some("orders"));
    assert_eq!(of(&after, "a", "dbsession_fetches_total"), of(&before, "a", "dbsession_fetches_total"));
    assert_eq!(data(&after, "b"), data(&before, "b"));
    assert_eq!(cloud.calls().len(), calls, "a label is no reason to ask the cloud");
}

#[tokio::test]
async fn targets_come_and_go_and_the_others_stay() {
    let cloud = scene::cloud().await;
    let fast = "interval: 1s";
    let program = start(&scene(&cloud, fast, &[("stays", ""), ("goes", "")])).await;
    program.scrape_fetched(&["stays", "goes"]).await;
    reload(&program, &scene(&cloud, fast, &[("comes", ""), ("stays", "")])).await;
    let page = program.scrape().await;
    assert_eq!(of(&page, "goes", "dbsession_fetches_total"), None, "it is gone at once");
    assert!(of(&page, "stays", "dbsession_fetches_total") >= Some(1.0));
    assert_eq!(is_up(&page, "stays"), Some(true));
    program.scrape_fetched(&["comes"]).await;
    cloud.clear_calls();
    program
        .scrape_until("more fetches", |page| of(page, "comes", "dbsession_fetches_total") > Some(2.0))
        .await;
    assert!(cloud.calls().iter().all(|call| call.instance != "goes"), "what is gone is not asked for");
}

#[tokio::test]
async fn all_or_nothing_with_every_problem_at_its_place() {
    let cloud = scene::cloud().await;
    let good = scene(&cloud, "interval: 1s", &[("a", "")]);
    let program = start(&good).await;
    program.scrape_fetched(&["a"]).await;
    let read = "dbsession_exporter_config_last_reload_success_timestamp_seconds";
    let before = program.scrape().await.value(read, &[]);

    let bad = good.replace("interval: 1s", "interval: 0s, top: 0") + "  - {account: nobody, id: b}\n";
    program.configure(&bad);
    let answer = program.reload().await;
    assert_eq!(answer.status, 500);
    let file = program.directory().join("dbsession.yml");
    let last = bad.lines().count();
    for (place, problem) in [
        ("1:10".to_owned(), "global.interval: "),
        ("1:24".to_owned(), "global.top: "),
        (format!("{last}:6"), "instances[1].account: no account \"nobody\""),
    ] {
        let line = format!("{}:{place}: {problem}", file.display());
        assert!(answer.body.contains(&line), "{line} is missing in {}", answer.body);
        let place = problem.split(' ').next().unwrap_or_default();
        assert!(program.stderr().contains(place), "the log tells it, too");
    }
    program.configure("global: [\n");
    let answer = program.reload().await;
    assert!(answer.status == 500 && answer.body.contains("dbsession.yml:1:"), "{}", answer.body);
    let page = program.scrape().await;
    assert_eq!((page.value(SUCCESSFUL, &[]), page.value(read, &[])), (Some(0.0), before));
    let fetches = of(&page, "a", "dbsession_fetches_total");
    program.scrape_until("the old plan", |page| of(page, "a", "dbsession_fetches_total") > fetches).await;

    reload(&program, &good).await;
    let page = program.scrape().await;
    assert_eq!(page.value(SUCCESSFUL, &[]), Some(1.0));
    assert!(page.value(read, &[]) > before);
}

#[tokio::test]
async fn reloading_over_http_has_to_be_allowed_and_asked_for_by_post() {
    let cloud = scene::cloud().await;
    let yaml = scene(&cloud, "interval: 1s", &[("a", "")]);
    let program = Invocation::configured(&yaml, &["--config.auto-reload-interval=0s"]).start().await;
    let answer = program.reload().await;
    assert!(answer.status == 403 && answer.body.contains(LIFECYCLE), "{}", answer.body);
    assert_eq!(program.get("/-/reload").await.status, 405);
    program.configure(&scene(&cloud, "interval: 1s", &[("b", "")]));
    program.signal("HUP");
    program.scrape_fetched(&["b"]).await;
    assert!(program.stderr().contains("why=SIGHUP"), "{}", program.stderr());
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let cloud = scene::cloud().await;
    let yaml = scene(&cloud, "interval: 1s", &[("a", "")]);
    let program = Invocation::configured(&yaml, &["--config.auto-reload-interval=100ms"]).start().await;
    program.scrape_fetched(&["a"]).await;
    program.configure(&scene(&cloud, "interval: 1s", &[("b", "")]));
    program.scrape_fetched(&["b"]).await;
    program.configure("instances: oops");
    program.scrape_until("the refusal", |page| page.value(SUCCESSFUL, &[]) == Some(0.0)).await;
    program.configure(&scene(&cloud, "interval: 1s", &[("c", "")]));
    program.scrape_fetched(&["c"]).await;
    let refusals = program.stderr().matches("the configuration is kept as it was").count();
    assert_eq!(refusals, 1, "a bad file is refused once, not at every look: {}", program.stderr());
}

/// A secret as Kubernetes mounts it: a link to a link of a directory, which is moved when the secret changes.
fn mount(program: &Program, version: &str, secret: &str) {
    let directory = program.directory();
    fs::create_dir(directory.join(version)).expect("a new directory");
    fs::write(directory.join(version).join("secret"), secret).expect("a new file");
    symlink(version, directory.join("..data.new")).expect("a new link");
    fs::rename(directory.join("..data.new"), directory.join("..data")).expect("a link can be moved");
}

#[tokio::test]
async fn a_changed_secret_lifts_the_hold_of_its_account_at_once() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s");
    let credentials = "{access_key_id: key, access_key_secret_file: ..data/secret}";
    scene.account_with(&cloud.url(), Api::HuaweiDas, "hw", credentials);
    scene.instance(&cloud, Api::HuaweiDas, "hw", "a", 3);
    cloud.add_key("key", "right", None);
    let flags = ["--config.auto-reload-interval=100ms"];
    let program = Invocation::configured("global: {interval: 1s}", &flags).start().await;
    mount(&program, "..1", "wrong");
    program.configure(&scene.file());
    let held = |page: &Page| counted(page, "a", "dbsession_fetches_skipped_total", "auth_hold");
    let known = |page: &Page| of(page, "a", "dbsession_fetches_total").is_some();
    program.scrape_until("the hold", |page| known(page) && held(page) > 0.0).await;
    let states = [("provider", "huawei"), ("state", "held")];
    let page = program.scrape().await;
    assert_eq!(page.value("dbsession_exporter_targets", &states), Some(1.0));
    mount(&program, "..2", "right\n");
    program.scrape_until("the end of the hold", |page| is_up(page, "a") == Some(true)).await;
    assert_eq!(program.scrape().await.value("dbsession_exporter_targets", &states), Some(0.0));
    assert!(!program.stderr().contains("right") && !program.stderr().contains("wrong"));
}

#[tokio::test]
async fn what_is_told_of_an_account_goes_with_it() {
    let cloud = scene::cloud().await;
    let both = |accounts: &[&str]| {
        let mut scene = Scene::new("interval: 1s");
        for account in accounts {
            scene.account(&cloud, Api::Alibaba, account);
            scene.instance(&cloud, Api::Alibaba, account, &format!("of-{account}"), 1);
        }
        scene.file()
    };
    let program = start(&both(&["one", "two"])).await;
    program.scrape_fetched(&["of-one", "of-two"]).await;
    let told = |page: &Page, account: &str| {
        let of_account = page
            .samples
            .keys()
            .filter(|series| series.labels.get("account").is_some_and(|name| name == account));
        of_account.map(|series| series.name.clone()).collect::<BTreeSet<_>>()
    };
    let before = program.scrape().await;
    assert_eq!(told(&before, "one"), told(&before, "two"));
    let planned = "dbsession_exporter_api_planned_calls_per_second";
    assert!(told(&before, "two").contains(planned));
    reload(&program, &both(&["one"])).await;
    let after = program.scrape().await;
    assert_eq!(told(&after, "two"), BTreeSet::new());
    assert_eq!(told(&after, "one"), told(&before, "one"));
}

/// The team that a page is of, which must be that of every series: with the targets that are always there, all of them up and
/// with their data.
fn team_of<'p>(page: &'p Page, always: &[&str]) -> &'p str {
    let instance = |series: &'p Series| series.labels.get("instance_id").map(String::as_str);
    let instances: BTreeSet<&str> = page.samples.keys().filter_map(instance).collect();
    let team = label(page, always[0], "dbsession_sessions", "team").expect("its data are always shown");
    let expected = |id: &&str| id.starts_with("always-") || id.starts_with(team);
    assert!(instances.len() == 40 && instances.iter().all(expected), "{team}: {instances:?}");
    for id in always {
        assert_eq!(is_up(page, id), Some(true), "{id}");
        assert_eq!(of(page, id, "dbsession_sessions"), Some(3.0), "{id}");
    }
    let teams = page.samples.keys().filter_map(|series| series.labels.get("team"));
    assert!(teams.into_iter().all(|other| other == team), "another team than {team}");
    team
}

#[tokio::test]
async fn a_thousand_reloads_leak_nothing_and_show_nothing_wrong() {
    let cloud = scene::cloud().await;
    let always: Vec<String> = (0..20).map(|number| format!("always-{number}")).collect();
    let configuration = |team: &str| {
        let mut scene = Scene::new("interval: 1s");
        scene.account(&cloud, Api::Alibaba, "ali").account(&cloud, Api::Alibaba, team);
        for id in &always {
            cloud.set_sessions(id, scene::rows(3));
            scene.entry(&format!("account: ali, id: {id}, labels: {{team: {team}}}"));
        }
        for number in 0..20 {
            scene.instance(&cloud, Api::Alibaba, team, &format!("{team}-{number}"), 3);
        }
        scene.file()
    };
    let configurations = ["red", "blue"].map(|team| (team, configuration(team)));
    let program = start(&configurations[0].1).await;
    let ids: Vec<&str> = always.iter().map(String::as_str).collect();
    program.scrape_fetched(&ids).await;
    let tasks = |page: &Page| page.value("process_threads", &[]);
    let mut after_warming_up = None;
    let reloads = async {
        for round in 0..500 {
            for (team, yaml) in &configurations {
                reload(&program, yaml).await;
                if round % 25 == 24 {
                    assert_eq!(team_of(&program.scrape().await, &ids), *team, "it holds at once");
                }
            }
            if round == 124 {
                after_warming_up = Some((resident(&program), tasks(&program.scrape().await)));
            }
        }
    };
    let mut scrapes = 0;
    let scraping = async {
        loop {
            team_of(&program.scrape().await, &ids);
            scrapes += 1;
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = reloads => {}
        () = scraping => {}
    }
    assert!(scrapes > 50, "{scrapes} scrapes while it reloaded");
    let (resident_before, threads_before) = after_warming_up.expect("it was measured");
    let resident_after = resident(&program);
    assert!(
        resident_after * 20 < resident_before * 21,
        "{resident_before} kB have grown to {resident_after}"
    );
    // Files are read on threads of their own, which go again when there is nothing to read.
    assert!(tasks(&program.scrape().await) <= threads_before.map(|threads| threads + 3.0));
    let page = program.scrape().await;
    let counted: f64 = ids.iter().map(|id| of(&page, id, "dbsession_fetches_total").unwrap()).sum();
    wait_until("fetches that go on", async || {
        let page = program.scrape().await;
        ids.iter().map(|id| of(&page, id, "dbsession_fetches_total").unwrap()).sum::<f64>() > counted
    })
    .await;
}
