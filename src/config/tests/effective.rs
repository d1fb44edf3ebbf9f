//! The configuration as it takes effect: complete, loadable, and without a secret.

use std::path::Path;

use super::config;
use crate::config::{load, parse};

const KEYS: &str = "credentials: {access_key_id: canary-id, access_key_secret: canary-secret}";

#[test]
fn defaults_are_filled_in_and_what_is_inherited_is_not() {
    let text = format!(
        "global: {{interval: '${{INTERVAL}}', spike: {{above: 3x}}}}
accounts:
  - {{name: ali, provider: alibaba, {KEYS}, timeout: 9s}}
  - {{name: hw, provider: huawei, region: cn-north-4, rate_limit: {{ddm: 7/min}}, {KEYS}}}
instances:
  - {{account: ali, id: '007', labels: {{password: shown}}, enabled: '${{OFF}}', spike: off}}
"
    );
    let config = config(&text);
    let expected = "\
global:
  # stale_after: max(60s, 2 × interval, interval + timeout), of each target's interval now in force
  top: 20
  interval: 45s
  timeout: 20s
  slow_session_threshold: 3s
  long_transaction_threshold: 60s
  max_response_bytes: 64MiB
  max_pages: 200
  max_series: 1000
  spike:
    interval: 5s
    above: 3x
    min_active: 10
  expose_sql: none
  incidents:
    active_above: 50
    factor: 3
    cooldown: 5m
    keep: 100
  compat: []
  kill_task_retention: 1h
accounts:
- name: ali
  provider: alibaba
  credentials:
    access_key_id: <secret>
    access_key_secret: <secret>
  timeout: 9s
  region: cn-shanghai
  endpoints:
    das: https://das.cn-shanghai.aliyuncs.com
  rate_limit:
    das: 10/s
- name: hw
  provider: huawei
  region: cn-north-4
  credentials:
    access_key_id: <secret>
    access_key_secret: <secret>
  rate_limit:
    ddm: 7/min
    das: 60/min
  endpoints:
    das: https://das.cn-north-4.myhuaweicloud.com
    ddm: https://ddm.cn-north-4.myhuaweicloud.com
    iam: https://iam.cn-north-4.myhuaweicloud.com
instances:
- account: ali
  service: das
  id: '007'
  labels:
    password: shown
  enabled: false
  spike: off
";
    assert_eq!(config.effective.as_str(), expected);
}

#[test]
fn a_stale_after_that_is_given_is_all_that_is_said_of_it() {
    let shown = config("global: {stale_after: 3m}\naccounts: []\n").effective;
    assert_eq!(shown.as_str().matches("stale_after").count(), 1, "{}", shown.as_str());
    assert!(shown.as_str().contains("\n  stale_after: 3m\n"), "{}", shown.as_str());
}

#[test]
fn endpoints_of_credentials_are_those_that_are_asked() {
    const STS: Option<&str> = Some("https://sts.aliyuncs.com");
    const ALIBABA: Option<&str> = Some("http://100.100.100.200");
    const HUAWEI: Option<&str> = Some("http://169.254.169.254");
    let huawei = "provider: huawei, region: cn-north-4, project_id: p";
    let table = [
        (format!("provider: alibaba, {KEYS}"), None, None),
        ("provider: alibaba".to_owned(), None, ALIBABA),
        ("provider: alibaba, credentials: {role_arn: 'acs:ram::1:role/r'}".to_owned(), STS, ALIBABA),
        (
            "provider: alibaba, credentials: {ecs_role: r}, endpoints: {metadata: 'http://127.0.0.1:1'}"
                .to_owned(),
            None,
            Some("http://127.0.0.1:1"),
        ),
        (format!("{huawei}, credentials: {{ecs_agency: true}}"), None, HUAWEI),
    ];
    for (account, sts, metadata) in table {
        let shown = config(&format!("accounts: [{{name: a, {account}}}]")).effective;
        let document: serde_yaml::Value = serde_yaml::from_str(shown.as_str()).unwrap();
        let endpoints = &document["accounts"][0]["endpoints"];
        let found = [&endpoints["sts"], &endpoints["metadata"]].map(serde_yaml::Value::as_str);
        assert_eq!(found, [sts, metadata], "{account}\n{}", shown.as_str());
    }
}

#[test]
fn no_secret_is_shown_however_it_is_given() {
    for account in [
        "credentials: {access_key_id: canary, access_key_secret: canary, security_token: '${TOKEN}'}",
        "credentials: {credentials_uri: 'http://canary:canary@127.0.0.1/canary?canary'}",
        "credentials: {role_arn: 'acs:ram::1:role/r', external_id: canary, access_key_id: canary, access_key_secret: canary}",
        "proxy: 'http://canary:c@n@ry-canary@proxy.example.com:3128', credentials: {ecs_role: r}",
        "proxy: 'http://canary@proxy.example.com', credentials: {ecs_role: r}",
    ] {
        let text = format!("accounts: [{{name: a, provider: alibaba, {account}}}]");
        let shown = config(&text).effective;
        assert!(!shown.as_str().contains("canary") && !shown.as_str().contains("ry-"), "{}", shown.as_str());
        assert!(shown.as_str().contains("<secret>"), "{}", shown.as_str());
        let proxied = account.contains("proxy:");
        assert_eq!(
            proxied,
            shown.as_str().contains("proxy: http://<secret>@proxy.example.com"),
            "{}",
            shown.as_str()
        );
    }
}

#[test]
fn what_is_shown_of_the_example_is_a_configuration_that_is_shown_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/dbsession.yml");
    let env = |name: &str| Some(format!("value-of-{name}"));
    let shown = load(&path, &env).unwrap().effective;
    let again =
        parse(shown.as_str(), &path, &env).unwrap_or_else(|error| panic!("{error}\n{}", shown.as_str()));
    let document = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
    assert_eq!(document(again.effective.as_str()), document(shown.as_str()));
    assert!(!shown.as_str().contains("value-of") && !shown.as_str().contains("${"), "{}", shown.as_str());
}
