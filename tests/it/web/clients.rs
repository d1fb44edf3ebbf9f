//! Certificates of clients: every `client_auth_type`, and the names that a certificate must be for.

use rcgen::SanType;

use super::{client, get, status, with_tls};
use crate::network::certificate::{Authority, Issued, Validity};

const CA: &str = ", client_ca_file: clients.crt";

fn certificate(authority: &Authority, host: &str) -> Issued {
    authority.issue(&[host], &[], Validity::Present)
}

#[tokio::test]
async fn every_type_of_client_authentication_lets_in_whom_it_says() {
    let (server, clients, others) =
        (Authority::new("server"), Authority::new("clients"), Authority::new("others"));
    let [good, strange] = [&clients, &others].map(|authority| certificate(authority, "prometheus"));
    let old = clients.issue(&["prometheus"], &[], Validity::Past);
    let callers = [None, Some(&good), Some(&strange), Some(&old)].map(|own| client(&server, own));
    let (yes, http, no) = (Some(200), Some(403), None);
    // Without a certificate; with a good one; with one of another authority; with one that has expired.
    for (kind, authority, wanted) in [
        ("NoClientCert", "", [yes, yes, yes, yes]),
        ("RequestClientCert", CA, [yes, yes, yes, yes]),
        ("RequireAnyClientCert", "", [http, yes, yes, yes]),
        ("VerifyClientCertIfGiven", CA, [yes, yes, no, no]),
        ("RequireAndVerifyClientCert", CA, [http, yes, no, no]),
    ] {
        let keys = format!(", client_auth_type: {kind}{authority}");
        let program = with_tls(&server, &keys, &[]).file("clients.crt", &clients.pem()).start().await;
        let mut found = Vec::new();
        for caller in &callers {
            found.push(status(&program, Some(caller), "/metrics").await);
        }
        assert_eq!(found, wanted, "{kind}");
        assert_eq!(status(&program, Some(&callers[0]), "/-/healthy").await, yes, "{kind}");
    }
}

#[tokio::test]
async fn without_the_exception_for_probes_a_certificate_is_demanded_in_the_handshake() {
    let (server, clients) = (Authority::new("server"), Authority::new("clients"));
    let keys = format!(", client_auth_type: RequireAndVerifyClientCert{CA}");
    let program =
        with_tls(&server, &keys, &["--web.health-no-auth=false"]).file("clients.crt", &clients.pem());
    let program = program.start().await;
    let good = certificate(&clients, "prometheus");
    let (without, with) = (client(&server, None), client(&server, Some(&good)));
    for path in ["/-/healthy", "/-/ready", "/metrics"] {
        assert_eq!(status(&program, Some(&without), path).await, None, "{path}");
        assert_eq!(status(&program, Some(&with), path).await, Some(200), "{path}");
    }
}

#[tokio::test]
async fn strangers_get_nothing_but_the_health_paths() {
    let server = Authority::new("server");
    let program = with_tls(&server, ", client_auth_type: RequireAnyClientCert", &[]).start().await;
    let stranger = client(&server, None);
    for path in
        ["/", "/metrics", "/probe", "/sd", "/api/v1/kill-tasks", "/nowhere", "/-/healthy/", "//-/healthy"]
    {
        let answer = get(&program, Some(&stranger), path).await.unwrap();
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
    assert_eq!(status(&program, Some(&stranger), "/-/ready").await, Some(200));
}

#[tokio::test]
async fn a_certificate_must_be_for_one_of_the_allowed_names() {
    let (server, clients) = (Authority::new("server"), Authority::new("clients"));
    let keys = format!(
        ", client_auth_type: RequireAndVerifyClientCert{CA}, client_allowed_sans: \
         [prometheus.example, 192.0.2.7, 'spiffe://example/prometheus', 'ops@example.org', '2001:db8::7']"
    );
    let program = with_tls(&server, &keys, &[]).file("clients.crt", &clients.pem()).start().await;
    let text = |text: &str| text.try_into().expect("it is ASCII");
    let cases = [
        (vec!["prometheus.example"], vec![], true),
        (vec!["else.example", "prometheus.example"], vec![], true),
        (vec!["192.0.2.7"], vec![], true),
        (vec!["2001:db8::7"], vec![], true),
        (vec![], vec![SanType::URI(text("spiffe://example/prometheus"))], true),
        (vec![], vec![SanType::Rfc822Name(text("ops@example.org"))], true),
        (vec!["*.example"], vec![], false),
        (vec!["sub.prometheus.example", "192.0.2.8"], vec![], false),
        (vec![], vec![], false),
    ];
    for (hosts, others, is_let_in) in cases {
        let own = clients.issue(&hosts, &others, Validity::Present);
        let status = status(&program, Some(&client(&server, Some(&own))), "/metrics").await;
        assert_eq!(status, is_let_in.then_some(200), "{hosts:?} {others:?}");
    }
}
