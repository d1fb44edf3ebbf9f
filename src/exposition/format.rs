//! The lines of Prometheus text format 0.0.4. Nothing here allocates per sample: pieces of text and numbers are appended
//! to the page.

use bytes::BytesMut;

use super::families::{self, Family, Kind};
use super::value::Value;
use super::view::Labels;
use crate::model::label;
use crate::model::ranking::Dimension;
use crate::model::tally::{AGE_BOUNDS, Ages, Group};

/// The `le` label of each bucket of [`Ages`]: its bound as OpenMetrics spells it, so that a series is the same in both
/// formats.
const LE: [&str; AGE_BOUNDS.len() + 1] =
    ["1.0", "5.0", "10.0", "30.0", "60.0", "300.0", "600.0", "1800.0", "3600.0", "+Inf"];

/// What of a family stands together under one TYPE line: this format has no gauge histograms, and shows one as three
/// families.
#[derive(Debug, Clone, Copy)]
enum Part {
    Whole,
    Buckets,
    Count,
    Sum,
}

impl Part {
    const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Gauge | Kind::Counter => &[Self::Whole],
            Kind::Ages => &[Self::Buckets, Self::Count, Self::Sum],
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Buckets => "_bucket",
            Self::Count => "_gcount",
            Self::Sum => "_gsum",
        }
    }
}

/// One family as this format shows it.
#[derive(Debug)]
pub struct Section {
    /// The row of the table.
    pub family: &'static Family,
    part: Part,
    /// HELP and TYPE are written.
    announced: bool,
}

impl Section {
    /// Every section in the order of the page.
    pub fn all() -> impl Iterator<Item = Self> {
        families::all().flat_map(|family| {
            Part::of(family.kind).iter().map(move |part| Self { family, part: *part, announced: false })
        })
    }

    fn announce(&mut self, page: &mut BytesMut) {
        let (name, suffix) = (self.family.name, self.part.suffix());
        let kind = match self.family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Ages => "untyped",
        };
        for text in
            ["# HELP ", name, suffix, " ", self.family.help, "\n# TYPE ", name, suffix, " ", kind, "\n"]
        {
            page.extend_from_slice(text.as_bytes());
        }
        self.announced = true;
    }
}

/// Writes the samples that one subject has in one section.
#[derive(Debug)]
pub struct Samples<'a> {
    page: &'a mut BytesMut,
    section: &'a mut Section,
    labels: &'a str,
}

impl<'a> Samples<'a> {
    /// Samples in `section` that carry the subject's `labels`.
    pub fn new(page: &'a mut BytesMut, section: &'a mut Section, labels: &'a Labels) -> Self {
        Self { page, section, labels: labels.as_str() }
    }

    /// A sample without labels of its own.
    pub fn value(&mut self, value: impl Into<Value>) {
        self.labelled(&[], value);
    }

    /// The same, where there is a value.
    pub fn value_if(&mut self, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.value(value);
        }
    }

    /// A sample with labels of its own; their values may hold anything.
    pub fn labelled(&mut self, own: &[(&str, &str)], value: impl Into<Value>) {
        self.open();
        for (name, value) in own {
            self.separate();
            self.push(name);
            self.push("=\"");
            escape(value, |piece| self.push(piece));
            self.push("\"");
        }
        self.close(value.into());
    }

    /// A sample that is always 1 and says all by its labels.
    pub fn info(&mut self, own: &Labels) {
        self.open();
        if !own.as_str().is_empty() {
            self.separate();
            self.push(own.as_str());
        }
        self.close(Value::Count(1));
    }

    /// A sample for each shown value of a dimension, and for all others together.
    pub fn groups<V: Into<Value>>(
        &mut self,
        name: &str,
        dimension: Option<&Dimension>,
        value: fn(&Group) -> V,
    ) {
        let Some(dimension) = dimension else { return };
        for (shown, group) in &dimension.shown {
            self.labelled(&[(name, shown)], value(group));
        }
        self.labelled(&[(name, label::OTHER)], value(&dimension.other));
    }

    /// The samples of a histogram that belong here.
    pub fn ages(&mut self, ages: &Ages) {
        match self.section.part {
            Part::Whole => {}
            Part::Buckets => {
                let mut at_most = 0;
                for (le, count) in LE.into_iter().zip(ages.buckets) {
                    at_most += count;
                    self.labelled(&[("le", le)], at_most);
                }
            }
            Part::Count => self.value(ages.buckets.iter().sum::<u64>()),
            Part::Sum => self.value(ages.sum),
        }
    }

    fn open(&mut self) {
        if !self.section.announced {
            self.section.announce(self.page);
        }
        self.push(self.section.family.name);
        self.push(self.section.part.suffix());
        self.push("{");
        self.push(self.labels);
    }

    fn separate(&mut self) {
        if !self.page.ends_with(b"{") {
            self.push(",");
        }
    }

    fn close(&mut self, value: Value) {
        self.push("} ");
        value.spell(|text| self.push(text));
        self.push("\n");
    }

    fn push(&mut self, text: &str) {
        self.page.extend_from_slice(text.as_bytes());
    }
}

/// Hands out a label value in pieces that may stand between quotes.
pub fn escape(value: &str, mut push: impl FnMut(&str)) {
    let mut clean = 0;
    for (place, byte) in value.bytes().enumerate() {
        let spelled = match byte {
            b'\\' => r"\\",
            b'"' => r#"\""#,
            b'\n' => r"\n",
            _ => continue,
        };
        push(&value[clean..place]);
        push(spelled);
        clean = place + 1;
    }
    push(&value[clean..]);
}
