//! A reader of text format 0.0.4 that shares nothing with the writer, and accepts only what every scraper must.

use std::collections::HashSet;

/// A family with its lines.
#[derive(Debug, Default)]
pub struct Family {
    pub name: String,
    pub help: String,
    pub kind: String,
    pub samples: Vec<Sample>,
}

/// A line.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a page; fails the test at anything that is not HELP, TYPE and samples of one family after the other.
pub fn parse(page: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut seen = HashSet::new();
    assert!(page.is_empty() || page.ends_with('\n'), "the last line is not ended");
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("HELP has a text");
            assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
            families.push(Family { name: name.into(), help: help.into(), ..Family::default() });
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let family = families.last_mut().expect("HELP comes before TYPE");
            let (name, kind) = rest.split_once(' ').expect("TYPE has a type");
            assert!(family.name == name && family.kind.is_empty(), "TYPE out of place: {line}");
            family.kind = kind.into();
        } else {
            let sample = sample(line);
            let family = families.last_mut().expect("HELP comes before a sample");
            let belongs = match family.kind.as_str() {
                "histogram" => sample.name.starts_with(&family.name),
                "gauge" | "counter" | "untyped" => sample.name == family.name,
                kind => panic!("no such type: {kind:?}"),
            };
            assert!(belongs, "{line} stands below {}", family.name);
            let mut labels = sample.labels.clone();
            labels.sort();
            assert!(seen.insert((sample.name.clone(), labels)), "series comes twice: {line}");
            family.samples.push(sample);
        }
    }
    assert!(families.iter().all(|family| !family.samples.is_empty()), "a family without samples");
    families
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a sample has a value");
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(labels) => braces(labels),
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ').expect("a blank before the value");
    assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
    Sample { name: name.into(), labels, value: value.parse().expect("the value is a number") }
}

/// The labels up to the closing brace, and what follows it.
fn braces(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        if let Some(rest) = text.strip_prefix('}') {
            return (labels, rest);
        }
        if !labels.is_empty() {
            text = text.strip_prefix(',').expect("a comma between labels");
        }
        let (name, rest) = text.split_once("=\"").expect("a label has a quoted value");
        assert!(labels.iter().all(|(known, _)| known != name), "label comes twice: {name}");
        let (value, rest) = quoted(rest);
        labels.push((name.into(), value));
        text = rest;
    }
}

fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next().expect("the value ends with a quote") {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                other => panic!("no such escape: {other:?}"),
            }),
            c => value.push(c),
        }
    }
}
