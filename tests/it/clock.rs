//! A machine whose clock is wrong: fetching works all the same, and its operator is told, once.

use dbsession_exporter::demo::Cloud;
use jiff::SignedDuration;

use crate::program::Program;
use crate::scene::{self, Api, Scene, is_up, of};

const FETCHES: &str = "dbsession_fetches_total";
const OFF: &str = "message=\"the clock of this machine is not that of the cloud";
const RIGHT: &str = "message=\"the clock of this machine is that of the cloud again";

/// Three targets of one account, and the program that watches them.
async fn watch(cloud: &Cloud, api: Api) -> (Program, [&'static str; 3]) {
    let ids = ["one", "two", "three"];
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    scene.account(cloud, api, "late");
    for id in ids {
        scene.instance(cloud, api, "late", id, 2);
    }
    (Program::start(&scene.file()).await, ids)
}

/// The log lines that say this.
fn lines(program: &Program, message: &str) -> Vec<String> {
    program.stderr().lines().filter(|line| line.contains(message)).map(str::to_owned).collect()
}

/// The cloud is an hour ahead, or behind; later the clocks agree.
async fn an_hour_off(api: Api, hours: i64) {
    let cloud = scene::cloud().await;
    cloud.set_clock_offset(SignedDuration::from_hours(hours));
    let (program, ids) = watch(&cloud, api).await;
    let page_after = async |fetches: f64| {
        let all = |page: &_| ids.iter().all(|id| of(page, id, FETCHES) >= Some(fetches));
        program.scrape_until("fetches of all", all).await
    };
    let page = page_after(3.0).await;
    assert!(ids.iter().all(|id| is_up(&page, id) == Some(true)));
    assert!(page.sum("dbsession_fetch_failures_total") < 1.0, "the wrong date costs no fetch");
    let told = lines(&program, OFF);
    assert_eq!(told.len(), 1, "{told:?}");
    let offsets = [-1, 0, 1].map(|error| format!(" offset_seconds={} ", hours * 3600 + error));
    assert!(offsets.iter().any(|offset| told[0].contains(offset)), "{told:?}");
    for part in ["level=warn", " account=late ", " remedy=\"set the clock of this machine"] {
        assert!(told[0].contains(part), "{told:?}");
    }
    let refused = cloud.calls().iter().filter(|call| call.status != Some(200)).count();
    assert_eq!(refused, 1, "one call taught the time");

    cloud.set_clock_offset(SignedDuration::ZERO);
    let fetches = of(&page, "one", FETCHES).expect("it was fetched");
    let page = page_after(fetches + 3.0).await;
    assert!(page.sum("dbsession_fetch_failures_total") < 1.0, "nor does setting the clock");
    assert_eq!((lines(&program, OFF).len(), lines(&program, RIGHT).len()), (1, 1));
    assert!(lines(&program, "are held").is_empty(), "it was never the key");
}

#[tokio::test]
async fn alibaba_cloud_an_hour_ahead() {
    an_hour_off(Api::Alibaba, 1).await;
}

#[tokio::test]
async fn alibaba_cloud_an_hour_behind() {
    an_hour_off(Api::Alibaba, -1).await;
}

#[tokio::test]
async fn huawei_cloud_an_hour_ahead() {
    an_hour_off(Api::HuaweiDas, 1).await;
}

#[tokio::test]
async fn huawei_cloud_an_hour_behind() {
    an_hour_off(Api::HuaweiDdm, -1).await;
}

/// Five minutes are within what the clouds tolerate, but a sign of more to come.
#[tokio::test]
async fn a_clock_that_is_still_tolerated_is_told_without_a_refusal() {
    let cloud = scene::cloud().await;
    cloud.set_clock_offset(SignedDuration::from_mins(5));
    let (program, ids) = watch(&cloud, Api::Alibaba).await;
    let all = |page: &_| ids.iter().all(|id| of(page, id, FETCHES) >= Some(2.0));
    program.scrape_until("fetches of all", all).await;
    assert_eq!(lines(&program, OFF).len(), 1);
    assert!(cloud.calls().iter().all(|call| call.status == Some(200)));
}

/// A wrong clock does not give a wrong secret more tries.
#[tokio::test]
async fn a_wrong_secret_on_a_machine_with_a_wrong_clock_is_held_as_any() {
    let cloud = scene::cloud().await;
    cloud.set_clock_offset(SignedDuration::from_hours(1));
    cloud.add_key("bad-id", "the-right-secret", None);
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    let keys = "{access_key_id: bad-id, access_key_secret: the-wrong-secret}";
    scene.account_with(&cloud.url(), Api::HuaweiDas, "bad", keys);
    let ids: Vec<_> = (0..20).map(|number| format!("bad-{number}")).collect();
    for id in &ids {
        scene.instance(&cloud, Api::HuaweiDas, "bad", id, 2);
    }
    let program = Program::start(&scene.file()).await;
    let held = |page: &_| ids.iter().all(|id| is_up(page, id) == Some(false));
    program.scrape_until("all to be held", held).await;
    assert_eq!(cloud.calls().len(), 2, "one taught the time, one that the secret is wrong");
}
