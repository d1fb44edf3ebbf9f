//! Huawei Cloud: pages of DAS and DDM, tokens, and what a bad signature is told.

use super::*;

#[tokio::test]
async fn das_pages_filters_and_minds_its_bounds() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions(
        "in01",
        (1..=250).map(|id| session(id, ["app", "用户 一"][(id % 2) as usize], "Sleep")).collect(),
    );
    let page = async |query: &[(&str, &str)]| {
        let query = [&[("db_user_id", "2c25")], query].concat();
        let (status, body) = pages(&cloud, &client, "processes", &query).await;
        let rows = body["processes"].as_array().map(Vec::len);
        (status, rows, body["count"].as_u64(), body["error_code"].as_str().map(str::to_owned))
    };
    let refused = |code: &str| (400, None, None, Some(code.to_owned()));
    assert_eq!(page(&[]).await, (200, Some(100), Some(250), None));
    assert_eq!(page(&[("offset", "200"), ("limit", "100")]).await, (200, Some(50), Some(250), None));
    assert_eq!(page(&[("offset", "250")]).await, (200, Some(0), Some(250), None));
    assert_eq!(page(&[("user", "用户 一"), ("limit", "1")]).await, (200, Some(1), Some(125), None));
    assert_eq!(page(&[("user", "app"), ("database", "shop")]).await, (200, Some(0), Some(0), None));
    assert_eq!(page(&[("limit", "101")]).await, refused("DAS.200104"));
    assert_eq!(page(&[("limit", "0")]).await, refused("DAS.200104"));
    assert_eq!(page(&[("offset", "-1")]).await, refused("DAS.200103"));
    assert_eq!(page(&[("node_id", "no01")]).await, refused("DAS.200114"));
    assert_eq!(pages(&cloud, &client, "processes", &[]).await.1["error_code"], "DAS.200112");
}

#[tokio::test]
async fn ddm_gives_ten_rows_unless_asked_for_up_to_128() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("in01", (1..=300).map(|id| session(id, "DDMRW", "Sleep")).collect());
    for (query, rows) in [(vec![], 10), (vec![("limit", "128")], 128), (vec![("offset", "299")], 1)] {
        let (status, body) = pages(&cloud, &client, "physical-processes", &query).await;
        assert_eq!((status, &body["total_count"]), (200, &json!(300)));
        assert_eq!(body["physical_processes"].as_array().unwrap().len(), rows, "{query:?}");
    }
    let (status, body) = pages(&cloud, &client, "physical-processes", &[("limit", "129")]).await;
    assert_eq!((status, &body["error_code"]), (400, &json!("DBS.280001")));
    cloud.remove_instance("in01");
    assert_eq!(pages(&cloud, &client, "physical-processes", &[]).await.0, 404);
}

#[tokio::test]
async fn huawei_refuses_wrong_keys_and_changed_requests() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("in01", Vec::new());
    let path = format!("/v3/{PROJECT}/instances/in01/physical-processes");
    let request = |keys: &Keys<'_>| get(&cloud, &client, &path, &[], keys);
    let message = async |request: RequestBuilder| {
        let (status, body) = parsed(request.send().await.unwrap()).await;
        assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0301")));
        body["error_msg"].as_str().unwrap().to_owned()
    };
    assert_eq!(request(&KEYS).send().await.unwrap().status(), 200);
    let wrong = message(request(&Keys { secret: "wrong", ..KEYS })).await;
    assert!(wrong.contains("verify aksk signature fail, canonicalRequest:GET|/v3/"));
    assert!(message(request(&Keys { id: "nobody", ..KEYS })).await.contains("ak nobody not exist"));
    assert!(message(asking(request(&KEYS), "limit=1")).await.contains("verify aksk signature fail"));
    assert!(message(request(&Keys { security_token: Some("t"), ..KEYS })).await.contains("securityToken"));
    assert!(message(client.get(cloud.url() + &path)).await.contains("Authorization"));
    assert!(
        message(client.get(cloud.url() + &path).header("x-auth-token", "no")).await.contains("decrypt token")
    );
}

#[tokio::test]
async fn a_token_is_good_until_it_expires() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("in01", Vec::new());
    cloud.add_iam_user("Account", "monitor", "password-1");
    let fetch = async |password: &str| {
        let user = json!({"name": "monitor", "password": password, "domain": {"name": "Account"}});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let body = json!({"auth": {"identity": identity, "scope": {"project": {"name": "cn-north-4"}}}});
        client
            .post(cloud.url() + "/v3/auth/tokens?nocatalog=true")
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    };
    let (status, refused) = parsed(fetch("wrong").await).await;
    assert_eq!((status, &refused["error"]["title"]), (401, &json!("Unauthorized")));

    let response = fetch("password-1").await;
    assert_eq!(response.status(), 201);
    let token = response.headers()["x-subject-token"].clone();
    let expires: Timestamp =
        parsed(response).await.1["token"]["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires > now() + SignedDuration::from_hours(23));
    let call = async || {
        let path = format!("/v3/{PROJECT}/instances/in01/physical-processes");
        parsed(client.get(cloud.url() + &path).header("x-auth-token", &token).send().await.unwrap()).await
    };
    assert_eq!(call().await.0, 200);
    cloud.expire_tokens();
    assert_eq!(call().await.1["error_code"], "APIGW.0307");
    assert_eq!(cloud.calls()[0].instance, IAM);
}
