//! Instances and kill tasks: ids, nodes, filters, labels, and what may not be there twice.

use super::{ACCOUNTS, assert_problem, config, with_instances};
use crate::config::Service;

/// That an instance with these keys has one problem, at this key.
fn assert_refused(keys: &str, key: &str, hint: &str) {
    assert_problem(&with_instances(&[keys]), &format!("instances[0].{key}: "), hint);
}

#[test]
fn every_node_is_a_target_of_its_own() {
    let config = config(&with_instances(&[
        "account: ali, id: pc-1, nodes: [pi-a, pi-b], name: orders, labels: {team: payments}",
        "account: hw, id: in01, db_user_id: 2c25-1, users: [app], databases: [shop]",
        "account: hw, service: ddm, id: in09",
        "account: ali, id: rm-off, enabled: false",
    ]));
    let ids: Vec<String> = config.targets.iter().map(|target| target.id()).collect();
    assert_eq!(ids, ["pc-1/pi-a", "pc-1/pi-b", "in01", "in09"]);
    let [node, _, das, ddm] = &config.targets[..] else { panic!("{ids:?}") };
    assert_eq!(
        (node.instance_id.as_str(), node.node_id.as_deref(), node.name.as_deref()),
        ("pc-1", Some("pi-a"), Some("orders"))
    );
    assert_eq!(
        (node.labels[0].1.as_str(), node.account.name.as_str(), node.service),
        ("payments", "ali", Service::Das)
    );
    assert_eq!(
        (das.db_user_id.as_deref(), &das.users[..], &das.databases[..]),
        (Some("2c25-1"), &["app".to_owned()][..], &["shop".to_owned()][..])
    );
    assert_eq!((ddm.service.label(), &ddm.db_user_id), ("ddm", &None));
}

#[test]
fn a_disabled_instance_is_checked_all_the_same() {
    assert_refused("account: ali, enabled: false", "id", "missing");
}

#[test]
fn filters_belong_to_huawei_das_alone() {
    assert_refused("account: hw, id: a, users: [x]", "db_user_id", "missing");
    assert_refused(
        "account: hw, id: a, users: [x], db_user_id: a_b",
        "db_user_id",
        "only letters, digits and -",
    );
    assert_refused("account: hw, id: a, users: [x, ''], db_user_id: a", "users[1]", "must not be empty");
    assert_refused("account: ali, id: a, db_user_id: b", "db_user_id", "remove it");
    assert_refused("account: ali, id: a, users: [b]", "users", "remove it");
    assert_refused("account: hw, service: ddm, id: a, databases: [b]", "databases", "remove it");
    assert_refused("account: hw, service: ddm, id: a, db_user_id: b", "db_user_id", "remove it");
    assert_refused("account: hw, service: ddm, id: a, nodes: [b]", "nodes", "has no nodes");
    assert_refused("account: ali, service: ddm, id: a", "service", "ddm is for Huawei Cloud");
    assert_refused("account: ali, service: dms, id: a", "service", "choose from \"das\", \"ddm\"");
}

#[test]
fn ids_cannot_change_the_url_they_become_part_of() {
    for id in ["a b", "a/b", "a?b", "a#b", "a%b", "\"a\\tb\"", "\"a\\nb\""] {
        assert_refused(&format!("account: ali, id: {}", id.replace("a#b", "'a#b'")), "id", "no blanks");
    }
    assert_refused("account: ali, id: ''", "id", "must not be empty");
    assert_refused(&format!("account: ali, id: {}", "x".repeat(129)), "id", "128");
    for id in ["a.b", "a*b", "../x", "ü"] {
        assert_refused(
            &format!("account: hw, service: ddm, id: '{id}'"),
            "id",
            "only letters, digits, _ and -",
        );
    }
    assert_refused("account: ali, id: a, nodes: [n/m]", "nodes[0]", "no blanks");
    assert_eq!(config(&with_instances(&["account: ali, id: 'rm-2ze8****'"])).targets[0].id(), "rm-2ze8****");
}

#[test]
fn nodes_are_named_once_each() {
    assert_refused("account: ali, id: a, nodes: []", "nodes", "must not be empty");
    assert_refused("account: ali, id: a, nodes: [n, m, n]", "nodes[2]", "already");
    assert_refused("account: ali, id: a, nodes: ['']", "nodes[0]", "must not be empty");
    assert_refused("account: ali, id: a, nodes: [~]", "nodes[0]", "missing");
}

#[test]
fn labels_may_not_collide_with_series_or_scrapes() {
    for name in [
        "instance",
        "job",
        "le",
        "instance_id",
        "node_id",
        "tag_x",
        "db_user",
        "state",
        "rustversion",
        "when",
        "mysql_user",
    ] {
        assert_refused(
            &format!("account: ali, id: a, labels: {{{name}: x}}"),
            &format!("labels.{name}"),
            "choose another name",
        );
    }
    assert_refused("account: ali, id: a, labels: {__name__: x}", "labels.__name__", "Prometheus");
    for name in ["a-b", "1a", "ä"] {
        assert_refused(
            &format!("account: ali, id: a, labels: {{{name}: x}}"),
            &format!("labels.{name}"),
            "not a label name",
        );
    }
    assert_refused("account: ali, id: a, labels: {team: ''}", "labels.team", "must not be empty");
    assert_refused("account: ali, id: a, labels: {team: }", "labels.team", "missing");
}

#[test]
fn an_instance_is_listed_once() {
    let twice = with_instances(&[
        "account: ali, id: a, nodes: [n]",
        "account: ali, id: b",
        "account: ali, service: das, id: a",
    ]);
    assert_problem(&twice, "instances[2].id: instances[0] has this id in the same account", "");
    let disabled = with_instances(&["account: ali, id: a", "account: ali, id: a, enabled: false"]);
    assert_problem(&disabled, "instances[1].id: instances[0]", "");
}

#[test]
fn no_two_targets_make_the_same_series() {
    let over_accounts = with_instances(&["account: ali, id: a", "account: hw, service: ddm, id: a"]);
    assert_problem(&over_accounts, "instances[1].id: instances[0] has this id and node", "");
    let over_services = with_instances(&[
        "account: hw, service: ddm, id: a",
        "account: hw, id: a, db_user_id: u, users: [x]",
    ]);
    assert_problem(&over_services, "instances[1].id: instances[0] has this id and node", "");
    let moved = with_instances(&["account: ali, id: a, enabled: false", "account: hw, service: ddm, id: a"]);
    assert_eq!(config(&moved).targets.len(), 1);
    let other_node = with_instances(&["account: ali, id: a, nodes: [n]", "account: hw, service: ddm, id: a"]);
    assert_eq!(config(&other_node).targets.len(), 2);
}

#[test]
fn the_account_that_was_meant_is_suggested() {
    let text = with_instances(&["account: hww, id: a"]);
    assert_problem(&text, "instances[0].account: no account \"hww\"; did you mean \"hw\"?", "");
    let text = with_instances(&["account: zzz, id: a"]);
    assert_problem(&text, "instances[0].account: no account \"zzz\"; choose from \"ali\", \"hw\"", "");
    assert_problem(
        "instances: [{account: a, id: b}]",
        "instances[0].account: no account \"a\"; none is configured",
        "",
    );
    let broken = "accounts: [{name: ali, provider: alibaba, region: a/b, credentials: default}]\ninstances: [{account: ali, id: x}]";
    let found = super::problems(broken);
    assert!(found.iter().all(|line| line.starts_with("accounts[0].")), "{found:?}");
}

#[test]
fn kill_tasks_carry_the_labels_of_their_instance() {
    let text = with_instances(&[
        "account: ali, id: a, labels: {team: x}",
        "account: ali, id: b, nodes: [n], labels: {team: y}",
    ]);
    let text = format!(
        "{text}kill_tasks: [{{account: ali, instance: a, task: t1}}, {{account: ali, instance: b, node: n, task: t1}}, {{account: ali, instance: c, task: t1}}]"
    );
    let tasks = config(&text).kill_tasks;
    let teams: Vec<Option<&str>> =
        tasks.iter().map(|task| task.labels.first().map(|(_, team)| team.as_str())).collect();
    assert_eq!(teams, [Some("x"), Some("y"), None]);
    assert_eq!(
        (tasks[1].node_id.as_deref(), tasks[1].task_id.as_str(), tasks[1].account.name.as_str()),
        (Some("n"), "t1", "ali")
    );
}

#[test]
fn an_ended_kill_task_is_shown_as_long_as_its_instance_or_else_its_account_says() {
    let text = "global: {kill_task_retention: 3h}
accounts:
  - {name: one, provider: alibaba, kill_task_retention: 2h}
  - {name: two, provider: alibaba}
instances:
  - {account: one, id: own, kill_task_retention: 5m}
  - {account: one, id: inheriting}
kill_tasks:
  - {account: one, instance: own, node: n, task: t}
  - {account: one, instance: inheriting, task: t}
  - {account: one, instance: elsewhere, task: t}
  - {account: two, instance: elsewhere, task: t}
";
    let config = config(text);
    let minutes: Vec<u64> = config.kill_tasks.iter().map(|task| task.retention.as_secs() / 60).collect();
    assert_eq!(minutes, [5, 120, 120, 180]);
    for task in &config.kill_tasks {
        let (account, node) = (&task.account.name, task.node_id.as_deref());
        let registered = config.kill_task(account, &task.instance_id, node, &task.task_id);
        assert_eq!(registered.as_ref(), Ok(task), "registered or configured, it is the same");
    }
}

#[test]
fn kill_tasks_are_of_alibaba_cloud_and_listed_once() {
    let tasks = |list: &str| format!("{ACCOUNTS}kill_tasks: [{list}]");
    assert_problem(
        &tasks("{account: hw, instance: a, task: t}"),
        "kill_tasks[0].account: only Alibaba Cloud",
        "",
    );
    assert_problem(&tasks("{account: ali, instance: a, task: t/u}"), "kill_tasks[0].task: must", "");
    let twice = "{account: ali, instance: a, task: t}, {account: ali, instance: a, node: n, task: t}, {account: ali, instance: a, task: t}";
    assert_problem(&tasks(twice), "kill_tasks[2].task: stands in this list already", "");
}
