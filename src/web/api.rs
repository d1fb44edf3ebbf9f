//! The JSON API below `/api/v1`, which `docs/openapi.yaml` describes. Every answer is JSON; an error is `{"error": "…"}`.

pub(super) mod incidents;
mod instance;
mod instances;

use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

pub use instance::Instance;
pub(super) use instances::{list, one};

/// Why a request is refused.
pub(super) struct Refusal(pub StatusCode, pub String);

impl Refusal {
    /// The path is none of the API's.
    pub(super) fn unknown() -> Self {
        Self(StatusCode::NOT_FOUND, "the API has no such path".to_owned())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.0, &json!({"error": self.1}))
    }
}

/// An answer of the API.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("texts and numbers can be written as JSON");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
