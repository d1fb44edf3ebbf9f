//! Pictures of the recent past, drawn as SVG: a sparkline for a row of a table, and a picture with axes. Knows points in time,
//! not what they are of.

mod axis;
mod sparkline;

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::number::Number;
pub(super) use axis::Unit;
pub(super) use sparkline::Sparkline;

/// Size of a picture, in units of its own; a browser scales it.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 190.0;

/// Where values are drawn in it: room for the marks of the axes at the left and below.
const AREA: Area = Area { left: 46.0, top: 8.0, width: 428.0, height: 158.0 };

/// One line of a picture.
pub(super) struct Line {
    /// What it shows, and the class that gives its colour.
    pub name: &'static str,
    /// Moment and value; `None`: not known then, which makes a gap.
    pub points: Vec<(Timestamp, Option<f64>)>,
    /// The last value, as the page tells it elsewhere.
    pub now: Number,
}

/// A picture with axes.
#[derive(Template)]
#[template(path = "picture.html")]
pub(super) struct Picture {
    id: &'static str,
    title: &'static str,
    story: String,
    scale: Scale,
    /// Left end and width of the time that stands out.
    during: Option<(String, String)>,
    marks_up: Vec<(String, String)>,
    marks_along: Vec<(String, String)>,
    gaps: Vec<(String, String)>,
    lines: Vec<(&'static str, String)>,
    keys: Vec<(&'static str, Number)>,
}

impl HtmlSafe for Picture {}

impl Picture {
    /// The lines from `from` to `to`, below a title; `id` is unique on its page.
    pub(super) fn new(
        (id, title): (&'static str, &'static str),
        (from, to): (Timestamp, Timestamp),
        unit: Unit,
        lines: Vec<Line>,
    ) -> Self {
        let greatest = lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value);
        let step = unit.step(greatest.fold(0.0, f64::max));
        let scale = Scale { from: seconds(from), to: seconds(to), top: step.top() };
        let story = story(&lines, unit, from, to);
        Self {
            id,
            title,
            story,
            scale,
            during: None,
            marks_up: step.marks().map(|(at, told)| (unit_text(AREA.y(scale, at)), told)).collect(),
            marks_along: axis::moments(from, to)
                .map(|at| (unit_text(AREA.x(scale, seconds(at))), at.strftime("%H:%M").to_string()))
                .collect(),
            gaps: lines.first().map(|line| gaps(&line.points, scale)).unwrap_or_default(),
            lines: lines.iter().map(|line| (line.name, path(&line.points, scale, AREA))).collect(),
            keys: lines.into_iter().map(|line| (line.name, line.now)).collect(),
        }
    }

    /// Makes the time from `from` to `to` stand out; `what` says in words what is then.
    pub(super) fn marked(mut self, what: &str, from: Timestamp, to: Timestamp) -> Self {
        let _ =
            write!(self.story, " {what} from {} to {}.", from.strftime("%H:%M:%S"), to.strftime("%H:%M:%S"));
        self.during = Some(stretch(self.scale, seconds(from), seconds(to)));
        self
    }
}

/// What the picture shows, in words, for whoever does not see it.
fn story(lines: &[Line], unit: Unit, from: Timestamp, to: Timestamp) -> String {
    let mut story = format!("From {} to {} UTC.", from.strftime("%H:%M"), to.strftime("%H:%M"));
    for Line { name, points, now } in lines {
        let known = || points.iter().filter_map(|(_, value)| *value);
        let (least, most) = (known().reduce(f64::min), known().reduce(f64::max));
        if let (Some(least), Some(most)) = (least, most) {
            let _ =
                write!(story, " {name}: {} to {}, last {}.", unit.told(least), unit.told(most), now.told());
        }
    }
    story
}

/// Which moments and values a picture holds, in seconds since the Unix epoch and units of the values.
#[derive(Clone, Copy)]
struct Scale {
    from: f64,
    to: f64,
    top: f64,
}

/// A part of a picture.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn x(self, scale: Scale, at: f64) -> f64 {
        self.left + self.width * ((at - scale.from) / (scale.to - scale.from)).clamp(0.0, 1.0)
    }

    fn y(self, scale: Scale, value: f64) -> f64 {
        self.top + self.height * (1.0 - (value / scale.top).clamp(0.0, 1.0))
    }
}

/// A line through the values, with a gap where one is not known. A value that stands alone is a dot.
fn path(points: &[(Timestamp, Option<f64>)], scale: Scale, area: Area) -> String {
    let (mut path, mut is_open) = (String::new(), false);
    for (at, value) in points {
        let Some(value) = value else {
            is_open = false;
            continue;
        };
        let (x, y) = (area.x(scale, seconds(*at)), area.y(scale, *value));
        let _ = if is_open { write!(path, "L{x:.1} {y:.1}") } else { write!(path, "M{x:.1} {y:.1}h0") };
        is_open = true;
    }
    path
}

/// Left ends and widths of the times for which nothing is known: from the last value to the next one.
fn gaps(points: &[(Timestamp, Option<f64>)], scale: Scale) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    let (mut last, mut begun) = (None, None);
    let gap = |from: Timestamp, to: f64| stretch(scale, seconds(from), to);
    for (at, value) in points {
        if value.is_none() {
            begun = begun.or(last).or(Some(*at));
        } else if let Some(from) = begun.take() {
            gaps.push(gap(from, seconds(*at)));
        }
        last = Some(*at);
    }
    gaps.extend(begun.map(|from| gap(from, scale.to)));
    gaps
}

/// Left end and width of a time, which is always wide enough to be seen.
fn stretch(scale: Scale, from: f64, to: f64) -> (String, String) {
    let left = AREA.x(scale, from);
    (unit_text(left), unit_text((AREA.x(scale, to) - left).max(1.0)))
}

fn unit_text(units: f64) -> String {
    format!("{units:.1}")
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[Option<f64>]) -> Vec<(Timestamp, Option<f64>)> {
        let at = |second: usize| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        values.iter().enumerate().map(|(second, value)| (at(second), *value)).collect()
    }

    const SCALE: Scale = Scale { from: 0.0, to: 4.0, top: 10.0 };
    const SQUARE: Area = Area { left: 0.0, top: 0.0, width: 40.0, height: 100.0 };

    #[test]
    fn a_line_has_gaps_where_nothing_is_known() {
        let known = points(&[Some(0.0), Some(10.0), None, Some(5.0), None]);
        assert_eq!(path(&known, SCALE, SQUARE), "M0.0 100.0h0L10.0 0.0M30.0 50.0h0");
        let quarter = AREA.width / 4.0;
        let expected = [(1.0, 2.0), (3.0, 1.0)]
            .map(|(from, wide)| (unit_text(AREA.left + from * quarter), unit_text(wide * quarter)));
        assert_eq!(gaps(&known, SCALE), expected);
    }

    #[test]
    fn what_is_beyond_the_scale_stays_in_the_picture() {
        let far = points(&[Some(50.0)]);
        assert_eq!(path(&far, Scale { from: 2.0, ..SCALE }, SQUARE), "M0.0 0.0h0");
    }
}
