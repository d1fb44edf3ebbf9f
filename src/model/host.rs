//! The client of a session: a host without its port, so that a client is one label value whatever port it comes from.

use std::net::Ipv6Addr;

/// The host of `host:port` in all the ways MySQL and the clouds write it: IPv4 or a name with a port, `[v6]:port`, a
/// bare IPv6 address with or without zone, and MySQL's own `v6:port` without brackets where it can be told from an
/// address: `::1:3306` is an address, `2001:db8::1:54321` cannot be one. Anything else is returned as it is.
#[must_use]
pub fn without_port(client: &str) -> &str {
    if let Some((address, rest)) = client.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return if rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port) { address } else { client };
    }
    let Some((host, _)) = client.rsplit_once(':').filter(|(host, port)| !host.is_empty() && is_port(port))
    else {
        return client;
    };
    let has_port = !host.contains(':') || (!is_ipv6(client) && is_ipv6(host));
    if has_port { host } else { client }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A zone id may hold no colon, so that `fe80::1%eth0:3306` is an address and a port.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    !zone.contains(':') && address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn every_spelling_gives_the_host() {
        for (client, host) in [
            ("172.16.241.84:58908", "172.16.241.84"),
            ("47.100.XX.XX", "47.100.XX.XX"),
            ("localhost", "localhost"),
            ("db-1.example.com:3306", "db-1.example.com"),
            ("[2001:db8::1]:3306", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[fe80::1%eth0]:3306", "fe80::1%eth0"),
            ("2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("fe80::1%eth0:3306", "fe80::1%eth0"),
            ("2001:db8::1:54321", "2001:db8::1"),
            ("1:2:3:4:5:6:7:8:3306", "1:2:3:4:5:6:7:8"),
            ("::ffff:10.0.0.1:3306", "::ffff:10.0.0.1"),
            ("::1:3306", "::1:3306"),
            ("", ""),
            (":3306", ":3306"),
            ("host:", "host:"),
            ("host:123456", "host:123456"),
            ("a:b:c", "a:b:c"),
            ("[broken", "[broken"),
        ] {
            assert_eq!(without_port(client), host, "{client:?}");
        }
    }
}
