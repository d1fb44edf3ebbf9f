//! Writing a page of 10, 100, 1,000 and 10,000 targets of about 141 series, against the prometheus crate over the same series.
//! `-- 1000` measures one size.

#[path = "common/compare.rs"]
mod compare;
#[path = "common/targets.rs"]
mod targets;

use std::collections::{BTreeMap, HashMap};

use compare::{Contender, compare, keep};
use dbsession_exporter::exposition::{Format, PageInput, count_series, page};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use targets::targets;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for targets in if sizes.is_empty() { vec![10, 100, 1_000, 10_000] } else { sizes } {
        measure(targets);
    }
}

fn measure(count: usize) {
    let input = PageInput { targets: targets(count), ..PageInput::default() };
    let series = count_series(&input);
    let registry = registry(&text(&input, Format::Text));
    let rounds = if count > 1_000 { 5 } else { 15 };
    let contenders: Vec<Contender<'_>> = vec![
        ("prometheus crate, gather and TextEncoder", Box::new(|| keep(encoded(&registry)))),
        ("dbsession_exporter, text 0.0.4 by frames", Box::new(|| keep(written(&input, Format::Text)))),
        (
            "dbsession_exporter, OpenMetrics by frames",
            Box::new(|| keep(written(&input, Format::OpenMetrics))),
        ),
    ];
    println!("\n{count} targets of {} series", series / count);
    compare("page", "series", series, rounds, contenders);
}

fn encoded(registry: &Registry) -> usize {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).expect("the registry is good");
    text.len()
}

/// Frames are dropped as they come, as they are once a client has read them.
fn written(input: &PageInput, format: Format) -> usize {
    page(input.clone(), format).map(|frame| frame.len()).sum()
}

fn text(input: &PageInput, format: Format) -> String {
    let frames: Vec<_> = page(input.clone(), format).collect();
    String::from_utf8(frames.concat()).expect("a page is UTF-8")
}

/// A registry with the same series and values.
fn registry(page: &str) -> Registry {
    let registry = Registry::new();
    let mut families: BTreeMap<String, GaugeVec> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').expect("every series has labels");
        let (labels, value) = rest.rsplit_once("} ").expect("every sample has a value");
        let labels: BTreeMap<&str, &str> = labels
            .split("\",")
            .map(|pair| pair.split_once("=\"").expect("a label has a value"))
            .map(|(name, value)| (name, value.trim_end_matches('"')))
            .collect();
        let family = families.entry(name.to_owned()).or_insert_with(|| {
            let names: Vec<&str> = labels.keys().copied().collect();
            let family = GaugeVec::new(Opts::new(name, "Help."), &names).expect("the names are good");
            registry.register(Box::new(family.clone())).expect("the names are distinct");
            family
        });
        family
            .with(&labels.into_iter().collect::<HashMap<_, _>>())
            .set(value.parse().expect("a value is a number"));
    }
    registry
}
