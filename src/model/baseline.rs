//! The level of a number over the recent past: what "more than usual" is measured by. It follows slowly, so that a spike
//! stands out, and it does follow, so that a load that stays becomes the usual one.

use std::time::Duration;

/// After this time a step has been taken in by about two thirds (1 − 1/e).
const MEMORY: Duration = Duration::from_mins(15);

/// An average that forgets, of values seen at any times.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Baseline {
    level: Option<f64>,
}

impl Baseline {
    /// A level that is known from before.
    #[must_use]
    pub fn at(level: f64) -> Self {
        Self { level: Some(level) }
    }

    /// The level so far; `None` before the first value.
    #[must_use]
    pub fn level(self) -> Option<f64> {
        self.level
    }

    /// Takes a value in that was seen `elapsed` after the one before.
    pub fn observe(&mut self, value: f64, elapsed: Duration) {
        let kept = (-elapsed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.level = Some(self.level.map_or(value, |level| value + (level - value) * kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_taken_in_slowly_whatever_the_interval() {
        for seconds in [5, 30, 300] {
            let mut baseline = Baseline::default();
            assert_eq!(baseline.level(), None);
            baseline.observe(10.0, Duration::ZERO);
            for _ in 0..(900 / seconds) {
                baseline.observe(110.0, Duration::from_secs(seconds));
            }
            let level = baseline.level().unwrap();
            assert!((level - 73.2).abs() < 0.1, "{level} after a quarter of an hour in steps of {seconds} s");
        }
    }
}
