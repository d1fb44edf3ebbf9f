//! Alibaba Cloud's asynchronous query: asked once, polled until it is there.

use dbsession_exporter::demo::{Cloud, Fault};

use super::{rows_from, sent};
use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::SourceKind::AlibabaRds;
use crate::parse::Page;

const ID: &str = "pc-polled";
const TARGET: &str = "pc-polled/pi-2";

/// A cloud whose results are there after so many polls.
async fn slow_cloud(polls: u32) -> Cloud {
    let cloud = cloud().await;
    cloud.set_sessions("pc-polled/pi-1", rows_from(1, 1));
    cloud.set_sessions(TARGET, rows_from(1, 5000));
    cloud.set_polls(TARGET, polls);
    cloud
}

async fn fetch(cloud: &Cloud) -> Page {
    Configuration::of([instance(AlibabaRds, ID) + ", nodes: [pi-1, pi-2]"]).fetch(cloud, TARGET).await
}

#[tokio::test]
async fn one_question_and_polls_with_its_result_id() {
    let cloud = slow_cloud(2).await;
    let page = fetch(&cloud).await;
    assert_eq!(page.value("dbsession_sessions", &[("node_id", "pi-2")]), Some(5000.0));
    assert_eq!(page.value("dbsession_fetch_api_calls", &[]), Some(3.0));
    assert_eq!(sent(&cloud, "InstanceId"), [ID; 3]);
    assert_eq!(sent(&cloud, "NodeId"), ["pi-2"; 3]);
    let results = sent(&cloud, "ResultId");
    assert_eq!(results[0], "");
    assert!(!results[1].is_empty() && results[1] == results[2], "{results:?}");
    let calls = cloud.calls();
    assert!(calls.iter().all(|call| call.operation == "GetMySQLAllSessionAsync"), "{calls:?}");
}

#[tokio::test]
async fn a_refused_result_is_asked_for_anew_once() {
    let cloud = slow_cloud(1).await;
    cloud.set_fault(TARGET, Some(Fault::RefuseResultId(1)));
    let page = fetch(&cloud).await;
    assert_eq!(page.value("dbsession_up", &[]), Some(1.0));
    assert_eq!(page.value("dbsession_fetch_api_calls", &[]), Some(4.0));
    let statuses: Vec<_> = cloud.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [200, 400, 200, 200].map(Some));
    let results = sent(&cloud, "ResultId");
    assert_eq!([results[0].as_str(), results[2].as_str()], [""; 2], "{results:?}");
    assert!(results[1] != results[3] && !results[3].is_empty(), "{results:?}");
}
