//! The lines of Prometheus text format 0.0.4 and of OpenMetrics 1.0. A series is spelled the same in both. Nothing here
//! allocates per sample: pieces of text and numbers are appended to the page.

use jiff::Timestamp;

use super::families::{self, Family, Kind};
use super::load;
use super::value::Value;
use super::view::Labels;
use crate::model::Group;
use crate::model::exemplars::Exemplar;
use crate::model::label;
use crate::model::ranking::Dimension;
use crate::model::tally::{AGE_BOUNDS, Ages};

/// The `le` label of each bucket of [`Ages`]: its bound as OpenMetrics spells it, so that a series is the same in both
/// formats.
const LE: [&str; AGE_BOUNDS.len() + 1] =
    ["1.0", "5.0", "10.0", "30.0", "60.0", "300.0", "600.0", "1800.0", "3600.0", "+Inf"];

/// Most characters of an exemplar's label names and values together (OpenMetrics 1.0, "Exemplars").
const MAX_EXEMPLAR: usize = 128;

/// A format of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of a page.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What ends a page.
    pub(super) const fn end(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::OpenMetrics => "# EOF\n",
        }
    }

    const fn parts(self, kind: Kind) -> &'static [Part] {
        match (kind, self) {
            (Kind::Ages, Self::Text) => &[Part::Buckets, Part::Count, Part::Sum],
            _ => &[Part::Whole],
        }
    }

    const fn word(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Gauge, _) => "gauge",
            (Kind::Counter, _) => "counter",
            (Kind::Ages, Self::Text) => "untyped",
            (Kind::Ages, Self::OpenMetrics) => "gaugehistogram",
        }
    }

    /// Writes what stands before the samples of a family. OpenMetrics names a counter without its suffix, and tells units.
    pub(super) fn announce(self, page: &mut Vec<u8>, name: &str, word: &str, help: &str) {
        let mut push = |texts: &[&str]| texts.iter().for_each(|text| page.extend_from_slice(text.as_bytes()));
        match self {
            Self::Text => push(&["# HELP ", name, " ", help, "\n# TYPE ", name, " ", word, "\n"]),
            Self::OpenMetrics => {
                let name = name.strip_suffix("_total").filter(|_| word == "counter").unwrap_or(name);
                push(&["# HELP ", name, " ", help, "\n# TYPE ", name, " ", word, "\n"]);
                if let Some(unit) = UNITS.iter().find(|unit| name.rsplit('_').next() == Some(unit)) {
                    push(&["# UNIT ", name, " ", unit, "\n"]);
                }
            }
        }
    }
}

/// Units that names end in.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// What of a family stands together under one TYPE line: text 0.0.4 has no gauge histograms, and shows one as three families.
#[derive(Debug, Clone, Copy)]
enum Part {
    Whole,
    Buckets,
    Count,
    Sum,
}

impl Part {
    /// Samples of one histogram.
    const fn samples(self) -> usize {
        match self {
            Self::Whole => LE.len() + 2,
            Self::Buckets => LE.len(),
            Self::Count | Self::Sum => 1,
        }
    }
}

const BUCKET: &str = "_bucket";
const COUNT: &str = "_gcount";
const SUM: &str = "_gsum";

/// One family as a format shows it.
#[derive(Debug)]
pub struct Section {
    /// The row of the table.
    pub family: &'static Family,
    format: Format,
    part: Part,
    /// What samples begin with: the family's name and a brace; empty until HELP and TYPE are written.
    opening: Vec<u8>,
    /// What samples that differ in their last label alone begin with; kept for its memory.
    head: Vec<u8>,
}

impl Section {
    /// Every section in the order of the page; see [`families::all`].
    pub fn all(format: Format, mysqld_names: bool) -> impl Iterator<Item = Self> {
        families::all(mysqld_names).flat_map(move |family| {
            let parts = format.parts(family.kind).iter();
            parts.map(move |part| Self { family, format, part: *part, opening: Vec::new(), head: Vec::new() })
        })
    }

    fn announce(&mut self, page: &mut Vec<u8>) {
        let Family { name, kind, help, .. } = *self.family;
        let word = self.format.word(kind);
        match self.part {
            Part::Whole => self.format.announce(page, name, word, help),
            Part::Buckets => self.format.announce(page, &[name, BUCKET].concat(), word, help),
            Part::Count => self.format.announce(page, &[name, COUNT].concat(), word, help),
            Part::Sum => self.format.announce(page, &[name, SUM].concat(), word, help),
        }
        self.opening = [name, "{"].concat().into();
    }
}

/// What is done with the samples that a subject has in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// What they are made of is read, and nothing written: to have it at hand, see [`load`], or to count it.
    Load,
    /// They are written.
    Write,
}

/// The samples that one subject has in one section.
#[derive(Debug)]
pub struct Samples<'a> {
    pass: Pass,
    page: &'a mut Vec<u8>,
    section: &'a mut Section,
    labels: &'a str,
    count: usize,
}

impl<'a> Samples<'a> {
    /// Samples in `section`.
    pub fn new(pass: Pass, page: &'a mut Vec<u8>, section: &'a mut Section) -> Self {
        Self { pass, page, section, labels: "", count: 0 }
    }

    /// How many samples `read` has of a subject; each carries the subject's `labels`.
    pub fn of(mut self, labels: &'a Labels, read: impl FnOnce(&mut Self)) -> usize {
        self.labels = labels.as_str();
        if self.pass == Pass::Load {
            load::lines(self.labels.as_bytes());
        }
        read(&mut self);
        self.count
    }

    /// A sample without labels of its own.
    pub fn value(&mut self, value: impl Into<Value>) {
        if self.pass == Pass::Load {
            return self.load(value.into());
        }
        self.open("");
        self.close(value.into());
    }

    /// The same, where there is a value.
    pub fn value_if(&mut self, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.value(value);
        }
    }

    /// A sample with labels of its own; their values may hold anything.
    pub fn labelled(&mut self, own: &[(&str, &str)], value: impl Into<Value>) {
        if self.pass == Pass::Load {
            for (_, value) in own {
                load::lines(value.as_bytes());
            }
            return self.load(value.into());
        }
        self.open("");
        for (name, value) in own {
            self.label(name, value);
        }
        self.close(value.into());
    }

    /// A sample that is always 1 and says all by its labels.
    pub fn info(&mut self, own: &Labels) {
        if self.pass == Pass::Load {
            load::lines(own.as_str().as_bytes());
            return self.load(Value::Count(1));
        }
        self.open("");
        if !own.as_str().is_empty() {
            self.separate();
            self.push(own.as_str());
        }
        self.close(Value::Count(1));
    }

    /// A sample for each value of one label, which comes after the subject's own: words of the exporter itself, which
    /// need no escapes.
    pub fn by<V: Into<Value>>(&mut self, name: &str, samples: impl IntoIterator<Item = (&'static str, V)>) {
        if self.pass == Pass::Load {
            return samples.into_iter().for_each(|(_, value)| self.load(value.into()));
        }
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_some() {
            self.begin("", name);
        }
        for (word, value) in samples {
            self.finish(word, value.into());
        }
    }

    /// A sample for each shown value of a dimension, and for all others together.
    pub fn groups<V: Into<Value>>(
        &mut self,
        name: &str,
        dimension: Option<&Dimension>,
        value: fn(&Group) -> V,
    ) {
        let Some(Dimension { shown, other, .. }) = dimension else { return };
        if self.pass == Pass::Load {
            self.count += shown.values().len() + 1;
            return load::named(shown);
        }
        self.begin("", name);
        if shown.are_plain() {
            shown.iter().for_each(|(label, group)| self.finish(label, value(group).into()));
        } else {
            shown.iter().for_each(|(label, group)| self.finish(&escaped(label), value(group).into()));
        }
        self.finish(label::OTHER, value(other).into());
    }

    /// The samples of a histogram that belong here. Where the format has exemplars, each bucket tells its oldest session, as
    /// of `taken_at`.
    pub fn ages(&mut self, ages: &Ages, taken_at: Timestamp) {
        let part = self.section.part;
        if self.pass == Pass::Load {
            self.count += part.samples();
            return load::lines(&ages.buckets);
        }
        if matches!(part, Part::Whole | Part::Buckets) {
            self.buckets(ages, taken_at);
        }
        if matches!(part, Part::Whole | Part::Count) {
            self.open(COUNT);
            self.close(Value::Count(ages.buckets.iter().copied().map(u64::from).sum()));
        }
        if matches!(part, Part::Whole | Part::Sum) {
            self.open(SUM);
            self.close(Value::Real(ages.sum));
        }
    }

    fn buckets(&mut self, ages: &Ages, taken_at: Timestamp) {
        let mut at_most = 0;
        self.begin(BUCKET, "le");
        for (bucket, (le, count)) in LE.into_iter().zip(ages.buckets).enumerate() {
            at_most += u64::from(count);
            self.finish(le, Value::Count(at_most));
            if self.section.format == Format::OpenMetrics
                && count > 0
                && let Some(oldest) = ages.oldest.of(bucket)
            {
                self.exemplar(oldest, taken_at);
            }
        }
    }

    /// ` # {session_id="7",trx_id="9"} SECONDS TIMESTAMP` behind the sample just written, with as many of the ids as fit.
    fn exemplar(&mut self, oldest: Exemplar<'_>, taken_at: Timestamp) {
        let mut room = MAX_EXEMPLAR;
        let ids = [("session_id", oldest.session_id), ("trx_id", oldest.transaction_id)];
        let shown = ids.map(|(name, id)| {
            let length = name.len() + id.chars().count();
            let fits = !id.is_empty() && length <= room;
            room -= if fits { length } else { 0 };
            fits.then_some((name, id))
        });
        if shown.iter().all(Option::is_none) {
            return;
        }
        self.page.pop();
        self.push(" # {");
        for (name, id) in shown.into_iter().flatten() {
            self.label(name, id);
        }
        self.push("} ");
        Value::Real(oldest.seconds).write(self.page);
        self.push(" ");
        Value::from(taken_at).write(self.page);
        self.push("\n");
    }

    fn load(&mut self, value: Value) {
        self.count += 1;
        load::value(value);
    }

    fn announce(&mut self) {
        if self.section.opening.is_empty() {
            self.section.announce(self.page);
        }
    }

    /// Prepares samples of which each carries one label of its own, of this name.
    fn begin(&mut self, suffix: &str, name: &str) {
        self.announce();
        let start = self.page.len();
        self.open(suffix);
        self.separate();
        self.push(name);
        self.push("=\"");
        self.section.head.clear();
        self.section.head.extend_from_slice(&self.page[start..]);
        self.page.truncate(start);
    }

    /// A prepared sample, whose label stands in the format as it is.
    fn finish(&mut self, label: &str, value: Value) {
        self.count += 1;
        self.page.extend_from_slice(&self.section.head);
        self.page.extend_from_slice(label.as_bytes());
        value.close("\"} ", self.page);
    }

    fn open(&mut self, suffix: &str) {
        self.announce();
        self.page.extend_from_slice(&self.section.opening);
        if !suffix.is_empty() {
            self.page.pop();
            self.push(suffix);
            self.push("{");
        }
        self.push(self.labels);
    }

    fn label(&mut self, name: &str, value: &str) {
        self.separate();
        self.push(name);
        self.push("=\"");
        escape(value, |piece| self.push(piece));
        self.push("\"");
    }

    fn separate(&mut self) {
        if !self.page.ends_with(b"{") {
            self.push(",");
        }
    }

    fn close(&mut self, value: Value) {
        self.count += 1;
        value.close("} ", self.page);
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

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    escape(value, |piece| text.push_str(piece));
    text
}
