//! The insides of JSON strings: where they end, and what they mean. Nine of ten bytes of an answer are SQL text that only has to
//! be gone over, so that finding the end of a string is most of what reading an answer costs.

use std::borrow::Cow;

use memchr::memchr;

/// The inside of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside<'a> {
    /// As it is spelled, with its escapes.
    pub spelled: &'a [u8],
    /// It has no escapes; where this is false, it may have some.
    pub plain: bool,
}

impl<'a> Inside<'a> {
    /// What stands in `rest` before the quote that ends the string; `None` where no quote ends it.
    #[inline]
    pub fn of(rest: &'a [u8]) -> Option<Self> {
        // Names and most values end within a word: no branch for each of their bytes, whose number is hard to predict.
        if let Some(word) = rest.first_chunk() {
            let word = u128::from_le_bytes(*word);
            let quotes = places(word, b'"');
            let before_quote = (quotes & quotes.wrapping_neg()).wrapping_sub(1);
            if quotes != 0 && places(word, b'\\') & before_quote == 0 {
                let length = quotes.trailing_zeros() as usize / 8;
                return Some(Self { spelled: &rest[..length], plain: true });
            }
        }
        Self::long(rest)
    }

    /// Apart, so that what is inlined into the reader of each name and value stays small.
    #[inline(never)]
    fn long(rest: &'a [u8]) -> Option<Self> {
        let mut from = 0;
        loop {
            from += open_windows(&rest[from..]);
            let length = from + memchr(b'"', &rest[from..])?;
            // A quote after an odd number of backslashes is one of the text.
            let backslashes = rest[..length].iter().rev().take_while(|byte| **byte == b'\\').count();
            if backslashes % 2 == 0 {
                return Some(Self { spelled: &rest[..length], plain: false });
            }
            from = length + 1;
        }
    }

    /// What it means. Bytes that are no UTF-8 and lone surrogates are replaced.
    pub fn text(self) -> Cow<'a, str> {
        match str::from_utf8(self.spelled) {
            Ok(text) if self.plain || memchr(b'\\', self.spelled).is_none() => Cow::Borrowed(text),
            _ => Cow::Owned(unescape(self.spelled)),
        }
    }
}

/// The high bit of each byte of `word` that is `byte`.
const fn places(word: u128, byte: u8) -> u128 {
    const LOW_BITS: u128 = u128::from_le_bytes([0x7f; 16]);
    let differences = word ^ u128::from_le_bytes([byte; 16]);
    !(((differences & LOW_BITS) + LOW_BITS) | differences | LOW_BITS)
}

/// Bytes that are tested at once for the end of a string.
const WINDOW: usize = 32;

/// How many bytes at the beginning of `text`, in whole windows, a string surely goes on for. SQL text is full of escaped quotes,
/// and stopping at each costs more than all else; a quote ends nothing after a backslash that has no backslash before it. The
/// loop over a window has no branch, so that the compiler makes vector instructions of it.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "lazy operators branch: the whole fold then takes 1.8 times as long"
)]
fn open_windows(text: &[u8]) -> usize {
    // The first two bytes have none before them to tell by.
    if text.iter().take(2).any(|byte| *byte == b'"') {
        return 0;
    }
    let mut from = 0;
    while let Some(window) = text.get(from..).and_then(|rest| rest.first_chunk::<{ WINDOW + 2 }>()) {
        let mut may_end = false;
        for i in 0..WINDOW {
            may_end |= (window[i + 2] == b'"') & ((window[i + 1] != b'\\') | (window[i] == b'\\'));
        }
        if may_end {
            break;
        }
        from += WINDOW;
    }
    from
}

/// What a string with escapes means; an escape that is none means the byte after the backslash.
#[cold]
fn unescape(inside: &[u8]) -> String {
    let mut units: Vec<u8> = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr(b'\\', rest) {
        units.extend_from_slice(&rest[..at]);
        let escape = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match escape {
            b'b' => units.push(8),
            b'f' => units.push(12),
            b'n' => units.push(b'\n'),
            b'r' => units.push(b'\r'),
            b't' => units.push(b'\t'),
            b'u' => {
                let (character, length) = unicode(rest);
                units.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[length..];
            }
            other => units.push(other),
        }
    }
    units.extend_from_slice(rest);
    String::from_utf8(units).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The character of `HHHH` or `HHHH\uHHHH` after a `\u`, and the length of what spells it.
fn unicode(rest: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 0) };
    let second = if rest.get(4..6) == Some(b"\\u") { unit(6) } else { None };
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match pair {
        Some(character) if character.len_utf16() == 2 => (character, 10),
        _ => (char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER), 4),
    }
}

#[cfg(test)]
mod tests {
    use super::Inside;

    /// The end of a string, found byte by byte.
    fn length(rest: &[u8]) -> Option<usize> {
        let mut at = 0;
        while *rest.get(at)? != b'"' {
            at += if rest[at] == b'\\' { 2 } else { 1 };
        }
        Some(at)
    }

    #[test]
    fn an_end_is_found_at_every_place_after_any_number_of_backslashes() {
        for before in 0..120 {
            for backslashes in 0..5 {
                for after in [0, 1, 20, 70] {
                    let mut rest =
                        [vec![b'x'; before], vec![b'\\'; backslashes], vec![b'"'], vec![b'y'; after]]
                            .concat();
                    assert_eq!(
                        Inside::of(&rest).map(|inside| inside.spelled.len()),
                        length(&rest),
                        "{rest:?}"
                    );
                    rest.push(b'"');
                    assert_eq!(
                        Inside::of(&rest).map(|inside| inside.spelled.len()),
                        length(&rest),
                        "{rest:?}"
                    );
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn an_end_is_where_it_is_byte_by_byte(rest in "([\\\\\"]|[a-zé!#]{0,40}){0,20}") {
            let inside = Inside::of(rest.as_bytes());
            proptest::prop_assert_eq!(inside.map(|inside| inside.spelled.len()), length(rest.as_bytes()));
            let escaped = inside.is_some_and(|inside| inside.plain && inside.spelled.contains(&b'\\'));
            proptest::prop_assert!(!escaped);
        }
    }
}
