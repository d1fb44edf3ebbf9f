//! What a scraper takes: the format by `Accept`, the coding by `Accept-Encoding` (RFC 9110, sections 12.5.1 and 12.5.3).

use axum::http::{HeaderMap, HeaderName, header};

use crate::exposition::Format;

/// One element of a list header: a value in lower case, its parameters, its weight from 0 to 1.
struct Offer {
    value: String,
    parameters: Vec<(String, String)>,
    weight: f32,
}

/// The elements of a list header; one whose weight cannot be read has none.
fn offers(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Offer> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|element| {
        let mut parts = element.split(';').map(|part| part.trim().to_ascii_lowercase());
        let value = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        });
        let (weights, parameters): (Vec<_>, Vec<_>) = parameters.partition(|(name, _)| name == "q");
        let weight = weights.first().map_or(Some(1.0), |(_, weight)| weight.parse().ok());
        Offer { value, parameters, weight: weight.unwrap_or(0.0) }
    })
}

impl Offer {
    fn version(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name == "version").map(|(_, version)| version.as_str())
    }

    /// The format that it names, and how closely: a wildcard is met by the plain text format.
    fn format(&self) -> Option<(Format, u8)> {
        match (self.value.as_str(), self.version()) {
            ("application/openmetrics-text", None | Some("1.0.0")) => Some((Format::OpenMetrics, 2)),
            ("text/plain", None | Some("0.0.4")) => Some((Format::Text, 2)),
            ("text/*", _) => Some((Format::Text, 1)),
            ("*/*", _) => Some((Format::Text, 0)),
            _ => None,
        }
    }
}

/// The format that the client likes most; OpenMetrics, which says more, where it likes both alike; text 0.0.4 where it
/// names neither.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let weight = |format: Format| {
        let named = offers(headers, header::ACCEPT).filter_map(|offer| {
            let (named, closeness) = offer.format()?;
            (named == format).then_some((closeness, offer.weight))
        });
        // The closest name decides, the greatest weight among several of them.
        named.reduce(|a, b| if (b.0, b.1) > (a.0, a.1) { b } else { a }).map_or(0.0, |(_, weight)| weight)
    };
    let (open_metrics, text) = (weight(Format::OpenMetrics), weight(Format::Text));
    if open_metrics > 0.0 && open_metrics >= text { Format::OpenMetrics } else { Format::Text }
}

/// Whether the client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |name: &str| {
        let named = offers(headers, header::ACCEPT_ENCODING).filter(|offer| offer.value == name);
        named.map(|offer| offer.weight).reduce(f32::max)
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(0.0) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_format_follows_accept() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("APPLICATION/OpenMetrics-Text; Version=1.0.0; charset=utf-8", Format::OpenMetrics),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.5", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=0.9", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Format::Text),
            ("application/openmetrics-text;q=much", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("application/json", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
            (";;,,=;q", Format::Text),
        ] {
            assert_eq!(super::format(&headers(header::ACCEPT, accept)), format, "{accept}");
        }
        assert_eq!(super::format(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn gzip_follows_accept_encoding() {
        for (accept, gzip) in [
            ("gzip", true),
            ("GZIP", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, accept)), gzip, "{accept}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
