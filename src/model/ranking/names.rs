//! Names side by side in one piece of memory: a fleet holds hundreds of thousands, which would each cost more in places and
//! allocations than in letters, and pages read them in this order.

use std::sync::Arc;

/// Some names, in an order that whoever made them chose; cheap to clone. Empty, or `PLAIN` or `HARD`, then each name
/// behind a character whose number is the name's length in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Arc<str>);

/// Bytes that most need, so that they are rarely moved while they are put side by side.
const USUAL: usize = 256;

const PLAIN: char = 'p';
const HARD: char = 'h';

impl Names {
    /// Whether none holds a backslash, a quote or a line break, which text formats spell in their own ways.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        !self.0.starts_with(HARD)
    }

    /// All names in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.get(1..).unwrap_or_default();
        std::iter::from_fn(move || {
            let mut behind = rest.chars();
            let length = behind.next()?;
            let (name, others) = behind.as_str().split_at(length as usize);
            rest = others;
            Some(name)
        })
    }

    /// All that they are held as.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Names {
    /// # Panics
    /// Where a name is longer than 55,295 bytes.
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut text = String::with_capacity(USUAL);
        text.push(PLAIN);
        for name in names {
            let name = name.as_ref();
            let length = u32::try_from(name.len()).ok().and_then(char::from_u32);
            text.push(length.expect("labels and ids are short"));
            text.push_str(name);
            if memchr::memchr3(b'\\', b'"', b'\n', name.as_bytes()).is_some() {
                text.replace_range(..1, HARD.encode_utf8(&mut [0]));
            }
        }
        Self(text.into())
    }
}

/// Values with a name each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named<V> {
    /// May be shared, and may be more than there are values: then the first ones count.
    pub(super) names: Names,
    pub(super) values: Box<[V]>,
}

impl<V> Named<V> {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether no name holds a backslash, a quote or a line break.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        self.names.are_plain()
    }

    /// All names, also those beyond the values.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// All values.
    #[must_use]
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.names.iter().zip(&self.values)
    }
}

impl<T: AsRef<str>, V> FromIterator<(T, V)> for Named<V> {
    fn from_iter<I: IntoIterator<Item = (T, V)>>(pairs: I) -> Self {
        let (names, values): (Vec<T>, Vec<V>) = pairs.into_iter().unzip();
        Self { names: names.into_iter().collect(), values: values.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_in_their_order() {
        let long = "x".repeat(300);
        let given = ["shop", "", "größe", long.as_str(), "a"];
        let names: Names = given.into_iter().collect();
        assert_eq!(names.iter().collect::<Vec<_>>(), given);
        assert!(names.are_plain());
        assert_eq!(Names::default().iter().count(), 0);
    }

    #[test]
    fn one_name_with_a_quote_is_enough_not_to_be_plain() {
        for odd in ["\\", "a\"b", "two\nlines"] {
            assert!(!["shop", odd].into_iter().collect::<Names>().are_plain(), "{odd:?}");
        }
    }
}
