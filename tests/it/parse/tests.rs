//! The reader against small pages, good and bad, and against hostile label values.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Page, Samples, Series, parse};
use crate::strategies;

const PAGE: &str = concat!(
    "# HELP up Whether it\\nis \\\\ up \"now\".\n",
    "# TYPE up gauge\n",
    "up{instance_id=\"a\",team=\"x\"} 1\n",
    "up{instance_id=\"b\",node_id=\"n\"} 0\n",
    "# HELP wait_seconds Waits.\n",
    "# TYPE wait_seconds histogram\n",
    "wait_seconds_bucket{le=\"1\"} 2\n",
    "wait_seconds_bucket{le=\"+Inf\"} 3\n",
    "wait_seconds_sum 1.5e3\n",
    "wait_seconds_count 3\n",
    "# HELP age_bucket Ages.\n",
    "# TYPE age_bucket untyped\n",
    "age_bucket{le=\"1.0\",region=\"\"} NaN\n",
    "age_bucket{le=\"+Inf\"} +Inf\n",
);

#[test]
fn reads_series_types_and_helps() {
    let page = parse(PAGE).unwrap();
    assert_eq!(page.samples.len(), 8);
    assert_eq!(page.samples[&Series::new("up", &[("node_id", "n"), ("instance_id", "b")])], 0.0);
    assert_eq!(page.samples[&Series::new("wait_seconds_sum", &[])], 1500.0);
    assert_eq!(page.samples[&Series::new("age_bucket", &[("le", "+Inf")])], f64::INFINITY);
    assert!(page.samples[&Series::new("age_bucket", &[("le", "1.0")])].is_nan(), "an empty label is none");
    assert_eq!(page.types["wait_seconds"], "histogram");
    assert_eq!(page.types["age_bucket"], "untyped");
    assert_eq!(page.helps["up"], "Whether it\nis \\ up \"now\".");
}

#[test]
fn finds_values_by_some_of_their_labels() {
    let page = parse(PAGE).unwrap();
    assert_eq!(page.value("up", &[("instance_id", "a")]), Some(1.0));
    assert_eq!(page.value("up", &[("instance_id", "c")]), None);
    assert_eq!(page.value("down", &[]), None);
    assert_eq!(page.sum("up"), 1.0);
    assert_eq!(page.sum("down"), 0.0);
    let of_b = page.with(&[("instance_id", "b")]);
    assert_eq!(of_b.samples, Samples::from([(Series::new("up", &[("node_id", "n")]), 0.0)]));
    let values: Vec<_> =
        page.series_of("up").into_iter().map(|(labels, value)| (labels.len(), value)).collect();
    assert_eq!(values, [(2, 1.0), (2, 0.0)]);
}

#[test]
#[should_panic(expected = "ambiguous")]
fn an_ambiguous_question_is_a_mistake_of_the_test() {
    parse(PAGE).unwrap().value("up", &[]);
}

/// Bodies of a family `a` whose `HELP` and `TYPE` are right, and whole pages, each with a part of the complaint.
#[test]
fn refuses_what_breaks_the_format() {
    let samples = [
        ("a 1", "newline"),
        ("\n", "without a value"),
        ("a\n", "without a value"),
        ("a  1\n", "bad value"),
        ("a 1 1700000000000\n", "timestamp"),
        ("a one\n", "bad value"),
        ("a inf\n", "bad value"),
        ("a 1e999\n", "bad value"),
        ("a 1\r\n", "bad value"),
        ("a{} 1\n", "quoted value"),
        ("a{b=\"c\",} 1\n", "quoted value"),
        ("a{b=c} 1\n", "quoted value"),
        ("a{b=\"c\"}1\n", "no space"),
        ("a{b=\"c\" d=\"e\"} 1\n", "no comma or brace"),
        ("a{b=\"c} 1\n", "closing quote"),
        ("a{b=\"\\t\"} 1\n", "unknown escape"),
        ("a{b=\"c\",b=\"d\"} 1\n", "twice"),
        ("a{0b=\"c\"} 1\n", "bad label name"),
        ("a{__b=\"c\"} 1\n", "bad label name"),
        ("a{b-c=\"d\"} 1\n", "bad label name"),
        ("a 1\na 2\n", "duplicate series"),
        ("a{b=\"c\",d=\"e\"} 1\na{d=\"e\",b=\"c\"} 1\n", "duplicate series"),
        ("a{b=\"\"} 1\na 1\n", "duplicate series"),
        ("b 1\n", "not a sample of gauge a"),
        ("a_count 1\n", "not a sample of gauge a"),
        ("-a 1\n", "bad metric name"),
        ("# a comment\n", "bad metric name"),
        ("# TYPE a gauge\n", "second TYPE"),
        ("# TYPE b gauge\n", "does not follow"),
        ("# HELP b B.\n", "b has HELP but no TYPE"),
        ("# HELP b B.\n# HELP c C.\n", "b has HELP but no TYPE"),
        ("# HELP b B.\nb 1\n", "before HELP and TYPE"),
        ("# HELP b B \\\"quoted\\\".\n", "unknown escape"),
        ("# HELP b\n", "HELP without a text"),
        ("# HELP b B.\n# TYPE b\n", "TYPE without a type"),
        ("# HELP b B.\n# TYPE b gaugehistogram\n", "unknown type"),
        ("a 1\n# HELP b B.\n# TYPE b gauge\nb 1\na{c=\"d\"} 1\n", "not a sample of gauge b"),
        ("a 1\n# HELP b B.\n# TYPE b gauge\n# HELP a A.\n", "second HELP"),
        ("# HELP b B.\n# TYPE b histogram\nb_bucket 1\n", "bucket without le"),
    ];
    for (samples, complaint) in samples {
        let error = parse(&format!("# HELP a A.\n# TYPE a gauge\n{samples}")).expect_err(samples);
        assert!(error.contains(complaint), "{samples:?} gave {error:?}");
    }
    for page in ["", "a 1\n", "# TYPE a gauge\n# HELP a A.\na 1\n"] {
        parse(page).expect_err(page);
    }
    let error = parse("# HELP a A.\n# TYPE a gauge\na one\n").unwrap_err();
    assert_eq!(error, "line 3: bad value \"one\", or a timestamp after it: a one");
}

proptest! {
    /// Whatever stands in a label comes back as it was.
    #[test]
    fn decodes_what_was_encoded(values in prop::collection::btree_set(strategies::hostile_text(), 0..20)) {
        let mut page = "# HELP a A.\n# TYPE a gauge\n".to_owned();
        let mut samples = Samples::new();
        for value in &values {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            writeln!(page, "a{{v=\"{escaped}\"}} 0.5").unwrap();
            let labels = [("v", value.as_str())];
            samples.insert(Series::new("a", if value.is_empty() { &[] } else { &labels }), 0.5);
        }
        let read = parse(&page).map_err(TestCaseError::fail)?;
        prop_assert_eq!(read, Page { samples, types: one("a", "gauge"), helps: one("a", "A.") });
    }

    /// A damaged page gives an answer, never a panic.
    #[test]
    fn survives_any_cut(cut in 0..PAGE.len(), filler in ".{0,5}") {
        let damaged = format!("{}{filler}\n", &PAGE[..cut]);
        if let Ok(page) = parse(&damaged) {
            prop_assert!(page.samples.len() <= 8);
        }
    }
}

fn one(name: &str, text: &str) -> std::collections::BTreeMap<String, String> {
    [(name.to_owned(), text.to_owned())].into()
}
