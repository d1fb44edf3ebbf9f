//! The numbers of samples: counts as they are, seconds in the shortest text that reads back as the same double.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The value of a sample.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// A count.
    Count(u64),
    /// Seconds.
    Real(f64),
}

impl Value {
    /// Hands out the value as every scraper reads it: a whole number has no fraction.
    pub fn spell(self, push: impl FnOnce(&str)) {
        match self {
            Self::Count(count) => push(itoa::Buffer::new().format(count)),
            Self::Real(real) if real.is_nan() => push("NaN"),
            Self::Real(real) if real.is_infinite() => push(if real > 0.0 { "+Inf" } else { "-Inf" }),
            Self::Real(real) => {
                let mut buffer = ryu::Buffer::new();
                let text = buffer.format(real);
                push(text.strip_suffix(".0").unwrap_or(text));
            }
        }
    }
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
