//! The default chains: their order, what switches a link off, and what is said where none has anything.

use dbsession_exporter::demo::{CREDENTIALS_URI, Metadata};

use super::Provider::{Alibaba, Huawei};
use super::{KEY, PROVIDER, Place, ROLE, operations};
use crate::program::Finished;

/// The link of the chain that won, as the log tells it, once.
fn source(fetched: &Finished) -> String {
    let lines: Vec<_> =
        fetched.stderr.lines().filter(|line| line.contains("message=\"credentials found\"")).collect();
    assert!(lines.len() == 1 && lines[0].contains("level=info"), "{}", fetched.stderr);
    let (_, source) = lines[0].split_once(" source=").expect("it names the link");
    source.trim_matches('"').to_owned()
}

fn profile() -> String {
    format!(
        r#"{{"current": "c", "profiles": [{{"name": "c", "mode": "AK", "access_key_id": "{}", "access_key_secret": "{}"}}]}}"#,
        KEY.0, KEY.1
    )
}

/// All links have something; one after the other is taken away, and the next one wins.
#[tokio::test]
async fn alibaba_clouds_chain_has_the_order_of_its_sdks() {
    let mut place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let (token, url) = (place.token_file(), place.cloud.url());
    place.file(".aliyun/config.json", &profile());
    let keys = format!("[default]\naccess_key_id = {}\naccess_key_secret = {}\n", KEY.0, KEY.1);
    place.file(".alibabacloud/credentials", &keys);
    let environment = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0.to_owned()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.1.to_owned()),
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE.to_owned()),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER.to_owned()),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", format!("{url}{CREDENTIALS_URI}")),
    ];
    place.environment.extend(environment);
    let wins = async |place: &Place, link: &str| {
        let fetched = place.fetch(Alibaba, "default").await;
        assert_eq!(fetched.code, Some(0), "{link}: {}", fetched.stderr);
        assert_eq!(source(&fetched), link);
    };
    wins(&place, "environment").await;
    place.environment.drain(..2);
    wins(&place, "OIDC").await;
    place.environment.drain(..1);
    wins(&place, "CLI profile").await;
    place.set("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true");
    wins(&place, "credentials file").await;
    place.set("ALIBABA_CLOUD_PROFILE", "another");
    wins(&place, "ECS RAM role").await;
    place.set("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    wins(&place, "credentials URI").await;
}

#[tokio::test]
async fn huawei_clouds_chain_has_the_order_of_its_sdks() {
    for section in ["basic", "basiccredentials"] {
        let mut place = Place::new().await;
        place.cloud.set_metadata(Metadata::Plain(404), Some("node"));
        place.set("HW_ACCESS_KEY", KEY.0).set("HW_SECRET_KEY", KEY.1);
        let profile = place.file(
            ".huaweicloud/credentials",
            &format!("[global]\nak = x\n[{section}]\nak = {}\nsk = {}\n", KEY.0, KEY.1),
        );
        for link in ["environment", "profile", "ECS agency"] {
            let fetched = place.fetch(Huawei, "default").await;
            assert_eq!(fetched.code, Some(0), "{link}: {}", fetched.stderr);
            assert_eq!(source(&fetched), link);
            if place.environment.is_empty() {
                std::fs::remove_file(&profile).expect("it is there");
                place.file(".huaweicloud/credentials", "[other]\nak = x\n");
            }
            place.environment.clear();
        }
    }
}

#[tokio::test]
async fn a_chain_that_finds_nothing_names_every_link_and_why() {
    let mut place = Place::new().await;
    place.file(".alibabacloud/credentials", "[default]\nenable = false\n");
    place.set("ALIBABA_CLOUD_ROLE_ARN", ROLE);
    let said = place.fails(Alibaba, "default", "auth").await;
    let home = place.home.path().display().to_string();
    for part in [
        "environment: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set",
        "OIDC: not set: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE",
        &format!("CLI profile: {home}/.aliyun/config.json is not there"),
        "is not enabled",
        &format!(
            "ECS RAM role: EcsMetadata {}/latest/meta-data/ram/security-credentials/: no role",
            place.cloud.url()
        ),
        "credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let said = place.fails(Huawei, "default", "auth").await;
    for part in ["HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK", "profile: ", "ECS agency: EcsMetadata http://"]
    {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

/// What is there and fails is told; who comes after it is somebody else.
#[tokio::test]
async fn a_link_that_fails_ends_the_chain() {
    let mut place = Place::new().await;
    place.set("ALIBABA_CLOUD_CREDENTIALS_URI", format!("{}{CREDENTIALS_URI}", place.cloud.url()));
    place.file(".aliyun/config.json", r#"{"current": "c", "profiles": [{"name": "c", "mode": "canary"#);
    let said = place.fails(Alibaba, "default", "auth").await;
    assert!(
        said.contains("CLI profile: ") && said.contains("config.json:1:") && said.contains("not JSON"),
        "{said}"
    );
    let sso = r#"{"current": "c", "profiles": [{"name": "c", "mode": "CloudSSO"}]}"#;
    place.file(".aliyun/config.json", sso);
    let said = place.fails(Alibaba, "default", "auth").await;
    assert!(said.contains("CloudSSO") && said.contains("is not supported; use AK"), "{said}");
}

#[tokio::test]
async fn a_profile_that_was_never_filled_in_is_passed_over() {
    let mut place = Place::new().await;
    place.set("ALIBABA_CLOUD_CREDENTIALS_URI", format!("{}{CREDENTIALS_URI}", place.cloud.url()));
    let empty =
        r#"{"current": "default", "profiles": [{"name": "default", "mode": "AK", "access_key_id": ""}]}"#;
    place.file(".aliyun/config.json", empty);
    let calls = place.fetched(Alibaba, "default").await;
    assert!(operations(&calls).contains(&"keys"));
}

#[tokio::test]
async fn half_a_key_in_the_environment_is_a_configuration_error() {
    let mut place = Place::new().await;
    place.set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "half-canary");
    let fetched = place.fetch(Alibaba, "default").await;
    assert_eq!(fetched.code, Some(2));
    assert!(
        fetched.stderr.contains("accounts[0].credentials: half a key in the environment"),
        "{}",
        fetched.stderr
    );
}
