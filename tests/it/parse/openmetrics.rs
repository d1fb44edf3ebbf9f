//! A strict reader of OpenMetrics 1.0, for pages that tests fetch: the lines of text 0.0.4, and beyond them units, gauge
//! histograms, exemplars on buckets and an end. It accepts no timestamps but those of exemplars.

use std::collections::BTreeMap;

use super::{Labels, Page, Reader, Series, labels, number, sample};

const TYPES: [(&str, &[&str]); 4] = [
    ("counter", &["_total"]),
    ("gauge", &[""]),
    ("histogram", &["_bucket", "_sum", "_count"]),
    ("gaugehistogram", &["_bucket", "_gsum", "_gcount"]),
];

/// Longest names and values of an exemplar's labels, all together, in characters.
const LONGEST: usize = 128;

/// An observation behind a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
}

/// A whole page. Its families are named as in this format: counters without `_total`.
#[derive(Debug)]
pub struct OpenMetrics {
    pub page: Page,
    pub exemplars: BTreeMap<Series, Exemplar>,
}

/// Reads a page.
///
/// # Errors
/// Text of the first line that breaks the format, and how.
pub fn parse(text: &str) -> Result<OpenMetrics, String> {
    let body = text.strip_suffix("\n# EOF\n").ok_or("the page does not end in EOF")?;
    let (mut reader, mut exemplars) = (Reader::new(&TYPES), BTreeMap::new());
    for line in body.split('\n') {
        read(line, &mut reader, &mut exemplars).map_err(|problem| format!("{problem}: {line}"))?;
    }
    reader.end_family()?;
    Ok(OpenMetrics { page: reader.page, exemplars })
}

fn read(line: &str, reader: &mut Reader, exemplars: &mut BTreeMap<Series, Exemplar>) -> Result<(), String> {
    if let Some(unit) = line.strip_prefix("# UNIT ") {
        let named = unit.split_once(' ').filter(|(family, unit)| family.ends_with(&format!("_{unit}")));
        return match named {
            Some((family, _)) if family == reader.family => Ok(()),
            _ => Err("not the unit of this family".to_owned()),
        };
    }
    if line.starts_with("# ") {
        return reader.line(line);
    }
    let (series, rest) = sample(line)?;
    let (value, behind) =
        rest.split_once(" # ").map_or((rest, None), |(value, behind)| (value, Some(behind)));
    if let Some(behind) = behind {
        if !series.name.ends_with("_bucket") {
            return Err("an exemplar, but no bucket".to_owned());
        }
        exemplars.insert(series.clone(), exemplar(behind)?);
    }
    reader.sample(series, number(value)?)
}

/// Reads `{labels} VALUE TIMESTAMP`.
fn exemplar(text: &str) -> Result<Exemplar, String> {
    let (labels, rest) = labels(text.strip_prefix('{').ok_or("exemplar without labels")?)?;
    let length: usize =
        labels.iter().flat_map(|(name, value)| [name, value]).map(|text| text.chars().count()).sum();
    if length > LONGEST {
        return Err(format!("exemplar of {length} characters"));
    }
    let numbers = rest.strip_prefix(' ').and_then(|rest| rest.split_once(' '));
    let (value, timestamp) = numbers.ok_or("exemplar without value and timestamp")?;
    number(timestamp)?;
    Ok(Exemplar { labels, value: number(value)? })
}

#[test]
fn refuses_what_breaks_the_format() {
    let page = |samples: &str| format!("# HELP a A.\n# TYPE a gaugehistogram\n{samples}# EOF\n");
    let read = parse(&page("a_bucket{le=\"+Inf\"} 2 # {id=\" # {\"} 1.5 1700000000\na_gsum 2\na_gcount 2\n"))
        .unwrap();
    let bucket = Series::new("a_bucket", &[("le", "+Inf")]);
    assert_eq!(
        read.exemplars[&bucket],
        Exemplar { labels: Series::new("", &[("id", " # {")]).labels, value: 1.5 }
    );
    assert_eq!(read.page.samples.len(), 3);
    for (samples, complaint) in [
        ("a 1\n", "not a sample"),
        ("a_gcount 1 # {id=\"7\"} 1 1\n", "no bucket"),
        ("a_bucket{le=\"1.0\"} 1 # {id=\"7\"} 1\n", "without value and timestamp"),
        ("a_bucket{le=\"1.0\"} 1 # 7 1 1\n", "without labels"),
        (&format!("a_bucket{{le=\"1.0\"}} 1 # {{id=\"{}\"}} 1 1\n", "é".repeat(127)), "129 characters"),
        ("a_gsum 1 1700000000\n", "timestamp"),
        ("# UNIT a seconds\n", "not the unit"),
        ("# EOF\n", "bad metric name"),
        ("# HELP b B.\n# TYPE b untyped\n", "unknown type"),
        ("# HELP b B.\n# TYPE b counter\nb 1\n", "not a sample of counter b"),
    ] {
        let error = parse(&page(samples)).expect_err(samples);
        assert!(error.contains(complaint), "{samples:?} gave {error:?}");
    }
    assert!(parse("# HELP a A.\n# TYPE a gauge\na 1\n").unwrap_err().contains("EOF"));
}
