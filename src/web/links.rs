//! Where the site is: below which path it serves, and below which path a browser finds it. They differ where a reverse proxy
//! strips or adds a path. Every link of every page is made here.

use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::config::Target;

/// What a path segment need not escape, beside letters and digits (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path that others are put after: empty, or like `/dbsession`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl FromStr for Prefix {
    type Err = &'static str;

    /// Slashes at either end do not count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        let path = text.trim_matches('/');
        if !path.bytes().all(plain) || path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("expected a path like /dbsession, of letters, digits, -, ., _, ~ and /");
        }
        Ok(Self(if path.is_empty() { String::new() } else { format!("/{path}") }))
    }
}

/// The path of the URL under which a browser finds the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl(Prefix);

impl FromStr for ExternalUrl {
    type Err = &'static str;

    /// A whole URL, or its path alone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a URL like https://example.com/dbsession, or its path";
        if text.starts_with('/') {
            return text.parse().map(Self);
        }
        let url = Url::parse(text).map_err(|_| WRONG)?;
        let fits = matches!(url.scheme(), "http" | "https") && url.query().is_none();
        if fits && url.fragment().is_none() { url.path().parse().map(Self) } else { Err(WRONG) }
    }
}

/// The paths of the site.
#[derive(Debug, Clone)]
pub struct Links {
    served: Prefix,
    seen: Prefix,
    telemetry_path: String,
}

impl Links {
    /// Serves below `route_prefix`, where that is left out below the path of the external URL. Browsers are sent to the
    /// external URL's path, where that is left out to where it is served.
    #[must_use]
    pub fn new(external: Option<ExternalUrl>, route_prefix: Option<Prefix>, telemetry_path: String) -> Self {
        let external = external.map(|ExternalUrl(path)| path);
        let served = route_prefix.or_else(|| external.clone()).unwrap_or_default();
        Self { seen: external.unwrap_or_else(|| served.clone()), served, telemetry_path }
    }

    /// Where a path of the site, like `/sd`, is served.
    #[must_use]
    pub fn route(&self, path: &str) -> String {
        format!("{}{path}", self.served.0)
    }

    /// Where the metrics are served.
    #[must_use]
    pub fn metrics_route(&self) -> String {
        self.route(&self.telemetry_path)
    }

    /// Whether the site is served below a path.
    pub(super) fn is_below_root(&self) -> bool {
        !self.served.0.is_empty()
    }

    /// A link to a path of the site, like `/sd`.
    pub(super) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.seen.0)
    }

    /// A link to the metrics.
    pub(super) fn metrics(&self) -> String {
        self.to(&self.telemetry_path)
    }

    /// A link to the page of a target.
    pub(super) fn target(&self, target: &Target) -> String {
        self.below("/instances", target)
    }

    /// A link to the same as JSON.
    pub(super) fn json(&self, target: &Target) -> String {
        self.below("/api/v1/instances", target)
    }

    fn below(&self, path: &str, target: &Target) -> String {
        let node = target.node_id.as_deref().map(|node| format!("/{}", segment(node))).unwrap_or_default();
        self.to(&format!("{path}/{}{node}", segment(&target.instance_id)))
    }

    /// A link to a target's own metrics.
    pub(super) fn probe(&self, target: &Target) -> String {
        let node =
            target.node_id.as_deref().map(|node| format!("&node={}", segment(node))).unwrap_or_default();
        self.to(&format!("/probe?target={}{node}", segment(&target.instance_id)))
    }
}

/// A text as one segment of a path, or one value of a query.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(external: Option<&str>, route_prefix: Option<&str>) -> (String, String) {
        let (external, prefix) =
            (external.map(|e| e.parse().unwrap()), route_prefix.map(|p| p.parse().unwrap()));
        let links = Links::new(external, prefix, "/metrics".to_owned());
        (links.metrics_route(), links.metrics())
    }

    #[test]
    fn the_route_prefix_defaults_to_the_path_of_the_external_url() {
        for (external, prefix, served, seen) in [
            (None, None, "/metrics", "/metrics"),
            (Some("https://example.com"), None, "/metrics", "/metrics"),
            (Some("https://example.com:8443/db/"), None, "/db/metrics", "/db/metrics"),
            (Some("/db"), None, "/db/metrics", "/db/metrics"),
            (Some("http://example.com/db/a"), Some("/"), "/metrics", "/db/a/metrics"),
            (Some("http://example.com/db"), Some("b"), "/b/metrics", "/db/metrics"),
            (None, Some("/b/"), "/b/metrics", "/b/metrics"),
        ] {
            assert_eq!(
                links(external, prefix),
                (served.to_owned(), seen.to_owned()),
                "{external:?} {prefix:?}"
            );
        }
    }

    #[test]
    fn what_no_link_can_begin_with_is_refused() {
        for wrong in [
            "example.com/db",
            "ftp://example.com/",
            "https://example.com/?a",
            "https://example.com/a b",
            "/a?b",
        ] {
            assert!(wrong.parse::<ExternalUrl>().is_err(), "{wrong}");
        }
        for wrong in ["/{x}", "/a/../b", "/a b", "/%41"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
