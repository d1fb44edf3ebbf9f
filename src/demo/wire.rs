//! HTTP as the simulated cloud sees it: a request received whole, and an answer whose body may come in one piece, too slowly,
//! too long or cut off. Knows nothing of the APIs.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use crate::cloud::canonical;

/// No request of the four APIs comes near it.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// White space, which JSON allows before a value: how a huge answer is filled.
static BLANKS: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// A request, its body read to the end.
pub(super) struct Received {
    pub method: Method,
    pub path: String,
    /// Decoded, in the order received.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub async fn read(request: Request<Incoming>) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.ok()?.to_bytes();
        let text = |text: &str| canonical::decode(&text.replace('+', " ")).into_owned();
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| (text(name), text(value))).collect();
        Some(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query,
            headers: parts.headers,
            body,
        })
    }

    /// The first header of this name; empty if there is none or it is not plain text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is sent back.
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, payload: Payload::whole(body.into()) }
    }

    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json;charset=utf-8", body)
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The response; a header or status that HTTP does not allow makes it an empty 500.
    pub fn into_response(self) -> Response<Payload> {
        let response = Response::builder().status(self.status);
        let response =
            self.headers.iter().fold(response, |response, (name, value)| response.header(name, value));
        response.body(self.payload).unwrap_or_else(|_| {
            let mut response = Response::new(Payload::whole(Bytes::new()));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

/// A body: parts sent with a pause between them, and the length that was announced for all of them.
pub(super) struct Payload {
    parts: VecDeque<Bytes>,
    announced: u64,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Payload {
    pub fn whole(body: Bytes) -> Self {
        Self::parts([body].into(), Duration::ZERO)
    }

    fn parts(parts: VecDeque<Bytes>, pause: Duration) -> Self {
        Self { announced: parts.iter().map(|part| part.len() as u64).sum(), parts, pause, sleep: None }
    }

    /// The bytes in one piece.
    pub fn bytes(&self) -> Bytes {
        match self.parts.front() {
            Some(part) if self.parts.len() == 1 => part.clone(),
            _ => self.parts.iter().flat_map(|part| part.iter().copied()).collect(),
        }
    }

    /// Half of it; the connection is then closed though all of it was announced.
    pub fn short(body: &Bytes) -> Self {
        // The empty part, after a pause, lets the first half leave before the connection breaks.
        let parts = [body.slice(..body.len() / 2), Bytes::new()].into();
        Self { announced: body.len() as u64, ..Self::parts(parts, Duration::from_millis(1)) }
    }

    /// Byte by byte.
    pub fn drip(body: &Bytes, pause: Duration) -> Self {
        Self::parts((0..body.len()).map(|at| body.slice(at..=at)).collect(), pause)
    }

    /// At least `bytes` of white space before it.
    pub fn padded(body: Bytes, bytes: usize) -> Self {
        let blanks = std::iter::repeat_n(Bytes::from_static(&BLANKS), bytes.div_ceil(BLANKS.len()));
        Self::parts(blanks.chain([body]).collect(), Duration::ZERO)
    }

    /// The same bytes compressed.
    pub fn gzip(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written =
            self.parts.iter().try_for_each(|part| encoder.write_all(part)).and_then(|()| encoder.finish());
        Self::whole(written.expect("a Vec takes everything").into())
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        let pause = self.pause;
        self.sleep = (!pause.is_zero()).then(|| Box::pin(tokio::time::sleep(pause)));
        Poll::Ready(self.parts.pop_front().map(|part| Ok(Frame::data(part))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
