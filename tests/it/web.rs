//! The exporter's own endpoints, secured and under load: `--web.config.file`, and the limits of the server.

mod body;
mod certificates;
mod clients;
mod crowd;
mod example;
mod reload;
mod users;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::network::certificate::{Authority, Issued, Validity};
use crate::program::{Invocation, Program};

const WEB: &str = "--web.config.file=web.yml";
const HERE: &[&str] = &["127.0.0.1"];

/// A daemon with nothing to fetch, secured by this web.yml.
fn secured(web: &str, flags: &[&str]) -> Invocation {
    Invocation::configured("global: {}\n", &[&[WEB], flags].concat()).file("web.yml", web)
}

/// A certificate for this machine.
fn server_certificate(authority: &Authority) -> Issued {
    authority.issue(HERE, &[], Validity::Present)
}

/// A web.yml of TLS with the files server.crt and server.key, and with these further keys of `tls_server_config`.
fn tls(more: &str) -> String {
    format!("tls_server_config: {{cert_file: server.crt, key_file: server.key{more}}}\n")
}

/// The same, with a certificate of this authority in the files.
fn with_tls(authority: &Authority, more: &str, flags: &[&str]) -> Invocation {
    let server = server_certificate(authority);
    secured(&tls(more), flags).file("server.crt", &server.pem).file("server.key", &server.key_pem)
}

/// A client that trusts this authority, and shows this certificate.
fn client(authority: &Authority, own: Option<&Issued>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("it is PEM");
    roots.add(authority).expect("it is an authority");
    let config = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(match own {
        None => config.with_no_client_auth(),
        Some(own) => config
            .with_client_auth_cert(vec![own.certificate.clone()], own.key.clone_key())
            .expect("they belong together"),
    })
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

/// One connection to a program.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// What the server showed.
    certificate: Option<CertificateDer<'static>>,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Line {
    async fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        let Some(tls) = tls else { return Self::over(stream, None).await };
        let name = ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
        Self::over(stream, shown.map(CertificateDer::into_owned)).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certificate: Option<CertificateDer<'static>>,
    ) -> Outcome<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, certificate })
    }

    async fn ask(&mut self, method: Method, path: &str, user: Option<(&str, &str)>) -> Outcome<Answer> {
        let mut request = Request::builder().method(method).uri(path).header("host", "exporter");
        if let Some((name, password)) = user {
            let pair =
                base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{name}:{password}"));
            request = request.header("authorization", format!("Basic {pair}"));
        }
        let response = self.sender.send_request(request.body(Full::default())?).await?;
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().into())?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.ask(Method::GET, path, None).await
    }
}

/// The answer to one request on a connection of its own.
async fn get(program: &Program, tls: Option<&Arc<ClientConfig>>, path: &str) -> Outcome<Answer> {
    Line::open(program.address(), tls).await?.get(path).await
}

/// The status of the same.
async fn status(program: &Program, tls: Option<&Arc<ClientConfig>>, path: &str) -> Option<u16> {
    get(program, tls, path).await.ok().map(|answer| answer.status)
}
