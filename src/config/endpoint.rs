//! Where a cloud's API is reached: scheme, host and port, spelled exactly as the HTTP client will send them, since signatures
//! cover the `Host` header. Knows no cloud but for the host names that Huawei Cloud derives from a region.

use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// Scheme, host and port of an API; no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Ends in the slash that every URL has behind its host.
    root: Url,
}

impl Endpoint {
    /// `https://host[:port]`, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        self.root.as_str().trim_end_matches('/')
    }

    /// The `Host` header: the port only where it is not the scheme's own, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.base()[self.root.scheme().len() + "://".len()..]
    }

    /// The URL of a path, which begins with a slash, with a query, unless that is empty; both as they stand in a request.
    #[must_use]
    pub fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    /// Whether requests, and with them tokens and answers, would cross a network unencrypted.
    pub(super) fn is_exposed(&self) -> bool {
        self.root.scheme() == "http" && !self.is_local()
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(self.authority())
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    /// Reads `http[s]://host[:port]`, with or without one slash at the end. The error never repeats the text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NO_URL: &str = "not a URL; write it like https://host or https://host:port";
        let (_, rest) = text.split_once("://").ok_or(NO_URL)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err("must not hold a user name or password");
        }
        if authority.contains(['/', '?', '#']) {
            return Err("must end after host and port: no path, query or fragment");
        }
        // The parser would mend these silently; a signed host must be what was written.
        if authority.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(NO_URL);
        }
        let root = Url::parse(text).map_err(|_| NO_URL)?;
        root.host_str().ok_or(NO_URL)?;
        match (root.scheme(), root.port()) {
            (_, Some(0)) => Err("port 0 cannot be reached"),
            ("http" | "https", _) => Ok(Self { root }),
            _ => Err("must begin with https:// or http://"),
        }
    }
}

/// Hosts that do not follow `SERVICE.REGION.myhuaweicloud.com`, as (service, region, host); from the region tables of the
/// official SDK (`das_region.py`, `ddm_region.py`).
const HUAWEI_EXCEPTIONS: [(&str, &str, &str); 2] = [
    ("das", "na-mexico-1", "das.la-south-2.myhuaweicloud.com"),
    ("ddm", "eu-west-101", "ddm.eu-west-101.myhuaweicloud.eu"),
];

/// Where Huawei Cloud serves `das`, `ddm` or `iam` of a region.
pub(super) fn of_huawei_region(service: &str, region: &str) -> Result<Endpoint, &'static str> {
    let exception = HUAWEI_EXCEPTIONS.iter().find(|row| (row.0, row.1) == (service, region));
    let host =
        exception.map_or_else(|| format!("{service}.{region}.myhuaweicloud.com"), |row| row.2.to_owned());
    format!("https://{host}").parse().map_err(|_| "cannot be part of a host name")
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_spelled_as_the_host_header_will_be() {
        let table = [
            (
                "https://das.cn-shanghai.aliyuncs.com",
                "https://das.cn-shanghai.aliyuncs.com",
                "das.cn-shanghai.aliyuncs.com",
            ),
            ("https://DAS.example.com:443/", "https://das.example.com", "das.example.com"),
            ("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1"),
            ("http://127.0.0.1:443", "http://127.0.0.1:443", "127.0.0.1:443"),
            ("HTTPS://h:8443", "https://h:8443", "h:8443"),
            ("http://[0:0::1]:8080/", "http://[::1]:8080", "[::1]:8080"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
        ];
        for (text, base, authority) in table {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.base(), endpoint.authority()), (base, authority), "{text}");
        }
    }

    #[test]
    fn a_path_and_a_query_are_sent_as_they_are_signed() {
        let endpoint: Endpoint = "https://h:8443".parse().unwrap();
        for (path, query, url) in [
            ("/", "", "https://h:8443/"),
            ("/", "a=%C3%A9&a=z%27&b=", "https://h:8443/?a=%C3%A9&a=z%27&b="),
            (
                "/v3/p/instances/i%2F1/processes",
                "a=-._~",
                "https://h:8443/v3/p/instances/i%2F1/processes?a=-._~",
            ),
        ] {
            assert_eq!(endpoint.url(path, query).as_str(), url);
        }
    }

    #[test]
    fn is_nothing_but_scheme_host_and_port() {
        let table = [
            ("das.example.com", "not a URL"),
            ("https://", "not a URL"),
            ("https:///", "not a URL"),
            ("https://a b", "not a URL"),
            ("https://host\\evil", "not a URL"),
            ("https://[::zz]", "not a URL"),
            ("https://host:99999", "not a URL"),
            ("https://host:0", "port 0"),
            ("ftp://host", "must begin with https://"),
            ("https://user:canary@host", "user name"),
            ("https://host/v1", "no path"),
            ("https://host//", "no path"),
            ("https://host?canary", "no path"),
            ("https://host#canary", "no path"),
        ];
        for (text, reason) in table {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.contains(reason) && !error.contains("canary"), "{text}: {error}");
        }
    }

    #[test]
    fn huawei_hosts_follow_the_region_but_for_the_known_exceptions() {
        let table = [
            ("das", "cn-north-4", "das.cn-north-4.myhuaweicloud.com"),
            ("ddm", "cn-north-4", "ddm.cn-north-4.myhuaweicloud.com"),
            ("iam", "na-mexico-1", "iam.na-mexico-1.myhuaweicloud.com"),
            ("das", "na-mexico-1", "das.la-south-2.myhuaweicloud.com"),
            ("ddm", "eu-west-101", "ddm.eu-west-101.myhuaweicloud.eu"),
        ];
        for (service, region, host) in table {
            assert_eq!(of_huawei_region(service, region).unwrap().base(), format!("https://{host}"));
        }
    }

    #[test]
    fn only_plain_http_beyond_this_machine_is_exposed() {
        for (text, exposed) in [
            ("https://das.example.com", false),
            ("http://das.example.com", true),
            ("http://10.0.0.1:8080", true),
            ("http://[2001:db8::1]", true),
            ("http://127.0.0.1:8080", false),
            ("http://127.8.9.1", false),
            ("http://[::1]:8080", false),
            ("http://[::ffff:127.0.0.1]:8080", false),
            ("http://localhost:8080", false),
            ("http://localhost.example.com", true),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_exposed(), exposed, "{text}");
        }
    }
}
