//! The web.yml that comes with the program is in order and shows every key.

use std::fs;
use std::path::Path;

use super::{client, get, secured, server_certificate};
use crate::network::certificate::{Authority, Validity};

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/web.yml");
    fs::read_to_string(path).expect("it is there")
}

#[tokio::test]
async fn the_example_works_as_it_stands() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let server = server_certificate(&ours);
    let program = secured(&example(), &[])
        .file("exporter.crt", &server.pem)
        .file("exporter.key", &server.key_pem)
        .file("clients.crt", &clients.pem())
        .start()
        .await;
    let own = clients.issue(&["prometheus.example.com"], &[], Validity::Present);
    let answer = get(&program, Some(&client(&ours, Some(&own))), "/metrics").await.expect("it is let in");
    assert_eq!(answer.status, 401, "by TLS, that is: nobody knows the example's password");
    assert_eq!(answer.headers["x-frame-options"], "deny");
    assert!(
        !program.stderr().contains("WARN") && !program.stderr().contains("level=warn"),
        "{}",
        program.stderr()
    );
}

#[tokio::test]
async fn the_example_has_every_key() {
    let text = example();
    for level in
        ["zzz: 1", "tls_server_config: {zzz: 1}", "http_server_config: {zzz: 1}", "rate_limit: {zzz: 1}"]
    {
        let ended = secured(level, &["check"]).finish().await;
        let (_, keys) = ended.stderr.split_once("the keys here are ").unwrap_or_else(|| panic!("{ended:?}"));
        for key in keys.trim().split(", ") {
            let has_key = |line: &str| line.trim_start_matches([' ', '#']).starts_with(&format!("{key}:"));
            assert!(text.lines().any(has_key), "{key}");
        }
    }
}
