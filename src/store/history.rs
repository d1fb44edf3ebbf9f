//! The recent past of one target: a point for each fetch that ended, over an hour, in memory that is bounded and grows only as
//! points come. It tells what pictures need, and stays when data are withdrawn: a fetch that failed makes a gap in it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::model::Snapshot;

/// How far back the past goes.
pub const SPAN: SignedDuration = SignedDuration::from_hours(1);

const SPAN_MS: i64 = SPAN.as_secs() * 1000;

/// Points of one target: an hour of fetches every five seconds. Where they come faster, old ones are merged.
pub const MAX_POINTS: usize = 720;

/// One fetch, or several that were merged: then each number is the greatest of theirs. A failed fetch has no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When the fetch ended, or the first of several.
    pub at: Timestamp,
    /// All sessions; `None`: the fetch failed.
    pub sessions: Option<u32>,
    /// Active ones.
    pub active: Option<u32>,
    /// Executing ones.
    pub executing: Option<u32>,
    /// Longest active time in seconds.
    pub longest_active: Option<f32>,
    /// Age of the oldest transaction in seconds; 0: none.
    pub oldest_transaction: Option<f32>,
    /// Open transactions of sleeping sessions.
    pub idle_transactions: Option<u32>,
}

impl Point {
    /// Of a good fetch.
    #[must_use]
    pub fn good(at: Timestamp, snapshot: &Snapshot) -> Self {
        let listed = snapshot.listed.as_ref();
        Self {
            sessions: Some(count(snapshot.sessions)),
            active: snapshot.active.map(count),
            executing: listed.map(|listed| count(listed.executing)),
            longest_active: snapshot.longest_active.map(seconds),
            oldest_transaction: listed.map(|listed| seconds(listed.transaction_ages.max)),
            idle_transactions: listed.map(|listed| count(listed.idle_transactions)),
            ..Self::failed(at)
        }
    }

    /// Of a fetch that failed, or was not made because the account is held.
    #[must_use]
    pub const fn failed(at: Timestamp) -> Self {
        Self {
            at,
            sessions: None,
            active: None,
            executing: None,
            longest_active: None,
            oldest_transaction: None,
            idle_transactions: None,
        }
    }

    /// Whether the fetch was good.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.sessions.is_some()
    }

    fn merged(self, later: Self) -> Self {
        Self {
            at: self.at,
            sessions: self.sessions.max(later.sessions),
            active: self.active.max(later.active),
            executing: self.executing.max(later.executing),
            longest_active: longer(self.longest_active, later.longest_active),
            oldest_transaction: longer(self.oldest_transaction, later.oldest_transaction),
            idle_transactions: self.idle_transactions.max(later.idle_transactions),
        }
    }
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).min(NOTHING - 1)
}

#[expect(clippy::cast_possible_truncation, reason = "a picture needs no more digits")]
fn seconds(seconds: f64) -> f32 {
    (seconds as f32).min(f32::MAX)
}

fn longer(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    a.into_iter().chain(b).reduce(f32::max)
}

/// A point in half the bytes.
#[derive(Debug, Clone, Copy)]
struct Packed {
    at_ms: i64,
    /// Sessions, active, executing, idle transactions.
    counts: [u32; 4],
    /// Longest active time, oldest transaction; not a number where there is none.
    seconds: [f32; 2],
}

/// Stands for no count.
const NOTHING: u32 = u32::MAX;

impl From<Point> for Packed {
    fn from(point: Point) -> Self {
        let counts = [point.sessions, point.active, point.executing, point.idle_transactions];
        Self {
            at_ms: point.at.as_millisecond(),
            counts: counts.map(|count| count.unwrap_or(NOTHING)),
            seconds: [point.longest_active, point.oldest_transaction].map(|it| it.unwrap_or(f32::NAN)),
        }
    }
}

impl From<Packed> for Point {
    fn from(packed: Packed) -> Self {
        let [sessions, active, executing, idle_transactions] =
            packed.counts.map(|count| (count != NOTHING).then_some(count));
        let [longest_active, oldest_transaction] = packed.seconds.map(|it| (!it.is_nan()).then_some(it));
        let at = Timestamp::from_millisecond(packed.at_ms).unwrap_or_default();
        Self { at, sessions, active, executing, longest_active, oldest_transaction, idle_transactions }
    }
}

/// The points of one target, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Packed>);

impl History {
    /// Takes the newest point in, and lets go of those that are too old. A clock that was set back makes the points after it
    /// untrue, and they go, too.
    pub fn push(&mut self, point: Point) {
        let new = Packed::from(point);
        let oldest = new.at_ms - SPAN_MS;
        self.0.retain(|known| (oldest..=new.at_ms).contains(&known.at_ms));
        if self.0.len() == MAX_POINTS {
            self.merge();
        }
        // Growing by half instead of doubling: a fleet holds many of these.
        if self.0.len() == self.0.capacity() {
            let room = MAX_POINTS - self.0.len();
            self.0.reserve_exact((self.0.len() / 2).max(8).min(room));
        }
        self.0.push_back(new);
    }

    /// All points.
    pub fn points(&self) -> Vec<Point> {
        self.0.iter().copied().map(Point::from).collect()
    }

    /// Makes one of the two neighbours that are closest, and of several such pairs the oldest: what is old becomes coarser first.
    fn merge(&mut self) {
        let gap = |at: &usize| self.0[at + 1].at_ms - self.0[*at].at_ms;
        let Some(at) = (0..self.0.len() - 1).min_by_key(gap) else { return };
        let later = self.0.remove(at + 1).expect("it is the neighbour of another");
        self.0[at] = Point::from(self.0[at]).merged(later.into()).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, active: Option<u32>) -> Point {
        let at = Timestamp::from_second(1_700_000_000 + second).expect("it is a time");
        Point {
            sessions: active.map(|active| active + 1),
            active,
            longest_active: active.map(|_| 0.1),
            ..Point::failed(at)
        }
    }

    fn history(points: impl IntoIterator<Item = Point>) -> Vec<Point> {
        let mut history = History::default();
        points.into_iter().for_each(|point| history.push(point));
        history.points()
    }

    #[test]
    fn points_come_back_as_they_were() {
        let given = [point(0, Some(3)), point(30, None), point(60, Some(0))];
        assert_eq!(history(given), given);
        assert!(!given[1].is_good() && given[2].is_good());
        assert!(size_of::<Packed>() <= 32);
    }

    #[test]
    fn an_hour_is_kept() {
        let seen = history((0..1000).map(|i| point(i * 30, Some(1))));
        assert_eq!(seen.len(), 121);
        assert_eq!((seen[0].at, seen[120].at), (point(879 * 30, None).at, point(999 * 30, None).at));
    }

    #[test]
    fn fast_fetches_are_merged_and_their_peaks_stay() {
        let peak = 3000;
        let seen = history((0..4000).map(|i| point(i, Some(if i == peak { 99 } else { 1 }))));
        assert_eq!(seen.len(), MAX_POINTS);
        assert_eq!(seen.iter().filter(|point| point.active == Some(99)).count(), 1);
        assert!(seen[0].at <= point(420, None).at, "the whole hour is there");
        let widest = seen.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at).as_secs()).max();
        assert!(widest <= Some(16), "{widest:?}");
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_no_point_in_the_future() {
        let seen = history([point(0, Some(1)), point(7000, Some(2)), point(60, Some(3))]);
        assert_eq!(seen.iter().map(|point| point.active).collect::<Vec<_>>(), [Some(3)]);
    }

    #[test]
    fn memory_grows_with_the_points() {
        let mut history = History::default();
        assert_eq!(history.0.capacity(), 0);
        for i in 0..5000 {
            history.push(point(i * 2, Some(1)));
        }
        assert_eq!(history.0.capacity(), MAX_POINTS);
    }
}
