//! Configurations and other data that the documentation shows can be used as they stand.

use std::path::Path;

use dbsession_exporter::config::{self, web};
use serde_yaml::Value;

use super::page::{Block, Page, pages};

/// Of Prometheus, its rules, Alertmanager, Compose, Kubernetes and kustomize.
const OTHERS: [&str; 8] =
    ["scrape_configs", "rule_files", "groups", "route", "receivers", "services", "apiVersion", "resources"];

/// Of the file that secures the endpoints.
const WEB: [&str; 4] = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/// Accounts for an example of instances alone.
const ACCOUNTS: &str =
    "accounts: [{name: ali, provider: alibaba}, {name: hw, provider: huawei, region: cn-north-4}]";

/// Of the endpoints' own file.
const ENDPOINTS: [&str; 4] = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/// Reads an example, with the files that it names in its directory and the variables that it names in its environment.
fn load(text: &str, endpoints: bool) -> Result<(), String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let own = rcgen::generate_simple_self_signed([]).expect("a certificate can be made");
    let (certificate, key_pair) = (own.cert.pem(), own.signing_key.serialize_pem());
    for (at, key) in text.match_indices("_file:") {
        let name = text[at + key.len()..].split([',', '}', '\n', '#']).next().unwrap_or_default().trim();
        let content = match text[..at].rsplit([' ', '{', '_']).next() {
            Some("ca" | "cert") => certificate.as_str(),
            Some("key") => key_pair.as_str(),
            _ => "http://secret",
        };
        if Path::new(name).is_relative() {
            std::fs::write(directory.path().join(name), content).expect("it can be written");
        }
    }
    let variable = |name: &str| text.contains(&format!("${{{name}}}")).then(|| format!("value-of-{name}"));
    let file = directory.path().join("dbsession.yml");
    std::fs::write(&file, text).expect("it can be written");
    let read = if endpoints {
        web::load(&file, &variable).map(drop)
    } else {
        config::load(&file, &variable).map(drop)
    };
    read.map_err(|error| error.to_string())
}

/// Reads an example of a web.yml, with the certificates and keys that it names.
fn load_web(text: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let pair = rcgen::generate_simple_self_signed([]).expect("a certificate can be made");
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    for name in text.split_whitespace() {
        let content = match name.rsplit_once('.') {
            Some((_, "crt")) => &certificate,
            Some((_, "key")) => &key,
            _ => continue,
        };
        std::fs::write(directory.path().join(name), content).expect("it can be written");
    }
    let file = directory.path().join("web.yml");
    std::fs::write(&file, text).expect("it can be written");
    config::web::load(&file, &|_| None).map(drop).map_err(|error| error.to_string())
}

/// What an example is by the keys of its top, and whether it is a good one; `None` for other programs' files.
fn check(block: &Block) -> Option<Result<(), String>> {
    let value: Value = match serde_yaml::from_str(&block.text) {
        Ok(value) => value,
        Err(error) => return Some(Err(error.to_string())),
    };
    let Some(map) = value.as_mapping() else {
        return Some(load(&format!("{ACCOUNTS}\ninstances:\n{}", block.text), false));
    };
    let keys: Vec<&str> = map.keys().filter_map(Value::as_str).collect();
    if keys.iter().any(|key| OTHERS.contains(key)) {
        return None;
    }
    if keys.iter().any(|key| WEB.contains(key)) {
        return Some(load_web(&block.text));
    }
    Some(load(&block.text, keys.iter().any(|key| ENDPOINTS.contains(key))))
}

#[test]
fn every_configuration_is_in_order() {
    let mut loaded = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "yaml") {
            if let Some(checked) = check(&block) {
                assert_eq!(checked, Ok(()), "{}\n{}", block.place, block.text);
                loaded += 1;
            }
        }
    }
    assert!(loaded > 8, "only {loaded} configurations were found");
}

#[test]
fn an_example_that_is_wrong_is_found() {
    let block = |text: &str| Block { language: "yaml".into(), text: text.into(), place: String::new() };
    for wrong in [
        "acounts: []",
        "- {account: ali, id: rm-1, intervall: 5s}",
        "global: {interval: soon}",
        "a: [",
        "instances: [{account: nobody, id: rm-1}]",
        "basic_auth_users: {prometheus: secret}",
    ] {
        assert!(matches!(check(&block(wrong)), Some(Err(_))), "{wrong}");
    }
}

#[test]
fn json_is_json() {
    for block in pages().iter().flat_map(Page::blocks).filter(|block| block.language == "json") {
        let read = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(read.is_ok(), "{}: {read:?}", block.place);
    }
}
