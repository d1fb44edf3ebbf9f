//! Names side by side in one piece of memory: a fleet holds hundreds of thousands, which would each cost more in places and
//! allocations than in letters, and pages read them in this order.

use std::sync::Arc;

/// Some names, in an order that whoever made them chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    text: Box<str>,
    /// Where each ends in `text`.
    ends: Box<[u32]>,
    plain: bool,
}

impl Names {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether none holds a backslash, a quote or a line break, which text formats spell in their own ways.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        self.plain
    }

    /// All names in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = *end as usize;
            let name = &self.text[start..end];
            start = end;
            name
        })
    }
}

impl<T: AsRef<str>> FromIterator<T> for Names {
    /// # Panics
    /// Where the names together are longer than 4 GiB.
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for name in names {
            text.push_str(name.as_ref());
            ends.push(u32::try_from(text.len()).expect("labels are short, and at most some thousands"));
        }
        let plain = memchr::memchr3(b'\\', b'"', b'\n', text.as_bytes()).is_none();
        Self { text: text.into(), ends: ends.into(), plain }
    }
}

/// Values with a name each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named<V> {
    /// May be shared, and may be more than there are values: then the first ones count.
    pub(super) names: Arc<Names>,
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

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.names.iter().zip(&self.values)
    }
}

impl<T: AsRef<str>, V> FromIterator<(T, V)> for Named<V> {
    fn from_iter<I: IntoIterator<Item = (T, V)>>(pairs: I) -> Self {
        let (names, values): (Vec<T>, Vec<V>) = pairs.into_iter().unzip();
        Self { names: Arc::new(names.into_iter().collect()), values: values.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_in_their_order() {
        let given = ["shop", "", "größe", "a"];
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
