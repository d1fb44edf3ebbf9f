//! The example that comes with the program is in order and knows every key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, Settings, load};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/dbsession.yml")
}

fn example() -> Config {
    load(&path(), &|name| Some(format!("value-of-{name}"))).unwrap()
}

#[test]
fn is_in_order() {
    let config = example();
    let ids: Vec<String> = config.targets.iter().map(|target| target.id()).collect();
    let nodes = ["pc-2zeq535hd91to6y3l/pi-2zea1h01r5b6y2e5d", "pc-2zeq535hd91to6y3l/pi-2zek9m7n2c8d4f6g1"];
    assert_eq!(ids.len(), 6, "{ids:?}");
    assert_eq!(
        (ids[0].as_str(), [&ids[1], &ids[2]]),
        ("rm-2ze8g2am97624", nodes.map(str::to_owned).each_ref())
    );
    assert_eq!((config.accounts.len(), config.kill_tasks.len()), (4, 1));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn shows_the_defaults_as_they_are() {
    let config = example();
    let bare =
        "accounts: [{name: a, provider: alibaba, credentials: {access_key_id: a, access_key_secret: b}}]";
    let bare = crate::config::parse(bare, Path::new("f"), &|_| None).unwrap();
    let (shown, bare_settings) = (config.accounts[0].settings, bare.accounts[0].settings);
    assert!(shown.incidents.is_some(), "incidents are on by default");
    let stale_after = bare_settings.stale_after(bare_settings.interval);
    let spike = shown.spike.expect("an example is given");
    assert_eq!((spike.interval, spike.above.as_f64(), spike.min_active), (Duration::from_secs(5), 2.0, 10));
    assert_eq!(shown, Settings { stale_after: Some(stale_after), spike: Some(spike), ..bare_settings });
    assert_eq!(config.accounts[0].das, bare.accounts[0].das);
    assert_eq!(config.accounts[0].region, bare.accounts[0].region);
    assert_eq!(config.top, bare.top);
    assert_eq!(config.targets[0].settings.interval, Duration::from_secs(30));
    assert_eq!(config.accounts[0].das_rate, bare.accounts[0].das_rate);
    let [hw, iam] = [2, 3].map(|account| &config.accounts[account]);
    assert_eq!((hw.das_rate, hw.ddm_rate), (iam.das_rate, iam.ddm_rate));

    let hw = &config.accounts[2];
    let derived =
        ["das", "ddm", "iam"].map(|service| format!("https://{service}.cn-north-4.myhuaweicloud.com"));
    let given =
        [Some(&hw.das), hw.ddm.as_ref(), hw.iam.as_ref()].map(|endpoint| endpoint.unwrap().base().to_owned());
    assert_eq!(given, derived);
}

/// Forms that stand in a comment, since an account has but one.
#[test]
fn every_form_that_it_shows_can_be_used() {
    let text = std::fs::read_to_string(path()).unwrap();
    let marked = |line: &str| match line.strip_prefix("  #")? {
        "" => Some(String::new()),
        text => text.strip_prefix("     ").map(str::to_owned),
    };
    let (_, forms) = text.split_once("Or they are one of these:").unwrap();
    let lines: Vec<String> = forms.lines().filter_map(marked).collect();
    let forms = lines.split(String::is_empty).filter(|form| !form.is_empty());
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aliyun")).unwrap();
    let profile = r#"{"profiles":[{"name":"default","access_key_id":"a","access_key_secret":"b"}]}"#;
    std::fs::write(home.path().join(".aliyun/config.json"), profile).unwrap();
    let env = |name: &str| match name {
        "HOME" => home.path().to_str().map(str::to_owned),
        "EXTERNAL_ID" => Some("x".to_owned()),
        _ => None,
    };
    let mut shown = 0;
    for form in forms {
        let provider = if form.iter().any(|line| line.contains("# huawei")) { "huawei" } else { "alibaba" };
        let form = form.join("\n      ");
        let account =
            format!("- name: a\n    provider: {provider}\n    region: cn-north-4\n    credentials:");
        let file = format!("accounts:\n  {account}\n      {form}\n");
        crate::config::parse(&file, Path::new("f"), &env).unwrap_or_else(|error| panic!("{error}\n{file}"));
        shown += 1;
    }
    assert_eq!(shown, 9, "{lines:?}");
}

#[test]
fn has_every_key() {
    let text = std::fs::read_to_string(path()).unwrap();
    // An unknown key makes the reader list those it knows, level by level.
    let levels = [
        "zzz: 1",
        "global: {zzz: 1}",
        "global: {spike: {zzz: 1}}",
        "global: {incidents: {zzz: 1}}",
        "accounts: [{zzz: 1}]",
        "accounts: [{endpoints: {zzz: 1}}]",
        "accounts: [{rate_limit: {zzz: 1}}]",
        "accounts: [{tls: {zzz: 1}}]",
        "accounts: [{credentials: {zzz: 1}}]",
        "accounts: [{credentials: {iam: {zzz: 1}}}]",
        "accounts: [{credentials: {oidc: {zzz: 1}}}]",
        "accounts: [{credentials: {agency: {zzz: 1}}}]",
        "instances: [{zzz: 1}]",
        "kill_tasks: [{zzz: 1}]",
    ];
    for level in levels {
        let message = super::problems(level).remove(0);
        let (_, keys) = message.split_once("the keys here are ").expect(&message);
        for key in keys.split(", ").filter(|key| !key.ends_with("_file")) {
            let has_key =
                |line: &str| line.trim_start_matches([' ', '-', '#']).starts_with(&format!("{key}:"));
            assert!(text.lines().any(has_key), "{key}");
        }
    }
}
