//! `NO_PROXY`: hosts that are reached past every proxy. Compares what a URL says; looks no name up.

use std::net::IpAddr;

/// A list of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bypass {
    all: bool,
    /// In lower case, without a dot at either end.
    names: Vec<String>,
    networks: Vec<Network>,
}

/// The addresses whose first `prefix` bits are those of `address`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Bypass {
    /// Reads entries between commas or blanks: `*` for every host; `example.com`, `.example.com` or `*.example.com` for that
    /// host and all below it; `192.0.2.7` or `2001:db8::7` for one address, `192.0.2.0/24` or `2001:db8::/32` for a network.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut list = Self::default();
        for entry in text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
            match Network::read(entry) {
                Some(network) => list.networks.push(network),
                None if entry == "*" => list.all = true,
                None => list.names.push(plain(entry.strip_prefix('*').unwrap_or(entry))),
            }
        }
        list
    }

    /// Whether the list has a host, which is a name or an address; an IPv6 address may stand in brackets.
    #[must_use]
    pub fn has(&self, host: &str) -> bool {
        if self.all {
            return true;
        }
        if let Some(address) = address(host) {
            return self.networks.iter().any(|network| network.has(address));
        }
        let host = plain(host);
        let below = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        self.names.iter().any(|name| host == *name || below(name))
    }
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (start, prefix) =
            text.split_once('/').map_or((text, None), |(start, prefix)| (start, Some(prefix)));
        let address = address(start)?;
        let bits = if address.is_ipv4() { u32::BITS } else { u128::BITS };
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn has(&self, address: IpAddr) -> bool {
        let same = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        same >= self.prefix
    }
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn plain(name: &str) -> String {
    name.trim_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_names_domains_addresses_and_networks() {
        for (list, inside, outside) in [
            (
                "das.example.com",
                "das.example.com DAS.Example.COM a.das.example.com das.example.com.",
                "xdas.example.com example.com",
            ),
            (".example.com", "example.com a.b.example.com", "notexample.com example.com.evil.org"),
            ("*.example.com", "example.com a.example.com", "example.org"),
            ("192.0.2.7", "192.0.2.7 [::ffff:192.0.2.7]", "192.0.2.70 192.0.2.8 7.example"),
            ("192.0.2.128/25", "192.0.2.128 192.0.2.255", "192.0.2.127 [2001:db8::1]"),
            ("10.9.8.7/8", "10.0.0.1 10.255.255.255", "11.0.0.1"),
            ("0.0.0.0/0", "203.0.113.9", "[2001:db8::1] example.com"),
            ("2001:db8::7", "[2001:db8::7] [2001:DB8:0:0::7]", "[2001:db8::8]"),
            ("[2001:db8::]/33", "[2001:db8::8]", "[2001:db9::8]"),
            ("2001:db8::/33", "[2001:db8:7fff::1]", "[2001:db8:8000::1] 10.0.0.1"),
            ("*", "example.com 192.0.2.7 [2001:db8::7]", ""),
            ("a.example, 192.0.2.0/24 b.example,,", "a.example b.example 192.0.2.9", "c.example 192.0.3.9"),
            ("192.0.2.0/33 192.0.2.0/x /8 ,", "", "192.0.2.0 example.com"),
            ("", "", "example.com 192.0.2.7"),
        ] {
            let bypass = Bypass::read(list);
            for host in inside.split_whitespace() {
                assert!(bypass.has(host), "{list} has {host}");
            }
            for host in outside.split_whitespace() {
                assert!(!bypass.has(host), "{list} has no {host}");
            }
        }
    }
}
