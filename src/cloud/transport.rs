//! HTTPS out: one call, directly or by a proxy, bounded in time by the fetch's deadline and in memory by a cap that also holds
//! after decompression. Redirects are not followed; certificates are always verified.

mod client;
mod failure;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use tokio::time::Instant;

use super::budget::Budget;
use crate::config::Network;
use crate::error::{FailureKind, FetchError};
use failure::Way;

/// Memory taken before anything has come, whatever an answer announces.
const FIRST_BYTES: usize = 1 << 20;

/// Sends calls; cheap to clone, keeps connections.
#[derive(Debug, Clone)]
pub struct Transport {
    network: Arc<Network>,
    direct: Client,
    /// Where the network has a proxy.
    proxied: Option<Client>,
}

/// A call to send. It has no `Debug`: its headers hold keys and tokens.
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// Scheme, host, path and query, sent as they are.
    pub url: Url,
    /// Whether no proxy may come between: the host is this machine, which no proxy can reach for us, or its metadata
    /// service, whose answers are for nobody else.
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
    /// A transport for a network. Without a certificate store only plain-http endpoints can be reached, or those of the
    /// network's own authorities; that is worth a warning, not the end: such endpoints may be all there are.
    ///
    /// # Errors
    /// [`FailureKind::Network`] where proxy or certificates of the network cannot be used.
    pub fn new(network: &Network) -> Result<Self, FetchError> {
        let (direct, proxied) = client::pair(network).map_err(|error| failure::plain(&error))?;
        Ok(Self { network: Arc::new(network.clone()), direct, proxied })
    }

    /// The network that it is for.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
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
        let proxy = if call.local { None } else { self.network.route.proxy(&call.url) };
        let way = Way::new(&call.url, proxy);
        let client = self.proxied.as_ref().filter(|_| proxy.is_some()).unwrap_or(&self.direct);
        let exchange = exchange(client, call, &way, max_bytes);
        let answer = budget.run(exchange).await.map_err(|late| way.late(late))?;
        budget.answered_at = Some(Instant::now());
        answer
    }
}

async fn exchange(
    client: &Client,
    call: Call,
    way: &Way<'_>,
    max_bytes: usize,
) -> Result<Answer, FetchError> {
    let mut headers = headers(call.headers)?;
    // Left out of an empty POST by default, but some gateways insist on it.
    if call.method == Method::POST {
        headers.insert(CONTENT_LENGTH, call.body.len().into());
    }
    let request = client.request(call.method, call.url).headers(headers).body(call.body);
    let asked = Instant::now();
    let mut response = request.send().await.map_err(|error| way.failure(error))?;
    let written = asked + asked.elapsed() / 2;
    way.passed(&response)?;
    let body = read(&mut response, max_bytes, way).await?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body,
        written,
    })
}

async fn read(response: &mut Response, max_bytes: usize, way: &Way<'_>) -> Result<Vec<u8>, FetchError> {
    let too_large = || {
        let detail =
            format!("the answer of {} is larger than {max_bytes} bytes, the most that is read", way.whole());
        FetchError::new(FailureKind::BadResponse, detail)
    };
    let announced = usize::try_from(response.content_length().unwrap_or_default()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.min(FIRST_BYTES));
    while let Some(chunk) = response.chunk().await.map_err(|error| way.failure(error))? {
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
