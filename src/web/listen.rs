//! Where to listen, as `--web.listen-address` says it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::TcpListener;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A port of all interfaces, IPv6 and IPv4.
    Port(u16),
    /// One address.
    Address(SocketAddr),
    /// A host name and a port, looked up at start.
    Host(String),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, ":{port}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Host(host) => f.write_str(host),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected HOST:PORT or :PORT, like 127.0.0.1:10104 or :10104, got {text:?}");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Ok(Self::Port(port));
        }
        Ok(text.parse().map_or_else(|_| Self::Host(text.to_owned()), Self::Address))
    }
}

impl ListenAddress {
    /// Binds it.
    ///
    /// # Errors
    /// What the operating system says: the port is taken, the address is not this machine's, the name is unknown.
    pub async fn bind(&self) -> io::Result<TcpListener> {
        match self {
            Self::Address(address) => TcpListener::bind(address).await,
            Self::Host(host) => TcpListener::bind(host).await,
            // The unspecified IPv6 address takes IPv4, too, but not every machine has IPv6.
            Self::Port(port) => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).await {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).await
                }
                bound => bound,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_in_three_forms() {
        assert_eq!(":10104".parse(), Ok(ListenAddress::Port(10104)));
        assert_eq!("[::1]:1".parse(), Ok(ListenAddress::Address("[::1]:1".parse().unwrap())));
        assert_eq!("localhost:1".parse(), Ok(ListenAddress::Host("localhost:1".to_owned())));
        for text in [":10104", "[::1]:1", "localhost:1"] {
            assert_eq!(text.parse::<ListenAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["10104", "localhost", "127.0.0.1:", "127.0.0.1:70000"] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }
}
