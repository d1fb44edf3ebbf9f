//! `docs/metrics.md` shows every family of the table and every instrument of the exporter, with the labels that they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::parse::parse;
use super::{families, fixture, fleet, text};
use crate::config;
use crate::exposition::families::{Family, Kind, Read};
use crate::exposition::{PageInput, mysqld};
use crate::generated;
use crate::telemetry::Instruments;

/// Labels whose values are a closed set wherever they stand.
const CLOSED: [&str; 6] = ["dimension", "kind", "reason", "result", "state", "when"];
/// Whose values are the server's or the user's own.
const OPEN: [&str; 4] = [
    "dbsession_state_sessions",
    "dbsession_instance_info",
    "mysql_info_schema_processlist_threads",
    "mysql_info_schema_processlist_seconds",
];

/// A page with every family, also those that only some targets have.
fn whole() -> PageInput {
    let mut fleet = fleet();
    fleet.targets.iter_mut().for_each(|target| target.mysqld_names = true);
    fleet
}

/// Whether a family of the page holds the samples of one of the table; an age family is several on the page.
fn is_of(family: &Family, shown: &super::Family) -> bool {
    matches!(shown.name.strip_prefix(family.name), Some("" | "_bucket"))
}

/// The labels of a family beside those of its target, in their order, each with its values.
fn labels(family: &Family) -> BTreeMap<String, Vec<String>> {
    let page = parse(&text(whole()));
    let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let shown = page.iter().filter(|shown| is_of(family, shown));
    for (name, value) in shown.flat_map(|shown| &shown.samples).flat_map(|sample| &sample.labels) {
        if !["instance_id", "node_id", "team"].contains(&name.as_str()) {
            let values = labels.entry(name.clone()).or_default();
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
    labels
}

fn described(family: &Family) -> String {
    let told = |(name, values): (String, Vec<String>)| {
        if name == "le" || (CLOSED.contains(&name.as_str()) && !OPEN.contains(&family.name)) {
            format!("`{name}`: {}", values.join(" "))
        } else {
            format!("`{name}`")
        }
    };
    labels(family).into_iter().map(told).collect::<Vec<_>>().join("; ")
}

/// When a family has samples.
fn shown(family: &Family) -> &'static str {
    match family.read {
        Read::Target(_) => "always",
        Read::Snapshot(_) => "with data",
        Read::Listed(_) => "with rows",
        Read::Task(_) => "per kill task",
        Read::TaskCounters(_) => "per instance with kill tasks",
    }
}

fn of_targets() -> String {
    let mut table = "| metric | type | shown | more labels | |\n|---|---|---|---|---|\n".to_owned();
    for family in families::all(false) {
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Ages => "gaugehistogram",
        };
        let (name, labels) = (family.name, described(family));
        let _ = writeln!(table, "| `{name}` | {kind} | {} | {labels} | {} |", shown(family), family.help);
    }
    table
}

fn of_mysqld() -> String {
    let mut table = "| metric | type | more labels | |\n|---|---|---|---|\n".to_owned();
    for family in mysqld::FAMILIES {
        let (name, labels) = (family.name, described(family));
        let _ = writeln!(table, "| `{name}` | gauge | {labels} | {} |", family.help);
    }
    table
}

fn of_the_exporter() -> String {
    let mut table = "| metric | type | labels | |\n|---|---|---|---|\n".to_owned();
    for collector in Instruments::new().collectors() {
        let kinds: BTreeMap<String, String> = collector
            .collect()
            .iter()
            .map(|family| (family.name().to_owned(), format!("{:?}", family.get_field_type()).to_lowercase()))
            .collect();
        for desc in collector.desc() {
            let kind = kinds.get(&desc.fq_name).map_or("gauge", String::as_str);
            let labels: Vec<String> = desc.variable_labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, labels, help) = (&desc.fq_name, labels.join(" "), &desc.help);
            let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} |");
        }
    }
    table
}

#[test]
fn shows_every_family() {
    generated::hold("metrics.md", "families", &of_targets());
    generated::hold("metrics.md", "mysqld", &of_mysqld());
    generated::hold("metrics.md", "instruments", &of_the_exporter());
}

#[test]
fn no_label_of_the_page_can_be_configured() {
    let page = parse(&text(whole()));
    for family in families::all(true) {
        let is_seen = page.iter().any(|shown| is_of(family, shown) && !shown.samples.is_empty());
        assert!(is_seen, "the labels of {} are not on the page", family.name);
    }
    let mut labels: BTreeSet<String> = BTreeSet::new();
    for sample in page.iter().flat_map(|shown| &shown.samples) {
        labels.extend(sample.labels.iter().map(|(name, _)| name.clone()));
    }
    for collector in Instruments::new().collectors() {
        labels.extend(collector.desc().into_iter().flat_map(|desc| desc.variable_labels.clone()));
    }
    // The fixture's configured one.
    labels.remove("team");
    for label in labels {
        let text = format!(
            "accounts: [{{name: a, provider: alibaba}}]\ninstances: [{{account: a, id: i, labels: {{{label}: x}}}}]\n"
        );
        let refused = config::parse(&text, Path::new("f"), &|_| None).expect_err(&label).to_string();
        assert!(refused.contains(&format!("labels.{label}: ")), "{refused}");
    }
}

#[test]
fn what_is_always_shown_is_there_without_data() {
    let alone = parse(&text(fixture::alone(fixture::failing())));
    let always = families::all(false).filter(|family| matches!(family.read, Read::Target(_)));
    for family in always {
        assert!(alone.iter().any(|shown| shown.name == family.name), "{}", family.name);
    }
}
