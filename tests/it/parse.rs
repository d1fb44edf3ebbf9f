//! A strict reader of the Prometheus text format 0.0.4, for pages that tests fetch. It accepts one spelling only: `HELP`,
//! then `TYPE`, then all samples of that family, single spaces, no timestamps, no comments, no empty lines.
//! It knows the format and none of the exporter's families.

pub mod openmetrics;
mod tests;

use std::collections::BTreeMap;
use std::str::Chars;

/// Series to value: what a page says, or ought to say.
pub type Samples = BTreeMap<Series, f64>;

/// Label names to values, decoded.
pub type Labels = BTreeMap<String, String>;

/// One time series. A label with an empty value is no label, as in Prometheus, and is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub name: String,
    pub labels: Labels,
}

impl Series {
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|&(label, value)| (label.to_owned(), value.to_owned())).collect();
        Self { name: name.to_owned(), labels }
    }

    /// Whether the series carries all of these labels; it may carry more.
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|&(label, value)| self.labels.get(label).is_some_and(|own| own == value))
    }
}

/// A whole page. Families are keyed by the name in their `HELP` and `TYPE` lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub samples: Samples,
    pub types: BTreeMap<String, String>,
    pub helps: BTreeMap<String, String>,
}

impl Page {
    /// The value of the one series of this name that carries these labels, and maybe others.
    ///
    /// # Panics
    /// When several series fit: the test that asks has named too few labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut fitting = self.samples.iter().filter(|(series, _)| series.name == name && series.has(labels));
        let (series, &value) = fitting.next()?;
        if let Some((second, _)) = fitting.next() {
            panic!("{name} with {labels:?} is ambiguous: {series:?} and {second:?}");
        }
        Some(value)
    }

    /// Labels and value of each series of this name.
    pub fn series_of(&self, name: &str) -> Vec<(&Labels, f64)> {
        let named = self.samples.iter().filter(|(series, _)| series.name == name);
        named.map(|(series, &value)| (&series.labels, value)).collect()
    }

    /// The sum over all series of this name; 0 where there is none.
    pub fn sum(&self, name: &str) -> f64 {
        self.series_of(name).iter().fold(0.0, |sum, (_, value)| sum + value)
    }

    /// The part of the page that carries these labels (one target's, say), without them.
    pub fn with(&self, labels: &[(&str, &str)]) -> Self {
        let mut part = Self { samples: Samples::new(), types: self.types.clone(), helps: self.helps.clone() };
        for (series, &value) in self.samples.iter().filter(|(series, _)| series.has(labels)) {
            let mut series = series.clone();
            series.labels.retain(|own, _| labels.iter().all(|(label, _)| own != label));
            part.samples.insert(series, value);
        }
        part
    }
}

/// Reads a page.
///
/// # Errors
/// Number and text of the first line that breaks the format, and how.
pub fn parse(text: &str) -> Result<Page, String> {
    let body = text.strip_suffix('\n').ok_or("the page does not end in a newline")?;
    let mut reader = Reader::new(&TYPES);
    for (above, line) in body.split('\n').enumerate() {
        reader.line(line).map_err(|problem| format!("line {}: {problem}: {line}", above + 1))?;
    }
    reader.end_family()?;
    Ok(reader.page)
}

/// Types of a family, and what the names of its samples have behind the family's.
type Types = [(&'static str, &'static [&'static str])];

const TYPES: [(&str, &[&str]); 5] = [
    ("counter", &[""]),
    ("gauge", &[""]),
    ("histogram", &["_bucket", "_sum", "_count"]),
    ("summary", &["", "_sum", "_count"]),
    ("untyped", &[""]),
];

/// What has been read, and the family whose lines are being read.
struct Reader {
    types: &'static Types,
    page: Page,
    family: String,
}

impl Reader {
    fn new(types: &'static Types) -> Self {
        Self { types, page: Page::default(), family: String::new() }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(help) = line.strip_prefix("# HELP ") {
            self.help(help)
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            self.kind(kind)
        } else {
            let (series, value) = sample(line)?;
            self.sample(series, number(value)?)
        }
    }

    fn help(&mut self, line: &str) -> Result<(), String> {
        self.end_family()?;
        let (family, text) = line.split_once(' ').ok_or("HELP without a text")?;
        metric_name(family)?;
        let text = decode(&mut text.chars(), &[('\\', '\\'), ('n', '\n')], None)?;
        family.clone_into(&mut self.family);
        match self.page.helps.insert(family.to_owned(), text) {
            None => Ok(()),
            Some(_) => Err("second HELP of the family".to_owned()),
        }
    }

    fn kind(&mut self, line: &str) -> Result<(), String> {
        let (family, kind) = line.split_once(' ').ok_or("TYPE without a type")?;
        if family != self.family {
            return Err("TYPE does not follow the HELP of its family".to_owned());
        }
        if !self.types.iter().any(|(known, _)| *known == kind) {
            return Err("unknown type".to_owned());
        }
        match self.page.types.insert(family.to_owned(), kind.to_owned()) {
            None => Ok(()),
            Some(_) => Err("second TYPE of the family".to_owned()),
        }
    }

    fn sample(&mut self, series: Series, value: f64) -> Result<(), String> {
        let kind = self.page.types.get(&self.family).ok_or("sample before HELP and TYPE")?;
        let suffixes =
            self.types.iter().find(|(known, _)| known == kind).map_or(&[][..], |(_, suffixes)| suffixes);
        if !series.name.strip_prefix(&self.family).is_some_and(|suffix| suffixes.contains(&suffix)) {
            return Err(format!("not a sample of {} {}", kind, self.family));
        }
        if series.name.ends_with("_bucket") && !series.labels.contains_key("le") {
            return Err("bucket without le".to_owned());
        }
        match self.page.samples.insert(series, value) {
            None => Ok(()),
            Some(_) => Err("duplicate series".to_owned()),
        }
    }

    fn end_family(&self) -> Result<(), String> {
        if self.page.helps.contains_key(&self.family) && !self.page.types.contains_key(&self.family) {
            return Err(format!("{} has HELP but no TYPE", self.family));
        }
        Ok(())
    }
}

/// Reads `name{labels} ` and returns the series and what follows the space: the value, and whatever a format puts behind it.
fn sample(line: &str) -> Result<(Series, &str), String> {
    let end = line.find(['{', ' ']).ok_or("sample without a value")?;
    let (name, rest) = line.split_at(end);
    metric_name(name)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Labels::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok((Series { name: name.to_owned(), labels }, value))
}

/// Reads `name="value",…}` and returns the labels and what follows the brace.
fn labels(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        let (name, quoted) = rest.split_once("=\"").ok_or("label without a quoted value")?;
        label_name(name)?;
        let mut chars = quoted.chars();
        let value = decode(&mut chars, &[('\\', '\\'), ('n', '\n'), ('"', '"')], Some('"'))?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("label {name} twice"));
        }
        match chars.next() {
            Some(',') => rest = chars.as_str(),
            Some('}') => break rest = chars.as_str(),
            _ => return Err(format!("no comma or brace after label {name}")),
        }
    }
    labels.retain(|_, value| !value.is_empty());
    Ok((labels, rest))
}

/// Decodes up to `end`, which is taken too, or to the end of the text; `escapes` are (letter after the backslash, meaning).
fn decode(chars: &mut Chars<'_>, escapes: &[(char, char)], end: Option<char>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        let Some(char) = chars.next() else {
            return if end.is_none() { Ok(text) } else { Err("text without its closing quote".to_owned()) };
        };
        if Some(char) == end {
            return Ok(text);
        }
        text.push(if char == '\\' { escaped(chars.next(), escapes)? } else { char });
    }
}

fn escaped(letter: Option<char>, escapes: &[(char, char)]) -> Result<char, String> {
    let known = escapes.iter().find(|(escape, _)| Some(*escape) == letter);
    known.map(|(_, meaning)| *meaning).ok_or_else(|| format!("unknown escape {letter:?}"))
}

fn metric_name(name: &str) -> Result<(), String> {
    identifier(&name.replace(':', "_")).then_some(()).ok_or_else(|| format!("bad metric name {name:?}"))
}

fn label_name(name: &str) -> Result<(), String> {
    let good = identifier(name) && !name.starts_with("__");
    good.then_some(()).ok_or_else(|| format!("bad label name {name:?}"))
}

fn identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "NaN" => return Ok(f64::NAN),
        "+Inf" => return Ok(f64::INFINITY),
        "-Inf" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let plain = text.chars().all(|char| char.is_ascii_digit() || "+-.eE".contains(char));
    let value = text.parse().ok().filter(|value: &f64| plain && value.is_finite());
    value.ok_or_else(|| format!("bad value {text:?}, or a timestamp after it"))
}
