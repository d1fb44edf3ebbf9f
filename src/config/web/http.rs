//! `http_server_config` and `rate_limit`: what is put on every response, and how many requests are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{
    CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};
use http::{HeaderName, HeaderValue};

use super::{RateLimit, instead};
use crate::config::place::Place;
use crate::config::raw::Leaf;
use crate::config::raw::web::{RawHttp, RawRateLimit};
use crate::config::settings::whole;
use crate::config::units;
use crate::config::wording::quoted;

/// The headers that the toolkit lets through, and their values where not every one will do.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
    ("X-Content-Type-Options", X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
];

/// Nobody needs a larger burst; keeps its sum of intervals far from overflow.
const MAX_BURST: usize = 1_000_000;

/// The headers to put on every response.
pub(super) fn server(at: &Place, raw: &RawHttp) -> Vec<(HeaderName, HeaderValue)> {
    let choices = [("true", true), ("false", false)];
    if at.key("http2").pick(&raw.http2, "such flag as", &choices) == Some(true) {
        at.key("http2")
            .warn("this server speaks HTTP/1.1 only, to every client; remove the key, or set it to false");
    }
    headers(&at.key("headers"), raw.headers.as_ref())
}

fn headers(at: &Place, raw: Option<&BTreeMap<String, Leaf>>) -> Vec<(HeaderName, HeaderValue)> {
    // As in the toolkit, a blank value leaves a header out.
    let given =
        raw.into_iter().flatten().filter(|(_, leaf)| leaf.0.as_ref().is_some_and(|text| !text.is_empty()));
    given.filter_map(|(name, leaf)| header(at, name, leaf)).collect()
}

fn header(at: &Place, name: &str, leaf: &Leaf) -> Option<(HeaderName, HeaderValue)> {
    let Some((_, header, values)) = HEADERS.iter().find(|known| known.0 == name) else {
        let known = HEADERS.iter().map(|known| known.0);
        at.problem(format_args!("HTTP header can not be configured: {}", instead(name, known)));
        return None;
    };
    let value = at.key(name).parsed(leaf, |text| {
        if !values.is_empty() && !values.contains(&text) {
            let quoted: Vec<_> = values.iter().map(|value| crate::config::wording::quoted(value)).collect();
            return Err(format!("invalid value for {name}. Expected one of: {}", quoted.join(", ")));
        }
        text.parse::<HeaderValue>().map_err(|_| format!("not a value that HTTP can send: {}", quoted(text)))
    })?;
    Some((header.clone(), value))
}

/// The limit; none where the interval is 0 or left out.
pub(super) fn rate_limit(at: &Place, raw: &RawRateLimit) -> Option<RateLimit> {
    let no_burst = "missing; give the number of requests that may come at once";
    let without_interval = raw.interval.0.is_none() && raw.burst.0.is_some();
    at.key("interval")
        .refuse(without_interval, "missing; give the time for which one more request is let in");
    raw.interval.0.as_ref()?;
    let zero = |text: &str| matches!(text, "0" | "0s" | "0ms" | "0m" | "0h");
    let interval = at
        .key("interval")
        .parsed(&raw.interval, |text| if zero(text) { Ok(Duration::ZERO) } else { units::duration(text) })?;
    if interval.is_zero() {
        return None;
    }
    let burst = at.key("burst").required(&raw.burst, no_burst, |text| {
        whole(text, MAX_BURST, "must be a whole number from 1 to 1000000")
    })?;
    Some(RateLimit { interval, burst: u32::try_from(burst).ok()? })
}
