//! Which values of a dimension grew between two snapshots.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::command::Command;
use crate::model::groups::Group;
use crate::model::label;
use crate::model::ranking::Dimension;
use crate::model::snapshot::Listed;

/// Values told of each dimension: who is to blame is among the first ones.
pub const MAX_GROWN: usize = 10;

/// A value with more sessions than before. Counts of sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grown<T> {
    /// The value.
    pub value: T,
    /// Before; nothing where it was not shown then.
    pub before: Group,
    /// After.
    pub after: Group,
}

impl<T> Grown<T> {
    /// By how many active sessions, then by how many in all, it grew.
    fn growth(&self) -> (i64, i64) {
        let grown = |before: u64, after: u64| after.cast_signed().saturating_sub(before.cast_signed());
        (grown(self.before.active, self.after.active), grown(self.before.total, self.after.total))
    }
}

/// The values of a dimension that grew, those that grew most first; what is not shown by name grows as `other`. Where nothing
/// is known of before, all have grown from nothing.
#[must_use]
pub fn grown<'a>(before: Option<&Dimension>, after: Option<&'a Dimension>) -> Vec<Grown<&'a str>> {
    let Some(after) = after else { return Vec::new() };
    let shown_before = before.iter().flat_map(|before| before.shown.iter());
    let known: HashMap<&str, Group> = shown_before.map(|(name, group)| (name, *group)).collect();
    let shown = after.shown.iter().map(|(value, after)| {
        let before = known.get(value).copied().unwrap_or_default();
        Grown { value, before, after: *after }
    });
    let other = Grown {
        value: label::OTHER,
        before: before.map(|before| before.other).unwrap_or_default(),
        after: after.other,
    };
    most(shown.chain([other]))
}

/// The pairs of command and state that grew, those that grew most first.
#[must_use]
pub fn grown_states<'a>(
    before: Option<&Listed>,
    after: Option<&'a Listed>,
) -> Vec<Grown<(Command, &'a str)>> {
    let Some(after) = after else { return Vec::new() };
    let group = |total: u64| Group { total, ..Group::default() };
    let states_before = before.iter().flat_map(|before| before.states.iter());
    let known: HashMap<(Command, &str), u64> =
        states_before.map(|(state, (command, sessions))| ((*command, state), *sessions)).collect();
    most(after.states.iter().map(|(state, (command, sessions))| {
        let value = (*command, state);
        let before = known.get(&value).copied().unwrap_or_default();
        Grown { value, before: group(before), after: group(*sessions) }
    }))
}

fn most<T: Copy + Ord>(values: impl Iterator<Item = Grown<T>>) -> Vec<Grown<T>> {
    let mut grown: Vec<_> = values.filter(|value| value.growth() > (0, 0)).collect();
    grown.sort_unstable_by_key(|grown| (Reverse(grown.growth()), grown.value));
    grown.truncate(MAX_GROWN);
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::groups::Groups;
    use crate::model::ranking::Ranking;

    fn dimension(top: usize, values: &[(&str, u64, u64)]) -> Dimension {
        let mut groups = Groups::default();
        for (name, total, active) in values {
            groups.add(Some(name), Group { total: *total, active: *active, oldest_transaction: 0.0 });
        }
        Ranking::new(top).cut(groups, usize::MAX)
    }

    #[test]
    fn who_grew_most_is_first_and_who_did_not_grow_is_not_there() {
        let before = dimension(9, &[("app", 40, 30), ("batch", 2, 0), ("gone", 5, 5), ("idle", 10, 0)]);
        let after = dimension(
            9,
            &[("app", 44, 34), ("batch", 90, 88), ("idle", 30, 0), ("new", 6, 6), ("less", 0, 0)],
        );
        let found = grown(Some(&before), Some(&after));
        let names: Vec<_> = found.iter().map(|grown| grown.value).collect();
        assert_eq!(names, ["batch", "new", "app", "idle"]);
        assert_eq!((found[0].before.active, found[0].after.active), (0, 88));
    }

    #[test]
    fn what_is_not_shown_by_name_grows_as_other() {
        let before = dimension(1, &[("app", 40, 30), ("a", 1, 1)]);
        let crowd: Vec<(String, u64, u64)> = (0..50).map(|i| (format!("u{i}"), 2, 2)).collect();
        let crowd = crowd.iter().map(|(name, total, active)| (name.as_str(), *total, *active));
        let after = dimension(1, &crowd.chain([("app", 40, 30)]).collect::<Vec<_>>());
        let found = grown(Some(&before), Some(&after));
        assert_eq!(found.iter().map(|grown| grown.value).collect::<Vec<_>>(), ["other"]);
        assert_eq!((found[0].before.active, found[0].after.active), (1, 100));
    }

    #[test]
    fn ten_are_told() {
        let many: Vec<(String, u64, u64)> = (0..50).map(|i| (format!("u{i}"), i, i)).collect();
        let many: Vec<_> =
            many.iter().map(|(name, total, active)| (name.as_str(), *total, *active)).collect();
        let after = dimension(50, &many);
        let found = grown(Some(&dimension(50, &[])), Some(&after));
        assert_eq!((found.len(), found[0].value), (MAX_GROWN, "u49"));
        assert_eq!(grown(None, Some(&after)), found, "nothing to compare with");
        assert!(grown(Some(&after), None).is_empty());
    }
}
