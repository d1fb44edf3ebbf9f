//! The configuration file with which the exporter watches the fleet.

use super::kill::{KILL_TASKS, KillTarget};
use super::{ALIBABA_KEY, HUAWEI_KEY, IAM_USER, Member, PROJECT, Place, Size};
use crate::demo::Cloud;

/// The spike of orders comes every eight minutes: each time it should be an incident of its own.
pub(super) const INCIDENTS: &str = "incidents: {active_above: 30, cooldown: 1m}";

/// The configuration file for a fleet of this size on this cloud.
#[must_use]
pub fn configuration(cloud: &Cloud, size: Size) -> String {
    let (url, places) = (cloud.url(), size.places().collect::<Vec<_>>());
    // Enough that no interval is stretched: each instance takes a few calls each five seconds.
    let rate = 20.max(places.len() * 4);
    let instances: Vec<_> = places.iter().map(|place| format!("  - {}", entry(place))).collect();
    let present = |instance: &str| places.iter().any(|place| place.id() == instance);
    let tasks = KILL_TASKS.iter().filter(|target| present(target.instance)).map(kill_task);
    let tasks: Vec<_> = tasks.collect();
    let ((ali_id, ali_secret), (hw_id, hw_secret)) = (ALIBABA_KEY, HUAWEI_KEY);
    let (domain, user, password) = IAM_USER;
    let mut text = format!(
        "global: {{interval: 5s, timeout: 5s, expose_sql: digest, {INCIDENTS}}}
accounts:
  - name: ali-demo
    provider: alibaba
    credentials: {{access_key_id: {ali_id}, access_key_secret: {ali_secret}}}
    endpoints: {{das: \"{url}\"}}
    rate_limit: {{das: {rate}/s}}
  - name: hw-demo
    provider: huawei
    region: cn-north-4
    project_id: {PROJECT}
    credentials: {{access_key_id: {hw_id}, access_key_secret: {hw_secret}}}
    endpoints: {{das: \"{url}\", ddm: \"{url}\"}}
    rate_limit: {{das: {rate}/s, ddm: {rate}/s}}
  - name: hw-token
    provider: huawei
    region: cn-north-4
    project_id: {PROJECT}
    credentials: {{iam: {{domain: {domain}, user: {user}, password: {password}}}}}
    endpoints: {{das: \"{url}\", iam: \"{url}\"}}
    rate_limit: {{das: {rate}/s}}
instances:
{}
",
        instances.join("\n")
    );
    if !tasks.is_empty() {
        text.extend(["kill_tasks:\n", &tasks.join("\n"), "\n"]);
    }
    text
}

/// An entry of `instances`.
fn entry(place: &Place) -> String {
    let Member { account, name, team, settings, nodes, .. } = *place.member;
    let (id, name) = (place.id(), format!("{name}{}", place.suffix));
    let mut entry = format!("{{account: {account}, id: {id}, name: {name}, labels: {{team: {team}}}");
    if !settings.is_empty() {
        entry.extend([", ", settings]);
    }
    let nodes: Vec<_> = nodes.iter().map(|(node, _)| *node).filter(|node| !node.is_empty()).collect();
    if !nodes.is_empty() {
        entry.extend([", nodes: [", &nodes.join(", "), "]"]);
    }
    entry + "}"
}

/// An entry of `kill_tasks`.
fn kill_task(target: &KillTarget) -> String {
    let KillTarget { instance, node, task, .. } = target;
    let node = if node.is_empty() { String::new() } else { format!(", node: {node}") };
    format!("  - {{account: ali-demo, instance: {instance}{node}, task: {task}}}")
}
