//! A picture without axes, as small as a word.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::{Area, Scale, path, seconds};

/// The size of a sparkline, in units of its own.
const AREA: Area = Area { left: 1.0, top: 2.0, width: 118.0, height: 24.0 };

/// Moments that are told apart in it: more would only make the page longer.
const MOMENTS: u8 = 60;

/// The recent past of one number, in proportion to its own greatest value.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<svg class="spark" viewBox="0 0 120 28" role="img"><title>{{ title }}</title><path d="{{ path }}"/></svg>"#
)]
pub(in crate::web::pages) struct Sparkline {
    title: String,
    path: String,
}

impl HtmlSafe for Sparkline {}

impl Sparkline {
    /// The values of `points` between two moments; `None` makes a gap.
    pub(in crate::web::pages) fn new(
        name: &str,
        from: Timestamp,
        to: Timestamp,
        points: impl Iterator<Item = (Timestamp, Option<f64>)>,
    ) -> Self {
        let points = coarser(points, from, to);
        let known = || points.iter().filter_map(|(_, value)| *value);
        let most = known().fold(0.0, f64::max);
        let scale = Scale { from: seconds(from), to: seconds(to), top: most.max(1.0) };
        let title = if known().next().is_some() {
            format!("{name}: at most {most}")
        } else {
            format!("{name}: not known")
        };
        Self { title, path: path(&points, scale, AREA) }
    }
}

/// The greatest value of each of [`MOMENTS`] parts of the time; one in which only failures are known is a gap.
fn coarser(
    points: impl Iterator<Item = (Timestamp, Option<f64>)>,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, Option<f64>)> {
    let part = |at: Timestamp| {
        let share = at.duration_since(from).as_secs_f64() / to.duration_since(from).as_secs_f64();
        (share * f64::from(MOMENTS)).floor()
    };
    let mut parts: Vec<(Timestamp, Option<f64>)> = Vec::new();
    for (at, value) in points.filter(|(at, _)| *at >= from) {
        match parts.last_mut() {
            #[expect(clippy::float_cmp, reason = "both are whole")]
            Some((last, most)) if part(*last) == part(at) => {
                *most = (*most).into_iter().chain(value).reduce(f64::max);
            }
            _ => parts.push((at, value)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_past_becomes_a_short_path_that_keeps_its_peak() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let points = (0..720).map(|i| (at(i * 5), Some(if i == 301 { 9.0 } else { 1.0 })));
        let spark = Sparkline::new("active sessions", at(0), at(3600), points);
        assert!(spark.title.ends_with("at most 9") && spark.path.contains(" 2.0L"), "{}", spark.path);
        assert!(spark.path.matches('L').count() <= usize::from(MOMENTS), "{}", spark.path);
        let none = Sparkline::new("active sessions", at(0), at(3600), std::iter::empty());
        assert!(none.path.is_empty() && none.title.ends_with("not known"));
    }
}
