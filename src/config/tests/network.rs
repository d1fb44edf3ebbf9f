//! Proxies and certificate authorities of an account: where they are taken from, what is refused, and that no proxy's
//! credentials are shown.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Url;
use tempfile::TempDir;

use super::{assert_problem, no_keys, problems, problems_with};
use crate::config::{Config, Network, load, parse};

const CANARY: &str = "cAnAry7!x";

fn account(rest: &str) -> String {
    format!(
        "accounts: [{{name: ali, provider: alibaba, credentials: {{access_key_id: a, access_key_secret: b}}{rest}}}]"
    )
}

fn network(rest: &str, env: &[(&str, &str)]) -> Network {
    let env = |name: &str| env.iter().find(|row| row.0 == name).map(|row| row.1.to_owned());
    parse(&account(rest), Path::new("f"), &env).unwrap().accounts[0].network.clone()
}

/// How a proxy is addressed, the login in full.
fn way(network: &Network, url: &str) -> String {
    let Some(proxy) = network.route.proxy(&Url::parse(url).unwrap()) else { return "direct".to_owned() };
    let login = proxy.login.as_ref().map(|login| (login.user.expose(), login.password.expose()));
    let login = login.map(|(user, password)| format!("{user}:{password} at ")).unwrap_or_default();
    login + proxy.endpoint.base()
}

#[test]
fn the_environment_is_read_as_curl_reads_it() {
    let ways = |env: &[(&str, &str)]| {
        ["http://a.example", "https://b.example:8443"].map(|url| way(&network("", env), url))
    };
    assert_eq!(ways(&[]), ["direct", "direct"]);
    assert_eq!(ways(&[("HTTPS_PROXY", "http://p:1")]), ["direct", "http://p:1"]);
    assert_eq!(ways(&[("HTTP_PROXY", "http://p:1"), ("https_proxy", "q:2")]), ["http://p:1", "http://q:2"]);
    assert_eq!(ways(&[("ALL_PROXY", "https://p"), ("http_proxy", "http://q")]), ["http://q", "https://p"]);
    assert_eq!(ways(&[("https_proxy", "http://low"), ("HTTPS_PROXY", "http://high")])[1], "http://low");
    assert_eq!(ways(&[("https_proxy", ""), ("HTTPS_PROXY", "http://high")])[1], "http://high");
    let past = |name, list| ways(&[("ALL_PROXY", "u:p%40@[::1]:3128/"), (name, list)]);
    assert_eq!(past("NO_PROXY", "example"), ["direct", "direct"]);
    assert_eq!(past("no_proxy", "b.example"), ["u:p%40 at http://[::1]:3128", "direct"]);
}

#[test]
fn what_an_account_gives_leaves_the_environment_without_a_say() {
    let env = [("HTTPS_PROXY", "http://env"), ("NO_PROXY", "*")];
    assert_eq!(way(&network("", &env), "https://h"), "direct");
    for (proxy, expected) in [
        ("proxy: 'http://p:3128'", "http://p:3128"),
        ("proxy: 'https://user:pass@p'", "user:pass at https://p"),
        ("proxy: 'http://user@p'", "user: at http://p"),
        ("proxy: 'http://us%40er:p@s/s:@p:8080'", "us%40er:p@s/s: at http://p:8080"),
        ("proxy: 'http://[2001:db8::1]:3128'", "http://[2001:db8::1]:3128"),
        ("proxy: none", "direct"),
    ] {
        for url in ["https://h", "http://h"] {
            assert_eq!(way(&network(&format!(", {proxy}"), &env), url), expected, "{proxy}");
        }
    }
}

#[test]
fn a_proxy_may_be_in_a_file_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("dbsession.yml");
    fs::write(&config, account(", proxy_file: proxy")).unwrap();
    fs::write(directory.path().join("proxy"), "http://user:word@p:3128\n").unwrap();
    let config = load(&config, &no_keys).unwrap();
    assert_eq!(way(&config.accounts[0].network, "https://h"), "user:word at http://p:3128");
    assert_eq!(config.files, [directory.path().join("proxy")]);
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_where_it_stands() {
    for (proxy, hint) in [
        ("proxy: proxy.example.com:3128", "not a URL"),
        ("proxy: 'socks5://p'", "must begin with https:// or http://"),
        ("proxy: 'http://p/path'", "no path"),
        ("proxy: 'http://u:p@'", "not a URL"),
        ("proxy: None", "none for no proxy"),
        ("proxy: ''", "must not be empty"),
        ("proxy: '${NOT_SET}'", "NOT_SET is not set"),
    ] {
        assert_problem(&account(&format!(", {proxy}")), "accounts[0].proxy: ", hint);
    }
    assert_problem(&account(", proxy: none, proxy_file: f"), "accounts[0].proxy_file: given twice", "");
    assert_problem(&account(", proxy_file: absent"), "accounts[0].proxy_file: cannot read ", "absent");
    let env = |name: &str| (name == "ALL_PROXY").then(|| format!("socks5://user:{CANARY}@p"));
    let found = problems_with(&account(""), &env);
    assert!(found[0].starts_with("accounts[0].proxy: ALL_PROXY in the environment: must begin"), "{found:?}");
    assert!(!found.concat().contains(CANARY));
}

#[test]
fn no_message_and_no_dump_repeats_the_credentials_of_a_proxy() {
    for proxy in [
        format!("'user:{CANARY}@p'"),
        format!("'ftp://{CANARY}:{CANARY}@p'"),
        format!("'http://{CANARY}:{CANARY}@p/x'"),
        format!("'http://{CANARY}:{CANARY}@p:port'"),
        format!("'http://{CANARY}:{CANARY}@'"),
        format!("[{CANARY}]"),
        format!("{{user: {CANARY}}}"),
    ] {
        let found = problems(&account(&format!(", proxy: {proxy}"))).concat();
        assert!(!found.contains(CANARY), "{found}");
    }
    let dump = format!("{:?}", network(&format!(", proxy: 'http://{CANARY}:{CANARY}@p'"), &[]));
    assert!(dump.contains("<secret>") && !dump.contains(CANARY), "{dump}");
}

/// A directory with a configuration and a CA file.
struct Files {
    directory: TempDir,
    ca: PathBuf,
}

impl Files {
    fn new(tls: &str, ca: Option<&[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("dbsession.yml"), account(&format!(", tls: {tls}"))).unwrap();
        let path = directory.path().join("ca.pem");
        if let Some(text) = ca {
            fs::write(&path, text).unwrap();
        }
        Self { directory, ca: path }
    }

    fn load(&self) -> Result<Config, String> {
        load(&self.directory.path().join("dbsession.yml"), &no_keys).map_err(|error| {
            assert!(error.files().contains(&self.ca), "its change may mend the configuration");
            error.to_string()
        })
    }
}

fn authority(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap().pem()
}

#[test]
fn authorities_come_from_a_file_in_addition_to_the_systems_or_instead() {
    let bundle = format!("# ours\n{}\nold and new:\n{}", authority("a.example"), authority("b.example"));
    for (tls, system_roots) in
        [("{ca_file: ca.pem}", true), ("{ca_file: ca.pem, system_roots: false}", false)]
    {
        let files = Files::new(tls, Some(bundle.as_bytes()));
        let config = files.load().unwrap();
        let trust = &config.accounts[0].network.trust;
        assert_eq!((trust.authorities.len(), trust.system_roots), (2, system_roots), "{tls}");
        assert_eq!(config.files, [files.ca]);
    }
    let plain = network("", &[]);
    assert_eq!(network(", tls: {system_roots: true}", &[]), plain);
    assert!(plain.trust.system_roots && plain.trust.authorities.is_empty());
}

#[test]
fn a_file_without_an_authority_is_named() {
    let whole = authority("a.example");
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let other = whole.replace(|c: char| c.is_ascii_lowercase(), "A");
    for (text, problem) in [
        (None, "os error 2"),
        (Some(""), "holds no certificate"),
        (Some("no PEM"), "holds no certificate"),
        (Some(key.as_str()), "holds no certificate"),
        (Some(&whole[..whole.len() / 2]), "is cut or garbled"),
        (Some(other.as_str()), "something else as certificate 1"),
    ] {
        let files = Files::new("{ca_file: ca.pem}", text.map(str::as_bytes));
        let error = files.load().unwrap_err();
        let place = format!("accounts[0].tls.ca_file: {}", if text.is_none() { "cannot read " } else { "" });
        assert!(error.contains(&format!("{place}{}", files.ca.display())), "{error}");
        assert!(error.contains(problem), "{problem}: {error}");
    }
}

#[test]
fn somebody_has_to_be_trusted() {
    assert_problem(
        &account(", tls: {system_roots: false}"),
        "accounts[0].tls.system_roots: false needs ca_file",
        "",
    );
    assert_problem(
        &account(", tls: {system_roots: '${NODE}'}"),
        "accounts[0].tls.system_roots: no such flag",
        "",
    );
}
