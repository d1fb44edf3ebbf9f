//! What stands between the program and the simulated cloud: servers that end TLS, and proxies that answer by whatever name
//! they are asked for, so that no name needs to be known to anybody else.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dbsession_exporter::demo::Cloud;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Where to listen, unless the test is about that.
pub const LOCAL: &str = "127.0.0.1:0";

/// A server; it ends, and its connections with it, when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    fn start<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let address = listener.local_addr().expect("it is bound");
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { address, accepting }
    }

    /// One that speaks TLS to its callers, and for them to a cloud.
    pub async fn tls(at: &str, acceptor: TlsAcceptor, cloud: &Cloud) -> Self {
        Self::tls_before(at, acceptor, address(cloud)).await
    }

    /// One that speaks TLS to its callers, and for them to the server at `inner`.
    pub async fn tls_before(at: &str, acceptor: TlsAcceptor, inner: SocketAddr) -> Self {
        Self::start(listen(at).await, move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                copy_bidirectional(&mut stream, &mut TcpStream::connect(inner).await?).await.map(drop)
            }
        })
    }

    /// One that takes connections and says nothing.
    pub async fn silent(at: &str) -> Self {
        Self::start(listen(at).await, |stream| async move {
            let mut stream = stream;
            while stream.read(&mut [0; 1024]).await? > 0 {}
            Ok(())
        })
    }

    /// `https://` and the address.
    pub fn https(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// A proxy that leads to the same server by whatever name it is asked for, and keeps what it is asked.
pub struct Proxy {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Leads connections to `tls`, and plain requests to `cloud`.
    pub async fn start(at: &str, tls: &Server, cloud: &Cloud) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (keep, tls, cloud) = (Arc::clone(&asked), tls.address, address(cloud));
        let server = Server::start(listen(at).await, move |mut stream| {
            let keep = Arc::clone(&keep);
            async move {
                let head = head(&mut stream).await?;
                let text = String::from_utf8_lossy(&head).into_owned();
                let is_tunnel = text.starts_with("CONNECT ");
                keep.lock().expect("no test panics in there").push(text);
                let mut other = TcpStream::connect(if is_tunnel { tls } else { cloud }).await?;
                if is_tunnel {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                } else {
                    other.write_all(&head).await?;
                }
                copy_bidirectional(&mut stream, &mut other).await.map(drop)
            }
        });
        Self { server, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Whether it was asked for something that begins like this.
    pub fn was_asked(&self, request: &str) -> bool {
        self.asked.lock().expect("no test panics in there").iter().any(|asked| asked.starts_with(request))
    }

    /// All heads of requests so far.
    pub fn heads(&self) -> String {
        self.asked.lock().expect("no test panics in there").concat()
    }
}

async fn listen(at: &str) -> TcpListener {
    TcpListener::bind(at).await.expect("a port of this address can be had")
}

/// A request up to the empty line.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn address(cloud: &Cloud) -> SocketAddr {
    cloud.url().trim_start_matches("http://").parse().expect("a simulated cloud is at an address")
}
