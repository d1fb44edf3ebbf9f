//! How often a target is fetched, as its fetches teach: more often in a spike, less often while there is nothing to learn.

use std::time::Duration;

use dbsession_exporter::demo::{Fault, Refusal};

use crate::parse::Page;
use crate::program::Program;
use crate::scene::{self, Api, Scene, is_up, of, rows};

const INTERVAL: &str = "dbsession_fetch_interval_seconds";

const DDM: [(&str, &str); 3] = [("provider", "huawei"), ("account", "hw"), ("service", "ddm")];

fn interval(page: &Page, instance: &str) -> f64 {
    of(page, instance, INTERVAL).expect("it is always told")
}

#[tokio::test]
async fn a_spike_is_fetched_more_often_until_it_is_over() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 3s, timeout: 2s, spike: {interval: 1s, above: 2x, min_active: 10}");
    scene.account(&cloud, Api::HuaweiDdm, "hw");
    for id in ["spiking", "calm"] {
        scene.instance(&cloud, Api::HuaweiDdm, "hw", id, 6);
    }
    scene.instance(&cloud, Api::HuaweiDdm, "hw", "indifferent", 6);
    let file = scene.file().replace("id: indifferent", "id: indifferent, spike: off");
    let program = Program::start(&file).await;
    let page = program.scrape_fetched(&["spiking", "calm", "indifferent"]).await;
    assert!(["spiking", "calm", "indifferent"].iter().all(|id| (interval(&page, id) - 3.0).abs() < 0.01));

    for id in ["spiking", "indifferent"] {
        cloud.set_sessions(id, rows(40));
    }
    let seen = |page: &Page, id, sessions| of(page, id, "dbsession_active_sessions") == Some(sessions);
    let page = program
        .scrape_until("the spike", |page| seen(page, "spiking", 40.0) && seen(page, "indifferent", 40.0))
        .await;
    assert!((interval(&page, "spiking") - 1.0).abs() < 0.01, "{}", interval(&page, "spiking"));
    assert!((interval(&page, "calm") - 3.0).abs() < 0.01);
    assert!((interval(&page, "indifferent") - 3.0).abs() < 0.01);

    cloud.set_sessions("spiking", rows(6));
    let page = program.scrape_until("its end", |page| seen(page, "spiking", 6.0)).await;
    assert!((interval(&page, "spiking") - 3.0).abs() < 0.01, "{}", interval(&page, "spiking"));
}

/// Five pages, a second each: they are planned for when the first one tells how many there are.
#[tokio::test]
async fn a_fetch_of_many_calls_is_planned_for_before_it_ends() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 2s, timeout: 20s");
    scene.account(&cloud, Api::HuaweiDdm, "hw").instance(&cloud, Api::HuaweiDdm, "hw", "large", 5 * 128);
    cloud.set_fault("large", Some(Fault::Delay(Duration::from_secs(1))));
    let program = Program::start(&scene.file()).await;
    let wanted = |page: &Page| page.value("dbsession_exporter_api_wanted_calls_per_second", &DDM);
    let page = program.scrape_until("the plan", |page| wanted(page) > Some(0.6)).await;
    assert_eq!((wanted(&page), is_up(&page, "large")), (Some(2.5), None), "5 calls each 2 s");
}

#[tokio::test]
async fn what_is_denied_is_asked_for_less_and_less_often_and_the_neighbour_as_before() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 1s");
    scene.account(&cloud, Api::Alibaba, "ali");
    for id in ["denied", "gone", "well"] {
        scene.instance(&cloud, Api::Alibaba, "ali", id, 1);
    }
    cloud.set_fault("denied", Some(Fault::Refuse(Refusal::NO_PERMISSION)));
    cloud.set_fault("gone", Some(Fault::Refuse(Refusal::INSTANCE_NOT_FOUND)));
    let program = Program::start(&scene.file()).await;
    let slowest = |page: &Page| ["denied", "gone"].iter().all(|id| interval(page, id) >= 8.0);
    let page = program.scrape_until("the longest interval", slowest).await;
    for id in ["denied", "gone"] {
        assert_eq!(of(&page, id, "dbsession_fetches_total"), Some(3.0), "{id}: after 1, 2 and 4 s");
        cloud.set_fault(id, None);
    }
    assert!(interval(&page, "well") < 1.01);
    let well = |page: &Page| ["denied", "gone"].iter().all(|id| interval(page, id) < 1.01);
    program.scrape_until("the usual interval", well).await;
}
