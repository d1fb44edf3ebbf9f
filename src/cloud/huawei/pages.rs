//! The course of a paged listing, without I/O. Pages are no snapshot: sessions come and go between them, so a session is
//! known by its id, and the total is whatever the last page says.

use std::collections::HashMap;

use crate::cloud::json::Id;

/// All sweeps of one fetch: each lists the sessions that one filter matches.
#[derive(Debug)]
pub struct Sweeps {
    limit: u64,
    pages_left: usize,
    begun: u32,
    /// In which sweep each session was seen last.
    seen: HashMap<Id, u32>,
    /// Sessions that the provider counted and did not list.
    unlisted: u64,
    /// Total of the last sweep, if it was reported.
    total: Option<u64>,
}

/// How far one sweep has come.
#[derive(Debug)]
pub struct Sweep<'s> {
    all: &'s mut Sweeps,
    offset: u64,
    total: Option<u64>,
    /// Distinct sessions.
    listed: u64,
    page: Page,
}

#[derive(Debug, Default)]
struct Page {
    rows: u64,
    new: u64,
}

impl Sweeps {
    /// Sweeps of pages of `limit` rows, `max_pages` of them together.
    #[must_use]
    pub fn new(limit: u64, max_pages: usize) -> Self {
        Self { limit, pages_left: max_pages, begun: 0, seen: HashMap::new(), unlisted: 0, total: None }
    }

    /// Begins the next sweep.
    pub fn begin(&mut self) -> Sweep<'_> {
        self.begun += 1;
        Sweep { all: self, offset: 0, total: None, listed: 0, page: Page::default() }
    }

    /// Sessions that were counted, but not listed.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The total as the provider reports it; `None` where it reported none, or where several sweeps may count the same
    /// session twice.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total.filter(|_| self.begun == 1)
    }
}

impl Sweep<'_> {
    /// The offset of the next page; `None` where no more page may be asked for.
    pub fn next_offset(&mut self) -> Option<u64> {
        self.all.pages_left = self.all.pages_left.checked_sub(1)?;
        self.page = Page::default();
        Some(self.offset)
    }

    /// Takes one row of the page in: `true` where its session has not been seen in any sweep.
    pub fn row(&mut self, id: Id) -> bool {
        self.page.rows += 1;
        let before = if id == Id::Absent { None } else { self.all.seen.insert(id, self.all.begun) };
        self.page.new += u64::from(before != Some(self.all.begun));
        before.is_none()
    }

    /// Takes the end of the page in: `true` where another one has to be asked for. A short or empty page is the last, as is
    /// one that reaches the total, and one of known sessions only: such a provider does not page.
    pub fn page_ends(&mut self, total: Option<u64>) -> bool {
        self.total = total.or(self.total);
        self.offset += self.page.rows;
        self.listed += self.page.new;
        self.page.rows >= self.all.limit
            && self.page.new > 0
            && self.total.is_none_or(|total| self.offset < total)
    }

    /// Pages that are still to be asked for, by the total as it is now.
    #[must_use]
    pub fn pages_to_come(&self) -> u64 {
        let rows = self.total.unwrap_or_default().saturating_sub(self.offset);
        rows.div_ceil(self.all.limit).min(self.all.pages_left as u64)
    }

    /// Ends the sweep.
    pub fn end(self) {
        let Self { all, total, listed, .. } = self;
        all.unlisted += total.unwrap_or_default().saturating_sub(listed);
        // A session that began between two pages is listed before it is counted.
        all.total = total.map(|total| total.max(listed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages through `sessions` as a provider would list them: what was seen anew, calls, unlisted, total.
    fn sweep(sweeps: &mut Sweeps, ids: &[u64], total: impl Fn(u64) -> Option<u64>) -> (usize, u64) {
        let (limit, mut sweep) = (usize::try_from(sweeps.limit).unwrap(), sweeps.begin());
        let (mut new, mut calls) = (0, 0);
        while let Some(offset) = sweep.next_offset() {
            calls += 1;
            let page = ids.iter().skip(usize::try_from(offset).unwrap()).take(limit);
            new += page.map(|id| sweep.row(Id::Number(*id))).filter(|new| *new).count();
            if !sweep.page_ends(total(calls)) {
                break;
            }
        }
        sweep.end();
        (new, calls)
    }

    #[test]
    fn pages_to_come_are_those_of_the_total_that_may_be_asked_for() {
        for (max_pages, total, to_come) in
            [(200, Some(25), 2), (200, Some(10), 0), (200, None, 0), (2, Some(99), 1)]
        {
            let mut sweeps = Sweeps::new(10, max_pages);
            let mut sweep = sweeps.begin();
            sweep.next_offset();
            assert!(ids(10).into_iter().all(|id| sweep.row(Id::Number(id))));
            sweep.page_ends(total);
            assert_eq!(sweep.pages_to_come(), to_come, "{total:?}");
        }
    }

    fn ids(count: u64) -> Vec<u64> {
        (1..=count).collect()
    }

    #[test]
    fn a_total_saves_the_last_empty_page() {
        for (sessions, calls) in [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (5000, 50)] {
            let mut sweeps = Sweeps::new(100, 200);
            let seen = sweep(&mut sweeps, &ids(sessions), |_| Some(sessions));
            assert_eq!(seen, (usize::try_from(sessions).unwrap(), calls), "{sessions} sessions");
            assert_eq!((sweeps.unlisted(), sweeps.total()), (0, Some(sessions)));
        }
    }

    #[test]
    fn without_a_total_a_short_or_empty_page_is_the_last() {
        for (sessions, calls) in [(0, 1), (99, 1), (100, 2), (101, 2)] {
            let mut sweeps = Sweeps::new(100, 200);
            assert_eq!(sweep(&mut sweeps, &ids(sessions), |_| None).1, calls, "{sessions} sessions");
            assert_eq!((sweeps.unlisted(), sweeps.total()), (0, None));
        }
    }

    #[test]
    fn the_last_total_counts_but_never_less_than_what_was_listed() {
        let mut sweeps = Sweeps::new(100, 200);
        assert_eq!(sweep(&mut sweeps, &ids(250), |call| Some(if call < 3 { 300 } else { 250 })).1, 3);
        assert_eq!((sweeps.unlisted(), sweeps.total()), (0, Some(250)));
        let mut sweeps = Sweeps::new(100, 200);
        sweep(&mut sweeps, &ids(150), |_| Some(140));
        assert_eq!((sweeps.unlisted(), sweeps.total()), (0, Some(150)));
    }

    #[test]
    fn what_lies_beyond_the_last_page_is_unlisted() {
        let mut sweeps = Sweeps::new(100, 3);
        assert_eq!(sweep(&mut sweeps, &ids(1000), |_| Some(1000)), (300, 3));
        assert_eq!((sweeps.unlisted(), sweeps.total()), (700, Some(1000)));
    }

    #[test]
    fn a_session_on_two_pages_counts_once() {
        let mut shifted = ids(100);
        shifted.extend(100..=150);
        let mut sweeps = Sweeps::new(100, 200);
        assert_eq!(sweep(&mut sweeps, &shifted, |_| Some(150)), (150, 2));
        assert_eq!(sweeps.unlisted(), 0);
    }

    #[test]
    fn a_provider_that_repeats_its_page_is_not_asked_for_ever() {
        let mut sweeps = Sweeps::new(100, 200);
        let repeated: Vec<u64> = ids(100).repeat(10);
        assert_eq!(sweep(&mut sweeps, &repeated, |_| None), (100, 2));
    }

    #[test]
    fn sweeps_are_united_by_id() {
        let mut sweeps = Sweeps::new(100, 200);
        assert_eq!(sweep(&mut sweeps, &ids(150), |_| Some(150)), (150, 2));
        let overlapping: Vec<u64> = (101..=260).collect();
        assert_eq!(sweep(&mut sweeps, &overlapping, |_| Some(165)), (110, 2));
        assert_eq!((sweeps.unlisted(), sweeps.total()), (5, None));
    }

    #[test]
    fn sessions_without_id_are_all_counted() {
        let mut sweeps = Sweeps::new(100, 200);
        let mut sweep = sweeps.begin();
        assert_eq!(sweep.next_offset(), Some(0));
        assert!(sweep.row(Id::Absent) && sweep.row(Id::Absent));
        assert!(!sweep.page_ends(Some(2)));
    }

    proptest::proptest! {
        #[test]
        fn every_session_is_seen_once_in_the_fewest_calls(sessions in 0u64..700, limit in 1u64..130, reported: bool) {
            let mut sweeps = Sweeps::new(limit, 10_000);
            let (new, calls) = sweep(&mut sweeps, &ids(sessions), |_| reported.then_some(sessions));
            proptest::prop_assert_eq!(new as u64, sessions);
            let fewest = sessions.div_ceil(limit).max(1);
            let empty_page = u64::from(!reported && sessions > 0 && sessions % limit == 0);
            proptest::prop_assert_eq!(calls, fewest + empty_page);
        }
    }
}
