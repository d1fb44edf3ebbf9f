//! A cloud that throttles is left alone as long as it asks, by those whom it asks: by the cloud's own log of calls.

use std::time::Duration;

use dbsession_exporter::demo::{Call, Cloud, Fault, Refusal};
use tokio::time::Instant;

use crate::parse::Page;
use crate::program::{Program, wait_until};
use crate::scene::{self, Api, Scene, is_up, of};

/// What the clouds of these tests ask for.
const TOLD: Duration = Duration::from_secs(3);

/// A call may be logged so late.
const LATE: Duration = Duration::from_millis(250);

/// So long, at least, no call is logged that a cloud did not ask for.
const QUIET: Duration = TOLD.saturating_sub(LATE);

/// Targets of each account.
const TARGETS: usize = 4;

fn ids(account: &str) -> Vec<String> {
    (0..TARGETS).map(|number| format!("{account}-{number}")).collect()
}

/// An account with its targets.
fn add(scene: &mut Scene, cloud: &Cloud, api: Api, account: &str) {
    scene.account(cloud, api, account);
    for id in ids(account) {
        scene.instance(cloud, api, account, &id, 2);
    }
}

async fn all_up(program: &Program, accounts: &[&str]) {
    let ids: Vec<_> = accounts.iter().flat_map(|account| ids(account)).collect();
    program.scrape_until("all to be up", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;
}

/// The calls about any target of an account, or about one target, in their order.
fn calls_of(cloud: &Cloud, target: &str) -> Vec<Call> {
    cloud.calls().into_iter().filter(|call| call.instance.starts_with(target)).collect()
}

/// Calls about a target in this time after `from`.
fn calls_within(cloud: &Cloud, target: &str, from: Instant, time: Duration) -> usize {
    let within = |call: &Call| call.at > from && call.at < from + time;
    calls_of(cloud, target).into_iter().filter(within).count()
}

/// A number of an account, over its operations or services.
fn of_account(page: &Page, account: &str, family: &str) -> f64 {
    page.with(&[("account", account)]).sum(&format!("dbsession_exporter_{family}"))
}

fn status(status: u16, headers: &[(&str, &str)]) -> Fault {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Fault::Status { status, headers: headers.iter().map(text).collect(), body: String::new() }
}

/// When the first call about any target of an account was throttled.
async fn throttled_at(cloud: &Cloud, account: &str) -> Instant {
    let mut at = None;
    wait_until("a throttled call", async || {
        at = calls_of(cloud, account).into_iter().find(|call| call.status != Some(200)).map(|call| call.at);
        at.is_some()
    })
    .await;
    at.expect("it was waited for")
}

#[tokio::test]
async fn an_account_whose_quota_is_used_up_is_left_alone_as_long_as_told() {
    const ACS: &[(&str, &str)] = &[("x-acs-retry-after", "3000")];
    const SECONDS: &[(&str, &str)] = &[("retry-after", "3")];
    const QUOTA: &[(&str, &str)] = &[("x-ratelimit-user", "Limit:1,Remain:0,TimeLeft:3000,Reset:7")];
    let user = Refusal::THROTTLING_USER;
    let cases = [
        ("user-400", Api::Alibaba, user.clone().headers(ACS)),
        ("user-429", Api::Alibaba, user.clone().status(429).headers(ACS)),
        ("user-503", Api::Alibaba, user.status(503).headers(SECONDS)),
        ("quota", Api::Alibaba, Refusal::THROTTLING.headers(QUOTA)),
        ("gateway", Api::HuaweiDdm, Refusal::OVER_RATELIMIT.headers(SECONDS)),
    ];
    let (cloud, mut scene) = (scene::cloud().await, Scene::new("interval: 1s, timeout: 2s"));
    add(&mut scene, &cloud, Api::Alibaba, "calm");
    for (account, api, _) in &cases {
        add(&mut scene, &cloud, *api, account);
    }
    let program = Program::start(&scene.file()).await;
    let accounts: Vec<_> = cases.iter().map(|(account, ..)| *account).chain(["calm"]).collect();
    all_up(&program, &accounts).await;
    for (account, _, refusal) in &cases {
        cloud.fail_next(&format!("{account}-0"), [Fault::Refuse(refusal.clone())]);
    }
    for (account, ..) in &cases {
        let at = throttled_at(&cloud, account).await;
        wait_until("a call after the pause", async || {
            calls_of(&cloud, account).last().is_some_and(|call| call.at > at + LATE)
        })
        .await;
        assert_eq!(calls_within(&cloud, account, at + LATE, QUIET), 0, "{account}");
        let calm = calls_within(&cloud, "calm", at, TOLD);
        assert!(calm >= 2 * TARGETS, "{calm} calls of another account");
    }
    all_up(&program, &accounts).await;
    let page = program.scrape().await;
    for (account, ..) in &cases {
        assert!((of_account(&page, account, "api_requests_throttled_total") - 1.0).abs() < 0.1, "{account}");
    }
    assert!(of_account(&page, "calm", "api_requests_throttled_total") < 1.0);
    assert!(page.with(&[("account", "calm")]).sum("dbsession_fetch_failures_total") < 1.0);
}

/// Without a word of how long, pauses double, and one call each tells whether it is over.
#[tokio::test]
async fn a_cloud_that_throttles_on_and_on_is_asked_less_and_less() {
    let cases = [
        ("alibaba", Api::Alibaba, Refusal::THROTTLING_USER),
        ("huawei", Api::HuaweiDas, Refusal::OVER_RATELIMIT),
    ];
    let (cloud, mut scene) = (scene::cloud().await, Scene::new("interval: 1s, timeout: 3s"));
    scene.rate("10/s");
    for (account, api, _) in &cases {
        add(&mut scene, &cloud, *api, account);
    }
    let program = Program::start(&scene.file()).await;
    all_up(&program, &["alibaba", "huawei"]).await;
    for (account, _, refusal) in &cases {
        for id in ids(account) {
            cloud.set_fault(&id, Some(Fault::Refuse(refusal.clone())));
        }
    }
    for (account, ..) in &cases {
        let at = throttled_at(&cloud, account).await;
        let rounds = || {
            let mut calls: Vec<_> = calls_of(&cloud, account).iter().map(|call| call.at).collect();
            calls.retain(|call| *call >= at);
            // Those that were under way together are one.
            calls.dedup_by(|later, call| *later - *call < LATE);
            calls
        };
        wait_until("four pauses", async || rounds().len() >= 5).await;
        let gaps: Vec<_> = rounds().windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (gap, shortest) in gaps.iter().zip([500, 1000, 2000, 4000].map(Duration::from_millis)) {
            assert!(*gap >= shortest, "{account}: {gaps:?}");
        }
    }
    let page = program.scrape().await;
    for (account, ..) in &cases {
        let throttled = of_account(&page, account, "api_requests_throttled_total");
        assert!((4.0..10.0).contains(&throttled), "{account}: {throttled} calls of {TARGETS} targets");
    }
}

/// Throttling that names nobody is this target's own trouble.
#[tokio::test]
async fn a_target_that_is_throttled_is_left_alone_as_long_as_told_and_its_neighbours_go_on() {
    let (cloud, mut scene) = (scene::cloud().await, Scene::new("interval: 1s, timeout: 4s"));
    add(&mut scene, &cloud, Api::HuaweiDas, "hw");
    let program = Program::start(&scene.file()).await;
    all_up(&program, &["hw"]).await;
    let frequent = Refusal::DAS_FREQUENT.headers(&[("retry-after", "3")]);
    let faults = [
        ("hw-0", status(429, &[("retry-after", "3")])),
        ("hw-1", status(503, &[("retry-after", "3")])),
        ("hw-2", Fault::Refuse(frequent)),
    ];
    for (id, fault) in &faults {
        cloud.set_fault(id, Some(fault.clone()));
    }
    for (id, _) in &faults {
        let failing =
            || calls_of(&cloud, id).into_iter().filter(|call| call.status != Some(200)).collect::<Vec<_>>();
        wait_until("four failing calls", async || failing().len() >= 4).await;
        for pair in failing().windows(2) {
            assert!(pair[1].at - pair[0].at >= QUIET, "{id} was asked again too soon");
        }
        let since = failing()[0].at;
        let neighbour = calls_within(&cloud, "hw-3", since, TOLD * 3);
        assert!(neighbour >= 7, "{neighbour} calls of a neighbour in {:?}", TOLD * 3);
    }
    let page = program.scrape().await;
    let reason = |id, reason| scene::counted(&page, id, "dbsession_fetch_failures_total", reason);
    assert!(reason("hw-0", "throttled") > 0.0 && reason("hw-2", "throttled") > 0.0);
    assert!(reason("hw-1", "provider_error") > 0.0 && reason("hw-1", "throttled") < 1.0);
    assert!(of_account(&page, "hw", "api_requests_throttled_total") >= 8.0);
    assert_eq!(is_up(&page, "hw-3"), Some(true));
}

/// Retries help once; trouble that lasts costs no more calls than fetches.
#[tokio::test]
async fn throttling_without_a_word_makes_no_more_calls_than_fetches() {
    let (cloud, mut scene) = (scene::cloud().await, Scene::new("interval: 1s, timeout: 5s"));
    add(&mut scene, &cloud, Api::HuaweiDas, "hw");
    let program = Program::start(&scene.file()).await;
    all_up(&program, &["hw"]).await;
    let faults = [("hw-0", status(429, &[])), ("hw-1", Fault::Refuse(Refusal::DAS_FREQUENT))];
    for (id, fault) in &faults {
        cloud.set_fault(id, Some(fault.clone()));
    }
    let failures = |page: &Page, id| scene::counted(page, id, "dbsession_fetch_failures_total", "throttled");
    let both = |page: &Page| faults.iter().all(|(id, _)| failures(page, id) >= 3.0);
    let page = program.scrape_until("three failures of each", both).await;
    for (id, _) in &faults {
        let calls = calls_of(&cloud, id).iter().filter(|call| call.status != Some(200)).count();
        let fetches = of(&page, id, "dbsession_fetches_total").expect("it is fetched");
        let calls = u32::try_from(calls).expect("a few");
        assert!(f64::from(calls) <= fetches + 3.0, "{calls} calls in {fetches} fetches of {id}");
    }
    for id in ["hw-2", "hw-3"] {
        assert!(failures(&page, id) < 1.0);
    }
}

/// Trouble that passes is overcome within the fetch.
#[tokio::test]
async fn a_failure_that_passes_costs_no_fetch() {
    let (cloud, mut scene) = (scene::cloud().await, Scene::new("interval: 1s, timeout: 10s"));
    for (api, account) in [(Api::Alibaba, "ali"), (Api::HuaweiDdm, "ddm")] {
        scene.account(&cloud, api, account).instance(&cloud, api, account, account, 2);
        cloud.fail_next(account, [Fault::Reset, Fault::Html]);
    }
    let program = Program::start(&scene.file()).await;
    let up =
        |page: &Page| ["ali", "ddm"].iter().all(|id| of(page, id, "dbsession_fetches_total") >= Some(1.0));
    let page = program.scrape_until("a fetch of each", up).await;
    for id in ["ali", "ddm"] {
        assert_eq!(is_up(&page, id), Some(true), "{id}");
        let calls = cloud.calls().into_iter().filter(|call| call.instance == id);
        let first: Vec<_> = calls.map(|call| call.status).take(3).collect();
        assert_eq!(first, [None, Some(502), Some(200)], "{id}");
    }
    assert!(page.sum("dbsession_fetch_failures_total") < 1.0);
}
