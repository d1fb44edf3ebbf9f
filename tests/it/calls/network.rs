//! What stands between the exporter and an endpoint on its own machine: nothing.

use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::SourceKind::AlibabaRds;
use crate::program::Invocation;

/// Fetches an instance with one more environment variable.
async fn fetch_with(name: &str, value: &str) -> (Option<i32>, String) {
    let cloud = cloud().await;
    cloud.set_sessions("rm-1", Vec::new());
    let yaml = Configuration::of([instance(AlibabaRds, "rm-1")]).yaml(&cloud.url());
    let invocation = Invocation::configured(&yaml, &["fetch", "rm-1"]).environment(name, value);
    let fetched = invocation.finish().await;
    (fetched.code, fetched.stderr)
}

#[tokio::test]
async fn a_proxy_has_no_part_in_calls_to_this_machine() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        // Nobody listens on port 9.
        assert_eq!(fetch_with(name, "http://127.0.0.1:9").await, (Some(0), String::new()), "{name}");
    }
}

#[tokio::test]
async fn a_machine_without_certificates_reaches_plain_http_endpoints() {
    let (code, stderr) = fetch_with("SSL_CERT_FILE", "/nonexistent").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stderr.matches("no certificate store").count(), 1, "{stderr}");
}
