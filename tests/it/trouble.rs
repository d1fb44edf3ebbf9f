//! Every trouble that a cloud can make, one target each: how it is counted, logged and overcome.

pub mod table;

use dbsession_exporter::demo::{Cloud, Fault};

use table::{Trouble, troubles};

use crate::parse::Page;
use crate::program::Program;
use crate::scene::{self, Api, Scene, counted, data, is_health, is_up, of, rows};

const REASONS: [&str; 10] = [
    "auth",
    "permission",
    "not_found",
    "throttled",
    "timeout",
    "network",
    "provider_error",
    "task_failed",
    "bad_response",
    "internal",
];

const FAILURES: &str = "dbsession_fetch_failures_total";

/// Polls of an instance whose results are refused; the others have theirs in the first answer.
const POLLS: u32 = 1;

/// A target for each trouble, each of an account of its own, so that none is held for another's key; and one without any.
fn scene(api: Api, cloud: &Cloud, troubles: &[Trouble]) -> Scene {
    let mut scene = Scene::new("interval: 1s, timeout: 4s, stale_after: 5m, max_response_bytes: 64KiB");
    for id in troubles.iter().map(|trouble| trouble.id).chain(["well"]) {
        scene.account(cloud, api, id).instance(cloud, api, id, id, 2);
    }
    cloud.set_polls("refused-result", POLLS);
    scene
}

/// All troubles at once: each is counted under its reason, touches nobody else, and is over when the cloud has it so.
async fn troubles_come_and_go(api: Api) {
    let cloud = scene::cloud().await;
    let troubles = troubles(api, &cloud);
    let program = Program::start(&scene(api, &cloud, &troubles).file()).await;
    let all = |holds: &dyn Fn(&Trouble) -> bool| troubles.iter().all(holds);
    let before = program
        .scrape_until("all targets to be up", |page| {
            all(&|trouble| is_up(page, trouble.id) == Some(true)) && is_up(page, "well") == Some(true)
        })
        .await;

    for Trouble { id, fault, .. } in &troubles {
        cloud.set_fault(id, Some(fault.clone()));
    }
    let down = program
        .scrape_until("every trouble to be counted", |page| {
            all(&|trouble| counted(page, trouble.id, FAILURES, trouble.reason) > 0.0)
        })
        .await;
    for &Trouble { id, reason, .. } in &troubles {
        assert_eq!(is_up(&down, id), Some(false), "{id}");
        for other in REASONS.into_iter().filter(|other| *other != reason) {
            assert!(counted(&down, id, FAILURES, other) < 1.0, "{id} is counted as {other}, too");
        }
        assert_eq!(data(&down, id), data(&before, id), "the last good data of {id} stay");
    }
    assert_eq!(data(&down, "well"), data(&before, "well"));

    for Trouble { id, .. } in &troubles {
        cloud.set_sessions(id, rows(3));
        cloud.set_fault(id, None);
    }
    let after = program
        .scrape_until("every target to have new data, or to be held", |page| {
            all(&|trouble| {
                let (new, skipped) =
                    (sessions(page, trouble.id) == Some(3.0), "dbsession_fetches_skipped_total");
                let held = || counted(page, trouble.id, skipped, "auth_hold") > 0.0;
                if trouble.reason == "auth" { held() } else { new && is_up(page, trouble.id) == Some(true) }
            })
        })
        .await;
    assert!(REASONS.iter().all(|reason| counted(&after, "well", FAILURES, reason) < 1.0));
    let stderr = program.stderr();
    for trouble in &troubles {
        assert_told(&stderr, trouble, counted(&after, trouble.id, FAILURES, trouble.reason));
    }
    let followed = cloud.calls().into_iter().filter(|call| call.operation == "elsewhere").count();
    assert_eq!(followed, 0, "a redirect was followed");
}

fn sessions(page: &Page, id: &str) -> Option<f64> {
    of(page, id, "dbsession_sessions")
}

/// One warning for each failed fetch, which says what to do about it.
fn assert_told(stderr: &str, trouble: &Trouble, failures: f64) {
    let Trouble { id, reason, .. } = trouble;
    let own = format!(" instance_id={id} ");
    let is_warning = |line: &&str| line.contains("level=warn") && line.contains(&own);
    let warnings: Vec<_> = stderr.lines().filter(is_warning).collect();
    assert_eq!(warnings.len().to_string(), failures.to_string(), "{warnings:#?}");
    for line in warnings {
        let fits = line.contains(&format!(" reason={reason} ")) && line.contains(" remedy=\"");
        assert!(fits && line.contains("\"fetch failed\""), "{line}");
    }
}

#[tokio::test]
async fn every_trouble_of_alibaba_cloud() {
    troubles_come_and_go(Api::Alibaba).await;
}

#[tokio::test]
async fn every_trouble_of_huawei_cloud_das() {
    troubles_come_and_go(Api::HuaweiDas).await;
}

#[tokio::test]
async fn every_trouble_of_huawei_cloud_ddm() {
    troubles_come_and_go(Api::HuaweiDdm).await;
}

#[tokio::test]
async fn a_closed_port_and_a_server_without_tls_are_failures_of_the_network() {
    let (cloud, closed) = (scene::cloud().await, scene::cloud().await);
    let mut scene = Scene::new("interval: 1s, timeout: 2s");
    scene.account(&cloud, Api::Alibaba, "open").instance(&cloud, Api::Alibaba, "open", "well", 2);
    scene.account(&closed, Api::Alibaba, "closed").instance(&closed, Api::Alibaba, "closed", "refused", 2);
    let (url, keys) = (cloud.url().replace("http:", "https:"), "{access_key_id: a, access_key_secret: b}");
    scene.account_with(&url, Api::HuaweiDas, "tls", keys).instance(
        &cloud,
        Api::HuaweiDas,
        "tls",
        "no-tls",
        2,
    );
    closed.shutdown().await;
    let program = Program::start(&scene.file()).await;
    let failed = |page: &Page, id: &str| counted(page, id, FAILURES, "network") > 0.0;
    let page = program
        .scrape_until("both to have failed", |page| {
            failed(page, "refused") && failed(page, "no-tls") && is_up(page, "well") == Some(true)
        })
        .await;
    assert_eq!((is_up(&page, "refused"), is_up(&page, "no-tls")), (Some(false), Some(false)));
}

#[tokio::test]
async fn data_are_shown_until_they_are_stale_and_then_only_the_health_is() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 30s, stale_after: 3s");
    scene.account(&cloud, Api::Alibaba, "ali");
    for id in ["well", "failing", "hanging"] {
        scene.instance(&cloud, Api::Alibaba, "ali", id, 2);
    }
    let program = Program::start(&scene.file()).await;
    let all_up = |page: &Page| ["well", "failing", "hanging"].iter().all(|id| is_up(page, id) == Some(true));
    let before = program.scrape_until("all targets to be up", all_up).await;
    cloud.set_fault("failing", Some(Fault::Html));
    cloud.set_fault("hanging", Some(Fault::Hang));

    let failed =
        program.scrape_until("the first failure", |page| is_up(page, "failing") == Some(false)).await;
    assert_eq!(data(&failed, "failing"), data(&before, "failing"), "data stay at first");
    let gone = |page: &Page| ["failing", "hanging"].iter().all(|id| sessions(page, id).is_none());
    let stale = program.scrape_until("the data to be withdrawn", gone).await;
    let names = |id| {
        let series = stale.with(&[("instance_id", id)]).samples.into_keys().map(|series| series.name);
        series.collect::<Vec<_>>()
    };
    for id in ["failing", "hanging"] {
        assert!(names(id).iter().all(|name| is_health(name)), "{:?}", names(id));
        assert_eq!(of(&stale, id, "dbsession_snapshot_timestamp_seconds"), None);
        assert!(of(&stale, id, "dbsession_last_success_timestamp_seconds") > Some(0.0));
        assert_eq!(of(&stale, id, "dbsession_instance_info"), Some(1.0));
    }
    assert_eq!(is_up(&stale, "hanging"), Some(true), "its fetch has not failed yet");
    assert_eq!((is_up(&stale, "failing"), is_up(&stale, "well")), (Some(false), Some(true)));
    assert_eq!(data(&stale, "well"), data(&before, "well"));

    cloud.set_fault("failing", None);
    let back = program.scrape_until("the data to be back", |page| sessions(page, "failing").is_some()).await;
    assert_eq!(data(&back, "failing"), data(&before, "failing"));
}

#[tokio::test]
async fn a_compressed_bomb_does_not_fill_the_memory() {
    const BOMB: usize = 16 << 20;
    const GROWTH: f64 = (8 << 20) as f64;
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 10s, max_response_bytes: 1MiB");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "bomb", 2);
    let program = Program::start(&scene.file()).await;
    let memory = |page: &Page| page.value("process_resident_memory_bytes", &[]).expect("it is told on Linux");
    let before = program.scrape_until("the first data", |page| is_up(page, "bomb") == Some(true)).await;
    cloud.set_fault("bomb", Some(Fault::GzipBomb(BOMB)));
    let after =
        program.scrape_until("two bombs", |page| counted(page, "bomb", FAILURES, "bad_response") > 1.0).await;
    let growth = memory(&after) - memory(&before);
    assert!(growth < GROWTH, "grew by {growth} bytes");
}
