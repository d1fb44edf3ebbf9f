//! What can go wrong on the way to an identity: which reason it is, and that provider, file or URL, and remedy are named.

use dbsession_exporter::demo::{CREDENTIALS_URI, Fault, IAM, METADATA, Metadata, Refusal, STS};

use super::Provider::{Alibaba, Huawei};
use super::{CANARY, KEY, PROVIDER, Place, ROLE};

fn role() -> String {
    format!("{{role_arn: '{ROLE}', access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1)
}

fn oidc(token_file: &str) -> String {
    format!("{{oidc: {{role_arn: '{ROLE}', provider_arn: '{PROVIDER}', token_file: '{token_file}'}}}}")
}

const PASSWORD: &str = "{iam: {domain: company, user: reader, password: pass-canary}}";

fn body(text: &str) -> Fault {
    Fault::Status { status: 200, headers: Vec::new(), body: text.to_owned() }
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in {said}");
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_auth_with_its_name_and_url() {
    let place = Place::new().await;
    let url = place.cloud.url();
    let what = format!("AssumeRole of {ROLE} at {url}: ");
    let said = place.fails(Alibaba, &role(), "auth").await;
    assert_says(
        &said,
        &[&what, "EntityNotExist.Role", "check role_arn, external_id and the trust policy of the role"],
    );
    place.cloud.add_role(ROLE, Some("another-canary"));
    assert_says(&place.fails(Alibaba, &role(), "auth").await, &[&what, "NoPermission", "sts:AssumeRole"]);
    place.cloud.add_key(KEY.0, "another-canary-secret", None);
    assert_says(&place.fails(Alibaba, &role(), "auth").await, &[&what, "SignatureDoesNotMatch"]);
    place.cloud.remove_key(KEY.0);
    assert_says(&place.fails(Alibaba, &role(), "auth").await, &[&what, "InvalidAccessKeyId.NotFound"]);
}

#[tokio::test]
async fn trouble_of_sts_keeps_its_own_reason() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    for (fault, reason) in [
        (Fault::Refuse(Refusal::THROTTLING.echoing(CANARY)), "throttled"),
        (Fault::Refuse(Refusal::INTERNAL_ERROR.echoing(CANARY)), "provider_error"),
        (Fault::Html, "provider_error"),
        (Fault::Hang, "timeout"),
        (Fault::Reset, "network"),
        (Fault::ShortBody, "network"),
        (Fault::Garbage, "bad_response"),
        (Fault::Truncated, "bad_response"),
        (Fault::Huge(70_000), "bad_response"),
        (Fault::Redirect(format!("{}/?{CANARY}", place.cloud.url())), "bad_response"),
        (body(r#"{"Credentials": {"AccessKeyId": "canary"}}"#), "bad_response"),
        (body(r#"{"Credentials": "canary"}"#), "bad_response"),
        (body(r#"["canary"]"#), "bad_response"),
    ] {
        place.cloud.set_fault(STS, Some(fault));
        place.fails(Alibaba, &role(), reason).await;
    }
    // Nobody listens on port 9.
    let yaml = place.yaml(Alibaba, &role());
    let yaml = yaml.replace(&format!("sts: '{}'", place.cloud.url()), "sts: 'http://127.0.0.1:9'");
    let fetched = place.invocation(&yaml, &["fetch", "rm-1"]).finish().await;
    assert!(fetched.stderr.contains(": network: "), "{}", fetched.stderr);
}

#[tokio::test]
async fn a_token_file_that_gives_no_good_token_is_named() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    let missing = place.home.path().join("missing").display().to_string();
    let said = place.fails(Alibaba, &oidc(&missing), "auth").await;
    assert_says(&said, &["cannot read the token file", &missing, "check token_file"]);
    let empty = place.file("empty", "\n").display().to_string();
    assert_says(&place.fails(Alibaba, &oidc(&empty), "auth").await, &[&empty, "is empty"]);
    let old = place.file("old", "old-canary-token").display().to_string();
    let said = place.fails(Alibaba, &oidc(&old), "auth").await;
    let what = format!("AssumeRoleWithOIDC of {ROLE} at {}", place.cloud.url());
    assert_says(&said, &[&what, "AuthenticationFail.OIDCToken.Expired", "the token in", &old]);
    let huawei = format!("{{oidc: {{idp_id: idp, token_file: {old}}}}}");
    let said = place.fails(Huawei, &huawei, "auth").await;
    assert_says(&said, &["CreateTokenWithIdToken at ", "check idp_id", &old]);
}

#[tokio::test]
async fn metadata_that_have_no_keys_are_named() {
    let place = Place::new().await;
    let url = place.cloud.url();
    let said = place.fails(Alibaba, "{ecs_role: node}", "auth").await;
    assert_says(
        &said,
        &[&format!("EcsMetadata {url}/latest/meta-data/ram/security-credentials/node: no such role")],
    );
    place.cloud.set_metadata(Metadata::Hardened, None);
    let said = place.fails(Huawei, "{ecs_agency: true}", "auth").await;
    assert_says(&said, &[&format!("EcsMetadata {url}/openstack/latest/securitykey: no agency; choose one")]);
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    for (fault, reason) in [
        (body("canary is no JSON"), "bad_response"),
        (body(r#"{"Code": "Success", "AccessKeyId": "canary"}"#), "bad_response"),
        (body(r#"{"Code": "canary"}"#), "auth"),
        (Fault::Redirect(format!("{url}/?{CANARY}")), "bad_response"),
        (Fault::Huge(70_000), "bad_response"),
        (Fault::Html, "provider_error"),
    ] {
        place.cloud.set_fault(METADATA, Some(fault));
        place.fails(Alibaba, "{ecs_role: node}", reason).await;
    }
    place.cloud.set_fault(METADATA, Some(Fault::Hang));
    let said = place.fails(Huawei, "{ecs_agency: true}", "timeout").await;
    assert_says(&said, &["no answer within 2s", "is this an instance of the cloud?"]);
    assert_says(&place.fails(Huawei, "default", "auth").await, &["ECS agency: ", "no answer within 2s"]);
    place.cloud.set_fault(METADATA, Some(Fault::Reset));
    place.fails(Alibaba, "{ecs_role: node}", "network").await;
}

#[tokio::test]
async fn what_iam_refuses_is_auth() {
    let place = Place::new().await;
    place.cloud.add_iam_user("company", "reader", "another-canary");
    let said = place.fails(Huawei, PASSWORD, "auth").await;
    assert_says(&said, &["KeystoneCreateUserTokenByPassword at http://", "check domain, user, password"]);
    let agency =
        format!("{{agency: {{name: n, domain: d}}, access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1);
    let said = place.fails(Huawei, &agency, "auth").await;
    assert_says(&said, &["CreateTemporaryAccessKeyByAgency of n at http://", "Agent Operator"]);
    place.cloud.set_fault(IAM, Some(Fault::Reset));
    place.fails(Huawei, PASSWORD, "network").await;
    place.cloud.set_fault(IAM, Some(Fault::Refuse(Refusal::IAM_FORBIDDEN.echoing(CANARY))));
    place.fails(Huawei, &agency, "auth").await;
}

#[tokio::test]
async fn a_program_that_prints_no_keys_is_named_by_its_file() {
    let place = Place::new().await;
    let garbage = place.file("garbage", "canary is no JSON").display().to_string();
    let mode = place.file("mode", r#"{"mode": "canary", "access_key_id": "canary"}"#).display().to_string();
    let partial = place.file("partial", r#"{"mode": "AK", "access_key_id": "canary"}"#).display().to_string();
    for (command, reason, word) in [
        ("/not/there/canary", "auth", "cannot be started"),
        ("false canary", "auth", "ended with exit status: 1"),
        ("yes canary", "auth", "more than 64 KiB"),
        (&format!("cat {garbage}"), "bad_response", "not JSON"),
        (&format!("cat {mode}"), "bad_response", "neither AK nor StsToken"),
        (&format!("cat {partial}"), "bad_response", "no usable access_key_secret"),
    ] {
        let json = format!(
            r#"{{"profiles": [{{"name": "p", "mode": "External", "process_command": "{command}"}}]}}"#
        );
        let file = place.file(".aliyun/config.json", &json).display().to_string();
        let said = place.fails(Alibaba, "{profile: p}", reason).await;
        assert_says(&said, &["the process_command that ", &file, word]);
    }
}

/// A profile that is asked for by its name must be there and whole: this is seen before anything runs.
#[tokio::test]
async fn a_profile_that_cannot_be_used_is_a_configuration_error_with_its_file() {
    let place = Place::new().await;
    let chained = r#"{"name": "a", "mode": "ChainableRamRoleArn", "ram_role_arn": "acs:ram::1:role/r", "source_profile": "a"}"#;
    for (file, text, said) in [
        (".aliyun/config.json", "canary", "not JSON"),
        (".aliyun/config.json", r#"{"profiles": [{"name": "b"}]}"#, "has no profile"),
        (".aliyun/config.json", r#"{"profiles": [{"name": "a", "mode": "AK"}]}"#, "holds no keys"),
        (
            ".aliyun/config.json",
            r#"{"profiles": [{"name": "a", "mode": "StsToken", "access_key_id": "canary"}]}"#,
            "half a key",
        ),
        (".aliyun/config.json", r#"{"profiles": [{"name": "a", "mode": "RamRoleArn"}]}"#, "has no keys"),
        (".aliyun/config.json", &format!(r#"{{"profiles": [{chained}]}}"#), "leads back to itself"),
        (".alibabacloud/credentials", "[a]\ntype = rsa_key_pair\n", "is not supported"),
        (".alibabacloud/credentials", "[a]\naccess_key_id = canary\n", "half a key"),
    ] {
        let path = place.file(file, text);
        let fetched = place.fetch(Alibaba, "{profile: a}").await;
        assert_eq!(fetched.code, Some(2), "{text}: {}", fetched.stderr);
        let place_of = "accounts[0].credentials.profile: cannot be used: ";
        assert_says(&fetched.stderr, &[place_of, said, &path.display().to_string()]);
        std::fs::remove_file(path).expect("it is there");
    }
}

/// A refusal holds the account like any other: 30 targets do not ask 30 times.
#[tokio::test]
async fn a_role_that_is_refused_holds_its_account() {
    let place = Place::new().await;
    let yaml = place.with_more(&place.yaml(Alibaba, &role()), 30);
    let program = place.invocation(&yaml, &[]).start().await;
    let held = [("provider", "alibaba"), ("state", "held")];
    let page = program
        .scrape_until("all to be held", |page| page.value("dbsession_exporter_targets", &held) == Some(31.0))
        .await;
    assert!((1..=3).contains(&place.cloud.calls().len()), "{:?}", place.cloud.calls());
    place.assert_daemon_silent(&program).await;
    assert!(page.value("dbsession_up", &[("instance_id", "rm-1")]) == Some(0.0));

    place.cloud.add_role(ROLE, None);
    program.signal("HUP");
    let up = [("provider", "alibaba"), ("state", "up")];
    program
        .scrape_until("all to be up", |page| page.value("dbsession_exporter_targets", &up) == Some(31.0))
        .await;
}

/// The same machine under a name that is not known for that: other calls to it go through the proxy, on whose port nobody
/// listens, and fail.
#[tokio::test]
async fn metadata_and_credentials_uri_are_asked_past_every_proxy() {
    let mut place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let url = place.cloud.url();
    let mapped = url.replace("127.0.0.1", "0.0.0.0");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        place.set(name, "http://127.0.0.1:9");
    }
    let fetch = async |credentials: &str, service: &str| {
        let yaml = place.yaml(Alibaba, credentials);
        let yaml = yaml.replace(&format!("{service}: '{url}'"), &format!("{service}: '{mapped}'"));
        place.invocation(&yaml, &["fetch", "rm-1"]).finish().await
    };
    let uri = format!("{{credentials_uri: '{mapped}{CREDENTIALS_URI}'}}");
    for credentials in ["{ecs_role: node}", uri.as_str()] {
        let fetched = fetch(credentials, "metadata").await;
        assert_eq!(fetched.code, Some(0), "{credentials}: {}", fetched.stderr);
    }
    let fetched = fetch(&role(), "sts").await;
    assert!(fetched.stderr.contains(": network: "), "{}", fetched.stderr);
}
