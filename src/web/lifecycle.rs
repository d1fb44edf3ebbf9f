//! `POST /-/reload`: asks whoever holds the configuration to read it again, and answers how that went.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{mpsc, oneshot};

/// A request to read the configuration again; to be answered with the problems, if there are any.
pub type ReloadRequest = oneshot::Sender<Result<(), Vec<String>>>;

/// Asks for reloads; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloader(mpsc::Sender<ReloadRequest>);

impl Reloader {
    /// A reloader, and where its requests arrive.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    async fn reload(&self) -> Option<Result<(), Vec<String>>> {
        let (request, answer) = oneshot::channel();
        self.0.send(request).await.ok()?;
        answer.await.ok()
    }
}

pub(super) async fn reload(reloader: Option<Reloader>) -> Response {
    let Some(reloader) = reloader else {
        let why = "Reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    };
    match reloader.reload().await {
        Some(Ok(())) => "The configuration was reloaded.\n".into_response(),
        Some(Err(problems)) => {
            let text = format!("The configuration is kept as it was:\n{}\n", problems.join("\n"));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "The exporter is about to stop.\n").into_response(),
    }
}
