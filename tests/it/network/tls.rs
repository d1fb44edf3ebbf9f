//! Certificates: always verified, by the authorities that the configuration names, and with words for each fault.

use super::certificate::{Authority, Validity};
use super::server::{LOCAL, Server};
use super::{account, assert_silent, assert_told, invocation, lacks_network};
use crate::parse::Page;
use crate::program::Program;
use crate::scene::{self, Api, Scene, is_up};

const HERE: &[&str] = &["127.0.0.1"];
const OURS: &str = ", tls: {ca_file: ours.pem}";

/// Waits until these targets are up, and those are not for want of a good network.
async fn settled(program: &Program, up: &[&str], down: &[&str]) -> Page {
    let wanted = |page: &Page| {
        up.iter().all(|name| is_up(page, name) == Some(true))
            && down.iter().all(|name| is_up(page, name) == Some(false) && lacks_network(page, name))
    };
    program.scrape_until(&format!("{up:?} to be up, and {down:?} to be down"), wanted).await
}

#[tokio::test]
async fn certificates_are_verified_and_each_fault_is_told_apart() {
    let (cloud, ours, others) = (scene::cloud().await, Authority::new("ours"), Authority::new("others"));
    let servers = [
        ("good", ours.acceptor(HERE, Validity::Present), ""),
        ("old", ours.acceptor(HERE, Validity::Past), "has expired"),
        ("early", ours.acceptor(HERE, Validity::Future), "is not valid yet; set the clock"),
        (
            "strange",
            ours.acceptor(&["das.example.com"], Validity::Present),
            "is for another host; check the endpoint",
        ),
        ("unknown", others.acceptor(HERE, Validity::Present), "give its certificate as tls.ca_file"),
    ];
    let (mut scene, mut running) = (Scene::new("interval: 1s, timeout: 5s"), Vec::new());
    for (name, acceptor, words) in servers {
        let server = Server::tls(LOCAL, acceptor, &cloud).await;
        for (api, of) in [(Api::Alibaba, "ali"), (Api::HuaweiDdm, "hw")] {
            account(&mut scene, &cloud, api, &format!("{of}-{name}"), &server.https(), OURS);
        }
        running.push((name, server, words));
    }
    let plain = cloud.url().replace("http://", "https://");
    account(&mut scene, &cloud, Api::Alibaba, "plain", &plain, OURS);
    let program = invocation(&scene.file(), &[]).file("ours.pem", &ours.pem());
    let program = program.start().await;
    let bad: Vec<_> = running.iter().filter(|row| row.0 != "good").collect();
    let down: Vec<String> =
        bad.iter().flat_map(|row| ["ali", "hw"].map(|of| format!("{of}-{}", row.0))).collect();
    let mut down: Vec<&str> = down.iter().map(String::as_str).collect();
    down.push("plain");
    settled(&program, &["ali-good", "hw-good"], &down).await;

    let stderr = program.stderr();
    for (name, server, words) in bad {
        for of in ["ali", "hw"] {
            let said = format!("the certificate of {} ", server.address);
            assert_told(&stderr, &format!("{of}-{name}"), &said);
            assert_told(&stderr, &format!("{of}-{name}"), words);
        }
    }
    assert_told(&stderr, "plain", "does not speak TLS; check the port");
    let calls = cloud.calls();
    assert!(
        calls.iter().all(|call| call.instance.ends_with("good")),
        "nothing is sent where nobody vouches: {calls:?}"
    );
    assert_silent(&program).await;
}

#[tokio::test]
async fn an_own_authority_is_trusted_besides_the_systems_or_instead() {
    let (cloud, ours, systems) =
        (scene::cloud().await, Authority::new("ours"), Authority::new("the system's"));
    let own = Server::tls(LOCAL, ours.acceptor(HERE, Validity::Present), &cloud).await;
    let public = Server::tls(LOCAL, systems.acceptor(HERE, Validity::Present), &cloud).await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    for (name, network) in
        [("plain", ""), ("both", OURS), ("only", ", tls: {ca_file: ours.pem, system_roots: false}")]
    {
        account(&mut scene, &cloud, Api::Alibaba, &format!("{name}-own"), &own.https(), network);
        account(&mut scene, &cloud, Api::HuaweiDas, &format!("{name}-public"), &public.https(), network);
    }
    let program = invocation(&scene.file(), &[])
        .file("ours.pem", &ours.pem())
        .file("system.pem", &systems.pem())
        .environment("SSL_CERT_FILE", "system.pem");
    let program = program.start().await;
    let up = ["plain-public", "both-own", "both-public", "only-own"];
    settled(&program, &up, &["plain-own", "only-public"]).await;
}

#[tokio::test]
async fn an_authority_that_is_exchanged_is_noticed() {
    let (cloud, old, new) = (scene::cloud().await, Authority::new("old"), Authority::new("new"));
    let server = Server::tls(LOCAL, new.acceptor(HERE, Validity::Present), &cloud).await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    account(&mut scene, &cloud, Api::Alibaba, "own", &server.https(), OURS);
    let looking = ["--config.auto-reload-interval=1s"];
    let program = invocation(&scene.file(), &looking).file("ours.pem", &old.pem()).start().await;
    settled(&program, &[], &["own"]).await;
    program.replace("ours.pem", "no certificate");
    let refused =
        |page: &Page| page.value("dbsession_exporter_config_last_reload_successful", &[]) == Some(0.0);
    program.scrape_until("a reload that fails", refused).await;
    assert!(program.stderr().contains("ours.pem holds no certificate"), "{}", program.stderr());
    program.replace("ours.pem", &format!("{}{}", old.pem(), new.pem()));
    settled(&program, &["own"], &[]).await;
}

#[tokio::test]
async fn a_file_without_an_authority_is_a_bad_configuration() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("");
    account(&mut scene, &cloud, Api::Alibaba, "own", "https://127.0.0.1:9", OURS);
    let ended = invocation(&scene.file(), &["check"]).file("ours.pem", "").finish().await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let told =
        ended.stderr.contains("accounts[0].tls.ca_file: ") && ended.stderr.contains("/ours.pem holds no");
    assert!(told, "{}", ended.stderr);
}
