//! Every fault, as a caller sees it.

use super::*;

#[tokio::test]
async fn every_fault_looks_as_it_should() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", vec![session(1, "app", "Query")]);
    let send = async |fault: Fault| {
        cloud.set_fault("rm-1", Some(fault));
        Ask::new(&[("InstanceId", "rm-1")]).request(&cloud, &client).send().await
    };
    let text = async |fault: Fault| send(fault).await.unwrap().bytes().await.unwrap();
    let json = async |fault: Fault| parsed(send(fault).await.unwrap()).await;

    let whole = text(Fault::Delay(Duration::from_millis(1))).await;
    let (status, throttled) = json(Fault::Refuse(Refusal::THROTTLING_USER.status(429))).await;
    assert_eq!((status, &throttled["Code"]), (429, &json!("Throttling.User")));
    let headers = vec![("retry-after".to_owned(), "7".to_owned())];
    let odd = send(Fault::Status { status: 503, headers, body: "busy".to_owned() }).await.unwrap();
    assert_eq!((odd.status().as_u16(), &odd.headers()["retry-after"]), (503, &"7".parse().unwrap()));
    let html = send(Fault::Html).await.unwrap();
    assert_eq!(
        (html.status().as_u16(), &html.headers()["content-type"]),
        (502, &"text/html".parse().unwrap())
    );
    assert!(text(Fault::Empty).await.is_empty());
    let half = text(Fault::Truncated).await;
    assert!(half.len() == whole.len() / 2 && whole.starts_with(&half[..100]));
    let short = send(Fault::ShortBody).await.unwrap();
    assert_eq!(short.content_length(), Some(whole.len() as u64));
    assert!(short.bytes().await.is_err(), "fewer bytes than announced");
    assert!(send(Fault::Reset).await.is_err());
    assert!(serde_json::from_slice::<Value>(&text(Fault::Garbage).await).is_err());
    assert!(json(Fault::WrongTypes).await.1["Data"]["SessionData"]["SessionList"].is_object());
    let redirect = send(Fault::Redirect("http://127.0.0.1:9/".to_owned())).await.unwrap();
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"http://127.0.0.1:9/".parse().unwrap())
    );
    assert_eq!(json(Fault::EndlessRunning).await.1["Data"]["State"], "RUNNING");
    let (_, failed) = json(Fault::Fail).await;
    assert_eq!((&failed["Data"]["State"], &failed["Data"]["Fail"]), (&json!("FAIL"), &json!(true)));
    cloud.set_fault("rm-1", None);
    assert_eq!(Ask::new(&[("InstanceId", "rm-1")]).send(&cloud, &client).await.0, 200);
}

#[tokio::test]
async fn large_answers_are_right_but_for_their_size() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", vec![session(1, "app", "Query")]);
    let plain = Client::builder().no_proxy().gzip(false).build().unwrap();
    let send = async |client: &Client, fault: Fault| {
        cloud.set_fault("rm-1", Some(fault));
        Ask::new(&[("InstanceId", "rm-1")])
            .request(&cloud, client)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
    };
    let sessions = |body: &[u8]| {
        serde_json::from_slice::<Value>(body).unwrap()["Data"]["SessionData"]["TotalSessionCount"].clone()
    };
    let huge = send(&plain, Fault::Huge(300_000)).await;
    assert!(huge.len() > 300_000 && sessions(&huge) == 1);
    assert_eq!(sessions(&send(&client, Fault::Gzip).await), 1);
    assert!(send(&plain, Fault::GzipBomb(4_000_000)).await.len() < 40_000);
    let bomb = send(&client, Fault::GzipBomb(4_000_000)).await;
    assert!(bomb.len() > 4_000_000 && sessions(&bomb) == 1);
}

#[tokio::test]
async fn a_result_can_be_refused_for_some_polls_and_faults_queued_for_the_next_calls() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", Vec::new());
    cloud.set_polls("rm-1", 1);
    cloud.fail_next("rm-1", [Fault::Refuse(Refusal::SERVICE_UNAVAILABLE)]);
    let target = ("InstanceId", "rm-1");
    assert_eq!(Ask::new(&[target]).send(&cloud, &client).await.0, 503);
    cloud.set_fault("rm-1", Some(Fault::RefuseResultId(1)));
    let (_, first) = Ask::new(&[target]).send(&cloud, &client).await;
    let poll = [target, ("ResultId", first["Data"]["ResultId"].as_str().unwrap())];
    assert_eq!(Ask::new(&poll).send(&cloud, &client).await.1["Code"], "InvalidParams");
    assert_eq!(Ask::new(&poll).send(&cloud, &client).await.1["Data"]["IsFinish"], true);
}
