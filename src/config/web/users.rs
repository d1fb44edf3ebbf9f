//! `basic_auth_users`: names, and bcrypt hashes of passwords. No message repeats a hash, or what stands in its place: it may be a
//! password.

use std::collections::BTreeMap;

use bcrypt::HashParts;

use crate::config::place::Place;
use crate::config::raw::Leaf;
use crate::config::secret::Secret;

/// What bcrypt can count to.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// From this cost on one password takes seconds on any machine of today.
const SLOW_COST: u32 = 15;

/// A bcrypt hash that was looked at: version 2a, 2b, 2x or 2y, cost 4 to 31, 60 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// The hash, to compare a password with; never to show.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

pub(super) fn users(at: &Place, raw: &BTreeMap<String, Leaf>) -> BTreeMap<String, PasswordHash> {
    let hash = |(name, leaf): (&String, &Leaf)| {
        let at = at.key(name);
        let unusable = name.is_empty() || name.contains(':');
        at.refuse(
            unusable,
            "no name that basic authentication can send: it must have a character, and no colon",
        );
        let hash = at.required(leaf, "give the bcrypt hash of the password", |text| parsed(&at, text))?;
        Some((name.clone(), hash))
    };
    raw.iter().filter_map(hash).collect()
}

fn parsed(at: &Place, text: &str) -> Result<PasswordHash, &'static str> {
    let wrong = "not a bcrypt hash; htpasswd -nBC 10 \"\" makes one: $2y$10$ and 53 more characters";
    let cost = text.parse::<HashParts>().map_err(|_| wrong)?.get_cost();
    if !COSTS.contains(&cost) {
        return Err("a bcrypt hash with a cost that is none; it must be 4 to 31");
    }
    if cost >= SLOW_COST {
        at.warn(format_args!("each new login takes seconds at cost {cost}; 10 to 12 is usual"));
    }
    Ok(PasswordHash(Secret::new(text)))
}
