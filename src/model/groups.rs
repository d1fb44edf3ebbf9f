//! Sessions grouped by user, client or database, in bounded memory.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::label;

/// Values of one dimension that one fetch tells apart; the sessions of further ones are summed. An instance where every
/// session has its own client would else cost memory by the session.
pub const MAX_DISTINCT: usize = 10_000;

/// Values that most dimensions have, at least: room for them is made at once, and only where there is any.
const FEW: usize = 14;

/// What the sessions of one value add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Group {
    /// All sessions.
    pub total: u64,
    /// Active ones.
    pub active: u64,
    /// Age of the oldest transaction in seconds; 0: none.
    pub oldest_transaction: f64,
}

impl Group {
    /// Takes another group in.
    pub fn add(&mut self, other: Self) {
        self.total += other.total;
        self.active += other.active;
        self.oldest_transaction = self.oldest_transaction.max(other.oldest_transaction);
    }
}

/// The groups of one dimension by label value.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    by_label: HashMap<Arc<str>, Group, RandomState>,
    overflow: Group,
}

impl Groups {
    /// Adds to the group of a raw name. Allocates only for a name that is new.
    pub fn add(&mut self, raw: Option<&str>, group: Group) {
        if self.by_label.is_empty() {
            self.by_label.reserve(FEW);
        }
        let label = label::value(raw);
        let full = self.by_label.len() >= MAX_DISTINCT;
        match self.by_label.get_mut(label.as_ref()) {
            Some(known) => known.add(group),
            None if full => self.overflow.add(group),
            None => drop(self.by_label.insert(Arc::from(label), group)),
        }
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_label.is_empty()
    }

    /// Gives each group the oldest transaction of the same label in `rows`; those of other labels belong to the overflow.
    pub fn take_transactions(&mut self, rows: Self) {
        for (label, group) in rows.by_label {
            let place = self.by_label.get_mut(&label).unwrap_or(&mut self.overflow);
            place.oldest_transaction = place.oldest_transaction.max(group.oldest_transaction);
        }
        self.overflow.oldest_transaction =
            self.overflow.oldest_transaction.max(rows.overflow.oldest_transaction);
    }

    /// The groups that were told apart, in no order, and the sum of the others.
    #[must_use]
    pub fn into_parts(self) -> (Vec<(Arc<str>, Group)>, Group) {
        (self.by_label.into_iter().collect(), self.overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_cap_known_values_still_count_apart_and_new_ones_together() {
        let mut groups = Groups::default();
        let one = Group { total: 1, active: 1, oldest_transaction: 2.0 };
        for i in 0..MAX_DISTINCT + 50 {
            groups.add(Some(&format!("u{i}")), one);
        }
        groups.add(Some("u7"), one);
        let (known, overflow) = groups.into_parts();
        assert_eq!((known.len(), overflow.total), (MAX_DISTINCT, 50));
        assert_eq!(known.iter().find(|(label, _)| label.as_ref() == "u7").unwrap().1.total, 2);
    }
}
