//! How problems are put into words: on one line, with the name that was probably meant, and with no more of a value than a
//! person needs to find it.

/// A quoted value longer than this is cut.
const SHOWN_CHARS: usize = 40;
/// Below this likeness a suggestion puzzles more than it helps; `hww` and `hw` have 0.91, `time` and `timeout` 0.91.
const LIKENESS: f64 = 0.8;

/// The candidate most like a word, if one is; letter case does not count.
pub(super) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A value in quotes, cut to a length that fits a message.
pub(super) fn quoted(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("\"{}…\"", &value[..end]),
        None => format!("\"{value}\""),
    }
}

/// A text with its line breaks and other control characters escaped.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_alike() {
        let keys = ["interval", "timeout", "name", "nodes"];
        assert_eq!(near("intervall", keys), Some("interval"));
        assert_eq!(near("node", keys), Some("nodes"));
        assert_eq!(near("TIMEOUT", keys), Some("timeout"));
        assert_eq!(near("colour", keys), None);
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(quoted("hw"), "\"hw\"");
        assert_eq!(quoted(&"ü".repeat(41)), format!("\"{}…\"", "ü".repeat(40)));
    }

    #[test]
    fn control_characters_cannot_break_a_line() {
        assert_eq!(one_line("a\nb\u{85}\u{1b}[0m ü"), "a\\nb\\u{85}\\u{1b}[0m ü");
    }
}
