//! What both clouds share: the clock, the log and the server.

use super::*;

#[tokio::test]
async fn the_clouds_clock_can_be_set() {
    let (cloud, client) = cloud().await;
    cloud.set_clock_offset(SignedDuration::from_hours(1));
    let (_, body) = Ask::new(&[("InstanceId", "rm-1")]).send(&cloud, &client).await;
    assert_eq!(body["Code"], "InvalidTimeStamp.Expired");
    let (status, body) = pages(&cloud, &client, "processes", &[]).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0301")));
}

#[tokio::test]
async fn the_log_tells_who_asked_what_and_how_it_was_answered() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("pc-1/pi-a", Vec::new());
    let query = [("InstanceId", "pc-1"), ("NodeId", "pi-a")];
    Ask::new(&query).send(&cloud, &client).await;
    cloud.set_fault("pc-1/pi-a", Some(Fault::Reset));
    assert!(Ask::new(&query).request(&cloud, &client).send().await.is_err());
    let calls = cloud.calls();
    assert_eq!((calls[0].operation.as_str(), calls[0].instance.as_str()), (SESSIONS, "pc-1/pi-a"));
    assert_eq!((calls[0].status, calls[0].key.as_str()), (Some(200), "test-id"));
    assert_eq!(calls[0].query, query.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(calls.last().unwrap().status, None);
    cloud.clear_calls();
    assert_eq!(cloud.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_shows_follows_the_runtimes_clock() {
    let cloud = Cloud::start().await.unwrap();
    cloud.play_sessions("rm-1", |time| vec![session(time.as_secs(), "app", "Query")]);
    let shown = || cloud.shared.sessions("rm-1").unwrap()[0].id;
    assert_eq!(shown(), 0);
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(shown(), 90);
}

#[tokio::test]
async fn the_server_ends_by_shutdown_and_with_its_last_handle() {
    let (cloud, client) = cloud().await;
    let url = cloud.url();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    cloud.shutdown().await;
    assert!(client.get(&url).send().await.is_err());

    let (cloud, client) = super::cloud().await;
    let (url, other) = (cloud.url(), cloud.clone());
    drop(cloud);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    drop(other);
    let closed = async { while client.get(&url).send().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
}
