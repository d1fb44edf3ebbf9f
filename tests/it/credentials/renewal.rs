//! Renewal while the daemon runs: nobody waits for it, no fetch is lost by it, and what changes is taken up.

use std::time::Duration;

use dbsession_exporter::demo::{CREDENTIALS_URI, Call, Fault, IAM, METADATA, Metadata, Refusal, STS};

use super::Provider::{Alibaba, Huawei};
use super::{KEY, PROVIDER, Place, ROLE};
use crate::parse::Page;
use crate::program::Program;

const EXPIRY: &str = "dbsession_exporter_credentials_expiry_timestamp_seconds";
const EXPIRING: [(&str, &str); 2] = [("provider", "alibaba"), ("account", "a")];

fn role() -> String {
    format!("{{role_arn: '{ROLE}', access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1)
}

/// Calls of the instances' own APIs.
fn fetches(place: &Place) -> Vec<Call> {
    let own = |call: &Call| ![STS, IAM, METADATA].contains(&call.instance.as_str());
    place.cloud.calls().into_iter().filter(own).collect()
}

/// Different keys or tokens, in the order of their first use.
fn used(calls: &[Call]) -> Vec<&str> {
    let mut keys: Vec<&str> = Vec::new();
    for call in calls {
        if !keys.contains(&call.key.as_str()) {
            keys.push(&call.key);
        }
    }
    keys
}

/// Scrapes until as many different keys or tokens were used, and no fetch has failed.
async fn renewed(place: &Place, program: &Program, keys: usize) -> Page {
    let page = program.scrape_until("other keys", |_| used(&fetches(place)).len() >= keys).await;
    let failures = page.sum("dbsession_fetch_failures_total");
    assert!(failures < 1.0, "{}", program.stderr());
    page
}

#[tokio::test]
async fn short_lives_are_renewed_in_time_and_no_request_has_an_expired_token() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_life(Duration::from_secs(6));
    let yaml = place.with_more(&place.yaml(Alibaba, &role()), 9);
    let program = place.invocation(&yaml, &[]).start().await;
    renewed(&place, &program, 4).await;
    let calls = fetches(&place);
    assert!(calls.iter().all(|call| call.status == Some(200)), "none was refused");
    let issues = place.cloud.calls().iter().filter(|call| call.instance == STS).count();
    assert!((used(&calls).len()..=used(&calls).len() + 1).contains(&issues), "each was used: {issues}");
    let page = program.scrape().await;
    let ends = page.value(EXPIRY, &EXPIRING).expect("it is told");
    let now = page.value("dbsession_last_success_timestamp_seconds", &[("instance_id", "rm-1")]);
    let now = now.expect("it was fetched");
    assert!((now - 1.0..now + 7.0).contains(&ends), "{ends} at {now}");
    place.assert_daemon_silent(&program).await;
}

#[tokio::test]
async fn keys_and_tokens_that_are_refused_are_had_anew_once_and_no_fetch_is_lost() {
    let (alibaba, huawei) = (Place::new().await, Place::new().await);
    alibaba.cloud.add_role(ROLE, None);
    huawei.cloud.add_agency("n", "d");
    let agency =
        format!("{{agency: {{name: n, domain: d}}, access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1);
    for (place, provider, credentials) in [(alibaba, Alibaba, role()), (huawei, Huawei, agency)] {
        let program = place.invocation(&place.yaml(provider, &credentials), &[]).start().await;
        renewed(&place, &program, 1).await;
        place.cloud.expire_tokens();
        renewed(&place, &program, 2).await;
        let refused = fetches(&place).iter().filter(|call| call.status != Some(200)).count();
        assert!(refused <= 1, "{refused}");
        place.assert_daemon_silent(&program).await;
    }
}

#[tokio::test]
async fn the_old_keys_serve_while_sts_fails() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_life(Duration::from_secs(20));
    let program = place.invocation(&place.yaml(Alibaba, &role()), &[]).start().await;
    renewed(&place, &program, 1).await;
    place.cloud.set_fault(STS, Some(Fault::Refuse(Refusal::SERVICE_UNAVAILABLE)));
    let told = "credentials cannot be renewed: the old ones are used until they end";
    program.scrape_until("a renewal that fails", |_| program.stderr().contains(told)).await;
    let before = fetches(&place).len();
    program.scrape_until("another fetch", |_| fetches(&place).len() > before).await;
    place.cloud.set_fault(STS, None);
    renewed(&place, &program, 2).await;
    assert!(program.stderr().contains("level=warn") && program.stderr().contains("ServiceUnavailable"));
}

#[tokio::test]
async fn the_token_file_is_read_at_each_renewal() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_life(Duration::from_secs(4));
    let token = place.token_file();
    let oidc = format!("{{oidc: {{role_arn: '{ROLE}', provider_arn: '{PROVIDER}', token_file: {token}}}}}");
    let program = place.invocation(&place.yaml(Alibaba, &oidc), &[]).start().await;
    renewed(&place, &program, 1).await;
    place.file("token", "next-canary-token");
    place.cloud.set_id_token("next-canary-token");
    renewed(&place, &program, 3).await;
    assert!(!program.stderr().contains("configuration reloaded"), "it is no part of the configuration");
    place.assert_daemon_silent(&program).await;
}

/// A key in a profile is replaced by another: the file is watched, and both keys are good for a while.
#[tokio::test]
async fn a_profile_that_changes_is_taken_up_without_a_lost_cycle() {
    let place = Place::new().await;
    place.cloud.add_key("other-canary-id", "other-canary-secret", None);
    let profile = |id: &str, secret: &str| {
        let keys = format!(r#""access_key_id": "{id}", "access_key_secret": "{secret}""#);
        place.file(
            ".aliyun/config.json",
            &format!(r#"{{"current": "p", "profiles": [{{"name": "p", "mode": "AK", {keys}}}]}}"#),
        );
    };
    for credentials in ["default", "{profile: p}"] {
        place.cloud.clear_calls();
        profile(KEY.0, KEY.1);
        let yaml = place.yaml(Alibaba, credentials);
        let program = place.invocation(&yaml, &["--config.auto-reload-interval=100ms"]).start().await;
        renewed(&place, &program, 1).await;
        profile("other-canary-id", "other-canary-secret");
        renewed(&place, &program, 2).await;
        assert_eq!(used(&fetches(&place)), [KEY.0, "other-canary-id"], "{credentials}");
        place.assert_daemon_silent(&program).await;
    }
}

/// Who had the keys last is asked first; when that fails, whoever has them now.
#[tokio::test]
async fn a_chain_whose_winner_has_gone_is_walked_again() {
    let mut place = Place::new().await;
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    place.cloud.set_life(Duration::from_secs(8));
    place.set("ALIBABA_CLOUD_CREDENTIALS_URI", format!("{}{CREDENTIALS_URI}", place.cloud.url()));
    let program = place.invocation(&place.yaml(Alibaba, "default"), &[]).start().await;
    renewed(&place, &program, 2).await;
    place.cloud.set_metadata(Metadata::Hardened, None);
    let asked = |call: &Call| call.operation == "keys" && call.status == Some(200);
    program.scrape_until("the next link", |_| place.cloud.calls().iter().any(asked)).await;
    let keys = used(&fetches(&place)).len();
    renewed(&place, &program, keys + 1).await;
    let stderr = program.stderr();
    let sources: Vec<_> = stderr.lines().filter(|line| line.contains("credentials found")).collect();
    assert!(sources.len() == 2 && sources[0].contains("ECS RAM role"), "{sources:?}");
    assert!(sources[1].contains("credentials URI"), "{sources:?}");
    place.assert_daemon_silent(&program).await;
}

/// What comes into being before it in the chain is somebody else.
#[tokio::test]
async fn who_had_the_keys_last_is_asked_first() {
    let mut place = Place::new().await;
    place.cloud.set_life(Duration::from_secs(4));
    place.set("ALIBABA_CLOUD_CREDENTIALS_URI", format!("{}{CREDENTIALS_URI}", place.cloud.url()));
    let program = place.invocation(&place.yaml(Alibaba, "default"), &[]).start().await;
    renewed(&place, &program, 1).await;
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    place.cloud.clear_calls();
    renewed(&place, &program, 3).await;
    let asked: Vec<Call> = place.cloud.calls().into_iter().filter(|call| call.instance == METADATA).collect();
    assert!(asked.iter().all(|call| call.operation == "keys"), "{asked:?}");
    place.assert_daemon_silent(&program).await;
}

/// What was not there at the start may come into being.
#[tokio::test]
async fn a_chain_is_walked_again_until_it_finds_something() {
    let place = Place::new().await;
    let program = place.invocation(&place.yaml(Alibaba, "default"), &[]).start().await;
    let failed = [("instance_id", "rm-1"), ("reason", "auth")];
    program
        .scrape_until("a failure", |page| page.value("dbsession_fetch_failures_total", &failed) >= Some(1.0))
        .await;
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let up = |page: &Page| page.value("dbsession_up", &[("instance_id", "rm-1")]) == Some(1.0);
    program.scrape_until("it to be up", up).await;
}

/// Whether its keys come from another place or last from now on: what ended is told no more.
#[tokio::test]
async fn keys_that_last_have_no_end() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    let program = place.invocation(&place.yaml(Alibaba, &role()), &[]).start().await;
    let ends = |page: &Page| page.value(EXPIRY, &EXPIRING).is_some();
    program.scrape_until("temporary keys", ends).await;
    let keys = format!("{{access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1);
    program.configure(&place.yaml(Alibaba, &keys));
    program.signal("HUP");
    program.scrape_until("keys that last", |page| !ends(page)).await;
}

/// One file of a pair is replaced a while after the other: neither half is tried with the old other half.
#[tokio::test]
async fn two_files_of_a_key_are_replaced_without_a_lost_cycle() {
    let place = Place::new().await;
    place.cloud.add_key("other-canary-id", "other-canary-secret", None);
    let yaml = place.yaml(Huawei, "{access_key_id_file: key.id, access_key_secret_file: key.secret}");
    let flags = ["--config.auto-reload-interval=2s"];
    let program =
        place.invocation(&yaml, &flags).file("key.id", KEY.0).file("key.secret", KEY.1).start().await;
    renewed(&place, &program, 1).await;
    let own = |call: &&Call| call.operation == "processes";
    program.replace("key.id", "other-canary-id");
    let noticed = |_: &Page| program.stderr().contains("a file has changed");
    program.scrape_until("it to be noticed", noticed).await;
    program.replace("key.secret", "other-canary-secret");
    renewed(&place, &program, 2).await;
    let calls = fetches(&place);
    assert_eq!(used(&calls), [KEY.0, "other-canary-id"]);
    assert!(calls.iter().filter(own).all(|call| call.status == Some(200)), "{calls:?}");
    place.assert_daemon_silent(&program).await;
}
