//! The body of a request, read before anything is done with it: small, and in time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;
use tokio::time::timeout;

use super::api::Refusal;
use super::routes::MAX_BODY;

/// Ample for a body of that size, and short for a connection that is held.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Lets a request through once its body is there.
pub(super) async fn with_whole_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 kB, or was cut"),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
    }
}

/// As the API refuses: bodies are for it alone.
fn refused(status: StatusCode, why: &str) -> Response {
    Refusal(status, why.to_owned()).into_response()
}
