//! Addresses: IPv6 wherever one can be given, and servers that never answer.

use tokio::net::TcpListener;

use super::certificate::{Authority, Validity};
use super::server::{LOCAL, Proxy, Server};
use super::{account, assert_told, invocation, lacks_network};
use crate::parse::Page;
use crate::scene::{self, Api, Scene, is_up};

const HERE: &str = "[::1]:0";
const OURS: &str = ", tls: {ca_file: ours.pem}";

/// Whether the machine has IPv6; says so where not.
#[expect(clippy::print_stderr, reason = "nothing is left out in silence")]
async fn has_ipv6() -> bool {
    let bound = TcpListener::bind(HERE).await;
    if let Err(error) = &bound {
        eprintln!("not tested, since this machine has no IPv6: {error}");
    }
    bound.is_ok()
}

#[tokio::test]
async fn endpoint_proxy_and_listen_address_may_be_of_ipv6() {
    if !has_ipv6().await {
        return;
    }
    let (cloud, ours) = (scene::cloud().await, Authority::new("ours"));
    let server =
        Server::tls(HERE, ours.acceptor(&["::1", "das.test.invalid"], Validity::Present), &cloud).await;
    let proxy = Proxy::start(HERE, &server, &cloud).await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    for (api, name) in [(Api::Alibaba, "ali"), (Api::HuaweiDas, "das"), (Api::HuaweiDdm, "ddm")] {
        account(&mut scene, &cloud, api, name, &server.https(), OURS);
        let by_proxy = format!("{OURS}, proxy: 'http://{}'", proxy.address());
        account(&mut scene, &cloud, api, &format!("{name}-proxy"), "https://das.test.invalid", &by_proxy);
    }
    let program = invocation(&scene.file(), &["--web.listen-address=[::1]:0"]);
    let program = program.file("ours.pem", &ours.pem()).start().await;
    assert!(program.address().is_ipv6(), "{}", program.address());
    let names = ["ali", "das", "ddm", "ali-proxy", "das-proxy", "ddm-proxy"];
    let all_up = |page: &Page| names.iter().all(|name| is_up(page, name) == Some(true));
    program.scrape_until("all to be up", all_up).await;
    assert!(proxy.was_asked("CONNECT das.test.invalid:443 "));
    assert!(!proxy.was_asked("CONNECT [::1]"), "this machine is reached without");
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up_before_the_deadline() {
    let (cloud, silent) = (scene::cloud().await, Server::silent(LOCAL).await);
    let mut scene = Scene::new("interval: 1s, timeout: 25s");
    account(&mut scene, &cloud, Api::Alibaba, "silent", &silent.https(), "");
    let program = invocation(&scene.file(), &[]).start().await;
    program.scrape_until("it to be given up", |page| lacks_network(page, "silent")).await;
    let words = format!("no connection to {} within 5s; check routes and firewalls", silent.address);
    assert_told(&program.stderr(), "silent", &words);
}
