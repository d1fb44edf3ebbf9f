//! `POST /-/reload`: asks whoever holds the configuration to read it again, and answers how that went.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::control::{Control, ControlRequest};

pub(super) async fn reload(control: &Control, enabled: bool) -> Response {
    if !enabled {
        let why = "Reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    match control.ask(ControlRequest::Reload).await {
        Some(Ok(())) => "The configuration was reloaded.\n".into_response(),
        Some(Err(problems)) => {
            let text = format!("The configuration is kept as it was:\n{}\n", problems.join("\n"));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "The exporter is about to stop.\n").into_response(),
    }
}
