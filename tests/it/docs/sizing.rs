//! The sizing table says how many instances the plan fetches at their interval: one more, and it stretches them.

use std::fmt::Write as _;
use std::path::Path;

use dbsession_exporter::config;
use dbsession_exporter::schedule::plan::demands;

use super::page::page;

/// The plan counts in billionths of a call.
const NEARLY: f64 = 1e-6;

/// A row of the table.
struct Row {
    source: String,
    rate: String,
    calls: f64,
    /// At intervals of 30 s and of 60 s.
    instances: [usize; 2],
}

fn rows() -> Vec<Row> {
    let text = page(Path::new("docs/quotas.md")).text;
    let (_, section) = text.split_once("## Sizing").expect("there is such a section");
    let lines = section.split("\n## ").next().unwrap_or_default().lines();
    let split =
        |line: &str| line.split('|').map(|cell| cell.trim().replace(['`', ','], "")).collect::<Vec<_>>();
    let row = |cells: Vec<String>| {
        let [_, source, rate, calls, half, whole, _] = cells.try_into().ok()?;
        let instances = [half.parse().ok()?, whole.parse().ok()?];
        Some(Row { source, rate, calls: calls.parse().ok()?, instances })
    };
    lines.map(split).filter_map(row).collect()
}

/// What so many instances wish for before anything is learnt, in calls in 30 s, and how much that stretches them.
fn planned(row: &Row, instances: usize, interval: &str) -> (f64, f64) {
    let filters = if row.source.contains("three filters") { "[a, b, c]" } else { "[a]" };
    let (provider, service, more) = match row.source.as_str() {
        alibaba if alibaba.starts_with("Alibaba") => ("alibaba", "das", String::new()),
        ddm if ddm.contains("DDM") => ("huawei", "ddm", String::new()),
        _ => ("huawei", "das", format!(", db_user_id: u, users: {filters}")),
    };
    let keys = "credentials: {access_key_id: a, access_key_secret: b}, region: cn-north-4";
    let limit = format!("rate_limit: {{{service}: {}}}, interval: {interval}", row.rate);
    let mut yaml = format!("accounts: [{{name: a, provider: {provider}, {keys}, {limit}}}]\ninstances:\n");
    for number in 0..instances {
        let _ = writeln!(yaml, "  - {{account: a, service: {service}, id: i-{number}{more}}}");
    }
    let config = config::parse(&yaml, Path::new("f"), &|_| None).unwrap_or_else(|error| panic!("{error}"));
    let demand = demands(&config).pop().expect("there is one lane");
    (demand.wanted * 30.0, demand.terms.stretch)
}

#[test]
fn the_table_is_that_of_the_plan() {
    let rows = rows();
    let known = |row: &&Row| (planned(row, 1, "30s").0 - row.calls).abs() < NEARLY;
    let planned_so: Vec<&Row> = rows.iter().filter(known).collect();
    assert!(planned_so.len() >= 5 && rows.len() == 6, "{} of {} rows", planned_so.len(), rows.len());
    for row in planned_so {
        for (instances, interval) in row.instances.into_iter().zip(["30s", "60s"]) {
            let [enough, one_more] =
                [instances, instances + 1].map(|number| planned(row, number, interval).1);
            assert!(
                enough < 1.0 + NEARLY && one_more > 1.0 + NEARLY,
                "{}, {interval}: {enough} and {one_more}",
                row.source
            );
        }
    }
}
