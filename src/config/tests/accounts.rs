//! Accounts: endpoints, regions, projects, keys from the environment, settings and what is warned about.

use std::path::Path;
use std::time::Duration;

use super::{ACCOUNTS, assert_problem, config, problems, problems_with, with_instances};
use crate::config::{Account, Credentials, Found, Keys, Provider, Rate, Service, parse};

const KEYS: &str = "credentials: {access_key_id: a, access_key_secret: b}";

fn alibaba(rest: &str) -> String {
    format!("accounts: [{{name: ali, provider: alibaba, {rest}}}]")
}

fn huawei(rest: &str) -> String {
    format!("accounts: [{{name: hw, provider: huawei, {rest}}}]")
}

#[test]
fn defaults_follow_provider_and_region() {
    let config = config(ACCOUNTS);
    let [ali, hw] = &config.accounts[..] else { panic!("{:?}", config.accounts) };
    assert_eq!(
        (ali.provider, ali.provider.label(), ali.region.as_deref()),
        (Provider::Alibaba, "alibaba", Some("cn-shanghai"))
    );
    assert_eq!(ali.das.base(), "https://das.cn-shanghai.aliyuncs.com");
    assert_eq!((&ali.ddm, &ali.iam, &ali.project_id), (&None, &None, &None));
    let (a_second, a_minute) = (Duration::from_secs(1), Duration::from_mins(1));
    assert_eq!(ali.rate(Service::Das), Rate { calls: 10, per: a_second });
    assert_eq!(hw.rate(Service::Das), Rate { calls: 60, per: a_minute });
    assert_eq!(hw.rate(Service::Ddm), Rate { calls: 50, per: a_minute });
    assert_eq!(
        (hw.provider.label(), hw.region.as_deref(), hw.project_id.as_deref()),
        ("huawei", Some("cn-north-4"), Some("054e"))
    );
    assert_eq!(hw.das.base(), "https://das.cn-north-4.myhuaweicloud.com");
    assert_eq!(hw.ddm.as_ref().unwrap().base(), "https://ddm.cn-north-4.myhuaweicloud.com");
    assert_eq!(hw.iam.as_ref().unwrap().authority(), "iam.cn-north-4.myhuaweicloud.com");
    assert_eq!((config.top, ali.settings.kill_task_retention), (20, Duration::from_hours(1)));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn endpoints_and_rates_are_taken_from_the_file() {
    let text = huawei(&format!(
        "{KEYS}, project_id: p, endpoints: {{das: 'http://127.0.0.1:9/', ddm: 'http://[::1]:8'}}, rate_limit: {{das: 7/s, ddm: 40/min}}"
    ));
    let account = &config(&text).accounts[0];
    assert_eq!((account.das.base(), account.das.authority()), ("http://127.0.0.1:9", "127.0.0.1:9"));
    assert_eq!(account.ddm.as_ref().unwrap().authority(), "[::1]:8");
    assert_eq!((&account.region, &account.iam), (&None, &None));
    assert_eq!(account.rate(Service::Das), Rate { calls: 7, per: Duration::from_secs(1) });
    assert_eq!(account.rate(Service::Ddm), Rate { calls: 40, per: Duration::from_mins(1) });
}

#[test]
fn what_only_the_other_cloud_has_is_refused() {
    assert_problem(
        &alibaba(&format!("{KEYS}, project_id: p")),
        "accounts[0].project_id: is for Huawei Cloud",
        "",
    );
    assert_problem(
        &alibaba(&format!("{KEYS}, endpoints: {{ddm: 'https://h'}}")),
        "accounts[0].endpoints.ddm: ",
        "Huawei",
    );
    assert_problem(
        &alibaba(&format!("{KEYS}, endpoints: {{iam: 'https://h'}}")),
        "accounts[0].endpoints.iam: ",
        "Huawei",
    );
    assert_problem(
        &alibaba(&format!("{KEYS}, rate_limit: {{ddm: 1/s}}")),
        "accounts[0].rate_limit.ddm: ",
        "Huawei",
    );
    let iam = "credentials: {iam: {domain: d, user: u, password: p}}";
    assert_problem(&alibaba(iam), "accounts[0].credentials.iam: is for Huawei Cloud", "access_key_id");
}

#[test]
fn a_region_is_asked_for_only_where_a_host_must_be_derived() {
    let ddm_only = format!("{KEYS}, project_id: p, endpoints: {{ddm: 'https://h'}}");
    assert_problem(&huawei(&ddm_only), "accounts[0].region: missing", "endpoints.das");
    let iam = "credentials: {iam: {domain: d, user: u, password: p, project: q}}, project_id: p";
    assert_problem(&huawei(iam), "accounts[0].region: missing", "endpoints.das and endpoints.iam");
    let without_project = "credentials: {iam: {domain: d, user: u, password: p}}, project_id: p, endpoints: {das: 'https://h', iam: 'https://i'}";
    assert_problem(&huawei(without_project), "accounts[0].credentials.iam.project: missing", "region");
    assert_problem(
        &huawei(&format!("{KEYS}, project_id: p, region: a/b")),
        "accounts[0].region: must",
        "letters",
    );
    let bad_das = format!("{KEYS}, project_id: p, endpoints: {{das: 'https://h/v3'}}");
    assert_problem(&huawei(&bad_das), "accounts[0].endpoints.das: must end after host and port", "");
    let das_only = huawei(&format!("{KEYS}, project_id: p, endpoints: {{das: 'https://h'}}"));
    let ddm_wanted = format!("{das_only}\ninstances: [{{account: hw, service: ddm, id: x}}]");
    assert_problem(&ddm_wanted, "instances[0].service: ", "endpoints.ddm");
}

#[test]
fn names_are_unique_and_endpoints_are_urls() {
    let twins = format!("{ACCOUNTS}  - {{name: hw, provider: alibaba, {KEYS}}}\n");
    assert_problem(&twins, "accounts[2].name: accounts[1] has this name already", "");
    let text = alibaba(&format!("{KEYS}, endpoints: {{das: 'https://user:canary@h'}}"));
    assert_problem(&text, "accounts[0].endpoints.das: must not hold a user name", "");
    assert!(!problems(&text)[0].contains("canary"));
}

/// The keys at the beginning of an account's default chain.
fn keys_of_environment(account: &Account) -> &Keys {
    let Credentials::Chain(links) = &account.credentials else { panic!("{account:?}") };
    match &links[0].found {
        Found::Credentials(Credentials::Keys(keys)) if links[0].name == "environment" => keys,
        _ => panic!("{links:?}"),
    }
}

#[test]
fn keys_and_project_come_from_the_environment_in_the_sdks_order() {
    let chain = |set: &'static [&'static str]| {
        let env = move |name: &str| set.contains(&name).then(|| format!("value-of-{name}"));
        let account = parse(&huawei("region: cn-north-4"), Path::new("f"), &env).unwrap().accounts[0].clone();
        let keys = keys_of_environment(&account);
        let token = keys.security_token.as_ref().map(|token| token.expose().to_owned());
        (keys.access_key_id.expose().to_owned(), token, account.project_id.clone().unwrap())
    };
    let owned = |id: &str, token: Option<&str>, project: &str| {
        (id.to_owned(), token.map(str::to_owned), project.to_owned())
    };
    assert_eq!(
        chain(&[
            "HUAWEICLOUD_SDK_AK",
            "HUAWEICLOUD_SDK_SK",
            "HW_ACCESS_KEY",
            "HW_SECRET_KEY",
            "HW_PROJECT_ID",
            "HUAWEICLOUD_SDK_PROJECT_ID"
        ]),
        owned("value-of-HUAWEICLOUD_SDK_AK", None, "value-of-HUAWEICLOUD_SDK_PROJECT_ID")
    );
    assert_eq!(
        chain(&[
            "HUAWEICLOUD_SDK_AK",
            "HW_ACCESS_KEY",
            "HW_SECRET_KEY",
            "HW_SECURITY_TOKEN",
            "HW_PROJECT_ID"
        ]),
        owned("value-of-HW_ACCESS_KEY", Some("value-of-HW_SECURITY_TOKEN"), "value-of-HW_PROJECT_ID")
    );

    let env = |name: &str| name.starts_with("ALIBABA_CLOUD_").then(|| format!("value-of-{name}"));
    let config = parse(&alibaba("credentials: default"), Path::new("f"), &env).unwrap();
    let keys = keys_of_environment(&config.accounts[0]);
    assert_eq!(keys.access_key_secret.expose(), "value-of-ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    assert_eq!(keys.security_token.as_ref().unwrap().expose(), "value-of-ALIBABA_CLOUD_SECURITY_TOKEN");
}

#[test]
fn half_a_key_in_the_environment_is_named() {
    for (provider, set, missing) in [
        ("alibaba", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("alibaba", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_ID"),
        ("huawei, region: cn-north-4", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
        ("huawei, region: cn-north-4", "HW_SECRET_KEY", "HW_ACCESS_KEY"),
    ] {
        let env = |name: &str| (name == set).then(|| "canary".to_owned());
        let found = problems_with(&format!("accounts: [{{name: a, provider: {provider}}}]"), &env);
        let said = format!("{set} is set, {missing} is not");
        assert!(found.len() == 1 && found[0].starts_with("accounts[0].credentials: "), "{found:?}");
        assert!(found[0].contains(&said) && !found[0].contains("canary"), "{found:?}");
    }
}

#[test]
fn a_project_is_looked_up_by_its_region_or_must_be_given() {
    let account = &config(&huawei(&format!("{KEYS}, region: cn-north-4"))).accounts[0];
    assert_eq!((&account.project_id, account.region.as_deref()), (&None, Some("cn-north-4")));
    assert_problem(
        &huawei(&format!("{KEYS}, endpoints: {{das: 'https://h'}}")),
        "accounts[0].project_id: missing",
        "HUAWEICLOUD_SDK_PROJECT_ID or HW_PROJECT_ID",
    );
    assert_problem(
        &huawei(&format!("{KEYS}, region: cn-north-4, endpoints: {{sts: 'https://h'}}")),
        "accounts[0].endpoints.sts: is for Alibaba Cloud",
        "",
    );
}

#[test]
fn variables_replace_whole_values_of_every_kind_and_nothing_less() {
    let text = with_instances(&[
        "account: ali, id: x, interval: '${INTERVAL}', nodes: ['${NODE}'], labels: {a: 'x${NODE}', b: '${NODE}${NODE}', c: '${NODE}'}",
        "account: ali, id: y, enabled: '${OFF}'",
    ]);
    let config = config(&format!("global: {{top: '${{TOP}}'}}\n{text}"));
    let [target] = &config.targets[..] else { panic!("{:?}", config.targets) };
    assert_eq!((config.top, target.settings.interval), (7, Duration::from_secs(45)));
    assert_eq!(target.id(), "x/pi-env");
    let labels: Vec<_> = target.labels.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(labels, ["x${NODE}", "${NODE}${NODE}", "pi-env"]);
    assert_problem("global: {interval: '${NOT_SET}'}", "global.interval: ", "NOT_SET is not set");
    assert_problem("global: {interval: '${EMPTY}'}", "global.interval: must not be empty", "");
}

#[test]
fn settings_are_inherited_from_level_to_level() {
    let text = format!(
        "global: {{interval: 40s, max_pages: 5}}\naccounts: [{{name: ali, provider: alibaba, {KEYS}, timeout: 30s, kill_task_retention: 2h}}]\n\
         instances: [{{account: ali, id: a}}, {{account: ali, id: b, interval: 10m, max_response_bytes: 1KiB, slow_session_threshold: 500ms, stale_after: 1h}}]"
    );
    let config = config(&text);
    let [a, b] = [0, 1].map(|index| config.targets[index].settings);
    assert_eq!((a.interval, a.timeout, a.max_pages), (Duration::from_secs(40), Duration::from_secs(30), 5));
    assert_eq!((a.stale_after(a.interval), a.max_response_bytes), (Duration::from_secs(80), 67_108_864));
    assert_eq!(
        (b.interval, b.timeout, b.stale_after(b.interval)),
        (Duration::from_mins(10), Duration::from_secs(30), Duration::from_hours(1))
    );
    assert_eq!(
        (b.max_response_bytes, b.slow_session_threshold, b.max_pages),
        (1024, Duration::from_millis(500), 5)
    );
    assert_eq!(
        (b.long_transaction_threshold, config.accounts[0].settings.kill_task_retention),
        (Duration::from_mins(1), Duration::from_hours(2))
    );
}

#[test]
fn stale_after_covers_two_intervals_or_a_slow_fetch() {
    let stale_after = |settings: &str| {
        let text = with_instances(&[&format!("account: ali, id: x{settings}")]);
        let settings = config(&text).targets[0].settings;
        settings.stale_after(settings.interval).as_secs()
    };
    assert_eq!(stale_after(", interval: 5s, timeout: 5s"), 60);
    assert_eq!(stale_after(", interval: 45s"), 90);
    assert_eq!(stale_after(", interval: 40s, timeout: 50s"), 90);
}

#[test]
fn doubtful_settings_are_warned_about_once_where_they_are_made() {
    let text = format!(
        "global: {{timeout: 40s, stale_after: 50s}}\n{}",
        with_instances(&[
            "account: ali, id: a",
            "account: hw, id: b, db_user_id: u",
            "account: ali, id: c, interval: 50s"
        ])
    );
    let starts = [
        "global.timeout: 40s is longer than the interval of 30s",
        "global.stale_after: 50s is shorter than interval and timeout together, 70s",
        "instances[1]: has neither users nor databases",
        "instances[2].stale_after: 50s is shorter than interval and timeout together, 90s",
    ];
    let warnings = config(&text).warnings;
    assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }

    let text = alibaba(&format!("{KEYS}, endpoints: {{das: 'http://das.example.com'}}"));
    let warnings = config(&text).warnings;
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("accounts[0].endpoints.das: plain http"),
        "{warnings:?}"
    );
}

#[test]
fn max_series_may_be_as_few_as_cannot_be_folded() {
    for (least, compat) in [(165, "[]"), (247, "[mysqld]")] {
        let global =
            |max_series| format!("global: {{compat: {compat}, max_series: {max_series}}}\n{ACCOUNTS}");
        assert_eq!(config(&global(least)).accounts[0].settings.max_series, least);
        let rule = format!("{least} ");
        assert_problem(&global(least - 1), "global.max_series: must be ", &rule);
    }
}
