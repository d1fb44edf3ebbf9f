//! The raw mirror to the configuration that the program runs with: global settings first, then what inherits them. Finds every
//! error of meaning before it gives up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accounts::{Entry, entries};
use super::instances::{Instance, account_index, instances, targets};
use super::place::{Findings, Place};
use super::raw::{RawFile, RawKillTask};
use super::settings::{Level, whole};
use super::{Config, Effective, KillTask, Provider, Target, text};
use crate::model::series;

const DEFAULT_TOP: usize = 20;

/// The meaning of a file; to be thrown away where `findings` then holds problems. Warnings and files are in `findings`, too.
pub(super) fn check(file: RawFile, findings: &Findings) -> Config {
    let root = Place::root(findings);
    let (at, raw) = (root.key("global"), file.global.unwrap_or_default());
    let global = Level::DEFAULT.overridden(&at, &raw.settings());
    let top =
        at.key("top").parsed(&raw.top, |text| whole(text, 1000, "must be a whole number from 1 to 1000"));

    let accounts = entries(&root.key("accounts"), &file.accounts.unwrap_or_default(), global);
    let instances = instances(&root.key("instances"), &file.instances.unwrap_or_default(), &accounts, global);
    let kill_tasks = file.kill_tasks.unwrap_or_default();
    let top = top.unwrap_or(DEFAULT_TOP);
    let kill_tasks = self::kill_tasks(&root.key("kill_tasks"), &kill_tasks, &accounts, &instances);
    let targets = targets(instances, &accounts);
    warn_of_cap(&at.key("top"), top, &targets);
    Config {
        kill_tasks,
        targets: shared(targets),
        accounts: accounts.into_iter().filter_map(|entry| entry.account).collect(),
        top,
        warnings: Vec::new(),
        files: Vec::new(),
        division: None,
        effective: Effective::default(),
    }
}

/// Made in place, so it has to give back the room of the targets themselves.
fn shared(targets: Vec<Target>) -> Vec<Arc<Target>> {
    let mut shared: Vec<_> = targets.into_iter().map(Arc::new).collect();
    shared.shrink_to_fit();
    shared
}

/// Tells when the top of every dimension cannot be shown in full, by the target that lacks most.
fn warn_of_cap(at: &Place, top: usize, targets: &[Target]) {
    let room = |target: &Target| {
        let usual = series::usual(top, target.settings.mysqld_names);
        (usual.saturating_sub(target.settings.max_series), usual, target.settings.max_series)
    };
    if let Some((1.., usual, max_series)) = targets.iter().map(room).max() {
        at.warn(format_args!(
            "{top} values of each dimension take about {usual} series, but max_series allows a target {max_series}; more will be in other",
        ));
    }
}

fn kill_tasks(at: &Place, raw: &[RawKillTask], accounts: &[Entry], instances: &[Instance]) -> Vec<KillTask> {
    let mut seen = BTreeSet::new();
    let tasks = raw.iter().enumerate().filter_map(|(index, raw)| {
        let at = at.item(index);
        let (account, task) = kill_task(&at, raw, accounts, instances)?;
        if !seen.insert((account, task.instance_id.clone(), task.node_id.clone(), task.task_id.clone())) {
            at.key("task").problem("stands in this list already, with the same account, instance and node");
        }
        Some(task)
    });
    tasks.collect()
}

/// A task and the index of its account.
fn kill_task(
    at: &Place,
    raw: &RawKillTask,
    accounts: &[Entry],
    instances: &[Instance],
) -> Option<(usize, KillTask)> {
    let id = |text: &str| text::id(Provider::Alibaba, text);
    let instance_id = at.key("instance").required(&raw.instance, "the id of the instance", id);
    let node_id = at.key("node").parsed(&raw.node, id);
    let task_id = at.key("task").required(&raw.task, "the id that the cloud gave the task", id);
    let index = account_index(&at.key("account"), &raw.account, accounts)?;
    let of_huawei = accounts[index].provider == Some(Provider::Huawei);
    at.key("account").refuse(of_huawei, "only Alibaba Cloud has such tasks; name one of its accounts");
    let (instance_id, task_id) = (instance_id?, task_id?);
    let configured =
        instances.iter().find(|instance| (instance.account, &instance.id) == (index, &instance_id));
    let labels = configured.map(|instance| instance.labels.clone()).unwrap_or_default();
    let account = accounts[index].account.clone()?;
    let retention = configured.map_or(&account.settings, |instance| &instance.settings).kill_task_retention;
    Some((index, KillTask { account, instance_id, node_id, task_id, labels, retention }))
}
