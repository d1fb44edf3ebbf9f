//! A number on a page: as people read it, with the exact value beside it for whoever reads the page by a program, and a
//! colour where it asks for attention.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;

use super::words;

/// A number, or the sign that nothing is known.
#[derive(Template, Default)]
#[template(
    ext = "html",
    source = r#"{% if let Some(exact) = exact %}<data value="{{ exact }}"{% if notable %} class="notable"{% endif %}>{{ told }}</data>{% else %}–{% endif %}"#
)]
pub(super) struct Number {
    exact: Option<String>,
    told: String,
    notable: bool,
}

impl HtmlSafe for Number {}

impl Number {
    /// A count.
    pub(super) fn count(count: impl Into<Option<u64>>) -> Self {
        count.into().map_or_else(Self::default, |count| Self {
            exact: Some(count.to_string()),
            told: count.to_string(),
            notable: false,
        })
    }

    /// A span in seconds.
    pub(super) fn seconds(seconds: impl Into<Option<f64>>) -> Self {
        seconds.into().map_or_else(Self::default, |seconds| {
            let told = Duration::try_from_secs_f64(seconds).map_or_else(|_| seconds.to_string(), words::span);
            Self { exact: Some(seconds.to_string()), told, notable: false }
        })
    }

    /// The number, coloured where `notable`.
    pub(super) fn notable_if(self, notable: bool) -> Self {
        Self { notable, ..self }
    }

    /// How people read it.
    pub(super) fn told(&self) -> &str {
        if self.exact.is_some() { &self.told } else { words::UNKNOWN }
    }
}
