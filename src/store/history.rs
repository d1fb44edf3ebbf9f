//! The recent past of one target: a point for each fetch that ended, over an hour, in memory that is bounded and grows only as
//! points come. It tells what pictures need, and stays when data are withdrawn: a fetch that failed makes a gap in it.

use std::time::Duration;

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
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "a picture needs no more digits")]
fn seconds(seconds: f64) -> f32 {
    (seconds as f32).min(f32::MAX)
}

fn longer(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    a.into_iter().chain(b).reduce(f32::max)
}

/// The points of one target, the oldest first, in a third of the bytes that they take as they are: most of their numbers are small,
/// and fleets have many points.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Of each point the milliseconds since the one before, which mean nothing for the first one, and then its [`numbers`].
    bytes: Vec<u8>,
    points: usize,
    /// When the first and the last point were, in milliseconds of Unix time.
    first: i64,
    last: i64,
}

impl History {
    /// Takes the newest point in, and lets go of those that are too old. A clock that was set back makes the points after it
    /// untrue, and they go, too.
    pub fn push(&mut self, point: Point) {
        let at = point.at.as_millisecond();
        if self.points > 0 && at < self.last {
            self.replace(self.points().into_iter().filter(|known| known.at <= point.at));
        }
        while self.points > 0 && self.first < at - SPAN_MS {
            self.let_go_of_first();
        }
        if self.points == MAX_POINTS {
            self.merge();
        }
        self.append(point, at);
    }

    /// All points.
    pub fn points(&self) -> Vec<Point> {
        let (mut reader, mut at) = (Reader(&self.bytes), self.first);
        let mut points = Vec::with_capacity(self.points);
        while points.len() < self.points {
            let since = reader.number();
            at = if points.is_empty() { at } else { at.saturating_add_unsigned(since) };
            points.push(reader.point(Timestamp::from_millisecond(at).unwrap_or_default()));
        }
        points
    }

    fn append(&mut self, point: Point, at: i64) {
        let since = if self.points == 0 { 0 } else { at.abs_diff(self.last) };
        let mut encoded = [0; MAX_POINT_BYTES];
        let mut end = 0;
        for number in std::iter::once(since).chain(numbers(&point)) {
            end = write(&mut encoded, end, number);
        }
        // Growing by little: a fleet holds many of these.
        if self.bytes.capacity() - self.bytes.len() < end {
            self.bytes.reserve_exact((self.bytes.len() / 8).max(64));
        }
        self.bytes.extend_from_slice(&encoded[..end]);
        self.first = if self.points == 0 { at } else { self.first };
        self.last = at;
        self.points += 1;
    }

    fn let_go_of_first(&mut self) {
        let mut reader = Reader(&self.bytes);
        reader.number();
        reader.point(Timestamp::UNIX_EPOCH);
        let rest = reader.0.len();
        let next = if rest == 0 { 0 } else { reader.number() };
        self.first = self.first.saturating_add_unsigned(next);
        self.bytes.drain(..self.bytes.len() - rest);
        self.points -= 1;
    }

    /// Makes one of the two neighbours that are closest, and of several such pairs the oldest: what is old becomes coarser first.
    fn merge(&mut self) {
        let mut points = self.points();
        let gap = |at: &usize| points[at + 1].at.duration_since(points[*at].at);
        let Some(at) = (0..points.len() - 1).min_by_key(gap) else { return };
        let later = points.remove(at + 1);
        points[at] = points[at].merged(later);
        self.replace(points.into_iter());
    }

    fn replace(&mut self, points: impl Iterator<Item = Point>) {
        self.bytes.clear();
        self.points = 0;
        points.for_each(|point| self.append(point, point.at.as_millisecond()));
    }
}

/// Bytes of a point at most: seven numbers of at most ten each.
const MAX_POINT_BYTES: usize = 70;

/// The numbers of a point, each one greater than it is, so that 0 stands for none; ages in milliseconds.
fn numbers(point: &Point) -> [u64; 6] {
    let counts = [point.sessions, point.active, point.executing, point.idle_transactions];
    let [sessions, active, executing, idle] = counts.map(|it| it.map_or(0, |it| u64::from(it) + 1));
    let [longest, oldest] =
        [point.longest_active, point.oldest_transaction].map(|it| it.map_or(0, |it| milliseconds(it) + 1));
    [sessions, active, executing, idle, longest, oldest]
}

fn milliseconds(seconds: f32) -> u64 {
    let age = Duration::try_from_secs_f32(seconds).unwrap_or(MAX_AGE);
    u64::try_from(age.min(MAX_AGE).as_millis()).expect("a thousand years have fewer milliseconds")
}

/// No session is older.
const MAX_AGE: Duration = Duration::from_hours(1000 * 366 * 24);

/// Writes a number in as few bytes as it takes, seven bits each (LEB128), and tells where it ends.
fn write(bytes: &mut [u8; MAX_POINT_BYTES], mut at: usize, mut number: u64) -> usize {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        bytes[at] = low & 0x7f | if number > 0 { 0x80 } else { 0 };
        at += 1;
        if number == 0 {
            return at;
        }
    }
}

/// Reads numbers as [`write`] wrote them.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let Some((byte, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn point(&mut self, at: Timestamp) -> Point {
        let numbers: [Option<u64>; 6] = std::array::from_fn(|_| self.number().checked_sub(1));
        let [sessions, active, executing, idle_transactions, longest, oldest] = numbers;
        let count = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
        let age = |number: Option<u64>| number.map(|number| Duration::from_millis(number).as_secs_f32());
        Point {
            at,
            sessions: count(sessions),
            active: count(active),
            executing: count(executing),
            longest_active: age(longest),
            oldest_transaction: age(oldest),
            idle_transactions: count(idle_transactions),
        }
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
    fn great_numbers_come_back_too() {
        let great = Point {
            sessions: Some(u32::MAX),
            idle_transactions: Some(1 << 21),
            oldest_transaction: Some(31_536_000.0),
            ..point(7, Some(128))
        };
        assert_eq!(history([point(0, Some(3)), great]), [point(0, Some(3)), great]);
    }

    #[test]
    fn memory_grows_with_the_points_to_a_third_of_what_they_are() {
        let mut history = History::default();
        assert_eq!(history.bytes.capacity(), 0);
        for i in 0..5000u32 {
            let seen = point(i64::from(i) * 2, Some(i % 300));
            history.push(Point { oldest_transaction: Some(300.0), ..seen });
        }
        let plain = MAX_POINTS * size_of::<Point>();
        assert!(history.bytes.capacity() < plain / 3, "{} of {plain}", history.bytes.capacity());
    }
}
