//! TLS with a certificate of the server: which versions are spoken, and how a renewed certificate is taken up.

use std::sync::Arc;

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use super::{Line, client, get, server_certificate, status, tls, with_tls};
use crate::network::certificate::Authority;
use crate::program::{Program, wait_until};

fn speaking(authority: &Authority, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("it is PEM");
    roots.add(authority).expect("it is an authority");
    let config = ClientConfig::builder_with_protocol_versions(&[version]);
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// What the server says to a greeting of this version: the kind of the record, and the code of an alert.
async fn greet(program: &Program, version: ProtocolVersion) -> (u8, u8) {
    let [high, low] = u16::from(version).to_be_bytes();
    let mut body = vec![high, low];
    body.extend([7; 32]);
    // No session; the ciphers ECDHE_RSA_WITH_AES_128_CBC_SHA and RSA_WITH_AES_128_CBC_SHA; no compression.
    body.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    // One extension: signatures by ecdsa_secp256r1_sha256.
    body.extend([0, 8, 0, 0x0d, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(body.len()).expect("it is short");
    let mut record = vec![0x16, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
    stream.write_all(&record).await.expect("it reads");
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.expect("it says why");
    (answer[0], answer[6])
}

#[tokio::test]
async fn tls_is_spoken_from_1_2_on_and_nothing_else_on_that_port() {
    const ALERT: u8 = 0x15;
    const PROTOCOL_VERSION: u8 = 70;
    let ours = Authority::new("ours");
    let program = with_tls(&ours, "", &[]).start().await;
    for version in [&TLS12, &TLS13] {
        assert_eq!(
            status(&program, Some(&speaking(&ours, version)), "/metrics").await,
            Some(200),
            "{version:?}"
        );
    }
    assert_eq!(status(&program, None, "/metrics").await, None, "plain http is not answered");
    for old in [ProtocolVersion::SSLv3, ProtocolVersion::TLSv1_0, ProtocolVersion::TLSv1_1] {
        assert_eq!(greet(&program, old).await, (ALERT, PROTOCOL_VERSION), "{old:?}");
    }
    let (kind, alert) = greet(&program, ProtocolVersion::TLSv1_2).await;
    assert!(kind == ALERT && alert != PROTOCOL_VERSION, "there it is the ciphers that are too old: {alert}");
    let others = client(&Authority::new("others"), None);
    assert_eq!(status(&program, Some(&others), "/metrics").await, None, "the certificate is that of ours");
}

/// By OpenSSL, since rustls has no client that asks for it: its `s_client` does, at a line of one R.
#[tokio::test]
async fn a_handshake_is_not_renegotiated() {
    let program = with_tls(&Authority::new("ours"), "", &[]).start().await;
    let mut client = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &program.address().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("openssl is installed");
    let mut input = client.stdin.take().expect("it is piped");
    let mut output = BufReader::new(client.stdout.take().expect("it is piped")).lines();
    // It tells of the session once the handshake is over.
    while let Some(line) = output.next_line().await.expect("it writes text") {
        if line.contains("Extended master secret") {
            break;
        }
    }
    input.write_all(b"R\n").await.expect("it reads");
    let ended = client.wait_with_output().await.expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("RENEGOTIATING") && told.contains("no renegotiation"), "{told}");
}

#[tokio::test]
async fn versions_ciphers_and_curves_are_as_configured() {
    let ours = Authority::new("ours");
    let (old, new) = (speaking(&ours, &TLS12), speaking(&ours, &TLS13));
    // The certificate's key is an ECDSA key: a cipher for RSA keys alone leaves TLS 1.2 without one.
    for (keys, in_old, in_new) in [
        (", min_version: TLS13", None, Some(200)),
        (", max_version: TLS12, curve_preferences: [CurveP384]", Some(200), None),
        (", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]", Some(200), Some(200)),
        (", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", None, Some(200)),
    ] {
        let program = with_tls(&ours, keys, &[]).start().await;
        let statuses =
            (status(&program, Some(&old), "/metrics").await, status(&program, Some(&new), "/metrics").await);
        assert_eq!(statuses, (in_old, in_new), "{keys}");
    }
}

#[tokio::test]
async fn a_certificate_and_a_key_may_stand_in_the_file_itself() {
    let ours = Authority::new("ours");
    let server = server_certificate(&ours);
    let inline = |pem: &str| format!("|\n    {}", pem.trim_end().replace('\n', "\n    "));
    let web =
        format!("tls_server_config:\n  cert: {}\n  key: {}\n", inline(&server.pem), inline(&server.key_pem));
    let program = super::secured(&web, &[]).start().await;
    assert_eq!(status(&program, Some(&client(&ours, None)), "/-/healthy").await, Some(200));
}

#[tokio::test]
async fn a_renewed_certificate_greets_new_connections_and_the_open_one_goes_on() {
    let ours = Authority::new("ours");
    let program = with_tls(&ours, "", &["--config.auto-reload-interval=1s"]).start().await;
    let tls_client = client(&ours, None);
    let mut open = Line::open(program.address(), Some(&tls_client)).await.unwrap();
    assert_eq!(open.get("/metrics").await.unwrap().status, 200);

    let renewed = server_certificate(&ours);
    // Between the two the certificate has another key: that is bad, and the old pair stays.
    program.replace("server.crt", &renewed.pem);
    wait_until("a reload that fails", async || {
        let metrics = get(&program, Some(&tls_client), "/metrics").await.unwrap().body;
        metrics.contains("dbsession_exporter_config_last_reload_successful 0\n")
    })
    .await;
    assert!(
        program.stderr().contains("web.yml:1:1: tls_server_config: certificate and key"),
        "{}",
        program.stderr()
    );
    program.replace("server.key", &renewed.key_pem);
    wait_until("the renewed certificate", async || {
        let line = Line::open(program.address(), Some(&tls_client)).await.unwrap();
        line.certificate.as_ref() == Some(&renewed.certificate)
    })
    .await;
    let answer = open.get("/metrics").await.expect("the open connection was not dropped");
    assert!(answer.body.contains("dbsession_exporter_config_last_reload_successful 1\n"), "{}", answer.body);
    assert!(open.certificate.as_ref() != Some(&renewed.certificate));
}

#[tokio::test]
async fn tls_can_be_turned_on_while_it_runs() {
    let ours = Authority::new("ours");
    let server = server_certificate(&ours);
    let program = super::secured("", &["--web.enable-lifecycle"])
        .file("server.crt", &server.pem)
        .file("server.key", &server.key_pem)
        .start()
        .await;
    let mut plain = Line::open(program.address(), None).await.unwrap();
    assert_eq!(plain.get("/metrics").await.unwrap().status, 200);
    program.replace("web.yml", &tls(""));
    assert_eq!(program.reload().await.status, 200);
    assert_eq!(status(&program, Some(&client(&ours, None)), "/metrics").await, Some(200));
    assert_eq!(status(&program, None, "/metrics").await, None);
    assert_eq!(plain.get("/metrics").await.expect("the open connection goes on").status, 200);
}
