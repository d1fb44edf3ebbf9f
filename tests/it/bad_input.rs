//! What a person gets wrong on the command line or in the file, and what the program says of it; and the commands that
//! print and end, given a good file.

use std::fmt::Write as _;

use dbsession_exporter::demo::{Cloud, Fault, Refusal};
use serde_json::Value;

use crate::parse::parse;
use crate::program::{Finished, Invocation};
use crate::scene::{self, Api, Scene, of, rows};

/// A secret that stands in every file below; no output may hold it.
const SECRET: &str = "s3cr3t-0f-th3-t3st";

const ACCOUNTS: &str = "\
accounts:
  - name: ali
    provider: alibaba
    credentials: {access_key_id: key-of-ali, access_key_secret: s3cr3t-0f-th3-t3st}
";

/// A file with [`ACCOUNTS`] on its first four lines and this below.
fn with_accounts(text: &str) -> String {
    format!("{ACCOUNTS}{text}")
}

/// An account with these credentials.
fn credentials(text: &str) -> String {
    format!("accounts:\n  - name: ali\n    provider: alibaba\n    credentials: {text}\n")
}

/// Runs `command` with the file `dbsession.yml` of this text.
async fn run_with(text: &str, command: &[&str]) -> Finished {
    let command = [&["--config.file=dbsession.yml"], command].concat();
    Invocation::new(&command).file("dbsession.yml", text).finish().await
}

/// That every command refuses a file of this text: one line begins with the file's name, goes on with `place`, and says `more`.
async fn assert_refused(text: &str, place: &str, more: &str) {
    for command in [&["check"][..], &["run", "--web.listen-address=127.0.0.1:0"], &["fetch", "a"]] {
        let ended = run_with(text, command).await;
        let Finished { code, stdout, stderr } = &ended;
        let tells =
            |line: &str| line.starts_with("dbsession.yml:") && line.contains(place) && line.contains(more);
        let told = stderr.lines().any(tells);
        assert!(told && *code == Some(2), "{command:?}: wanted {place} … {more}\ngot {ended:?}\nfor {text}");
        assert!(stdout.is_empty() && !stderr.contains(SECRET), "{ended:?}");
    }
}

#[tokio::test]
async fn a_file_of_the_wrong_form_is_refused_with_line_and_column() {
    let table = [
        (
            "instances: [{intervall: 5s}]",
            ":5:14: instances[0].intervall: unknown key",
            "did you mean interval?",
        ),
        ("instnaces: []", ":5:1: instnaces: unknown key", "did you mean instances?"),
        ("accounts: []", ":5:1: accounts: duplicate key", ""),
        ("instances: [{labels: {team: a, team: b}}]", ":5:32: instances[0].labels.team: duplicate key", ""),
        ("global: {interval: [5s]}", ":5:20: global.interval: expected a single value", "found a list"),
        ("global: 5s", ":5:9: global: expected a map of keys", "found a text"),
        ("global: {top: many}", ":5:15: global.top: expected a whole number", ""),
        ("global: {", ":6:1: ", ""),
    ];
    for (text, place, more) in table {
        assert_refused(&with_accounts(&format!("{text}\n")), place, more).await;
    }
    assert_refused("", ": holds no configuration", "").await;
    let misplaced = credentials(SECRET);
    assert_refused(&misplaced, ":4:18: accounts[0].credentials: expected the word default", "").await;
}

#[tokio::test]
async fn a_file_that_means_nothing_sensible_is_refused_with_the_path_of_the_key() {
    let table = [
        ("account: alii, id: a", "account: no account \"alii\"", "did you mean \"ali\"?"),
        ("id: a", "account: missing", "one of the accounts"),
        ("account: ali, id: a, labels: {job: x}", "labels.job: ", "choose another name"),
        ("account: ali, id: a, labels: {__x: y}", "labels.__x: ", "choose another name"),
        ("account: ali, id: a, interval: 5 seconds", "interval: not a duration", "15s"),
        ("account: ali, id: a, interval: 100ms", "interval: must be at least 1s", ""),
        ("account: ali, id: a, service: ddm", "service: ddm is for Huawei Cloud", "remove it"),
    ];
    for (entry, problem, more) in table {
        let text = with_accounts(&format!("instances: [{{{entry}}}]\n"));
        assert_refused(&text, &format!(": instances[0].{problem}"), more).await;
    }
    let misspelt = ACCOUNTS.replace("alibaba", "alybaba");
    assert_refused(&misspelt, ": accounts[0].provider: no provider \"alybaba\"", "did you mean \"alibaba\"?")
        .await;
}

#[tokio::test]
async fn credentials_that_are_none_are_refused() {
    let both = format!("{{access_key_id: a, access_key_secret: {SECRET}, access_key_secret_file: b}}");
    let table = [
        (
            "{access_key_id: a, access_key_secret_file: not/there}",
            ".access_key_secret_file: cannot read ",
            "No such file",
        ),
        (
            "{access_key_id: a}",
            ".access_key_secret: missing",
            "give access_key_secret or access_key_secret_file",
        ),
        (&format!("{{access_key_secret: {SECRET}}}"), ".access_key_id: missing", ""),
        (&both, ".access_key_secret_file: given twice", "remove either"),
        (
            "{access_key_id: a, access_key_secret: '${UNSET}'}",
            ".access_key_secret: the environment variable UNSET is not set",
            "",
        ),
        ("{ecs_agency: true}", ".ecs_agency: is for Huawei Cloud", "another form"),
        ("{external_id: a, ecs_role: b}", ".external_id: is of no use without role_arn", "give that as well"),
        ("{ecs_role: a, profile: b}", ": two kinds at once", "either profile or ecs_role"),
        ("{oidc: {role_arn: 'acs:ram::1:role/r', token_file: t}}", ".oidc.provider_arn: missing", ""),
        ("{role_arn: reader}", ".role_arn: must be an ARN", "acs:ram::"),
        ("{role_arn: 'acs:ram::1:role/r', duration: 1m}", ".duration: must be from 15m to 12h", ""),
        ("{profile: p}", ".profile: cannot be used: HOME is not set", ""),
    ];
    for (text, problem, more) in table {
        assert_refused(&credentials(text), &format!(": accounts[0].credentials{problem}"), more).await;
    }
    let two = format!(
        "{{access_key_id: a, access_key_secret: {SECRET}, iam: {{domain: d, user: u, password: {SECRET}}}}}"
    );
    let huawei = "huawei\n    region: cn-north-4\n    project_id: 054e";
    let two = credentials(&two).replace("alibaba", huawei);
    assert_refused(&two, ": accounts[0].credentials: two kinds at once", "either iam or access_key_id").await;
}

#[tokio::test]
async fn all_errors_of_meaning_are_told_at_once() {
    let text =
        with_accounts("instances:\n  - {account: al, id: a}\n  - {account: ali, id: b, timeout: soon}\n");
    let ended = run_with(&text, &["check"]).await;
    assert_eq!(ended.stderr.lines().count(), 2, "{ended:?}");
    let last = text.lines().count();
    for (line, start) in ended.stderr.lines().zip([
        format!("dbsession.yml:{}:6: instances[0].account: ", last - 1),
        format!("dbsession.yml:{last}:27: instances[1].timeout: "),
    ]) {
        assert!(line.starts_with(&start), "{start}: {ended:?}");
    }
}

#[tokio::test]
async fn bad_usage_ends_with_status_2_and_says_what_is_missing() {
    let table: [(&[&str], &str); 13] = [
        (&[], "--config.file"),
        (&["check"], "--config.file"),
        (&["fetch"], "ID[/NODE]"),
        (&["--config.file=none.yml"], "none.yml: cannot be read: No such file"),
        (&["check", "--config.file=none.yml"], "none.yml: cannot be read: No such file"),
        (&["--config.fiel=x"], "--config.file"),
        (&["--log.level=loud"], "debug"),
        (&["--web.listen-address=10104"], ":10104"),
        (&["--web.telemetry-path=metrics"], "/metrics"),
        (&["--web.telemetry-path=/instances/a"], "taken are"),
        (&["--web.external-url=example.com/db"], "https://example.com/dbsession"),
        (&["--web.route-prefix=/a b"], "/dbsession"),
        (&["chekc"], "check"),
    ];
    for (arguments, hint) in table {
        let ended = Invocation::new(arguments).finish().await;
        assert!(ended.code == Some(2) && ended.stderr.contains(hint), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn check_prints_the_plan_and_what_is_probably_not_meant() {
    let text = with_accounts(
        "    rate_limit: {das: 1/s}\ninstances:\n  - {account: ali, id: a, interval: 2s, timeout: 5s}\n  - {account: ali, id: b, interval: 1s, timeout: 1s, stale_after: 1s}\n",
    );
    let ended = run_with(&text, &["check"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let row = ended.stdout.lines().find(|line| line.starts_with("ali ")).unwrap_or_default();
    let cells: Vec<_> = row.split_whitespace().collect();
    // Two calls each: one every 2 s, one every second.
    let plan = ["ali", "alibaba", "das", "2", "3.00", "300.0", "%", "5.0", "%", "3.3s-6.7s"];
    assert_eq!(cells, plan, "{}", ended.stdout);
    for warning in [
        "warning: instances[0].timeout: ",
        "warning: instances[1].stale_after: ",
        "warning: account ali, das: rate_limit allows too few calls, so the interval is 3.3s-6.7s instead of 1s-2s; \
         multiply interval by 3.4, or set rate_limit.das to 4/s if the quota allows it",
    ] {
        assert!(ended.stdout.lines().any(|line| line.starts_with(warning)), "{warning}\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains(SECRET));
}

/// 135 instances with two calls each 30 s take exactly the 9 calls a second that are planned of 10.
#[tokio::test]
async fn an_account_exactly_at_its_capacity_is_not_warned_of() {
    for (instances, warned) in [(135, false), (140, true)] {
        let mut text = String::from(
            "accounts:\n  - {name: ali, provider: alibaba, credentials: {access_key_id: k, access_key_secret: s}}\ninstances:\n",
        );
        for number in 0..instances {
            let _ = writeln!(text, "  - {{account: ali, id: rm-{number}}}");
        }
        let ended = run_with(&text, &["check"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout.contains("warning: "), warned, "{}", ended.stdout);
    }
}

/// A cloud with one good instance, one that fails and one with two nodes; the file for it.
async fn fetchable() -> (Cloud, String) {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("timeout: 5s");
    scene.account(&cloud, Api::Alibaba, "ali");
    scene.instance(&cloud, Api::Alibaba, "ali", "rm-1", 3);
    scene.instance(&cloud, Api::Alibaba, "ali", "rm-bad", 3);
    scene.entry("account: ali, id: pc-1, name: cluster, nodes: [pi-a, pi-b], labels: {team: x}");
    cloud.set_sessions("pc-1/pi-a", rows(4));
    cloud.set_fault("rm-bad", Some(Fault::Refuse(Refusal::NO_PERMISSION)));
    let file = scene.file();
    (cloud, file)
}

#[tokio::test]
async fn fetch_prints_one_instance_in_three_ways() {
    let (_cloud, file) = fetchable().await;
    let table = run_with(&file, &["fetch", "rm-1"]).await;
    assert_eq!(table.code, Some(0), "{table:?}");
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<_> = table.stdout.lines().map(cells).collect();
    for row in [["sessions", "3"], ["transactions", "1"]] {
        assert!(rows.iter().any(|cells| *cells == row), "{row:?}\n{}", table.stdout);
    }

    let json = run_with(&file, &["fetch", "pc-1/pi-a", "--output=json"]).await;
    let value: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let told = ["instance_id", "node_id", "name", "up", "sessions", "transactions"]
        .map(|key| value[key].to_string());
    assert_eq!(told, ["\"pc-1\"", "\"pi-a\"", "\"cluster\"", "true", "4", "2"]);

    let metrics = run_with(&file, &["fetch", "pc-1/pi-a", "--output", "metrics"]).await;
    let page = parse(&metrics.stdout).expect("a strict page");
    assert_eq!(of(&page, "pc-1", "dbsession_sessions"), Some(4.0));
    let labels = [("instance_id", "pc-1"), ("node_id", "pi-a"), ("team", "x")];
    assert_eq!(page.value("dbsession_up", &labels), Some(1.0));
    assert_eq!((json.code, metrics.code), (Some(0), Some(0)));
    assert!([table, json, metrics].iter().all(|ended| ended.stderr.is_empty()));
}

#[tokio::test]
async fn fetch_tells_a_failure_from_an_unknown_instance() {
    let (_cloud, file) = fetchable().await;
    let failed = run_with(&file, &["fetch", "rm-bad"]).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
    let told = ["rm-bad", "permission", "NoPermission", "grant the permissions"];
    assert!(told.iter().all(|part| failed.stderr.contains(part)), "{failed:?}");
    for (id, choices) in [("rm-2", "rm-1, rm-bad, pc-1/pi-a, pc-1/pi-b"), ("pc-1", "pc-1/pi-a, pc-1/pi-b")] {
        let unknown = run_with(&file, &["fetch", id]).await;
        assert_eq!(unknown.code, Some(2), "{unknown:?}");
        assert!(unknown.stderr.contains(&format!("{id:?}")) && unknown.stderr.trim_end().ends_with(choices));
    }
}
