//! The sessions that a snapshot names as examples, in the few bytes that a thousand snapshots can afford.

use super::ranking::Names;
use super::tally::Oldest;

/// Longest id that is kept, in bytes: no page has room for a longer one.
const MAX_ID_BYTES: usize = 512;

/// The oldest session of each bucket that has one, in no order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplars {
    /// Bucket and age in seconds.
    ages: Box<[(u8, f64)]>,
    /// Of each first the id of the session, then that of the transaction.
    ids: Names,
}

/// A session that stands for its bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    /// Its age in seconds.
    pub seconds: f64,
    /// Its id; empty where it has none.
    pub session_id: &'a str,
    /// The id of its transaction; empty where it has none.
    pub transaction_id: &'a str,
}

impl Exemplars {
    /// That of a bucket.
    #[must_use]
    pub fn of(&self, bucket: usize) -> Option<Exemplar<'_>> {
        let place = self.ages.iter().position(|(of, _)| usize::from(*of) == bucket)?;
        let mut ids = self.ids.iter().skip(2 * place);
        let (session_id, transaction_id) = (ids.next()?, ids.next()?);
        Some(Exemplar { seconds: self.ages[place].1, session_id, transaction_id })
    }
}

impl From<&[Oldest]> for Exemplars {
    fn from(oldest: &[Oldest]) -> Self {
        let ids = oldest.iter().flat_map(|it| [&it.session_id, &it.transaction_id]);
        let short = |id: &String| if id.len() > MAX_ID_BYTES { String::new() } else { id.clone() };
        Self {
            ages: oldest.iter().map(|it| (it.bucket, it.seconds)).collect(),
            ids: ids.map(short).collect(),
        }
    }
}
