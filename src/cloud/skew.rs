//! How far the machine's clock is off, by the `Date` of the answers: clouds refuse signatures of another quarter of an hour,
//! so they are dated by the cloud's clock where the two disagree.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;

/// Clocks that agree to this are left alone.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// `Date` has whole seconds, and the way of an answer takes time: what differs by less is the same.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What is added to the machine's clock for the calls of one account.
#[derive(Debug, Default)]
pub struct Skew(Mutex<SignedDuration>);

/// What an answer teaches of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// Nothing new.
    Nothing,
    /// The cloud's clock is this far ahead of the machine's: more than is known.
    Off(SignedDuration),
    /// The machine's clock is right again.
    Right,
}

impl Skew {
    /// What is to be added to the machine's clock; zero while it is right.
    #[must_use]
    pub fn correction(&self) -> SignedDuration {
        *self.lock()
    }

    /// Takes in how far ahead the cloud's clock was in an answer.
    pub fn observe(&self, ahead: SignedDuration) -> Lesson {
        let mut correction = self.lock();
        let is_off = ahead.abs() > TOLERANCE;
        let wanted = if is_off { ahead } else { SignedDuration::ZERO };
        if wanted == *correction || !is_apart(ahead, *correction) {
            return Lesson::Nothing;
        }
        *correction = wanted;
        if is_off { Lesson::Off(ahead) } else { Lesson::Right }
    }

    /// Whether a call with this correction was dated by a clock that is known by now to be wrong.
    #[must_use]
    pub fn misdated(&self, correction: SignedDuration) -> bool {
        is_apart(correction, self.correction())
    }

    fn lock(&self) -> MutexGuard<'_, SignedDuration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_apart(one: SignedDuration, other: SignedDuration) -> bool {
    (one - other).abs() > SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    /// What each of these observations teaches, in a row.
    fn lessons<const N: usize>(ahead: [i64; N]) -> [Lesson; N] {
        let skew = Skew::default();
        ahead.map(|ahead| skew.observe(seconds(ahead)))
    }

    #[test]
    fn a_minute_is_tolerated_and_more_is_told_once() {
        use Lesson::{Nothing, Off};
        assert_eq!(lessons([0, 60, -60, 59]), [Nothing; 4]);
        assert_eq!(lessons([61, 60, 58, 63]), [Off(seconds(61)), Nothing, Nothing, Nothing]);
        assert_eq!(lessons([-3600, -3601, -3597]), [Off(seconds(-3600)), Nothing, Nothing]);
        assert_eq!(lessons([3600, 7200, 7201]), [Off(seconds(3600)), Off(seconds(7200)), Nothing]);
    }

    #[test]
    fn a_clock_that_is_set_right_is_told_once() {
        use Lesson::{Nothing, Off, Right};
        assert_eq!(lessons([3600, 1, 0, 2]), [Off(seconds(3600)), Right, Nothing, Nothing]);
    }

    #[test]
    fn a_call_is_misdated_when_more_has_been_learnt_since() {
        let skew = Skew::default();
        let before = skew.correction();
        assert!(!skew.misdated(before));
        skew.observe(seconds(3600));
        assert!(skew.misdated(before) && !skew.misdated(skew.correction()));
        skew.observe(seconds(3602));
        assert!(!skew.misdated(seconds(3600)), "the same clock");
    }
}
