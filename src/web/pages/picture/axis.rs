//! The marks of a picture's axes: round numbers, round spans, round moments.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::web::pages::words;

/// What the values of a picture are.
#[derive(Debug, Clone, Copy)]
pub(in crate::web::pages) enum Unit {
    /// Counts.
    Count,
    /// Seconds.
    Seconds,
}

/// Round spans in seconds; days beyond them.
const SPANS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0];
const DAY: f64 = 86_400.0;

/// Round distances of the moments, in minutes.
const MINUTES: [i64; 5] = [1, 2, 5, 10, 15];

/// Marks of an axis, its beginning not counted: more would crowd it.
const MOST_UP: f64 = 4.0;
const MOST_ALONG: i64 = 6;

/// Distance of the marks of an axis, and how many there are beside the 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    unit: Unit,
    distance: f64,
    marks: u8,
}

impl Unit {
    /// Marks up to at least `greatest`.
    pub(super) fn step(self, greatest: f64) -> Step {
        let distance = match self {
            Self::Count => decimal(greatest / MOST_UP),
            Self::Seconds => SPANS
                .into_iter()
                .find(|span| span * MOST_UP >= greatest)
                .unwrap_or_else(|| DAY * decimal(greatest / MOST_UP / DAY)),
        };
        let marks = (1..=4).find(|marks| f64::from(*marks) * distance >= greatest).unwrap_or(4);
        Step { unit: self, distance, marks }
    }

    /// A value as people read it.
    pub(super) fn told(self, value: f64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Seconds => words::round_span(Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)),
        }
    }
}

/// The least of 1, 2, 5, 10, 20, 50 and so on that is not below `least`.
fn decimal(least: f64) -> f64 {
    let mut decade = 1.0;
    loop {
        for digit in [1.0, 2.0, 5.0] {
            if digit * decade >= least || decade > 1e300 {
                return digit * decade;
            }
        }
        decade *= 10.0;
    }
}

impl Step {
    /// The end of the axis.
    pub(super) fn top(self) -> f64 {
        self.distance * f64::from(self.marks)
    }

    /// Each mark from 0 on, and how people read it.
    pub(super) fn marks(self) -> impl Iterator<Item = (f64, String)> {
        (0..=self.marks).map(move |mark| {
            let value = self.distance * f64::from(mark);
            (value, if mark == 0 { "0".to_owned() } else { self.unit.told(value) })
        })
    }
}

/// Round moments within a span of at most a few hours.
pub(super) fn moments(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
    let minutes = (to.duration_since(from).as_secs() / 60).max(1);
    let distance = MINUTES.into_iter().find(|distance| minutes / distance <= MOST_ALONG).unwrap_or(30);
    let seconds = distance * 60;
    let first = from.as_second().div_euclid(seconds) + 1;
    (first..)
        .map(move |mark| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(mark * seconds))
        .take_while(move |at| *at <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(unit: Unit, greatest: f64) -> String {
        unit.step(greatest).marks().map(|(_, told)| told).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn marks_are_round_and_reach_the_greatest_value() {
        for (unit, greatest, told) in [
            (Unit::Count, 0.0, "0 1"),
            (Unit::Count, 3.0, "0 1 2 3"),
            (Unit::Count, 48.0, "0 20 40 60"),
            (Unit::Count, 1001.0, "0 500 1000 1500"),
            (Unit::Seconds, 0.4, "0 1s"),
            (Unit::Seconds, 61.0, "0 30s 1m 1m 30s"),
            (Unit::Seconds, 3601.0, "0 30m 1h 1h 30m"),
            (Unit::Seconds, 1e6, "0 5d 10d 15d"),
        ] {
            let marks = marks(unit, greatest);
            assert!(unit.step(greatest).top() >= greatest, "{greatest}: {marks}");
            assert_eq!(marks, told, "{greatest}");
        }
    }

    #[test]
    fn moments_are_round_and_few() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let told = |from, to| {
            moments(at(from), at(to)).map(|at| at.strftime("%H:%M").to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            told("2026-01-01T10:03:20Z", "2026-01-01T11:03:20Z"),
            "10:10 10:20 10:30 10:40 10:50 11:00"
        );
        assert_eq!(told("2026-01-01T23:57:30Z", "2026-01-02T00:02:30Z"), "23:58 23:59 00:00 00:01 00:02");
    }
}
