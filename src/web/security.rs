//! Who may come in: TLS, client certificates, users and the rate limit, as the web configuration has them now. Asked before any
//! path is looked at, and the same for all but the health paths.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use secrecy::zeroize::Zeroizing;
use tokio_rustls::TlsAcceptor;

use super::passwords::{Login, Passwords};
use super::throttle::Bucket;
use super::tls;
use crate::config::web::WebConfig;

/// Who has sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// Whether it gave a certificate, which then was as demanded.
    pub(super) has_certificate: bool,
}

/// How the endpoints are secured, for all listeners and connections.
#[derive(Debug)]
pub struct Security {
    rules: RwLock<Arc<Rules>>,
    passwords: Arc<Passwords>,
    /// Paths that everybody may ask for.
    open_paths: Vec<String>,
}

/// One web configuration, ready for use.
#[derive(Debug)]
struct Rules {
    config: WebConfig,
    tls: Option<Arc<ServerConfig>>,
    bucket: Option<Bucket>,
}

impl Security {
    /// As `config` has it; everybody may ask for `open_paths`.
    #[must_use]
    pub fn new(config: WebConfig, open_paths: Vec<String>) -> Self {
        let rules = Rules::new(config, &open_paths, None);
        Self { rules: RwLock::new(Arc::new(rules)), passwords: Passwords::new(), open_paths }
    }

    /// From now on as `config` has it: certificates count for new connections, all else for new requests.
    pub fn replace(&self, config: WebConfig) {
        let rules = Rules::new(config, &self.open_paths, Some(&self.rules()));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// What greets a new connection; none where TLS is not spoken.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.rules().tls.clone().map(TlsAcceptor::from)
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request may be answered; if not, what to say instead.
    async fn admit(
        &self,
        rules: &Rules,
        peer: Peer,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(), Response> {
        if self.open_paths.iter().any(|open| open == path) {
            return Ok(());
        }
        if rules.bucket.as_ref().is_some_and(|bucket| !bucket.take()) {
            return Err((StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n").into_response());
        }
        if rules.requires_certificate() && !peer.has_certificate {
            let why = "A client certificate is required here: connect with one.\n";
            return Err((StatusCode::FORBIDDEN, why).into_response());
        }
        if rules.config.users.is_empty() {
            return Ok(());
        }
        match self.login(rules, peer, headers).await {
            Login::Right => Ok(()),
            Login::Wrong => {
                let demand = [(header::WWW_AUTHENTICATE, "Basic")];
                Err((StatusCode::UNAUTHORIZED, demand, "Unauthorized\n").into_response())
            }
            Login::Crowded => {
                let later = [(header::RETRY_AFTER, "1")];
                let why = "Too many passwords wait to be looked at; try again later.\n";
                Err((StatusCode::TOO_MANY_REQUESTS, later, why).into_response())
            }
        }
    }

    async fn login(&self, rules: &Rules, peer: Peer, headers: &HeaderMap) -> Login {
        let Some(given) = credentials(headers) else { return Login::Wrong };
        let Some(colon) = given.iter().position(|byte| *byte == b':') else { return Login::Wrong };
        let (name, password) = (&given[..colon], &given[colon + 1..]);
        self.passwords.login(&rules.config.users, peer.address, name, password).await
    }
}

impl Rules {
    /// A rate limit that stays the same goes on where it is.
    fn new(config: WebConfig, open_paths: &[String], before: Option<&Self>) -> Self {
        let strangers_wait = !open_paths.is_empty();
        let tls = config.tls.as_ref().map(|tls| tls::server(tls, strangers_wait));
        let bucket = config.rate_limit.map(Bucket::new);
        let bucket = bucket.inspect(|bucket| {
            if let Some(old) = before.and_then(|rules| rules.bucket.as_ref()) {
                bucket.go_on(old);
            }
        });
        Self { config, tls, bucket }
    }

    fn requires_certificate(&self) -> bool {
        self.config.tls.as_ref().is_some_and(|tls| tls.client_auth.requires())
    }
}

/// What the `Authorization` header says of a user and a password: `NAME:PASSWORD`.
fn credentials(headers: &HeaderMap) -> Option<Zeroizing<Vec<u8>>> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(encoded.trim()))?;
    decoded.ok().map(Zeroizing::new)
}

/// Answers a request if it may be, and puts the configured headers on every answer.
pub(super) async fn protect(
    State(security): State<Arc<Security>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let rules = security.rules();
    let peer = request.extensions().get::<Peer>().copied();
    let admitted = match peer {
        Some(peer) => security.admit(&rules, peer, request.uri().path(), request.headers()).await,
        None => Err(StatusCode::FORBIDDEN.into_response()),
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    };
    for (name, value) in &rules.config.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}
