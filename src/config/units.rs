//! Quantities as the configuration writes them: durations, sizes and call rates. Knows nothing of keys, so each error says only
//! how the quantity is written; the caller adds where it stands.

use std::fmt;
use std::time::Duration;

/// Keeps sums of configured durations and a clock far from overflow; nothing sensible is longer than a year.
const MAX_DURATION: Duration = Duration::from_hours(8760);
const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZE_UNITS: [(&str, u64); 5] =
    [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// How many calls a provider allows in a span: `10/s` is 10 calls in 1 second, `60/min` is 60 in 60 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls, at least 1.
    pub calls: u32,
    /// One second or one minute.
    pub per: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.per == Duration::from_secs(1) { "s" } else { "min" };
        write!(f, "{}/{unit}", self.calls)
    }
}

/// A factor in hundredths, so that two of them are equal or not: `2x` is 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor(u32);

impl Factor {
    /// Twice as much.
    pub const TWICE: Self = Self(200);

    /// Three times as much.
    pub const THRICE: Self = Self(300);

    /// What to multiply with.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// `2x` or `1.5x`: more than 1, at most 1000, two digits after the point.
pub(super) fn factor(text: &str) -> Result<Factor, &'static str> {
    let hundredths = text.strip_suffix('x').and_then(hundredths).filter(|hundredths| *hundredths > 100);
    hundredths.map(Factor).ok_or("not a factor; write a number above 1 and an x, such as 2x or 1.5x")
}

/// `3` or `2.5`: from 1 to 1000, two digits after the point.
pub(super) fn times(text: &str) -> Result<Factor, &'static str> {
    let hundredths = hundredths(text).filter(|hundredths| *hundredths >= 100);
    hundredths.map(Factor).ok_or("not a factor; write a number from 1 to 1000, such as 3 or 2.5")
}

/// Of a number of at most 1000 with two digits after the point.
fn hundredths(number: &str) -> Option<u32> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let part =
        format!("{part}0").get(..2).filter(|_| digits(part) && part.len() <= 2)?.parse::<u32>().ok()?;
    let whole = Some(whole).filter(|whole| digits(whole))?.parse::<u32>().ok()?;
    whole.checked_mul(100)?.checked_add(part).filter(|hundredths| *hundredths <= 100_000)
}

/// `500ms`, `15s`, `2m`, `1h`: more than nothing, a year at most.
///
/// # Errors
/// The rule that a text breaks which is none.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let millis = scaled(text, &DURATION_UNITS)
        .ok_or("not a duration; write a positive whole number and its unit, such as 500ms, 15s, 2m or 1h")?;
    let duration = Duration::from_millis(millis);
    if duration > MAX_DURATION { Err("too long; at most 8760h are possible") } else { Ok(duration) }
}

/// `64MiB`, `512KiB`, `1GiB`, or a plain whole number of bytes; more than nothing.
pub(super) fn size(text: &str) -> Result<usize, &'static str> {
    scaled(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok()).ok_or(
        "not a size; write a positive whole number and its unit, such as 65536B, 512KiB, 64MiB or 1GiB",
    )
}

/// `10/s` or `60/min`; at least one call.
pub(super) fn rate(text: &str) -> Result<Rate, &'static str> {
    let rate = text.split_once('/').and_then(|(calls, unit)| {
        let calls = u32::try_from(scaled(calls, &[("", 1)])?).ok()?;
        let per = match unit {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_mins(1),
            _ => return None,
        };
        Some(Rate { calls, per })
    });
    rate.ok_or("not a rate; write calls per second or minute, such as 10/s or 60/min")
}

/// A positive whole number times what its unit stands for.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    count.parse::<u64>().ok()?.checked_mul(factor).filter(|&product| product > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        let good =
            [("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("1h", 3_600_000), ("8760h", 31_536_000_000)];
        for (text, millis) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let bad = [
            "",
            "30",
            "s",
            "0s",
            "-1s",
            "+1s",
            "1.5s",
            "15 s",
            " 15s",
            "1m30s",
            "1d",
            "1S",
            "8761h",
            "18446744073709551615h",
        ];
        for text in bad {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in
            [("64MiB", 67_108_864), ("512KiB", 524_288), ("1GiB", 1_073_741_824), ("7B", 7), ("42", 42)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0MiB", "64MB", "64mib", "1.5GiB", "MiB", "18446744073709551615GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn factors_are_more_than_one() {
        for (text, hundredths) in
            [("2x", 200), ("1.5x", 150), ("1.05x", 105), ("1.01x", 101), ("1000x", 100_000)]
        {
            assert_eq!(factor(text), Ok(Factor(hundredths)), "{text}");
        }
        for text in
            ["2", "x", "1x", "0.5x", "-2x", "+2x", "1.x", ".5x", "1.555x", "1001x", "2 x", "4294967296x"]
        {
            assert!(factor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_one_or_more() {
        for (text, hundredths) in [("3", 300), ("1", 100), ("2.5", 250), ("1000", 100_000)] {
            assert_eq!(times(text), Ok(Factor(hundredths)), "{text}");
        }
        for text in ["", "0", "0.99", "-3", "3x", "3.", "1000.01", "1e3", "4294967296"] {
            assert!(times(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_per_second_or_minute() {
        assert_eq!(rate("10/s"), Ok(Rate { calls: 10, per: Duration::from_secs(1) }));
        assert_eq!(rate("60/min"), Ok(Rate { calls: 60, per: Duration::from_mins(1) }));
        for text in ["10", "/s", "0/s", "10/h", "10/ s", "-1/s", "4294967296/s", "1/s/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
