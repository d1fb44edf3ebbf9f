//! The listening end: connections are accepted until the drain begins; then the open ones may finish.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::connections::Connections;
use super::patience::with_whole_body;
use super::security::protect;
use super::{ListenAddress, Security, connection};

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

    /// Serves `router` to whom `security` lets in until `stop` ends; open requests then have `drain` to finish.
    pub async fn serve(
        self,
        router: Router,
        security: Arc<Security>,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) {
        let (stopping, stopped) = watch::channel(());
        let router =
            router.layer(from_fn(with_whole_body)).layer(from_fn_with_state(Arc::clone(&security), protect));
        let connections = Connections::new();
        let entrance = Entrance { router, security, connections, stopped };
        let mut accepting = JoinSet::new();
        for (listener, _) in self.listeners {
            accepting.spawn(accept(listener, entrance.clone()));
        }
        drop(entrance);
        stop.await;
        accepting.shutdown().await;
        let _ = stopping.send(());
        // Each connection has a receiver.
        if timeout(drain, stopping.closed()).await.is_err() {
            warn!("connections were still open at the end of the drain");
        }
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Entrance {
    router: Router,
    security: Arc<Security>,
    connections: Arc<Connections>,
    stopped: watch::Receiver<()>,
}

async fn accept(listener: TcpListener, entrance: Entrance) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let Some(seat) = entrance.connections.seat().await else {
                    debug!(%address, "there is no room for another connection");
                    continue;
                };
                let Entrance { router, security, stopped, .. } = entrance.clone();
                tokio::spawn(connection::serve(stream, address, seat, security, router, stopped));
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
