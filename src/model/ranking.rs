//! The values of a dimension that are shown by name. Values that leave the top stay for some fetches, so that series do
//! not flap; all that is not shown is summed exactly.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::groups::{Group, Groups};
use super::series::Room;

/// Good fetches for which a value is shown after it left the top.
pub const KEPT_FETCHES: u32 = 10;

/// Remembers which values of one dimension of one target are shown.
#[derive(Debug, Clone)]
pub struct Ranking {
    top: usize,
    /// Fetches since a shown value was last in the top.
    shown: HashMap<Arc<str>, u32>,
}

/// One dimension of one snapshot, cut to what is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dimension {
    /// Shown values: the top in order of rank, then the kept ones by name.
    pub shown: Vec<(Arc<str>, Group)>,
    /// All others together; its oldest transaction is their maximum.
    pub other: Group,
    /// Distinct values that are present now, as far as they were told apart.
    pub distinct: usize,
    /// How many of them are in `other`.
    pub folded: usize,
    /// Sessions in `other` whose values were too many to be told apart.
    pub overflow: u64,
    /// The limit kept values in `other` that would have been shown.
    pub capped: bool,
}

/// The rankings of one target.
#[derive(Debug, Clone)]
pub struct Rankings {
    /// Of database accounts.
    pub users: Ranking,
    /// Of client hosts.
    pub clients: Ranking,
    /// Of databases.
    pub databases: Ranking,
    /// Of SQL templates.
    pub templates: Ranking,
    /// Room for all that they show.
    pub room: Room,
}

impl Rankings {
    /// Rankings that show `top` values each, or fewer where the target would have more than `max_series` series.
    #[must_use]
    pub fn new(top: usize, max_series: usize) -> Self {
        let [users, clients, databases, templates] = std::array::from_fn(|_| Ranking::new(top));
        Self { users, clients, databases, templates, room: Room::new(max_series) }
    }
}

impl Ranking {
    /// A ranking that shows `top` values and has seen no fetch.
    #[must_use]
    pub fn new(top: usize) -> Self {
        Self { top, shown: HashMap::new() }
    }

    /// Cuts the values of one good fetch: the top by active, then total, then name, and those that were in the top of
    /// one of the last [`KEPT_FETCHES`] fetches, together no more than `limit`. A kept value that has vanished is shown
    /// with zeros.
    pub fn cut(&mut self, groups: Groups, limit: usize) -> Dimension {
        let (mut ranked, mut other) = groups.into_parts();
        let (distinct, overflow) = (ranked.len(), other.total);
        ranked.sort_unstable_by(|(a, x), (b, y)| {
            (Reverse((x.active, x.total)), a).cmp(&(Reverse((y.active, y.total)), b))
        });
        let rest = ranked.split_off(self.top.min(limit).min(ranked.len()));
        self.age(&ranked);
        let wanted = self.shown.len().max(self.top.min(distinct));

        let mut kept: HashMap<Arc<str>, Group> = self.kept(limit - ranked.len()).collect();
        let mut folded = 0;
        for (label, group) in &rest {
            if let Some(place) = kept.get_mut(label) {
                *place = *group;
            } else {
                other.add(*group);
                folded += 1;
            }
        }
        let mut kept: Vec<(Arc<str>, Group)> = kept.into_iter().collect();
        kept.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        ranked.append(&mut kept);
        Dimension { capped: wanted > ranked.len(), shown: ranked, other, distinct, folded, overflow }
    }

    fn age(&mut self, top: &[(Arc<str>, Group)]) {
        self.shown.values_mut().for_each(|fetches| *fetches += 1);
        for (label, _) in top {
            // Removed first, so that the snapshot's own text becomes the key, and is held once.
            self.shown.remove(label);
            self.shown.insert(Arc::clone(label), 0);
        }
        self.shown.retain(|_, fetches| *fetches <= KEPT_FETCHES);
    }

    /// Up to `limit` values that were in a top, but are not in the one just ranked; those that left it last come first.
    fn kept(&self, limit: usize) -> impl Iterator<Item = (Arc<str>, Group)> {
        let left = self.shown.iter().filter(|(_, fetches)| **fetches > 0);
        let mut left: Vec<_> = left.map(|(label, fetches)| (*fetches, label)).collect();
        left.sort_unstable();
        left.into_iter().take(limit).map(|(_, label)| (Arc::clone(label), Group::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(values: &[(&str, u64, u64)]) -> Groups {
        let mut groups = Groups::default();
        for (name, total, active) in values {
            groups.add(Some(name), Group { total: *total, active: *active, oldest_transaction: 0.0 });
        }
        groups
    }

    fn names(dimension: &Dimension) -> Vec<&str> {
        dimension.shown.iter().map(|(name, _)| name.as_ref()).collect()
    }

    #[test]
    fn the_top_is_by_active_then_total_then_name() {
        let cut = Ranking::new(3).cut(
            groups(&[("idle", 90, 0), ("b", 5, 2), ("a", 5, 2), ("busy", 3, 3), ("c", 4, 2)]),
            usize::MAX,
        );
        assert_eq!(names(&cut), ["busy", "a", "b"]);
        assert_eq!((cut.other.total, cut.other.active, cut.distinct, cut.folded), (94, 2, 5, 2));
    }

    #[test]
    fn a_value_is_kept_for_ten_fetches_after_it_left_the_top() {
        let mut ranking = Ranking::new(1);
        assert_eq!(names(&ranking.cut(groups(&[("old", 2, 2), ("new", 1, 1)]), usize::MAX)), ["old"]);
        for fetch in 1..=KEPT_FETCHES {
            let cut = ranking.cut(groups(&[("old", 1, 0), ("new", 5, 5)]), usize::MAX);
            assert_eq!(names(&cut), ["new", "old"], "fetch {fetch} after it left");
            assert_eq!((cut.shown[1].1.total, cut.folded), (1, 0));
        }
        let cut = ranking.cut(groups(&[("old", 1, 0), ("new", 5, 5)]), usize::MAX);
        assert_eq!(names(&cut), ["new"]);
        assert_eq!((cut.other.total, cut.folded), (1, 1));
    }

    #[test]
    fn a_kept_value_that_vanished_is_zero_and_not_counted_as_present() {
        let mut ranking = Ranking::new(1);
        ranking.cut(groups(&[("gone", 2, 2)]), usize::MAX);
        let cut = ranking.cut(groups(&[("new", 1, 1)]), usize::MAX);
        assert_eq!(cut.shown[1], (Arc::from("gone"), Group::default()));
        assert_eq!((cut.distinct, cut.folded, cut.other), (1, 0, Group::default()));
    }

    proptest::proptest! {
        #[test]
        fn shown_and_other_sum_to_all(
            fetches in proptest::collection::vec(proptest::collection::hash_map("[a-h]{1,2}", (0u64..9, 0u64..9), 0..40), 1..30)
        ) {
            let mut ranking = Ranking::new(4);
            for fetch in fetches {
                let values: Vec<_> = fetch.iter().map(|(name, (total, active))| (name.as_str(), *total, *active)).collect();
                let cut = ranking.cut(groups(&values), usize::MAX);
                let shown = cut.shown.iter().map(|(_, group)| group).chain([&cut.other]);
                let sum = shown.fold((0, 0), |(total, active), group| (total + group.total, active + group.active));
                let all = values.iter().fold((0, 0), |(t, a), (_, total, active)| (t + total, a + active));
                proptest::prop_assert_eq!(sum, all);
                proptest::prop_assert!(cut.shown.len() >= values.len().min(4));
                let present = cut.shown.iter().filter(|(name, _)| fetch.contains_key(name.as_ref())).count();
                proptest::prop_assert_eq!(present + cut.folded, cut.distinct);
            }
        }
    }
}
