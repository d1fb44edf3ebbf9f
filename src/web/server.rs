//! The listening end: connections are accepted until the drain begins; then the open ones may finish.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::ListenAddress;

/// A client that has not sent its request's head by then is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a failed accept: most often the process is out of file descriptors, and only time gives some back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bound listeners, and then the connections that came in by them.
#[derive(Debug, Default)]
pub struct Server {
    listeners: Vec<(TcpListener, SocketAddr)>,
}

impl Server {
    /// Binds all addresses.
    ///
    /// # Errors
    /// The first address that cannot be bound, and why.
    pub async fn bind(addresses: &[ListenAddress]) -> Result<Self, (ListenAddress, io::Error)> {
        let mut listeners = Vec::with_capacity(addresses.len());
        for address in addresses {
            let listener = address.bind().await.map_err(|error| (address.clone(), error))?;
            let bound = listener.local_addr().map_err(|error| (address.clone(), error))?;
            listeners.push((listener, bound));
        }
        Ok(Self { listeners })
    }

    /// The addresses really bound.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|(_, address)| *address)
    }

    /// Serves `router` until `stop` ends; open requests then have `drain` to finish.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>, drain: Duration) {
        let graceful = Arc::new(GracefulShutdown::new());
        let mut accepting = JoinSet::new();
        for (listener, _) in self.listeners {
            accepting.spawn(accept(listener, router.clone(), Arc::clone(&graceful)));
        }
        stop.await;
        accepting.shutdown().await;
        // None other is left: those who accepted have ended.
        if let Some(graceful) = Arc::into_inner(graceful)
            && timeout(drain, graceful.shutdown()).await.is_err()
        {
            warn!("connections were still open at the end of the drain");
        }
    }
}

async fn accept(listener: TcpListener, router: Router, graceful: Arc<GracefulShutdown>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, router.clone(), graceful.watcher()))),
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        debug!(%error, "a connection ended early");
    }
}
