//! What every answer tells a browser to refuse: scripts, foreign content, frames, guesses at the type. Whatever a cloud or a
//! configuration names can be on a page, and none of it may act there.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Styles, pictures and forms of the site itself, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const TOLD: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The answer with these headers.
pub(super) async fn shield(mut answer: Response) -> Response {
    let told = TOLD.map(|(name, value)| (name, HeaderValue::from_static(value)));
    answer.headers_mut().extend(told);
    answer
}
