//! Label values: what stands for "no value", how names that would collide with it are told apart, how long one may be.

use std::borrow::Cow;

/// Stands for an absent user, client, database, command or SQL template.
pub const NONE: &str = "none";
/// The sum of the values that are not shown.
pub const OTHER: &str = "other";
/// Stands for an absent state.
pub const UNKNOWN: &str = "unknown";

/// Longest label value in characters: MySQL's own names have at most 64, host names 255; Prometheus sets no limit, but
/// every label is kept in its index.
pub const MAX_CHARS: usize = 128;

/// The label value of what a provider sent: `none` for no value, one more `_` where a real name reads like one of the
/// exporter's own words, cut at a character and ended by `…` where it is longer than [`MAX_CHARS`].
#[must_use]
pub fn value(raw: Option<&str>) -> Cow<'_, str> {
    raw.map_or(Cow::Borrowed(NONE), real)
}

/// [`value`] of a name that is there.
#[must_use]
pub fn real(raw: &str) -> Cow<'_, str> {
    // Most names are told apart by their first letter.
    let suspect = matches!(raw.as_bytes().first(), Some(b'n' | b'o' | b'u'));
    let reserved = suspect && matches!(raw.trim_end_matches('_'), NONE | OTHER | UNKNOWN);
    bounded(if reserved { Cow::Owned(format!("{raw}_")) } else { Cow::Borrowed(raw) })
}

fn bounded(label: Cow<'_, str>) -> Cow<'_, str> {
    if label.len() <= MAX_CHARS {
        return label;
    }
    let mut last = label.char_indices().skip(MAX_CHARS - 1).map(|(at, _)| at);
    match (last.next(), last.next()) {
        (Some(cut), Some(_)) => Cow::Owned(format!("{}…", &label[..cut])),
        _ => label,
    }
}

/// What a provider's field holds: nothing for the empty text and for `--`, which Huawei Cloud DAS sends instead of NULL.
#[must_use]
pub fn present(raw: &str) -> Option<&str> {
    (!matches!(raw, "" | "--")).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_get_an_underscore() {
        for (raw, label) in [
            (None, "none"),
            (Some("none"), "none_"),
            (Some("other__"), "other___"),
            (Some("unknown"), "unknown_"),
            (Some("None"), "None"),
            (Some("another"), "another"),
        ] {
            assert_eq!(value(raw), label);
        }
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(real(&"é".repeat(128)), "é".repeat(128));
        let cut = real(&"é".repeat(129)).into_owned();
        assert_eq!(cut, format!("{}…", "é".repeat(127)));
        assert_eq!(cut.chars().count(), MAX_CHARS);
        let reserved = format!("other{}", "_".repeat(123));
        assert_eq!(real(&reserved), format!("{}…", &reserved[..127]), "the underscore that is added counts");
    }
}
