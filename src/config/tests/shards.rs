//! Dividing a configuration: whole together, nothing twice, limits kept, and little moved when shards come or go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use crate::config::shard::owner;
use crate::config::{Config, KeyName, Service, Shard, parse};

const INSTANCES: usize = 10_000;

fn ids(fleet: &str) -> impl Iterator<Item = String> {
    (0..INSTANCES).map(move |number| format!("{fleet}-{number}"))
}

/// Anybody can find the owner out: `printf 7/pc-bp1q | sha256sum` is the greatest of the eight.
#[test]
fn an_instance_belongs_to_the_same_shard_for_ever() {
    for (id, owners) in [
        ("rm-2ze8g2am97624", [0, 1, 1, 1, 1, 1]),
        ("pc-bp1q", [0, 0, 0, 0, 7, 7]),
        ("0a1b2c3d4e5f60718293a4b5c6d7e8f9in01", [0, 1, 2, 2, 5, 15]),
    ] {
        assert_eq!([1, 2, 3, 4, 8, 16].map(|total| owner(total, id)), owners, "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn one_shard_more_takes_its_part_and_moves_nothing_else(fleet in "[a-z]{2}-[0-9a-z]{6}", shards in 1u32..16) {
        let mut moved = 0_u32;
        for id in ids(&fleet) {
            let (before, after) = (owner(shards, &id), owner(shards + 1, &id));
            prop_assert!(after == before || after == shards, "{} went from {} to {}", id, before, after);
            moved += u32::from(after != before);
        }
        let (part, instances) = (f64::from(moved), f64::from(u32::try_from(INSTANCES).unwrap()));
        prop_assert!(part <= 1.2 / f64::from(shards + 1) * instances, "{} of {} shards moved {}", shards + 1, shards, moved);
    }
}

/// Accounts with these limits, so many instances with two nodes each, and kill tasks of some of them and of unknown ones.
fn configuration(limits: &[(u32, u32)], instances: usize) -> String {
    let mut text = String::from("accounts:\n");
    for (number, (das, ddm)) in limits.iter().enumerate() {
        let keys = "credentials: {access_key_id: a, access_key_secret: b}";
        let _ = writeln!(
            text,
            "  - {{name: ali{number}, provider: alibaba, rate_limit: {{das: {das}/s}}, {keys}}}"
        );
        let _ = writeln!(
            text,
            "  - {{name: hw{number}, provider: huawei, region: cn-north-4, project_id: p, rate_limit: {{das: {das}/min, ddm: {ddm}/min}}, {keys}}}"
        );
    }
    text.push_str("instances:\n");
    for number in 0..instances {
        let account = number % limits.len();
        let _ = writeln!(text, "  - {{account: ali{account}, id: pc-{number}, nodes: [a, b]}}");
        let _ = writeln!(text, "  - {{account: hw{account}, service: ddm, id: ddm-{number}}}");
    }
    text.push_str("kill_tasks:\n");
    for number in 0..2 * instances.max(1) {
        let instance = number * limits.len();
        let _ = writeln!(text, "  - {{account: ali0, instance: pc-{instance}, task: t{number}}}");
    }
    text
}

fn read(text: &str) -> Config {
    parse(text, Path::new("f"), &|_| None).unwrap()
}

/// Calls of each service of each account that the shards may make together, as far as they make any.
fn calls(parts: &[Config]) -> BTreeMap<(String, Service), u32> {
    let mut calls = BTreeMap::new();
    for part in parts {
        let fetched = part.targets.iter().map(|target| (&target.account, target.service));
        let followed = part.kill_tasks.iter().map(|task| (&task.account, Service::Das));
        let used: BTreeMap<_, _> = fetched
            .chain(followed)
            .map(|(account, service)| ((account.name.clone(), service), account.rate(service).calls))
            .collect();
        for (lane, share) in used {
            assert!(share > 0, "{lane:?} can never call");
            *calls.entry(lane).or_default() += share;
        }
    }
    calls
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_part_is_held_once_and_limits_are_kept_together(
        limits in prop::collection::vec((1u32..20, 1u32..20), 1..4),
        instances in 0usize..30,
        total in 2u32..12,
    ) {
        let text = configuration(&limits, instances);
        let whole = read(&text);
        let parts: Vec<Config> =
            (0..total).map(|index| read(&text).of_shard(Shard::new(index, total).unwrap())).collect();

        let held: Vec<String> = parts.iter().flat_map(|part| part.targets.iter().map(|target| target.id())).collect();
        prop_assert_eq!(held.len(), whole.targets.len());
        prop_assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), whole.targets.iter().map(|target| target.id()).collect::<BTreeSet<_>>());
        let followed = parts.iter().flat_map(|part| &part.kill_tasks);
        let followed: Vec<&str> = followed.map(|task| task.task_id.as_str()).collect();
        prop_assert_eq!(followed.len(), whole.kill_tasks.len());
        prop_assert_eq!(followed.into_iter().collect::<BTreeSet<_>>().len(), whole.kill_tasks.len());

        for (lane, together) in calls(&parts) {
            let account = whole.accounts.iter().find(|account| account.name == lane.0).unwrap();
            prop_assert_eq!(together, account.rate(lane.1).calls, "{:?}", lane);
        }
        for part in &parts {
            for task in &part.kill_tasks {
                let fetches = |part: &Config| part.targets.iter().any(|target| target.instance_id == task.instance_id);
                prop_assert_eq!(fetches(part), fetches(&whole), "{} is followed where it is fetched", task.task_id);
                prop_assert!(part.kill_task("ali0", &task.instance_id, None, "new").is_ok());
            }
        }
    }
}

#[test]
fn a_task_of_another_shard_is_refused_with_that_shard_named() {
    let text = configuration(&[(10, 10)], 8);
    for number in 0..8 {
        let instance = format!("pc-{number}");
        let follower = owner(3, &instance);
        let elsewhere = (0..3).filter(|index| *index != follower);
        for index in elsewhere {
            let part = read(&text).of_shard(Shard::new(index, 3).unwrap());
            let refusal = part.kill_task("ali0", &instance, None, "new").unwrap_err();
            assert_eq!(
                refusal,
                format!("instance {instance:?} belongs to shard {follower} of 3: register it there")
            );
        }
    }
}

/// Accounts of Huawei Cloud with these keys, each with so many instances; and so many of Alibaba Cloud.
fn keyed(accounts: &[(&str, usize)]) -> String {
    let mut text = String::from("accounts:\n");
    for (name, _) in accounts {
        let (provider, key) =
            if name.starts_with("ali") { ("alibaba", *name) } else { ("huawei", &name[..1]) };
        let access = if provider == "huawei" { "region: cn-north-4, project_id: p, " } else { "" };
        let _ = writeln!(
            text,
            "  - {{name: {name}, provider: {provider}, {access}credentials: {{access_key_id: {key}, access_key_secret: s}}}}"
        );
    }
    text.push_str("instances:\n");
    for (name, instances) in accounts {
        let service = if name.starts_with("ali") { "" } else { "service: ddm, " };
        for number in 0..*instances {
            let _ = writeln!(text, "  - {{account: {name}, {service}id: {name}-{number}}}");
        }
    }
    text
}

#[test]
fn a_key_that_more_shards_use_than_a_cloud_forgives_failures_is_warned_of_by_name() {
    let text = keyed(&[("h1", 40), ("h2", 1), ("h3", 0), ("other", 1), ("ali", 40)]);
    for (total, warned) in [(2, false), (5, false), (6, true), (8, true)] {
        for index in 0..total {
            let part = read(&text).of_shard(Shard::new(index, total).unwrap());
            let division = part.division.as_ref().unwrap();
            let holders: Vec<u32> =
                part.accounts.iter().map(|account| division.holders(&KeyName::of(account))).collect();
            assert_eq!(holders, [total, total, total, 1, 0], "the key of the first three is one");
            let names: Vec<&str> =
                part.warnings.iter().map(|warning| warning.split_once(':').unwrap().0).collect();
            let expected = if warned { vec!["account h1", "account h2"] } else { vec![] };
            assert_eq!(names, expected, "shard {index} of {total}");
            let told = format!("{total} shards use its key");
            for warning in &part.warnings {
                assert!(warning.contains(&told) && warning.contains("start 5 shards at most"), "{warning}");
            }
        }
    }
}
