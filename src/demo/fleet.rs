//! The demo's fleet: databases of every kind of service with the workloads of `profiles`, an instance that fails now and
//! then, and kill tasks; and the configuration with which the exporter watches them.

mod configuration;
mod kill;
mod profiles;

use std::io;
use std::time::Duration;

pub use self::configuration::configuration;
use self::kill::{KILL_TASKS, KillTarget};
use super::workload::{View, Workload};
use super::{Cloud, Fault, Refusal};

const ALIBABA_KEY: (&str, &str) = ("demo-alibaba-key", "demo-alibaba-secret");
const HUAWEI_KEY: (&str, &str) = ("demo-huawei-key", "demo-huawei-secret");
const IAM_USER: (&str, &str, &str) = ("demo-domain", "demo-user", "demo-password");
const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// The instance that fails now and then.
const INVENTORY: &str = "inventory";

/// How large the fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Instances; none: one of each, a dozen. Beyond a dozen they repeat under numbered names.
    pub instances: Option<usize>,
    /// Pooled connections of each instance; none: as its workload has it.
    pub sessions: Option<u32>,
}

/// One instance of the fleet.
struct Member {
    account: &'static str,
    id: &'static str,
    name: &'static str,
    team: &'static str,
    /// More keys of its entry in the configuration.
    settings: &'static str,
    view: View,
    /// Each node with its workload; without a name it is the instance.
    nodes: &'static [(&'static str, Workload)],
}

const ALIBABA: View = View { ports: false, zero_transactions: false, templates: false };
const POLARDB_X: View = View { templates: true, ..ALIBABA };
const HUAWEI: View = View { ports: true, zero_transactions: true, templates: false };

/// The settings of every Huawei Cloud DAS instance begin with it.
macro_rules! das {
    ($filters:literal) => {
        concat!("service: das, db_user_id: 2c250598-1e3c-4d31-bc19-be1d866247e6, ", $filters)
    };
}

const fn alibaba(
    id: &'static str,
    name: &'static str,
    team: &'static str,
    view: View,
    nodes: &'static [(&'static str, Workload)],
) -> Member {
    Member { account: "ali-demo", id, name, team, settings: "", view, nodes }
}

const fn huawei(
    account: &'static str,
    id: &'static str,
    name: &'static str,
    team: &'static str,
    settings: &'static str,
    nodes: &'static [(&'static str, Workload)],
) -> Member {
    Member { account, id, name, team, settings, view: HUAWEI, nodes }
}

const MEMBERS: [Member; 12] = [
    alibaba("rm-demo-orders", "orders", "shop", ALIBABA, &[("", profiles::ORDERS)]),
    huawei(
        "hw-demo",
        "demo-crm-in01",
        "crm",
        "sales",
        das!("users: [crm_app, crm_batch], databases: [mysql]"),
        &[("", profiles::CRM)],
    ),
    huawei("hw-demo", "demo-shard-a-in01", "shop-shard-a", "shop", "service: ddm", &[("", profiles::SHARD)]),
    alibaba(
        "pc-demo-catalog",
        "catalog",
        "shop",
        ALIBABA,
        &[("pi-demo-writer", profiles::CATALOG_WRITER), ("pi-demo-reader", profiles::CATALOG_READER)],
    ),
    alibaba("pxc-demo-events", "events", "analytics", POLARDB_X, &[("", profiles::EVENTS)]),
    alibaba("rm-demo-payments", "payments", "payments", ALIBABA, &[("", profiles::PAYMENTS)]),
    alibaba("rm-demo-inventory", INVENTORY, "logistics", ALIBABA, &[("", profiles::INVENTORY)]),
    alibaba("rm-demo-accounts", "accounts", "identity", ALIBABA, &[("", profiles::ACCOUNTS)]),
    alibaba("rr-demo-reports", "reports", "analytics", ALIBABA, &[("", profiles::REPORTS)]),
    huawei(
        "hw-demo",
        "demo-billing-in01",
        "billing",
        "payments",
        das!("databases: [billing]"),
        &[("", profiles::BILLING)],
    ),
    huawei("hw-token", "demo-cms-in01", "cms", "sales", das!("databases: [cms]"), &[("", profiles::CMS)]),
    huawei("hw-demo", "demo-shard-b-in01", "shop-shard-b", "shop", "service: ddm", &[("", profiles::SHARD)]),
];

/// Half a minute in each two, its answers fail in turn for want of quota, which is not said to be the account's, and of
/// service.
fn outage(time: Duration) -> Option<Fault> {
    match time.as_secs() % 120 {
        70..85 => Some(Fault::Refuse(Refusal::THROTTLING)),
        85..100 => Some(Fault::Refuse(Refusal::SERVICE_UNAVAILABLE)),
        _ => None,
    }
}

/// One place in the fleet: a member, or a numbered copy of one.
struct Place {
    member: &'static Member,
    seed: u64,
    suffix: String,
}

impl Size {
    fn places(self) -> impl Iterator<Item = Place> {
        let copies = (1..).flat_map(|copy| MEMBERS.iter().map(move |member| (copy, member)));
        (1..).zip(copies).take(self.instances.unwrap_or(MEMBERS.len())).map(|(seed, (copy, member))| {
            let suffix = if copy == 1 { String::new() } else { format!("-{copy}") };
            Place { member, seed, suffix }
        })
    }
}

impl Place {
    fn id(&self) -> String {
        format!("{}{}", self.member.id, self.suffix)
    }

    /// What the cloud calls each node, and its workload.
    fn targets(&self) -> impl Iterator<Item = (String, Workload)> {
        self.member.nodes.iter().map(|(node, workload)| {
            let id = if node.is_empty() { self.id() } else { format!("{}/{node}", self.id()) };
            (id, *workload)
        })
    }

    fn play(&self, cloud: &Cloud, size: Size) {
        for (number, (target, workload)) in (0..).zip(self.targets()) {
            let (view, seed) = (self.member.view, self.seed * 10 + number);
            let connections = size.sessions.map_or_else(|| workload.connections(), u64::from);
            cloud.play_sessions(&target, move |time| {
                workload.sessions(seed, connections, view, time.as_secs())
            });
            cloud.set_polls(&target, 1);
            if self.member.name == INVENTORY {
                cloud.play_fault(&target, outage);
            }
        }
    }
}

/// Starts a cloud with the fleet in it.
///
/// # Errors
///
/// If no port can be had.
pub async fn start(size: Size) -> io::Result<Cloud> {
    let cloud = Cloud::start().await?;
    for (id, secret) in [ALIBABA_KEY, HUAWEI_KEY] {
        cloud.add_key(id, secret, None);
    }
    let (domain, user, password) = IAM_USER;
    cloud.add_iam_user(domain, user, password);
    for place in size.places() {
        place.play(&cloud, size);
    }
    for KillTarget { instance, node, task, state } in KILL_TASKS {
        let name = if node.is_empty() { instance.to_owned() } else { format!("{instance}/{node}") };
        cloud.play_kill_task(&name, task, state);
    }
    Ok(cloud)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::configuration::INCIDENTS;
    use super::profiles::SPIKE;
    use super::*;
    use crate::config::{self, Incidents};
    use crate::demo::session::SimSession;
    use crate::model::incident::{Detector, Trigger, Turn};

    fn user_sessions(sessions: &[SimSession], user: &str) -> u64 {
        sessions.iter().filter(|session| session.user.as_deref() == Some(user)).count() as u64
    }

    #[test]
    fn the_kill_task_counts_what_it_ends_of_the_spike() {
        for second in 60..800 {
            let sessions = profiles::ORDERS.sessions(10, 80, ALIBABA, second);
            let task = (KILL_TASKS[0].state)(Duration::from_secs(second));
            let left = user_sessions(&sessions, "report_batch");
            match second {
                ..300 => assert_eq!(left + task.killed, SPIKE.sessions, "at {second}"),
                540..780 => assert_eq!(left, SPIKE.sessions, "the second spike"),
                _ => assert_eq!(left, 0, "at {second}"),
            }
            assert_eq!(task.state, if second < 285 { "RUNNING" } else { "SUCCESS" });
        }
    }

    const ACCOUNT: &str =
        "accounts: [{name: a, provider: alibaba, credentials: {access_key_id: a, access_key_secret: b}}]";

    /// Seconds at which incidents begin in the first two hours of a workload, where it is fetched every five seconds.
    fn incidents(workload: &Workload, view: View) -> Vec<u64> {
        let file = format!("global: {{{INCIDENTS}}}\n{ACCOUNT}");
        let configured = config::parse(&file, Path::new("demo"), &|_| None).unwrap();
        let incidents = configured.accounts[0].settings.incidents.unwrap();
        let Incidents { active_above, factor, cooldown, .. } = incidents;
        let trigger = Trigger { active_above, factor: factor.as_f64(), cooldown };
        let mut detector = Detector::default();
        let begins = |second: &u64| {
            let sessions = workload.sessions(10, workload.connections(), view, *second);
            let active = sessions.iter().filter(|session| session.is_active()).count() as u64;
            detector.observe(active, Duration::from_secs(5), &trigger) == Turn::Began
        };
        (0..7200).step_by(5).filter(begins).collect()
    }

    #[test]
    fn the_spike_of_orders_is_an_incident_and_nothing_else_is() {
        for member in &MEMBERS {
            for (node, workload) in member.nodes {
                let spikes: Vec<_> = (SPIKE.from..7200).step_by(480).collect();
                let expected = if member.name == "orders" { spikes } else { Vec::new() };
                assert_eq!(incidents(workload, member.view), expected, "{} {node}", member.name);
            }
        }
    }

    #[tokio::test]
    async fn every_configured_instance_is_there_and_has_sessions() {
        for size in [Size::default(), Size { instances: Some(30), sessions: Some(40) }] {
            let cloud = start(size).await.unwrap();
            let text = configuration(&cloud, size);
            let document: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
            let instances = document["instances"].as_sequence().unwrap();
            assert_eq!(instances.len(), size.instances.unwrap_or(12));
            for instance in instances {
                let id = instance["id"].as_str().unwrap();
                let sessions = cloud.shared.sessions(id).unwrap();
                assert!(sessions.len() > 10, "{id}");
                for node in instance["nodes"].as_sequence().into_iter().flatten() {
                    let target = format!("{id}/{}", node.as_str().unwrap());
                    assert!(cloud.shared.instance(&target).unwrap().sessions.is_some(), "{target}");
                }
            }
            assert_eq!(document["kill_tasks"].as_sequence().unwrap().len(), 2);
            for account in document["accounts"].as_sequence().unwrap() {
                assert_eq!(account["endpoints"]["das"].as_str(), Some(cloud.url().as_str()));
            }
        }
    }

    #[tokio::test]
    async fn a_small_fleet_watches_only_its_own_kill_tasks() {
        let size = Size { instances: Some(1), sessions: None };
        let cloud = start(size).await.unwrap();
        let document: serde_yaml::Value = serde_yaml::from_str(&configuration(&cloud, size)).unwrap();
        assert_eq!(document["kill_tasks"].as_sequence().unwrap().len(), 1);
        assert_eq!(cloud.shared.sessions("rm-demo-payments"), None);
    }

    #[test]
    fn the_flaky_instance_is_well_most_of_the_time() {
        let failing = (0..120).filter(|second| outage(Duration::from_secs(*second)).is_some()).count();
        assert_eq!(failing, 30);
        assert_eq!(outage(Duration::ZERO), None, "the demo begins well");
    }
}
