//! What issues identities: nobody gets one without proof, and what is issued is good for its life and no longer.

use super::*;
use crate::demo::{CREDENTIALS_URI, Metadata};

const ROLE: &str = "acs:ram::1:role/r";
const PARAMETERS: [(&str, &str); 3] =
    [("RoleArn", ROLE), ("RoleSessionName", "session"), ("DurationSeconds", "900")];

/// A signed `AssumeRole`.
async fn assume_role(cloud: &Cloud, client: &Client, keys: Keys<'_>) -> (u16, Value) {
    let (host, query) = (host(cloud), canonical::query(&PARAMETERS));
    let request = acs3::Request {
        method: "POST",
        host: &host,
        path: "/",
        query: &query,
        content_type: None,
        body: b"",
        action: "AssumeRole",
        version: "2015-04-01",
    };
    let signed = acs3::sign(&request, &keys, now(), &format!("nonce-{}", cloud.calls().len()));
    let request = send_headers(client.post(format!("{}/?{query}", cloud.url())), signed);
    parsed(request.send().await.unwrap()).await
}

/// Calls with keys that were issued.
async fn call_with(cloud: &Cloud, client: &Client, issued: &Value) -> (u16, Value) {
    let text = |name: &str| issued[name].as_str().unwrap();
    let keys = Keys {
        id: text("AccessKeyId"),
        secret: text("AccessKeySecret"),
        security_token: Some(text("SecurityToken")),
    };
    Ask { keys, ..Ask::new(&[("InstanceId", "rm-1")]) }.send(cloud, client).await
}

#[tokio::test]
async fn a_role_is_for_who_signs_and_its_keys_live_as_long_as_told() {
    let (cloud, client) = cloud().await;
    cloud.set_sessions("rm-1", Vec::new());
    assert_eq!(assume_role(&cloud, &client, KEYS).await.1["Code"], "EntityNotExist.Role");
    cloud.add_role(ROLE, None);
    let wrong = Keys { secret: "wrong", ..KEYS };
    assert_eq!(assume_role(&cloud, &client, wrong).await.1["Code"], "SignatureDoesNotMatch");
    let (status, answer) = assume_role(&cloud, &client, KEYS).await;
    assert_eq!(status, 200);
    let issued = &answer["Credentials"];
    assert_eq!(call_with(&cloud, &client, issued).await.0, 200);
    cloud.expire_tokens();
    assert_eq!(call_with(&cloud, &client, issued).await.1["Code"], "InvalidSecurityToken.Expired");
    cloud.remove_roles();
    assert_eq!(assume_role(&cloud, &client, KEYS).await.0, 404);
}

#[tokio::test]
async fn hardened_metadata_want_their_token() {
    let (cloud, client) = cloud().await;
    let url = format!("{}/latest/meta-data/ram/security-credentials/", cloud.url());
    let status = async |token: &str| {
        let request = client.get(&url).header("x-aliyun-ecs-metadata-token", token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("").await, 404);
    cloud.set_metadata(Metadata::Plain(404), Some("r"));
    assert_eq!(status("").await, 200);
    cloud.set_metadata(Metadata::Hardened, Some("r"));
    assert_eq!(status("made-up").await, 401);
    let life = "x-aliyun-ecs-metadata-token-ttl-seconds";
    let request = client.put(format!("{}/latest/api/token", cloud.url())).header(life, "60");
    let token = request.send().await.unwrap().text().await.unwrap();
    assert_eq!(status(&token).await, 200);
    let keys = parsed(client.get(format!("{}{CREDENTIALS_URI}", cloud.url())).send().await.unwrap()).await;
    assert_eq!((keys.0, keys.1["Code"].as_str()), (200, Some("Success")));
}

#[tokio::test]
async fn a_token_of_another_provider_is_good_in_the_form_alone() {
    let (cloud, client) = cloud().await;
    cloud.add_role(ROLE, None);
    cloud.set_id_token("t");
    let send = async |query: &[(&str, &str)], token: &str| {
        let date = now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let fixed =
            [("Action", "AssumeRoleWithOIDC"), ("Version", "2015-04-01"), ("Timestamp", date.as_str())];
        let query = [&fixed, query].concat();
        let form =
            [&PARAMETERS[..], &[("OIDCProviderArn", "acs:ram::1:oidc-provider/p"), ("OIDCToken", token)]];
        let url = format!("{}/?{}", cloud.url(), canonical::query(&query));
        parsed(client.post(url).body(canonical::query(&form.concat())).send().await.unwrap()).await
    };
    assert_eq!(send(&[], "t").await.0, 200);
    assert_eq!(send(&[], "another").await.1["Code"], "AuthenticationFail.OIDCToken.Expired");
    assert_eq!(send(&[("OIDCToken", "t")], "t").await.1["Code"], "InvalidParams");
}
