//! tinyproxy of Debian, as a child on a free port with a configuration of its own. It passes everything on to another proxy,
//! so that no name is looked up.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::Proxy;
use crate::program::wait_until;

/// A running tinyproxy; it is killed when it is dropped.
pub struct Tinyproxy {
    child: Child,
    files: TempDir,
    pub address: SocketAddr,
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and nothing wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tinyproxy {
    /// Starts one that wants to be told this user and password, and waits until it listens.
    pub async fn start(user: &str, password: &str, upstream: &Proxy) -> Self {
        loop {
            let mut proxy = Self::spawn(user, password, upstream);
            if proxy.listens().await {
                return proxy;
            }
        }
    }

    /// It cannot pick a port itself: one that was free a moment ago is most likely free.
    fn spawn(user: &str, password: &str, upstream: &Proxy) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("a port of the loopback interface can be had");
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        let (configuration, log) = (files.path().join("tinyproxy.conf"), files.path().join("log"));
        let text = format!(
            "Port {}\nListen {}\nTimeout 60\nMaxClients 100\nBasicAuth {user} {password}\nLogFile \"{}\"\nLogLevel Info\nUpstream http {}\n",
            address.port(),
            address.ip(),
            log.display(),
            upstream.address()
        );
        fs::write(&configuration, text)
            .and_then(|()| fs::write(log, ""))
            .expect("files can be written there");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(configuration).env_clear();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("tinyproxy cannot be started, {error}: install Debian's package tinyproxy-bin, as tests/run.sh does")
        });
        Self { child, files, address }
    }

    /// Waits until it listens; `false` where it has ended instead, since somebody else took the port.
    async fn listens(&mut self) -> bool {
        let log = self.files.path().join("log");
        let (mut ended, mut listens) = (None, false);
        wait_until("tinyproxy to listen", async || {
            ended = self.child.try_wait().expect("a child can be waited for");
            listens = fs::read_to_string(&log).is_ok_and(|log| log.contains("Accepting connections"));
            listens || ended.is_some()
        })
        .await;
        let log = fs::read_to_string(log).unwrap_or_default();
        assert!(listens || log.contains("listen"), "tinyproxy ended, {ended:?}: {log}");
        listens
    }
}
