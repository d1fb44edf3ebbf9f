//! One target's trouble is its own: what the others do meanwhile, and when fetches of one target begin.

use std::collections::BTreeMap;
use std::time::Duration;

use dbsession_exporter::demo::{Cloud, Fault};
use tokio::time::Instant;

use crate::parse::Page;
use crate::program::Program;
use crate::scene::{self, Api, Scene, counted, data, is_up, of};

const FAILURES: &str = "dbsession_fetch_failures_total";
const SKIPPED: &str = "dbsession_fetches_skipped_total";
const FETCHES: &str = "dbsession_fetches_total";

/// Twenty targets of one account.
fn fleet(cloud: &Cloud, global: &str) -> (Scene, Vec<String>) {
    let mut scene = Scene::new(global);
    scene.account(cloud, Api::Alibaba, "ali");
    let ids: Vec<_> = (0..20).map(|number| format!("rm-{number}")).collect();
    for id in &ids {
        scene.instance(cloud, Api::Alibaba, "ali", id, 3);
    }
    (scene, ids)
}

/// When each call about an instance was received.
fn received(cloud: &Cloud) -> BTreeMap<String, Vec<Instant>> {
    let mut received: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for call in cloud.calls() {
        received.entry(call.instance).or_default().push(call.at);
    }
    received
}

#[tokio::test]
async fn nineteen_go_on_while_one_hangs_fails_or_says_too_much() {
    let cloud = scene::cloud().await;
    let (scene, ids) = fleet(&cloud, "interval: 1s, timeout: 30s, stale_after: 5m, max_response_bytes: 1MiB");
    let program = Program::start(&scene.file()).await;
    let (troubled, others) = ids.split_first().unwrap();
    let fetches = |page: &Page, id: &str| of(page, id, FETCHES).unwrap();
    let mut before =
        program.scrape_until("all to be up", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;
    // The one that hangs comes last: its fetch does not end.
    for fault in [Fault::Html, Fault::GzipBomb(4 << 20), Fault::Hang] {
        cloud.set_fault(troubled, Some(fault));
        let after = program
            .scrape_until("two more fetches of each of the others", |page| {
                others.iter().all(|id| fetches(page, id) >= fetches(&before, id) + 2.0)
            })
            .await;
        let grown = others.iter().map(|id| fetches(&after, id) - fetches(&before, id));
        let most = grown.fold(0.0, f64::max);
        assert!(most <= 4.0, "one of them had {most} fetches while another had two");
        for id in others {
            assert_eq!(is_up(&after, id), Some(true), "{id}");
            assert_eq!(data(&after, id), data(&before, id), "{id}");
            assert!(counted(&after, id, SKIPPED, "overlap") < 1.0, "{id} missed a fetch");
        }
        before = after;
    }
    assert!(counted(&before, troubled, FAILURES, "provider_error") > 0.0);
    assert!(counted(&before, troubled, FAILURES, "bad_response") > 0.0);
}

#[tokio::test]
async fn fetches_begin_spread_over_the_interval() {
    const INTERVAL: Duration = Duration::from_secs(4);
    let cloud = scene::cloud().await;
    let (scene, ids) = fleet(&cloud, "interval: 4s, timeout: 2s");
    let program = Program::start(&scene.file()).await;
    program.scrape_until("all to be up", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;
    let mut starts: Vec<_> = received(&cloud).into_values().map(|calls| calls[0]).collect();
    starts.sort_unstable();
    let pause = starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let whole = starts[19] - starts[0];
    assert!(whole > INTERVAL / 2 && pause < INTERVAL / 2, "within {whole:?}, at most {pause:?} apart");
}

/// A fetch that takes longer than the interval: the next one begins when it ends, neither before nor at the next tick.
#[tokio::test]
async fn fetches_of_one_target_never_overlap_and_a_late_one_begins_at_once() {
    const DELAY: Duration = Duration::from_millis(2100);
    const NEXT_TICK: Duration = Duration::from_millis(2900);
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 10s");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "slow", 3);
    cloud.set_fault("slow", Some(Fault::Delay(DELAY)));
    let program = Program::start(&scene.file()).await;
    let page = program.scrape_until("three fetches", |page| of(page, "slow", FETCHES) >= Some(3.0)).await;
    assert_eq!(is_up(&page, "slow"), Some(true));
    assert!(counted(&page, "slow", SKIPPED, "overlap") >= 2.0, "each of them missed a tick");
    let starts = &received(&cloud)["slow"];
    let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= DELAY), "two at once: {gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < NEXT_TICK), "not at once: {gaps:?}");
}

/// The same with a poll in between: one fetch's calls are over before those of the next begin.
#[tokio::test]
async fn calls_of_two_fetches_do_not_mix() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 10s");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "slow", 3);
    cloud.set_polls("slow", 2);
    let program = Program::start(&scene.file()).await;
    program.scrape_until("three fetches", |page| of(page, "slow", FETCHES) >= Some(3.0)).await;
    let is_poll = |(name, _): &(String, String)| name == "ResultId";
    let polls: Vec<bool> = cloud.calls().iter().map(|call| call.query.iter().any(is_poll)).collect();
    assert!(polls.chunks_exact(3).all(|calls| calls == [false, true, true]), "{polls:?}");
    assert!(polls.len() >= 9);
}
