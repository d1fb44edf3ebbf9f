//! The configuration as its author meets it: YAML text in, settings or messages out.

mod accounts;
mod chain;
mod effective;
mod example;
mod form;
mod incidents;
mod instances;
mod network;
mod reference;
mod secrets;
mod shards;

use std::path::Path;

use super::{Config, parse};

/// Two accounts that are in order, on the lines 1 to 4.
const ACCOUNTS: &str = "\
accounts:
  - {name: ali, provider: alibaba, credentials: {access_key_id: AKID, access_key_secret: AKSECRET}}
  - {name: hw, provider: huawei, region: cn-north-4, project_id: 054e, credentials: {access_key_id: AK, access_key_secret: SK}}
";

/// The variables of the tests, but for those of the providers' SDKs.
fn no_keys(name: &str) -> Option<String> {
    let value = match name {
        "EMPTY" => "",
        "INTERVAL" => "45s",
        "TOP" => "7",
        "OFF" => "false",
        "NODE" => "pi-env",
        "TOKEN" => "canary-token",
        _ => return None,
    };
    Some(value.to_owned())
}

fn config(text: &str) -> Config {
    parse(text, Path::new("dbsession.yml"), &no_keys).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The problems of `text`, without the file's name and the place that each begins with.
fn problems(text: &str) -> Vec<String> {
    problems_with(text, &no_keys)
}

fn problems_with(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    placed_problems(text, env).into_iter().map(|(_, problem)| problem).collect()
}

/// The problems of `text`, each with the place that it begins with, like `3:5`; empty where it has none.
fn placed_problems(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let error = parse(text, Path::new("dbsession.yml"), env).expect_err(text);
    assert_eq!(error.to_string(), error.problems().join("\n"));
    let strip = |line: &String| {
        assert!(!line.contains('\n'), "{line:?}");
        let (place, problem) = line.strip_prefix("dbsession.yml:").expect(line).split_once(' ').expect(line);
        (place.trim_end_matches(':').to_owned(), problem.to_owned())
    };
    error.problems().iter().map(strip).collect()
}

/// That `text` has exactly one problem, and that it begins and goes on like this, with its place or without.
fn assert_problem(text: &str, start: &str, hint: &str) {
    let found = placed_problems(text, &no_keys);
    let fits = |(place, problem): &(String, String)| {
        let begins = problem.starts_with(start) || format!("{place}: {problem}").starts_with(start);
        begins && problem.contains(hint)
    };
    let fits = found.len() == 1 && fits(&found[0]);
    assert!(fits, "wanted {start} … {hint}\n found {found:#?}\n    in {text}");
}

/// [`ACCOUNTS`] and some instances, one flow map each.
fn with_instances(instances: &[&str]) -> String {
    let items: Vec<String> = instances.iter().map(|item| format!("  - {{{item}}}\n")).collect();
    format!("{ACCOUNTS}instances:\n{}", items.concat())
}
