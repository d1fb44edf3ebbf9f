//! Alibaba Cloud: session queries, kill tasks, and what a bad signature is told.

use super::*;

#[tokio::test]
async fn a_session_query_runs_for_its_polls_and_then_has_the_rows_and_their_statistics() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("pc-1/pi-a", vec![session(1, "app", "Query"), session(2, "app", "Sleep")]);
    cloud.set_polls("pc-1/pi-a", 2);
    let target = [("InstanceId", "pc-1"), ("NodeId", "pi-a")];
    let (status, first) = Ask::new(&target).send(&cloud, &client).await;
    assert_eq!((status, &first["Code"], &first["Data"]["State"]), (200, &json!(200), &json!("RUNNING")));
    assert_eq!(first["Data"].get("SessionData"), None);

    let id = first["Data"]["ResultId"].as_str().unwrap();
    assert!(id.starts_with("async_") && !id.starts_with("async__"));
    let poll = [target[0], target[1], ("ResultId", id)];
    let (_, second) = Ask::new(&poll).send(&cloud, &client).await;
    assert_eq!(second["Data"]["IsFinish"], false);
    let (_, third) = Ask::new(&poll).send(&cloud, &client).await;
    assert_eq!((&third["Data"]["IsFinish"], &third["Data"]["State"]), (&json!(true), &json!("SUCCESS")));
    let data = &third["Data"]["SessionData"];
    assert_eq!((&data["TotalSessionCount"], &data["ActiveSessionCount"]), (&json!(2), &json!(1)));
    assert_eq!((&data["MaxActiveTime"], &data["SessionList"][1]["SessionId"]), (&json!(1), &json!(2)));
    assert_eq!(
        data["DbStats"],
        json!([{"Key": "", "TotalCount": 2, "ActiveCount": 1, "ThreadIdList": [1, 2], "UserList": ["app"]}])
    );
    let (status, other) = Ask::new(&[("InstanceId", "pc-1"), ("ResultId", id)]).send(&cloud, &client).await;
    assert_eq!((status, &other["Code"]), (400, &json!("InvalidParams")), "a result belongs to its node");
}

#[tokio::test]
async fn statistics_can_be_set_left_out_and_count_more_than_is_listed() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", (1..=9).map(|id| session(id, "app", "Query")).collect());
    let stats = AlibabaStats {
        active: Reported::Fixed(77),
        max_active_time: Reported::Omitted,
        listed: Some(2),
        ..AlibabaStats::default()
    };
    cloud.set_alibaba_stats("rm-1", stats);
    let (_, answer) = Ask::new(&[("InstanceId", "rm-1")]).send(&cloud, &client).await;
    let data = &answer["Data"]["SessionData"];
    assert_eq!((&data["TotalSessionCount"], &data["ActiveSessionCount"]), (&json!(9), &json!(77)));
    assert_eq!((data.get("MaxActiveTime"), data["SessionList"].as_array().unwrap().len()), (None, 2));
}

#[tokio::test]
async fn alibaba_refuses_what_is_not_signed_rightly_and_says_why() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", Vec::new());
    cloud.add_key("sts-id", "sts-secret", Some("sts-token"));
    let good = || Ask::new(&[("InstanceId", "rm-1")]);
    let keys = |id, secret, security_token| Keys { id, secret, security_token };
    let cases = [
        (Ask { keys: keys("test-id", "wrong", None), ..good() }, 400, "SignatureDoesNotMatch"),
        (Ask { keys: keys("nobody", "test-secret", None), ..good() }, 404, "InvalidAccessKeyId.NotFound"),
        (Ask { keys: keys("sts-id", "sts-secret", None), ..good() }, 400, "MissingSecurityToken"),
        (
            Ask { keys: keys("sts-id", "sts-secret", Some("old")), ..good() },
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
        ),
        (Ask { date: now() - SignedDuration::from_mins(16), ..good() }, 400, "InvalidTimeStamp.Expired"),
        (Ask { date: now() + SignedDuration::from_mins(16), ..good() }, 400, "InvalidTimeStamp.Expired"),
        (Ask { action: "GetAsyncResult", ..good() }, 404, "InvalidAction.NotFound"),
        (Ask { query: &[("InstanceId", "rm-2")], ..good() }, 400, "InstanceNotFound"),
        (Ask { query: &[], ..good() }, 400, "InvalidParams"),
    ];
    for (ask, status, code) in cases {
        let (answered, body) = ask.send(&cloud, &client).await;
        assert_eq!((answered, body["Code"].as_str()), (status, Some(code)));
    }
    let sts = Ask { keys: keys("sts-id", "sts-secret", Some("sts-token")), nonce: "once", ..good() };
    assert_eq!(sts.send(&cloud, &client).await.0, 200);
    assert_eq!(sts.send(&cloud, &client).await.1["Code"], "SignatureNonceUsed");
}

#[tokio::test]
async fn alibaba_wants_every_header_of_its_own_signed_and_nothing_changed_on_the_way() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", Vec::new());
    let request = || Ask::new(&[("InstanceId", "rm-1")]).request(&cloud, &client);
    let code = async |request: RequestBuilder| parsed(request.send().await.unwrap()).await.1["Code"].clone();
    assert_eq!(code(request()).await, 200);
    assert_eq!(code(request().header("x-acs-retry-attempts", "1")).await, "IncompleteSignature");
    assert_eq!(code(request().header("content-type", "text/plain")).await, "IncompleteSignature");
    assert_eq!(code(asking(request(), "InstanceId=rm-2")).await, "SignatureDoesNotMatch");
    assert_eq!(code(request().body("{}")).await, "SignatureDoesNotMatch");
    assert_eq!(code(client.post(cloud.url()).header("x-acs-action", SESSIONS)).await, "IncompleteSignature");
}

#[tokio::test]
async fn kill_tasks_show_how_far_they_have_come() {
    let (cloud, client) = cloud().await;
    let reasons = vec![("SESSION_KILLED".to_owned(), 2), ("SESSION_IGNORED_USER".to_owned(), 1)];
    let task =
        KillTask { state: "SUCCESS".to_owned(), killed: 2, ignored: 1, reasons, ..KillTask::default() };
    cloud.set_kill_task("pc-1/pi-a", "f77d", task);
    let query = [("InstanceId", "pc-1"), ("NodeId", "pi-a"), ("TaskId", "f77d")];
    let ask = Ask { action: "GetKillInstanceSessionTaskResult", ..Ask::new(&query) };
    let (status, body) = ask.send(&cloud, &client).await;
    let data = &body["Data"];
    assert_eq!((status, &data["TaskState"], &data["NodeId"]), (200, &json!("SUCCESS"), &json!("pi-a")));
    assert_eq!((&data["KillSuccessCount"], &data["IgnoredUserSessionCount"]), (&json!(2), &json!(1)));
    assert_eq!(data["Result"][2]["Reason"], "SESSION_IGNORED_USER");
    let unknown = [query[0], query[1], ("TaskId", "none")];
    let (_, body) = Ask { query: &unknown, ..ask }.send(&cloud, &client).await;
    assert_eq!(body["Code"], "TaskNotFound");
}
