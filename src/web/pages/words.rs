//! How pages spell spans and moments. Knows nothing of what they are of.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "–";

/// A span in its two greatest units, like `3m 20s`; parts of a second only below ten of them.
pub(super) fn span(span: Duration) -> String {
    let (seconds, tenths) = (span.as_secs(), span.subsec_millis() / 100);
    match seconds {
        0..10 if tenths > 0 => format!("{seconds}.{tenths}s"),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A round span, like `5m` or `1h 30m`.
pub(super) fn round_span(of: Duration) -> String {
    let told = span(of);
    told.split_once(" 00").map_or(told.as_str(), |(round, _)| round).to_owned()
}

/// A moment as people read it, to the second, in UTC, and as programs do.
#[derive(Template)]
#[template(ext = "html", source = r#"<time datetime="{{ at }}">{{ told }}</time>"#)]
pub(super) struct Moment {
    at: Timestamp,
    told: String,
}

impl HtmlSafe for Moment {}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self { at, told: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        for (millis, told, round) in [
            (0, "0s", "0s"),
            (90, "0s", "0s"),
            (1_250, "1.2s", "1.2s"),
            (12_900, "12s", "12s"),
            (60_000, "1m 00s", "1m"),
            (3_599_999, "59m 59s", "59m 59s"),
            (3_600_000, "1h 00m", "1h"),
            (183_845_000, "2d 03h", "2d 03h"),
        ] {
            let of = Duration::from_millis(millis);
            assert_eq!((span(of).as_str(), round_span(of).as_str()), (told, round));
        }
    }
}
