//! Errors of form: where they are said to be, and which key was meant.

use super::{ACCOUNTS, assert_problem, config, no_keys, placed_problems, problems};
use crate::config::load;

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_key_that_was_meant() {
    assert_problem(
        "accounts:\n  - name: ali\n    intervall: 5s\n",
        "3:5: accounts[0].intervall: unknown key",
        "did you mean interval?",
    );
    assert_problem("global:\n  shape: {}\n", "2:3: global.shape: unknown key", "keys here are");
    assert_problem("instnaces: []\n", "1:1: instnaces: unknown key", "did you mean instances?");
    assert_problem(
        "accounts:\n  - credentials: {acces_key_id: a}\n",
        "2:19: accounts[0].credentials.acces_key_id: unknown key",
        "did you mean access_key_id?",
    );
    assert_problem(
        "accounts:\n  - credentials: {iam: {passwort: a}}\n",
        "2:25: accounts[0].credentials.iam.passwort: unknown key",
        "did you mean password?",
    );
    assert_problem(
        "kill_tasks:\n- {taks: a}\n",
        "2:4: kill_tasks[0].taks: unknown key",
        "did you mean task?",
    );
}

#[test]
fn of_two_equal_keys_the_second_is_pointed_at() {
    assert_problem(
        "global:\n  interval: 5s\n  timeout: 3s\n  interval: 6s\n",
        "4:3: global.interval: duplicate key",
        "",
    );
    assert_problem("accounts: []\naccounts: []\n", "2:1: accounts: duplicate key", "");
    assert_problem(
        "instances:\n  - id: a\n    labels:\n      team: a\n      env: b\n      team: c\n",
        "6:7: instances[0].labels.team: duplicate key",
        "",
    );
    assert_problem(
        "accounts:\n  - credentials:\n      access_key_id: a\n      access_key_id: b\n",
        "4:7: accounts[0].credentials.access_key_id: duplicate key",
        "",
    );
}

#[test]
fn a_wrong_type_is_pointed_at() {
    let table = [
        ("global:\n  interval: [5s]\n", "2:13: global.interval: expected a single value, found a list"),
        ("global:\n  top: many\n", "2:8: global.top: expected a whole number"),
        ("global:\n  max_pages: 2.5\n", "2:14: global.max_pages: expected a whole number"),
        ("global: 5s\n", "1:9: global: expected a map of keys, found a text"),
        ("accounts: {name: a}\n", "1:11: accounts: expected a list, found a map"),
        ("instances: [5]\n", "1:13: instances[0]: expected a map of keys, found a number"),
        ("instances: [{enabled: maybe}]\n", "1:23: instances[0].enabled: expected true or false"),
        ("instances: [{nodes: n1}]\n", "1:21: instances[0].nodes: expected a list, found a text"),
        ("instances: [{labels: [a]}]\n", "1:22: instances[0].labels: expected a map, found a list"),
        (
            "instances: [{labels: {team: {a: b}}}]\n",
            "1:29: instances[0].labels.team: expected a single value",
        ),
        ("accounts: [{credentials: yes}]\n", "1:26: accounts[0].credentials: expected the word default"),
        ("accounts: [{credentials: 5}]\n", "1:26: accounts[0].credentials: expected the word default"),
        ("global: {top: !wrapped 5}\n", "1:15: global.top: expected a plain value"),
        ("- a\n", "1:1: expected a map of keys, found a list"),
        ("? [a]\n: b\n", "1:3: expected"),
    ];
    for (text, start) in table {
        assert_problem(text, start, "");
    }
}

#[test]
fn broken_yaml_is_pointed_at() {
    assert_problem("global:\n  interval: 5s\n timeout: 3s\n", "3:2: did not find expected key", "");
    assert_problem("accounts: [\n", "2:1: did not find expected node content", "");
    assert_problem("global: *nobody\n", "1:9: unknown anchor", "");
    assert_problem("global: {}\n---\nglobal: {}\n", "", "more than one document");
    assert_problem("", "holds no configuration", "");
    assert_problem("# nothing yet\n", "holds no configuration", "");
}

#[test]
fn a_byte_order_mark_is_as_if_it_were_not_there() {
    let text = format!("\u{feff}global: {{top: 7}}\n{ACCOUNTS}");
    assert_eq!(config(&text).top, 7);
    assert_problem("\u{feff}instnaces: []\n", "1:1: instnaces: unknown key", "did you mean instances?");
    assert_problem("\u{feff}global:\n  top: many\n", "2:8: global.top: expected a whole number", "");
    assert_problem("\u{feff}accounts: []\naccounts: []\n", "2:1: accounts: duplicate key", "");
    assert_problem("\u{feff}", "holds no configuration", "");
}

#[test]
fn an_unknown_key_that_is_no_plain_word_is_quoted() {
    let table = [
        ("\"rate limit\"", "\"rate limit\"", "did you mean rate_limit?"),
        ("foo.bar", "\"foo.bar\"", "the keys here are name, "),
        ("<<", "\"<<\"", "the keys here are name, "),
        ("\"${K}\"", "\"${K}\"", "the keys here are name, "),
        ("accèss", "\"accèss\"", "the keys here are name, "),
        ("\"\"", "\"\"", "the keys here are name, "),
    ];
    for (written, shown, remedy) in table {
        let text = format!("accounts:\n  - {written}: 1\n");
        assert_problem(&text, &format!("2:5: accounts[0].{shown}: unknown key; "), remedy);
    }
    let long = "ü".repeat(41);
    assert_problem(&format!("{long}: 1\n"), &format!("1:1: \"{}…\": unknown key", "ü".repeat(40)), "");
}

#[test]
fn a_key_in_capitals_is_known_again() {
    assert_problem(
        "accounts: [{REGION: a}]\n",
        "1:13: accounts[0].REGION: unknown key; did you mean region?",
        "",
    );
    assert_problem(
        "accounts: [{credentials: {ACCESS_KEY_ID: a}}]\n",
        "1:27: accounts[0].credentials.ACCESS_KEY_ID: unknown key; did you mean access_key_id?",
        "",
    );
}

#[test]
fn a_value_without_a_blank_before_it_is_not_shown_as_part_of_the_key() {
    for (written, shown) in [("proxy:http://user:canary@host", "proxy:…"), ("password=canary", "password=…")]
    {
        let text = format!("accounts: [{{{written}}}]\n");
        assert_problem(&text, &format!("1:13: accounts[0].\"{shown}\": unknown key"), "");
        assert!(!problems(&text)[0].contains("canary"));
    }
}

#[test]
fn a_key_with_a_line_break_does_not_break_the_message() {
    assert_problem("\"a\\nb\": 1\n", "1:1: \"a\\nb\": unknown key", "");
    assert_problem("\"a\\nb: {}\": {top: [1]}\n", "1:1: \"a\\nb:…\": unknown key", "");
}

#[test]
fn values_left_blank_are_left_out_and_numbers_keep_their_spelling() {
    let text = format!(
        "global:\n  interval:\n  top: ~\n{ACCOUNTS}instances:\n  - {{account: ali, id: 007, nodes: }}\n"
    );
    let config = config(&text);
    assert_eq!((config.targets[0].id().as_str(), config.top), ("007", 20));
}

#[test]
fn anchors_spare_repetition() {
    let text = format!(
        "{ACCOUNTS}instances:\n  - {{account: ali, id: a, labels: &l {{team: x}}}}\n  - {{account: ali, id: b, labels: *l}}\n"
    );
    assert_eq!(config(&text).targets[1].labels[0].1, "x");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.yml");
    let error = load(&path, &|_| None).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot be read: ", path.display())), "{error}");

    std::fs::write(&path, [b'a', 0xff]).unwrap();
    let error = load(&path, &|_| None).unwrap_err().to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn errors_of_meaning_are_told_together() {
    let text = "\
global: {interval: 30, timeout: 0s, top: 0, max_pages: 10001, max_response_bytes: 1MB, stale_after: soon}
accounts:
  - {name: ali, provider: alybaba, interval: 100ms}
  - {provider: alibaba, credentials: {access_key_id: a, access_key_secret: b}}
instances:
  - {account: al, id: x}
  - {id: y, labels: {job: a}}
kill_tasks:
  - {account: ali}
";
    let found: Vec<_> = placed_problems(text, &no_keys)
        .iter()
        .map(|(place, problem)| format!("{place}: {problem}"))
        .collect();
    let starts = [
        "1:10: global.interval: not a duration",
        "1:24: global.timeout: not a duration",
        "1:88: global.stale_after: not a duration",
        "1:63: global.max_response_bytes: not a size",
        "1:45: global.max_pages: must be a whole number from 1 to 10000",
        "1:37: global.top: must be a whole number from 1 to 1000",
        "3:17: accounts[0].provider: no provider \"alybaba\"; did you mean \"alibaba\"?",
        "3:36: accounts[0].interval: must be at least 1s",
        "4:6: accounts[1].name: missing",
        "6:6: instances[0].account: no account \"al\"; did you mean \"ali\"?",
        "7:6: instances[1].account: missing",
        "7:22: instances[1].labels.job: ",
        "9:6: kill_tasks[0].instance: missing",
        "9:6: kill_tasks[0].task: missing",
    ];
    for start in starts {
        assert!(found.iter().any(|line| line.starts_with(start)), "{start}: {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
}
