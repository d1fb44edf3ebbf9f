//! The numbers of samples: counts as they are, seconds in the shortest text that reads back as the same double.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Whole numbers below this are doubles without gaps.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The value of a sample.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// A count.
    Count(u64),
    /// Seconds.
    Real(f64),
}

impl Value {
    /// Appends `before`, the value and a line break. Most values have one digit.
    #[inline]
    pub fn close(self, before: &'static str, page: &mut Vec<u8>) {
        page.extend_from_slice(before.as_bytes());
        if let Self::Count(count) = self
            && let Ok(digit @ 0..10) = u8::try_from(count)
        {
            page.extend_from_slice(&[b'0' + digit, b'\n']);
        } else {
            self.write(page);
            page.push(b'\n');
        }
    }

    /// Appends the value as every scraper reads it: a whole number has no fraction.
    pub fn write(self, page: &mut Vec<u8>) {
        match self {
            Self::Count(count) => write_count(count, page),
            Self::Real(real) => match whole(real) {
                Some(count) => write_count(count, page),
                None => write_real(real, page),
            },
        }
    }
}

/// Most seconds are told whole, and integers are spelled faster.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "a number that the casts change is not whole"
)]
fn whole(real: f64) -> Option<u64> {
    let count = real as u64;
    (real.is_sign_positive() && real < MAX_WHOLE && count as f64 == real).then_some(count)
}

fn write_count(count: u64, page: &mut Vec<u8>) {
    page.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
}

fn write_real(real: f64, page: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let text = match real {
        _ if real.is_nan() => "NaN",
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => buffer.format(real),
    };
    page.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Count(u64::from(yes))
    }
}

impl From<f64> for Value {
    fn from(seconds: f64) -> Self {
        Self::Real(seconds)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Real(duration.as_secs_f64())
    }
}

/// Seconds since the Unix epoch, cut to milliseconds: a double holds no more at that size.
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Real(SignedDuration::from_millis(at.as_millisecond()).as_secs_f64())
    }
}
