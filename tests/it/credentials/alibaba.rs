//! Each kind of credentials of Alibaba Cloud.

use dbsession_exporter::demo::{CREDENTIALS_URI, Metadata};

use super::Provider::Alibaba;
use super::{ID_TOKEN, KEY, PROVIDER, Place, ROLE, operations};

const FETCH: &str = "GetMySQLAllSessionAsync";

fn keys() -> String {
    format!("access_key_id: {}, access_key_secret: {}", KEY.0, KEY.1)
}

#[tokio::test]
async fn temporary_keys_are_sent_with_their_token() {
    let place = Place::new().await;
    place.cloud.add_key("STS.canary", "a-canary", Some("canary-token"));
    let calls = place
        .fetched(
            Alibaba,
            "{access_key_id: STS.canary, access_key_secret: a-canary, security_token: canary-token}",
        )
        .await;
    assert_eq!(calls[0].key, "STS.canary");
}

#[tokio::test]
async fn a_role_is_assumed_with_keys_and_all_that_it_demands() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, Some("canary external/id"));
    let credentials = format!(
        "{{{}, role_arn: '{ROLE}', external_id: 'canary external/id', role_session_name: me, duration: 15m}}",
        keys()
    );
    let calls = place.fetched(Alibaba, &credentials).await;
    assert_eq!(operations(&calls)[..2], ["AssumeRole", FETCH]);
    let sent =
        |name: &str| calls[0].query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!([sent("RoleSessionName"), sent("DurationSeconds")], [Some("me"), Some("900")]);
    assert!(calls[0].key == KEY.0 && calls[1].key.starts_with("STS."), "{calls:?}");
}

#[tokio::test]
async fn a_role_stands_on_top_of_any_other_form() {
    let mut place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    place.set("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0).set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.1);
    let profile = format!(
        r#"{{"profiles": [{{"name": "p", "mode": "AK", "access_key_id": "{}", "access_key_secret": "{}"}}]}}"#,
        KEY.0, KEY.1
    );
    place.file(".aliyun/config.json", &profile);
    let token = place.token_file();
    let url = place.cloud.url();
    for base in [
        String::new(),
        ", profile: p".to_owned(),
        ", ecs_role: node".to_owned(),
        format!(", credentials_uri: '{url}{CREDENTIALS_URI}'"),
        format!(", oidc: {{role_arn: '{ROLE}', provider_arn: '{PROVIDER}', token_file: {token}}}"),
    ] {
        let calls = place.fetched(Alibaba, &format!("{{role_arn: '{ROLE}'{base}}}")).await;
        let at = operations(&calls).iter().position(|name| *name == "AssumeRole").expect(&base);
        assert_eq!(operations(&calls)[at + 1], FETCH, "{base}");
    }
}

#[tokio::test]
async fn an_oidc_token_goes_in_the_body_and_never_in_a_url() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    let token = place.token_file();
    let oidc = format!("{{oidc: {{role_arn: '{ROLE}', provider_arn: '{PROVIDER}', token_file: {token}}}}}");
    let calls = place.fetched(Alibaba, &oidc).await;
    assert_eq!(operations(&calls)[..2], ["AssumeRoleWithOIDC", FETCH]);
    let values = calls.iter().flat_map(|call| call.query.iter().map(|(_, value)| value));
    assert!(values.into_iter().all(|value| value != ID_TOKEN));
    assert_eq!(calls[0].key, "", "it is not signed");
}

#[tokio::test]
async fn an_ecs_role_is_had_with_a_token_and_else_without() {
    let mut place = Place::new().await;
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let calls = place.fetched(Alibaba, "{ecs_role: node}").await;
    assert_eq!(operations(&calls)[..3], ["token", "node", FETCH]);
    place.cloud.set_metadata(Metadata::Plain(404), Some("node"));
    let calls = place.fetched(Alibaba, "{ecs_role: node}").await;
    assert_eq!((calls[0].status, calls[1].status), (Some(404), Some(200)));
    place.set("ALIBABA_CLOUD_IMDSV1_DISABLED", "true");
    let said = place.fails(Alibaba, "{ecs_role: node}", "auth").await;
    assert!(said.contains("ALIBABA_CLOUD_IMDSV1_DISABLED"), "{said}");
}

#[tokio::test]
async fn a_service_of_the_users_own_hands_keys_out() {
    let place = Place::new().await;
    let uri = format!("{{credentials_uri: '{}{CREDENTIALS_URI}?canary'}}", place.cloud.url());
    let calls = place.fetched(Alibaba, &uri).await;
    assert_eq!(operations(&calls)[..2], ["keys", FETCH]);
}

/// A profile of each mode of the command line, and the calls that it takes before the fetch.
#[tokio::test]
async fn every_mode_of_the_command_line_can_be_used() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.add_key("STS.canary", "sts-canary", Some("canary-token"));
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let token = place.token_file();
    let external =
        format!(r#"{{"mode": "AK", "access_key_id": "{}", "access_key_secret": "{}"}}"#, KEY.0, KEY.1);
    let printed = place.file("printed", &external);
    let keys = format!(r#""access_key_id": "{}", "access_key_secret": "{}""#, KEY.0, KEY.1);
    let role = format!(r#""ram_role_arn": "{ROLE}", "expired_seconds": 900"#);
    let profiles = [
        ("AK", keys.clone(), vec![]),
        (
            "StsToken",
            r#""access_key_id": "STS.canary", "access_key_secret": "sts-canary", "sts_token": "canary-token""#
                .to_owned(),
            vec![],
        ),
        ("RamRoleArn", format!(r#"{keys}, {role}, "policy": "{{}}""#), vec!["AssumeRole"]),
        ("ChainableRamRoleArn", format!(r#"{role}, "source_profile": "AK""#), vec!["AssumeRole"]),
        ("EcsRamRole", r#""ram_role_name": """#.to_owned(), vec!["token", "security-credentials", "node"]),
        (
            "OIDC",
            format!(r#"{role}, "oidc_provider_arn": "{PROVIDER}", "oidc_token_file": "{token}""#),
            vec!["AssumeRoleWithOIDC"],
        ),
        ("External", format!(r#""process_command": "cat {}""#, printed.display()), vec![]),
    ];
    let entries: Vec<_> = profiles
        .iter()
        .map(|(mode, keys, _)| format!(r#"{{"name": "{mode}", "mode": "{mode}", {keys}}}"#))
        .collect();
    place.file(
        ".aliyun/config.json",
        &format!(r#"{{"current": "AK", "profiles": [{}]}}"#, entries.join(", ")),
    );
    for (mode, _, before) in profiles {
        let calls = place.fetched(Alibaba, &format!("{{profile: {mode}}}")).await;
        assert_eq!(operations(&calls)[..=before.len()], [before, vec![FETCH]].concat(), "{mode}");
        let narrowed = calls[0].query.contains(&("Policy".to_owned(), "{}".to_owned()));
        assert_eq!(narrowed, mode == "RamRoleArn", "{mode}");
    }
}

#[tokio::test]
async fn the_ini_file_is_found_under_both_of_its_names_with_every_type() {
    for name in [".alibabacloud/credentials.ini", ".alibabacloud/credentials"] {
        let place = Place::new().await;
        place.cloud.add_role(ROLE, None);
        place.cloud.set_metadata(Metadata::Plain(404), Some("node"));
        let token = place.token_file();
        let keys = format!("access_key_id = {}\naccess_key_secret = {}  # a comment", KEY.0, KEY.1);
        let text = format!(
            "[default]\ntype = access_key\n{keys}\n[role]\ntype=ram_role_arn\n{keys}\nrole_arn={ROLE}\n\
             [node]\ntype = ecs_ram_role\nrole_name = node\n\
             [oidc]\nenable = true\ntype = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {PROVIDER}\n\
             oidc_token_file_path = {token}\n"
        );
        place.file(name, &text);
        for (section, operation) in
            [("default", FETCH), ("role", "AssumeRole"), ("node", "token"), ("oidc", "AssumeRoleWithOIDC")]
        {
            let calls = place.fetched(Alibaba, &format!("{{profile: {section}}}")).await;
            assert_eq!(calls[0].operation, operation, "{name} {section}");
        }
    }
}
