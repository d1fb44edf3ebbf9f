//! One connection: the TLS handshake, where TLS is spoken, then requests one after the other until either side ends it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::connections::{Connection, Seat};
use super::held::until_written;
use super::security::{Peer, Security};
use super::timed::Timed;

/// Longest head of a request, in bytes; a longer one is answered with 431. Requests of browsers take a quarter of it.
const MAX_HEAD: usize = 16 << 10;

/// Most header fields of a request.
const MAX_FIELDS: usize = 100;

/// Serves `stream` until it ends, has to make room, or has answered its last request after a `stop`.
pub(super) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    seat: Seat,
    security: Arc<Security>,
    router: Router,
    stop: watch::Receiver<()>,
) {
    let stream = Timed::new(stream, Arc::clone(&seat.connection));
    let ended = tokio::select! {
        ended = converse(stream, address, &seat.connection, &security, router, stop) => ended,
        () = seat.connection.must_go() => Err("it made room for another".into()),
    };
    if let Err(error) = ended {
        debug!(%address, %error, "a connection ended early");
    }
}

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn converse(
    stream: Timed,
    address: SocketAddr,
    connection: &Arc<Connection>,
    security: &Security,
    router: Router,
    mut stop: watch::Receiver<()>,
) -> Ended {
    let mut peer = Peer { address: address.ip(), has_certificate: false };
    let Some(acceptor) = security.acceptor() else {
        return answer(stream, peer, connection, router, stop).await;
    };
    let stream = tokio::select! {
        stream = acceptor.accept(stream) => stream?,
        _ = stop.changed() => return Err(io::Error::other("the exporter stops").into()),
    };
    peer.has_certificate = stream.get_ref().1.peer_certificates().is_some();
    answer(stream, peer, connection, router, stop).await
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: Peer,
    connection: &Arc<Connection>,
    router: Router,
    mut stop: watch::Receiver<()>,
) -> Ended {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        let answering = connection.answering();
        request.extensions_mut().insert(peer);
        let response = router.call(request.map(Body::new));
        async move {
            let response: Response<Body> = response.await?;
            Ok::<_, Infallible>(until_written(response, answering))
        }
    });
    let mut builder = http1::Builder::new();
    // Whoever keeps the server waiting is cut off below, by the stream: the time between requests has another limit.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    Ok(ended?)
}
