//! What the documentation names is there, and what there is has its place in it: metrics, reasons of failure, paths.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dbsession_exporter::error::FailureKind;

use super::page::{page, pages, root};
use crate::program::Program;

/// Begins like a metric, but is the program, and a job of Prometheus.
const NO_METRICS: [&str; 2] = ["dbsession_exporter", "dbsession_instances"];
const SUFFIXES: [&str; 5] = ["_bucket", "_gcount", "_gsum", "_count", "_sum"];

/// Names in the first column of the reference.
fn metrics() -> BTreeSet<String> {
    let reference = page(Path::new("docs/metrics.md")).text;
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}

/// Words of a text that begin like a metric of the exporter; of `dbsession_a_*` or `dbsession_a_…` what stands before.
fn named(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.match_indices("dbsession_").filter(move |(at, _)| !text[..*at].ends_with(is_name));
    words.filter_map(move |(at, _)| {
        let word = &text[at..];
        let word = &word[..word.find(|c| !is_name(c)).unwrap_or(word.len())];
        let cut = text[at + word.len()..].starts_with(['*', '…', '{']) && word.ends_with('_');
        (!word.contains(':')).then_some((word, cut))
    })
}

#[test]
fn every_metric_that_is_named_is_there() {
    let known = metrics();
    let mut found = 0;
    for page in pages() {
        for (word, cut) in named(&page.text).filter(|(word, _)| !NO_METRICS.contains(word)) {
            let base = SUFFIXES.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
            let there = if cut {
                known.iter().any(|name| name.starts_with(word))
            } else {
                known.contains(word) || known.contains(base)
            };
            assert!(there, "{}: {word}", page.path.display());
            found += 1;
        }
    }
    assert!(found > 100, "only {found} metrics were found");
}

#[test]
fn words_that_are_no_metrics_are_not_taken_for_some() {
    let text = "__meta_dbsession_a dbsession_up{x} instance:dbsession_b:max `dbsession_c_*` dbsession_d:rate";
    assert_eq!(named(text).collect::<Vec<_>>(), [("dbsession_up", false), ("dbsession_c_", true)]);
}

#[test]
fn every_reason_of_failure_has_its_section() {
    let page = page(Path::new("docs/troubleshooting.md")).prose();
    for kind in FailureKind::ALL {
        let heading = format!("### {}", kind.label());
        assert!(page.lines().any(|line| line == heading), "{heading}");
    }
}

/// Paths of routes, as the sources of the server have them.
fn routes(directory: &Path) -> Vec<String> {
    let mut routes = Vec::new();
    for path in fs::read_dir(directory).expect("it is there").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            routes.extend(self::routes(&path));
            continue;
        }
        let source = fs::read_to_string(&path).expect("it can be read");
        // The path is the literal in the first argument; two names stand for what flags and hashes decide.
        let first = source.split(".route(").skip(1).filter_map(|rest| rest.split(',').next());
        let paths = first.filter_map(|path| path.split('"').nth(1)).map(str::to_owned);
        // One that ends in a wildcard catches what no other takes.
        routes.extend(paths.filter(|path| !path.contains("{*")));
    }
    routes
}

#[test]
fn every_path_is_told() {
    let routes = routes(&root().join("src/web"));
    assert!(routes.len() >= 8, "{routes:?}");
    let told = paths();
    for route in routes {
        let parts = route.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) => name.trim_matches(['*', '}']).to_uppercase(),
            None => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let known = |told: &String| told.split('?').next() == Some(path.as_str());
        assert!(path.is_empty() || told.iter().any(known), "{path} is not in docs/http.md");
    }
}

/// The paths in the table of the page on HTTP.
fn paths() -> Vec<String> {
    let page = page(Path::new("docs/http.md")).text;
    let rows = page.lines().filter(|line| line.starts_with("| `/"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The words that stand for ids in the paths of the page are ids here.
#[tokio::test]
async fn every_path_that_is_told_is_served() {
    let account = "name: a, provider: alibaba, endpoints: {das: 'http://127.0.0.1:9'}";
    let keys = "credentials: {access_key_id: a, access_key_secret: b}";
    let yaml =
        format!("accounts: [{{{account}, {keys}}}]\ninstances: [{{account: a, id: ID, nodes: [NODE]}}]");
    let program = Program::start(&yaml).await;
    // Hashes of styles and numbers of incidents are not known beforehand.
    let paths: Vec<String> =
        paths().into_iter().filter(|path| !path.contains('…') && !path.contains("incidents/")).collect();
    assert!(paths.len() >= 9, "{paths:?}");
    for path in paths {
        assert_ne!(program.get(&path).await.status, 404, "{path}");
    }
}
