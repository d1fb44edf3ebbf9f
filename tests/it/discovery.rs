//! `/sd` and `/probe`: every target as Prometheus discovers it, and the page of one alone.

use dbsession_exporter::demo::Cloud;
use serde_json::{Value, json};

use crate::parse::parse;
use crate::program::Program;
use crate::scene::{self, Api, Scene};

/// A cluster of two nodes and a named instance of another cloud.
async fn fleet(cloud: &Cloud) -> Program {
    let mut scene = Scene::new("interval: 1s");
    scene.account(cloud, Api::Alibaba, "ali").account(cloud, Api::HuaweiDdm, "hw");
    scene.entry("account: ali, id: pc-1, nodes: [pi-a, pi-b]");
    scene.entry("account: hw, service: ddm, id: ddm-1, name: \"orders \\\"1\\\"\", labels: {team: shop}");
    for id in ["pc-1/pi-a", "pc-1/pi-b", "ddm-1"] {
        cloud.set_sessions(id, scene::rows(3));
    }
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["pc-1/pi-a", "pc-1/pi-b", "ddm-1"]).await;
    program
}

#[tokio::test]
async fn every_target_is_discovered_with_what_it_is() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    let groups: Value = serde_json::from_str(&program.get("/sd").await.body).expect("JSON");
    let node = |node: &str| {
        json!({"targets": [format!("pc-1/{node}")], "labels": {
            "__meta_dbsession_instance_id": "pc-1", "__meta_dbsession_node_id": node, "__meta_dbsession_provider": "alibaba",
            "__meta_dbsession_service": "das", "__meta_dbsession_account": "ali", "__meta_dbsession_region": "cn-shanghai",
        }})
    };
    let orders = json!({"targets": ["ddm-1"], "labels": {
        "__meta_dbsession_instance_id": "ddm-1", "__meta_dbsession_instance_name": "orders \"1\"",
        "__meta_dbsession_provider": "huawei", "__meta_dbsession_service": "ddm", "__meta_dbsession_account": "hw",
        "__meta_dbsession_region": "cn-north-4",
    }});
    assert_eq!(groups, json!([node("pi-a"), node("pi-b"), orders]));
}

#[tokio::test]
async fn a_probe_shows_one_target_as_the_whole_page_does() {
    let cloud = scene::cloud().await;
    let program = fleet(&cloud).await;
    for (path, labels) in [
        ("/probe?target=ddm-1", vec![("instance_id", "ddm-1"), ("team", "shop")]),
        ("/probe?target=pc-1&node=pi-b", vec![("instance_id", "pc-1"), ("node_id", "pi-b")]),
        ("/probe?target=pc-1%2Fpi-b", vec![("instance_id", "pc-1"), ("node_id", "pi-b")]),
    ] {
        let answer = program.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let page = parse(&answer.body).unwrap_or_else(|problem| panic!("{problem}"));
        let of_target = page.with(&labels).samples.len();
        assert!(
            of_target > 50 && of_target == page.samples.len(),
            "{path}: {of_target} of {}",
            page.samples.len()
        );
        assert_eq!(page.value("dbsession_sessions", &labels), Some(3.0));
    }
    for (path, status, hint) in [
        ("/probe", 400, "pc-1/pi-a, pc-1/pi-b, ddm-1"),
        ("/probe?target=", 400, "pc-1/pi-a"),
        ("/probe?target=pc-1", 400, "pc-1/pi-a, pc-1/pi-b"),
        ("/probe?target=pc-1&node=pi-c", 404, "pc-1/pi-a, pc-1/pi-b"),
        ("/probe?target=ddm-1&node=pi-a", 404, "ddm-1"),
        ("/probe?target=nowhere", 404, "/sd"),
    ] {
        let answer = program.get(path).await;
        assert!(
            answer.status == status && answer.body.contains(hint),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
    }
}
