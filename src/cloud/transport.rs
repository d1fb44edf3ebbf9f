//! HTTPS out: one call, bounded in time by the fetch's deadline and in memory by a cap that also holds after
//! decompression. Redirects are not followed; certificates are always verified.

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Method, Response, redirect};
use tokio::time::Instant;
use tracing::warn;

use super::budget::Budget;
use crate::error::{FailureKind, FetchError};

/// Memory taken before anything has come, whatever an answer announces.
const FIRST_BYTES: usize = 1 << 20;

/// Sends calls; cheap to clone, keeps connections.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    /// For calls to this machine: without a proxy.
    direct: reqwest::Client,
}

/// A call to send. It has no `Debug`: its headers hold keys and tokens.
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// Scheme, host, path and query, sent as they are.
    pub url: String,
    /// Whether the host is this machine, which no proxy can reach for us.
    pub local: bool,
    /// All headers, `host` included.
    pub headers: Vec<(&'static str, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

/// An answer. It has no `Debug`: a body holds SQL text, a header may hold a token.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Decompressed body.
    pub body: Vec<u8>,
    /// When it was written, about: halfway from the request to the headers.
    pub written: Instant,
}

impl Transport {
    /// A transport with the system's proxy settings and certificate store. Without a store only plain-http endpoints can
    /// be reached; that is worth a warning, not the end: such endpoints may be all there are.
    ///
    /// # Errors
    /// [`FailureKind::Network`] where the proxy settings cannot be used.
    pub fn new() -> Result<Self, FetchError> {
        let certificates: fn() -> ClientBuilder = match builder().no_proxy().build() {
            Ok(_) => builder,
            Err(error) => {
                let error = failure(error).detail;
                warn!(
                    error,
                    "no certificate store: HTTPS endpoints fail until CA certificates are installed"
                );
                || builder().tls_certs_only([])
            }
        };
        let client = certificates().build().map_err(failure)?;
        Ok(Self { client, direct: certificates().no_proxy().build().map_err(failure)? })
    }

    /// Sends one call and reads its whole answer.
    ///
    /// # Errors
    /// [`FailureKind::Timeout`] at the deadline, [`FailureKind::Network`] for a connection that fails at any point,
    /// [`FailureKind::BadResponse`] for an answer above `max_bytes` or one that cannot be decompressed.
    pub async fn send(
        &self,
        call: Call,
        max_bytes: usize,
        budget: &mut Budget,
    ) -> Result<Answer, FetchError> {
        budget.calls += 1;
        let answer = budget.run(self.exchange(call, max_bytes)).await?;
        budget.answered_at = Some(Instant::now());
        answer
    }

    async fn exchange(&self, call: Call, max_bytes: usize) -> Result<Answer, FetchError> {
        let mut headers = headers(call.headers)?;
        // Left out of an empty POST by default, but some gateways insist on it.
        if call.method == Method::POST {
            headers.insert(CONTENT_LENGTH, call.body.len().into());
        }
        let client = if call.local { &self.direct } else { &self.client };
        let request = client.request(call.method, call.url).headers(headers).body(call.body);
        let asked = Instant::now();
        let mut response = request.send().await.map_err(failure)?;
        let written = asked + asked.elapsed() / 2;
        let body = read(&mut response, max_bytes).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            written,
        })
    }
}

fn builder() -> ClientBuilder {
    let user_agent = concat!("dbsession_exporter/", env!("CARGO_PKG_VERSION"));
    reqwest::Client::builder().user_agent(user_agent).redirect(redirect::Policy::none()).http1_only()
}

async fn read(response: &mut Response, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let too_large = || {
        let detail = format!("the answer is larger than max_response_bytes, {max_bytes}");
        FetchError::new(FailureKind::BadResponse, detail)
    };
    let announced = usize::try_from(response.content_length().unwrap_or_default()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.min(FIRST_BYTES));
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Values that came from a file or a cloud may hold what no header can.
fn headers(pairs: Vec<(&'static str, String)>) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| {
            FetchError::new(FailureKind::Auth, format!("a key or token cannot be sent in header {name}"))
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn failure(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let (mut causes, mut next) = (Vec::new(), Some(&error as &dyn std::error::Error));
    let mut connection = false;
    while let Some(cause) = next {
        connection |= cause.is::<hyper::Error>() || cause.is::<hyper_util::client::legacy::Error>();
        causes.push(cause.to_string());
        next = cause.source();
    }
    let garbled = error.is_decode() && !connection;
    let kind = if garbled { FailureKind::BadResponse } else { FailureKind::Network };
    FetchError::new(kind, causes.join(": "))
}
