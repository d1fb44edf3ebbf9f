//! What the headers of an answer ask for: how long to wait, and whether for the sake of the user's quota.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// No provider can ask for a longer wait.
const LONGEST: Duration = Duration::from_hours(1);

/// Milliseconds to wait, as the newer SDKs of Alibaba Cloud read it.
const ACS_RETRY_AFTER: &str = "x-acs-retry-after";

/// The state of a quota that belongs to the user, `Limit:1,Remain:0,TimeLeft:2000,Reset:1234` with milliseconds, as
/// Alibaba Cloud's SDKs read it: over all operations, and of this one.
const USER_QUOTAS: [&str; 2] = ["x-ratelimit-user", "x-ratelimit-user-api"];

/// What an answer's headers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// How long to wait; never zero, and an hour at most.
    pub wait: Option<Duration>,
    /// Whether a quota of the user is used up.
    pub of_user: bool,
}

impl Told {
    /// Reads the headers; what cannot be read, or is not in the future, is ignored. The longest wait counts.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let quotas = USER_QUOTAS.map(|name| text(headers, name).and_then(time_left));
        let of_user = quotas.iter().any(Option::is_some);
        let acs = text(headers, ACS_RETRY_AFTER).and_then(millis);
        let waits = quotas.into_iter().chain([acs, retry_after(headers)]).flatten();
        Self { wait: waits.filter(|wait| !wait.is_zero()).max().map(|wait| wait.min(LONGEST)), of_user }
    }
}

/// The time of an answer by the clock of who sent it.
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(text(headers, DATE.as_str())?)
}

/// Seconds, or a date, which means what is left until then by the sender's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?;
    let until = || Duration::try_from(http_date(value)?.duration_since(date(headers)?)).ok();
    value.parse().ok().map(Duration::from_secs).or_else(until)
}

/// The time until a quota that is used up is there again.
fn time_left(quota: &str) -> Option<Duration> {
    let field = |wanted: &str| {
        let mut fields = quota.split(',').filter_map(|field| field.trim().split_once(':'));
        fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let used_up = field("Remain").is_none_or(|left| left.parse::<i64>().is_ok_and(|left| left <= 0));
    millis(field("TimeLeft")?).filter(|left| used_up && !left.is_zero())
}

fn millis(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_millis)
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn told(headers: &[(&'static str, &'static str)]) -> Told {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Told::of(&headers.iter().map(pair).collect())
    }

    fn of_target(millis: u64) -> Told {
        Told { wait: Some(Duration::from_millis(millis)), of_user: false }
    }

    fn of_user(millis: u64) -> Told {
        Told { of_user: true, ..of_target(millis) }
    }

    const NOON: (&str, &str) = ("date", "Sat, 21 Nov 2026 12:00:00 GMT");

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_senders_clock() {
        assert_eq!(told(&[("retry-after", "7")]), of_target(7000));
        assert_eq!(told(&[NOON, ("retry-after", "Sat, 21 Nov 2026 12:01:30 GMT")]), of_target(90_000));
        for ignored in ["0", "-3", "soon", "", "1.5", "Sat, 21 Nov 2026 11:59:00 GMT"] {
            assert_eq!(told(&[NOON, ("retry-after", ignored)]), Told::default(), "{ignored}");
        }
        assert_eq!(told(&[("retry-after", "Sat, 21 Nov 2026 12:01:30 GMT")]), Told::default());
    }

    #[test]
    fn alibaba_cloud_tells_milliseconds() {
        assert_eq!(told(&[("x-acs-retry-after", "1500")]), of_target(1500));
        for ignored in ["0", "-1", "later"] {
            assert_eq!(told(&[("x-acs-retry-after", ignored)]), Told::default(), "{ignored}");
        }
    }

    #[test]
    fn a_quota_that_is_used_up_is_the_users() {
        for name in ["x-ratelimit-user", "x-ratelimit-user-api"] {
            assert_eq!(told(&[(name, "Limit:1,Remain:0,TimeLeft:2000,Reset:1234")]), of_user(2000));
            assert_eq!(told(&[(name, "TimeLeft:2000")]), of_user(2000));
            for ignored in ["Limit:9,Remain:8,TimeLeft:2000,Reset:1", "Remain:0,TimeLeft:0", "Remain:0", "?"]
            {
                assert_eq!(told(&[(name, ignored)]), Told::default(), "{ignored}");
            }
        }
    }

    #[test]
    fn no_provider_can_ask_for_more_than_an_hour() {
        let most = u64::MAX.to_string().leak();
        for headers in [
            ("retry-after", &*most),
            ("x-acs-retry-after", most),
            ("retry-after", "Tue, 30 Nov 9999 12:00:00 GMT"),
        ] {
            assert_eq!(told(&[NOON, headers]), of_target(3_600_000), "{headers:?}");
        }
        assert_eq!(told(&[("x-ratelimit-user", "Remain:0,TimeLeft:9999999999")]), of_user(3_600_000));
    }

    #[test]
    fn the_longest_wait_counts() {
        let headers = [
            ("retry-after", "1"),
            ("x-acs-retry-after", "2500"),
            ("x-ratelimit-user", "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"),
        ];
        assert_eq!(told(&headers), of_user(2500));
    }
}
