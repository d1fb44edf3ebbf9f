//! Networks as companies have them: endpoints behind proxies, with certificates of their own, on IPv6.

mod address;
pub mod certificate;
mod healthcheck;
mod legs;
mod proxies;
mod server;
mod tinyproxy;
mod tls;

use dbsession_exporter::demo::Cloud;

use crate::parse::Page;
use crate::program::{Invocation, Program};
use crate::scene::{Api, Scene, counted, rows};

const FAILURES: &str = "dbsession_fetch_failures_total";

/// All secrets of these tests have this in it; so base64 spells it, wherever it stands.
const SECRETS: [&str; 5] = ["canary", "issued-", "Y2FuYXJ5", "NhbmFye", "jYW5hcn"];

/// At its most talkative, with every word searched for secrets.
fn invocation(yaml: &str, flags: &[&str]) -> Invocation {
    Invocation::configured(yaml, &[&["--log.level=debug"], flags].concat()).hiding(&SECRETS)
}

/// That nothing that it shows holds a secret; what it logs is searched in its end.
async fn assert_silent(program: &Program) {
    for path in ["/metrics", "/", "/config", "/api/v1/instances", "/sd", "/-/ready"] {
        assert!(!program.get(path).await.body.is_empty(), "{path}");
    }
}

/// An account of one instance, both with this name: at `url`, by a key that the cloud knows, and with these further keys of
/// the file, like `, proxy: none`.
fn account(scene: &mut Scene, cloud: &Cloud, api: Api, name: &str, url: &str, network: &str) {
    cloud.add_key(&format!("{name}-canary-id"), "canary-of-secret", None);
    let credentials =
        format!("{{access_key_id: {name}-canary-id, access_key_secret: canary-of-secret}}{network}");
    scene.account_with(url, api, name, &credentials).instance(cloud, api, name, name, 2);
    cloud.set_sessions(name, rows(2));
}

/// Whether a target has failed by the network, and by nothing else.
fn lacks_network(page: &Page, name: &str) -> bool {
    let all = page.with(&[("instance_id", name)]).sum(FAILURES);
    let network = counted(page, name, FAILURES, "network");
    assert!((all - network).abs() < 0.5, "{name} has failed by something else than the network");
    network > 0.0
}

/// That the log says of a target why it failed.
fn assert_told(stderr: &str, name: &str, words: &str) {
    let own = format!(" instance_id={name} ");
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains(&own)).collect();
    let is_told = lines.iter().any(|line| line.contains(words) && line.contains(" reason=network "));
    assert!(is_told, "{words:?} is missing in {lines:#?}");
}
