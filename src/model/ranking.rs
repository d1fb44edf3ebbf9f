//! The values of a dimension that are shown by name. Values that leave the top stay for some fetches, so that series do
//! not flap; all that is not shown is summed exactly.

mod names;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
pub use names::{Named, Names};

use super::groups::{Group, Groups};
use super::series::Room;

/// Good fetches for which a value is shown after it left the top.
pub const KEPT_FETCHES: u8 = 10;

/// Remembers which values of one dimension of one target are shown.
#[derive(Debug, Clone)]
pub struct Ranking {
    top: usize,
    /// All that were in a top of late: those that the last snapshot shows, then those that it had no room for.
    known: Names,
    /// Fetches since each of them was last in the top.
    ages: Box<[u8]>,
}

/// One dimension of one snapshot, cut to what is shown.
#[derive(Debug, Clone, Default)]
pub struct Dimension {
    /// Shown values: the top in order of rank, then the kept ones by name.
    pub shown: Named<Group>,
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

    /// The same, with room for series under the names of `mysqld_exporter` where those are shown.
    #[must_use]
    pub fn with_mysqld_names(self, mysqld_names: bool) -> Self {
        Self { room: self.room.with_mysqld_names(mysqld_names), ..self }
    }
}

impl Ranking {
    /// A ranking that shows `top` values and has seen no fetch.
    #[must_use]
    pub fn new(top: usize) -> Self {
        Self { top, known: Names::default(), ages: Box::default() }
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
        let before = self.known.clone();
        let mut kept = self.left(&before, &ranked.iter().map(|(label, _)| label.as_ref()).collect());
        let wanted = (ranked.len() + kept.len()).max(self.top.min(distinct));
        let hidden = kept.split_off(kept.len().min(limit - ranked.len()));
        kept.sort_unstable_by_key(|(_, name)| *name);

        let mut values: HashMap<&str, Group, RandomState> =
            kept.iter().map(|(_, name)| (*name, Group::default())).collect();
        let mut folded = 0;
        for (label, group) in &rest {
            if let Some(place) = values.get_mut(label.as_ref()) {
                *place = *group;
            } else {
                other.add(*group);
                folded += 1;
            }
        }
        let shown = ranked.iter().map(|(_, group)| *group).chain(kept.iter().map(|(_, name)| values[name]));
        let groups: Box<[Group]> = shown.collect();
        let top = ranked.iter().map(|(label, _)| (0, label.as_ref()));
        (self.ages, self.known) = remembered(top.chain(kept).chain(hidden), &before);
        let capped = wanted > groups.len();
        let shown = Named { names: self.known.clone(), values: groups };
        Dimension { shown, other, distinct, folded, overflow, capped }
    }

    /// How many fetches ago those of `before` that are not in `top` were in one; those that left it last come first.
    fn left<'a>(&self, before: &'a Names, top: &HashSet<&str, RandomState>) -> Vec<(u8, &'a str)> {
        let ages = self.ages.iter().map(|age| age + 1);
        let left = ages.zip(before.iter()).filter(|(age, name)| *age <= KEPT_FETCHES && !top.contains(name));
        let mut left: Vec<_> = left.collect();
        left.sort_unstable();
        left
    }
}

/// Ages and names apart; names that are those of `before` are not held twice.
fn remembered<'a>(values: impl Iterator<Item = (u8, &'a str)>, before: &Names) -> (Box<[u8]>, Names) {
    let (ages, names): (Vec<u8>, Vec<&str>) = values.unzip();
    let same = names.iter().copied().eq(before.iter());
    let names = if same { before.clone() } else { names.into_iter().collect() };
    (ages.into(), names)
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
        dimension.shown.iter().map(|(name, _)| name).collect()
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
            assert_eq!((cut.shown.iter().nth(1).unwrap().1.total, cut.folded), (1, 0));
        }
        let cut = ranking.cut(groups(&[("old", 1, 0), ("new", 5, 5)]), usize::MAX);
        assert_eq!(names(&cut), ["new"]);
        assert_eq!((cut.other.total, cut.folded), (1, 1));
    }

    #[test]
    fn a_kept_value_without_room_comes_back_when_there_is_room() {
        let mut ranking = Ranking::new(1);
        ranking.cut(groups(&[("old", 2, 2)]), usize::MAX);
        let tight = ranking.cut(groups(&[("new", 5, 5), ("old", 1, 0)]), 1);
        assert_eq!((names(&tight), tight.capped), (vec!["new"], true));
        let roomy = ranking.cut(groups(&[("new", 5, 5), ("old", 1, 0)]), 2);
        assert_eq!((names(&roomy), roomy.capped), (vec!["new", "old"], false));
    }

    #[test]
    fn a_kept_value_that_vanished_is_zero_and_not_counted_as_present() {
        let mut ranking = Ranking::new(1);
        ranking.cut(groups(&[("gone", 2, 2)]), usize::MAX);
        let cut = ranking.cut(groups(&[("new", 1, 1)]), usize::MAX);
        assert_eq!(cut.shown.iter().nth(1), Some(("gone", &Group::default())));
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
                let present = cut.shown.iter().filter(|(name, _)| fetch.contains_key(*name)).count();
                proptest::prop_assert_eq!(present + cut.folded, cut.distinct);
            }
        }
    }
}
