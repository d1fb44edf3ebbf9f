//! Proxies: a real one that demands credentials, which calls go by it, and what is said when it does not let them through.

use super::certificate::{Authority, Validity};
use super::server::{LOCAL, Proxy, Server};
use super::tinyproxy::Tinyproxy;
use super::{account, assert_silent, assert_told, lacks_network};
use crate::parse::Page;
use crate::program::{Invocation, Program};
use crate::scene::{self, Api, Scene, is_up};
use dbsession_exporter::demo::Cloud;

pub(super) const USER: &str = "canary-of-proxy-user";
pub(super) const PASSWORD: &str = "canary-of-proxy-password";
/// `USER:PASSWORD` as the header has it.
const LOGIN: &str = "Y2FuYXJ5LW9mLXByb3h5LXVzZXI6Y2FuYXJ5LW9mLXByb3h5LXBhc3N3b3Jk";

/// An address of this machine that does not look like one: calls to it are led by a proxy as calls to any other are.
const ANY: &str = "0.0.0.0";

/// A cloud behind TLS, the proxy that leads to it, and one that demands credentials in front of that.
pub(super) struct Company {
    pub cloud: Cloud,
    pub authority: Authority,
    server: Server,
    pub inner: Proxy,
    outer: Tinyproxy,
}

impl Company {
    pub async fn new() -> Self {
        let (cloud, authority) = (scene::cloud().await, Authority::new("ours"));
        let hosts = ["das.test.invalid", "a.in.test.invalid", "b.test.invalid", "id.test.invalid", ANY];
        let server = Server::tls(LOCAL, authority.acceptor(&hosts, Validity::Present), &cloud).await;
        let inner = Proxy::start(LOCAL, &server, &cloud).await;
        let outer = Tinyproxy::start(USER, PASSWORD, &inner).await;
        Self { cloud, authority, server, inner, outer }
    }

    /// The outer proxy's URL with a login, like `user:password@`.
    pub fn proxy(&self, login: &str) -> String {
        format!("http://{login}{}", self.outer.address)
    }

    /// The server past the proxies, by an address that proxies are asked for.
    fn any(&self) -> String {
        format!("https://{ANY}:{}", self.server.address.port())
    }

    fn add(&self, scene: &mut Scene, api: Api, name: &str, url: &str, network: &str) {
        account(scene, &self.cloud, api, name, url, &format!(", tls: {{ca_file: ours.pem}}{network}"));
    }

    fn invocation(&self, scene: &Scene) -> Invocation {
        super::invocation(&scene.file(), &[]).file("ours.pem", &self.authority.pem())
    }
}

async fn settled(program: &Program, up: &[&str], down: &[&str]) {
    let wanted = |page: &Page| {
        up.iter().all(|name| is_up(page, name) == Some(true))
            && down.iter().all(|name| lacks_network(page, name))
    };
    program.scrape_until(&format!("{up:?} to be up, and {down:?} to be down"), wanted).await;
}

#[tokio::test]
async fn a_proxy_of_an_account_is_told_who_asks() {
    let company = Company::new().await;
    let (good, bad, none) = (
        company.proxy(&format!("{USER}:{PASSWORD}@")),
        company.proxy(&format!("{USER}:canary-of-another@")),
        company.proxy(""),
    );
    let (https, http) = ("https://das.test.invalid", "http://das.test.invalid");
    let mut scene = Scene::new("interval: 1s, timeout: 20s");
    for (name, url, network) in [
        ("good", https, format!("proxy: '{good}'")),
        ("port", "https://b.test.invalid:8443", "proxy_file: proxy".to_owned()),
        ("plain-good", http, format!("proxy: '{good}'")),
        ("none", https, format!("proxy: '{none}'")),
        ("plain-none", http, format!("proxy: '{none}'")),
        ("bad", https, format!("proxy: '{bad}'")),
        ("plain-bad", http, format!("proxy: '{bad}'")),
        ("closed", https, format!("proxy: 'http://{USER}:{PASSWORD}@127.0.0.1:9'")),
        ("plain-closed", http, format!("proxy: 'http://{USER}:{PASSWORD}@127.0.0.1:9'")),
        ("lost", https, format!("proxy: 'http://{USER}:{PASSWORD}@proxy.test.invalid'")),
        ("stranger", "https://c.test.invalid", format!("proxy: '{good}'")),
    ] {
        let api = if name.len() % 2 == 0 { Api::Alibaba } else { Api::HuaweiDdm };
        company.add(&mut scene, api, name, url, &format!(", {network}"));
    }
    let program = company.invocation(&scene).file("proxy", &good).start().await;
    let down = ["none", "plain-none", "bad", "plain-bad", "closed", "plain-closed", "lost", "stranger"];
    settled(&program, &["good", "port", "plain-good"], &down).await;

    for asked in
        ["CONNECT das.test.invalid:443 ", "CONNECT b.test.invalid:8443 ", "POST http://das.test.invalid"]
    {
        assert!(company.inner.was_asked(asked), "{asked}: {}", company.inner.heads());
    }
    let (stderr, outer) = (program.stderr(), company.outer.address);
    assert_told(&stderr, "none", &format!("the proxy {outer} demands credentials"));
    assert_told(&stderr, "plain-none", &format!("the proxy {outer} demands credentials"));
    assert_told(&stderr, "bad", "it may refuse the credentials of its URL");
    assert_told(&stderr, "plain-bad", &format!("the proxy {outer} demands credentials"));
    assert_told(&stderr, "closed", "no connection to the proxy 127.0.0.1:9: ");
    assert_told(&stderr, "plain-closed", "no connection to the proxy 127.0.0.1:9: ");
    assert_told(&stderr, "stranger", "the certificate of c.test.invalid is for another host");
    assert_told(&stderr, "lost", " the proxy proxy.test.invalid");
    assert!(!company.inner.heads().contains(LOGIN), "the login is for the first proxy alone");
    assert_silent(&program).await;
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_for_all_but_no_proxy() {
    let company = Company::new().await;
    let any = company.any();
    let mut scene = Scene::new("interval: 1s, timeout: 20s");
    for (name, url) in [
        ("by", "https://das.test.invalid"),
        ("name", "https://b.test.invalid"),
        ("domain", "https://a.in.test.invalid"),
        ("address", &any),
        ("here", &company.cloud.url()),
    ] {
        company.add(&mut scene, Api::Alibaba, name, url, "");
    }
    company.add(&mut scene, Api::HuaweiDas, "own", "https://das.test.invalid", ", proxy: none");
    for (upper, network) in [(true, ANY), (false, "192.0.2.0/24,0.0.0.0/8")] {
        let spelled = |name: &str| if upper { name.to_owned() } else { name.to_lowercase() };
        let program = company
            .invocation(&scene)
            .environment(&spelled("HTTPS_PROXY"), &company.proxy(&format!("{USER}:{PASSWORD}@")))
            .environment(&spelled("NO_PROXY"), &format!("b.test.invalid, .in.test.invalid,{network}"));
        let program = program.start().await;
        // Names that nobody knows, or that nobody tells in time: only a proxy could.
        settled(&program, &["by", "address", "here"], &["name", "domain", "own"]).await;
        assert_silent(&program).await;
    }
    assert!(company.inner.was_asked("CONNECT das.test.invalid:443 "));
    for past in ["b.test.invalid", "a.in.test.invalid", ANY, "127.0.0.1"] {
        assert!(!company.inner.was_asked(&format!("CONNECT {past}:")), "{past}");
    }
}

#[tokio::test]
async fn other_networks_than_those_of_no_proxy_go_by_the_proxy() {
    let company = Company::new().await;
    let another = company.authority.acceptor(&[ANY], Validity::Present);
    let another = Server::tls(LOCAL, another, &company.cloud).await;
    let any = |server: &Server| format!("{ANY}:{}", server.address.port());
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    for (name, server, network) in [("by", &company.server, ""), ("own", &another, ", proxy: none")] {
        company.add(&mut scene, Api::Alibaba, name, &format!("https://{}", any(server)), network);
    }
    let program = company
        .invocation(&scene)
        .environment("https_proxy", &company.proxy(&format!("{USER}:{PASSWORD}@")))
        .environment("no_proxy", "localhost,10.0.0.0/8,0.0.0.1,1.0.0.0/8,.0");
    let program = program.start().await;
    settled(&program, &["by", "own"], &[]).await;
    assert!(company.inner.was_asked(&format!("CONNECT {} ", any(&company.server))));
    assert!(!company.inner.was_asked(&format!("CONNECT {} ", any(&another))));
}

#[tokio::test]
async fn a_proxy_that_changes_takes_effect_at_a_reload() {
    let company = Company::new().await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    company.add(&mut scene, Api::Alibaba, "by", "https://das.test.invalid", ", proxy_file: proxy");
    let wrong = company.proxy(&format!("{USER}:canary-of-another@"));
    let program = super::invocation(&scene.file(), &["--config.auto-reload-interval=1s"])
        .file("ours.pem", &company.authority.pem())
        .file("proxy", &wrong);
    let program = program.start().await;
    settled(&program, &[], &["by"]).await;
    program.replace("proxy", &company.proxy(&format!("{USER}:{PASSWORD}@")));
    settled(&program, &["by"], &[]).await;
    assert_silent(&program).await;
}

#[tokio::test]
async fn a_proxy_may_be_reached_by_tls_and_is_verified_as_well() {
    let (company, others) = (Company::new().await, Authority::new("others"));
    let (ours, here) = (&company.authority, ["127.0.0.1"]);
    let mut proxies = Vec::new();
    for (of, acceptor, words) in [
        ("good", ours.acceptor(&here, Validity::Present), ""),
        ("old", ours.acceptor(&here, Validity::Past), "has expired"),
        ("strange", ours.acceptor(&["das.test.invalid"], Validity::Present), "is for another host"),
        ("unknown", others.acceptor(&here, Validity::Present), "is of an authority that is not trusted"),
    ] {
        proxies.push((of, Server::tls_before(LOCAL, acceptor, company.outer.address).await, words));
    }
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    for (name, url) in [("https", "https://das.test.invalid"), ("http", "http://das.test.invalid")] {
        for (of, proxy, _) in &proxies {
            let proxy = format!(", proxy: 'https://{USER}:{PASSWORD}@{}'", proxy.address);
            company.add(&mut scene, Api::Alibaba, &format!("{of}-{name}"), url, &proxy);
        }
    }
    let program = company.invocation(&scene).start().await;
    let down = ["old-https", "old-http", "strange-https", "strange-http", "unknown-https", "unknown-http"];
    settled(&program, &["good-https", "good-http"], &down).await;
    for (of, proxy, words) in &proxies[1..] {
        for name in ["https", "http"] {
            let said = format!("the proxy {} {words}", proxy.address);
            assert_told(&program.stderr(), &format!("{of}-{name}"), &said);
        }
    }
    assert_silent(&program).await;
}
