//! One configuration for several processes: which part of it each of them holds. All know the whole of it, so that each can
//! tell by itself what is its own, and nothing has to be agreed upon.
//!
//! Instances are given out by rendezvous hashing: of all shards the one holds an instance whose SHA-256 of `SHARD/INSTANCE_ID`
//! is greatest. Another shard more takes its part of the instances from all others, and nothing else moves. The nodes of a
//! cluster stay together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Account, Config, FORGIVEN, KeyName, KillTask, Provider, Rate, Service, Target};

/// Most processes that share a configuration: each instance is weighed for each of them, at every reload.
pub const MAX_SHARDS: u32 = 256;

/// One of the processes that share a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    total: u32,
}

impl Shard {
    /// The only one.
    pub const ALONE: Self = Self { index: 0, total: 1 };

    /// Number `index`, counted from 0, of `total`; `None` where there is no such, or `total` is more than [`MAX_SHARDS`].
    #[must_use]
    pub fn new(index: u32, total: u32) -> Option<Self> {
        (index < total && total <= MAX_SHARDS).then_some(Self { index, total })
    }

    /// Its number, counted from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.total
    }
}

/// How a whole configuration is divided, from the point of view of one shard.
#[derive(Debug)]
pub struct Division {
    /// Who holds a part.
    pub shard: Shard,
    /// Targets of all shards together.
    pub targets: usize,
    /// The shards that call each service of each account, in ascending order; at least one.
    callers: BTreeMap<(String, Service), Vec<u32>>,
    /// The shards that hold targets of accounts of Huawei Cloud with this key.
    holders: HashMap<KeyName, BTreeSet<u32>>,
}

impl Division {
    /// How many shards hold targets of accounts with this key, and so divide the tries that a bad one may cost; 0 for one of a
    /// cloud that locks none.
    #[must_use]
    pub fn holders(&self, key: &KeyName) -> u32 {
        self.holders.get(key).map_or(0, |shards| number(shards.len()))
    }

    /// How many shards call a service of an account, and so divide its rate limit.
    #[must_use]
    pub fn count(&self, account: &str, service: Service) -> u32 {
        number(self.callers(account, service).len())
    }

    fn callers(&self, account: &str, service: Service) -> &[u32] {
        self.callers.get(&(account.to_owned(), service)).map_or(&[], Vec::as_slice)
    }

    /// The shard that follows the kill tasks of an instance, configured or not: the one that fetches it, if any does.
    #[must_use]
    pub fn follower(&self, account: &str, instance_id: &str) -> u32 {
        greatest(self.callers(account, Service::Das).iter().copied(), instance_id)
    }

    /// What this shard may call of what all together may. Calls that cannot be divided evenly go to the first ones.
    fn part(&self, account: &str, service: Service, rate: Rate) -> Rate {
        let callers = self.callers(account, service);
        let Some(place) = callers.iter().position(|caller| *caller == self.shard.index) else { return rate };
        let (count, place) = (number(callers.len()), number(place));
        Rate { calls: rate.calls / count + u32::from(place < rate.calls % count), ..rate }
    }
}

impl Config {
    /// The part that `shard` holds: its targets and kill tasks, and its share of each account's rate limits.
    #[must_use]
    pub fn of_shard(self, shard: Shard) -> Self {
        if shard == Shard::ALONE {
            return self;
        }
        let owners: Vec<u32> = owners(&self, shard.total);
        let division = Division {
            shard,
            targets: self.targets.len(),
            callers: callers(&self, &owners, shard.total),
            holders: holders(&self, &owners),
        };
        let accounts = accounts(&self, &division);
        let renewed = |account: &Arc<Account>| Arc::clone(&accounts[&account.name]);
        let own = self.targets.iter().zip(owners).filter(|(_, owner)| *owner == shard.index);
        let targets = own.map(|(target, _)| {
            Arc::new(Target { account: renewed(&target.account), ..Target::clone(target) })
        });
        let followed =
            |task: &&KillTask| division.follower(&task.account.name, &task.instance_id) == shard.index;
        let kill_tasks = self.kill_tasks.iter().filter(followed);
        let kill_tasks = kill_tasks.map(|task| KillTask { account: renewed(&task.account), ..task.clone() });
        let warnings = self.warnings.iter().cloned().chain(risks(&self, &division));
        Self {
            warnings: warnings.collect(),
            targets: targets.collect(),
            kill_tasks: kill_tasks.collect(),
            accounts: self.accounts.iter().map(renewed).collect(),
            division: Some(division),
            ..self
        }
    }
}

/// Each account by its name, with the shard's part of its limits.
fn accounts(config: &Config, division: &Division) -> BTreeMap<String, Arc<Account>> {
    let divided = |account: &Arc<Account>| {
        let part = |service| division.part(&account.name, service, account.rate(service));
        let (das_rate, ddm_rate) = (part(Service::Das), part(Service::Ddm));
        let divided = Account { das_rate, ddm_rate, ..Account::clone(account) };
        (account.name.clone(), Arc::new(divided))
    };
    config.accounts.iter().map(divided).collect()
}

/// The shard that holds each target. An account of fewer calls than there are shards is given to as many shards as it has
/// calls: less than one call in a period cannot be kept to without asking each other.
fn owners(config: &Config, total: u32) -> Vec<u32> {
    let mut candidates: BTreeMap<(&str, Service), Vec<u32>> = BTreeMap::new();
    let mut owners = Vec::with_capacity(config.targets.len());
    for target in &config.targets {
        let (account, service) = (&*target.account, target.service);
        let shards = candidates
            .entry((&account.name, service))
            .or_insert_with(|| self::candidates(account, service, total));
        owners.push(greatest(shards.iter().copied(), &target.instance_id));
    }
    owners
}

/// The shards among which the targets of an account's service are given out, the heaviest ones for the account's name.
fn candidates(account: &Account, service: Service, total: u32) -> Vec<u32> {
    let mut shards: Vec<u32> = (0..total).collect();
    let calls = account.rate(service).calls.max(1);
    if calls < total {
        shards.sort_unstable_by_key(|shard| std::cmp::Reverse(weight(*shard, &account.name)));
        shards.truncate(calls as usize);
    }
    shards
}

/// Those that hold targets of an account's service; of one without targets, which may have kill tasks, one that is chosen by
/// the account's name.
fn callers(config: &Config, owners: &[u32], total: u32) -> BTreeMap<(String, Service), Vec<u32>> {
    let mut holders: BTreeMap<(String, Service), BTreeSet<u32>> = BTreeMap::new();
    for (target, owner) in config.targets.iter().zip(owners) {
        holders.entry((target.account.name.clone(), target.service)).or_default().insert(*owner);
    }
    for account in &config.accounts {
        for service in account.provider.services() {
            holders
                .entry((account.name.clone(), *service))
                .or_insert_with(|| BTreeSet::from([owner(total, &account.name)]));
        }
    }
    holders.into_iter().map(|(lane, shards)| (lane, shards.into_iter().collect())).collect()
}

fn holders(config: &Config, owners: &[u32]) -> HashMap<KeyName, BTreeSet<u32>> {
    let mut holders: HashMap<KeyName, BTreeSet<u32>> = HashMap::new();
    let held = config.targets.iter().zip(owners);
    for (target, owner) in held.filter(|(target, _)| target.account.provider == Provider::Huawei) {
        holders.entry(KeyName::of(&target.account)).or_default().insert(*owner);
    }
    holders
}

/// What to do about the keys of Huawei Cloud that so many shards use that one try of each may lock them. Those that each
/// process finds out by itself are its own.
fn risks(config: &Config, division: &Division) -> Vec<String> {
    let of_huawei = config.accounts.iter().filter(|account| account.provider == Provider::Huawei);
    let risk = |account: &Arc<Account>| {
        let key = KeyName::of(account);
        let held = config.targets.iter().any(|target| target.account.name == account.name);
        let shards = division.holders(&key);
        let risky = held && shards > FORGIVEN && !matches!(key, KeyName::Found(_));
        risky.then(|| {
            format!(
                "account {}: {shards} shards use its key, and each tries it once before it learns that it is bad, but Huawei \
                 Cloud locks a key after more than {FORGIVEN} bad signatures in a row; start {FORGIVEN} shards at most, or \
                 give its instances a configuration of their own with fewer shards",
                account.name
            )
        })
    };
    of_huawei.filter_map(risk).collect()
}

/// Of so many shards the one to which `key` falls.
pub(super) fn owner(total: u32, key: &str) -> u32 {
    greatest(0..total, key)
}

/// The shard to which `key` falls; the first one where there is none to choose from.
fn greatest(shards: impl Iterator<Item = u32>, key: &str) -> u32 {
    shards.max_by_key(|shard| weight(*shard, key)).unwrap_or_default()
}

fn weight(shard: u32, key: &str) -> [u8; 32] {
    Sha256::digest(format!("{shard}/{key}")).into()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("there are no more than MAX_SHARDS")
}
