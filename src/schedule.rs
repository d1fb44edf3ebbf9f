//! When what is fetched: one task per target and per kill task. They share nothing but their account's key and rate
//! limits, so one target's trouble stays its own. A reload makes the running tasks equal to what the configuration asks
//! for: what has not changed goes on as if nothing had happened.

mod cadence;
mod kill_task;
mod kill_tasks;
mod lane;
pub mod plan;
mod recorder;
mod rhythm;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::clock::Clock;
use crate::cloud::Clouds;
use crate::cloud::source::Source;
use crate::config::{Account, Config, Service, Target};
use crate::error::FetchError;
use crate::store::{Publisher, Slot, Store, TargetName, TargetRecord, TaskKey};
use crate::telemetry::Instruments;
use kill_tasks::Following;
pub use kill_tasks::{NewKillTasks, WatchError};
use lane::Lane;
use plan::first_guess;
use recorder::Recorder;
use rhythm::Rhythm;
use task::{Fetcher, Surroundings, Work};

/// Everything that runs; stops when it is dropped.
#[derive(Debug)]
pub struct Scheduler {
    config: Arc<Config>,
    store: Store,
    clock: Clock,
    instruments: Arc<Instruments>,
    clouds: Clouds,
    lanes: BTreeMap<LaneKey, Arc<Lane>>,
    targets: HashMap<TargetKey, Fetching>,
    kill_tasks: HashMap<TaskKey, Following>,
    tasks: JoinSet<()>,
}

/// Name of an account, and a service.
type LaneKey = (String, Service);

/// Account, service, instance and node: what makes a target the same one after a reload.
type TargetKey = (String, Service, String, Option<String>);

#[derive(Debug)]
struct Fetching {
    record: Arc<TargetRecord>,
    orders: watch::Sender<Arc<Work<Source>>>,
    task: AbortHandle,
}

impl Scheduler {
    /// Starts fetching everything that the configuration names.
    ///
    /// # Errors
    /// Where no connections can be made at all.
    pub fn start(
        config: Arc<Config>,
        store: Store,
        clock: Clock,
        instruments: Instruments,
    ) -> Result<Self, FetchError> {
        let clouds = Clouds::new(&config, clock, &instruments)?;
        let mut scheduler = Self {
            config,
            store,
            clock,
            instruments: Arc::new(instruments),
            clouds,
            lanes: BTreeMap::new(),
            targets: HashMap::new(),
            kill_tasks: HashMap::new(),
            tasks: JoinSet::new(),
        };
        scheduler.reconcile(&HashSet::new());
        Ok(scheduler)
    }

    /// Goes on with another configuration: unchanged targets keep task, timer and data. Every hold is lifted.
    ///
    /// # Errors
    /// Where no connections can be made; then nothing has changed.
    pub fn reload(&mut self, config: Arc<Config>) -> Result<(), FetchError> {
        let names = || config.accounts.iter().map(|account| account.name.clone());
        let held: HashSet<String> = names().filter(|name| self.clouds.is_held(name)).collect();
        let clouds = self.clouds.renewed(&config)?;
        let is_renewed = |name: &String| held.contains(name) || !self.clouds.has_same_client(&clouds, name);
        let renewed = names().filter(is_renewed).collect();
        (self.clouds, self.config) = (clouds, config);
        self.reconcile(&renewed);
        Ok(())
    }

    /// `renewed` are the accounts that may do now what they could not do before.
    fn reconcile(&mut self, renewed: &HashSet<String>) {
        let config = &*Arc::clone(&self.config);
        let mut slots = Vec::with_capacity(config.targets.len());
        for target in &config.targets {
            let record = self.fetch(target, config.top, renewed.contains(&target.account.name));
            slots.extend(record.map(|record| Slot::new(target, record)));
        }
        self.store.show(slots);
        retain(&mut self.targets, config.targets.iter().map(|target| target_key(target)), |it| &it.task);
        let recorded = config.targets.iter().filter(|target| target.settings.incidents.is_some());
        self.store.incidents().interrupt_others(&recorded.map(|target| TargetName::of(target)).collect());
        let tasks = self.kill_tasks_of(config);
        for task in &tasks {
            self.follow(task);
        }
        retain(&mut self.kill_tasks, tasks.iter().map(TaskKey::of), |it| &it.task);
        self.close_lanes(config);
        self.drop_ended();
    }

    /// Takes out what has ended, so that nothing grows from one reload, or from one kill task, to the next.
    fn drop_ended(&mut self) {
        self.kill_tasks.retain(|_, following| !following.task.is_finished());
        while self.tasks.try_join_next().is_some() {}
    }

    /// Starts to fetch a target, or tells its task what is different now.
    fn fetch(&mut self, target: &Arc<Target>, top: usize, hurry: bool) -> Option<Arc<TargetRecord>> {
        let lane = self.lane(&target.account, target.service);
        let key = target_key(target);
        let work = || {
            let source = self.clouds.source(target)?;
            Some(Arc::new(Work { source, target: Arc::clone(target), top, hurry }))
        };
        if let Some(running) = self.targets.get(&key) {
            let known = Arc::clone(&running.orders.borrow());
            if hurry || known.top != top || known.target != *target {
                running.orders.send_replace(work()?);
            }
            return Some(Arc::clone(&running.record));
        }
        let (orders, receiver) = watch::channel(work()?);
        let rhythm = Rhythm::new(first_guess(target));
        let publisher = Publisher::default();
        let record = publisher.record();
        let around = Surroundings {
            publisher,
            recorder: Recorder::new(self.store.incidents().clone()),
            seat: lane.seat(rhythm.ask(&target.settings)),
            clock: self.clock,
            instruments: Arc::clone(&self.instruments),
        };
        let task = self.tasks.spawn(Box::new(Fetcher::new(receiver, around, rhythm)).run());
        self.targets.insert(key, Fetching { record: Arc::clone(&record), orders, task });
        Some(record)
    }

    /// The lane of an account and service, with the rate that the account has now.
    fn lane(&mut self, account: &Account, service: Service) -> Arc<Lane> {
        let rate = account.rate(service);
        let lane = self.lanes.entry((account.name.clone(), service)).or_insert_with(|| {
            let gauges = self.instruments.lane(account.provider.label(), &account.name, service.label());
            Lane::new(rate, gauges)
        });
        lane.set_rate(rate);
        Arc::clone(lane)
    }

    /// Takes away the lanes that nobody uses any more, and what is told of accounts that are gone.
    fn close_lanes(&mut self, config: &Config) {
        let of_targets = self.targets.keys().map(|key| (key.0.as_str(), key.1));
        let of_tasks = self.kill_tasks.keys().map(|key| (key.account.as_str(), Service::Das));
        let used: HashSet<(&str, Service)> = of_targets.chain(of_tasks).collect();
        self.lanes.retain(|(account, service), _| used.contains(&(account.as_str(), *service)));
        let accounts = config.accounts.iter().map(|account| account.name.as_str()).collect();
        let lanes = self.lanes.keys().map(|(account, service)| (account.as_str(), service.label())).collect();
        self.instruments.keep(&accounts, &lanes);
    }
}

/// Ends every task whose key is not wanted any more.
fn retain<K: Eq + Hash, T>(
    running: &mut HashMap<K, T>,
    wanted: impl Iterator<Item = K>,
    task: impl Fn(&T) -> &AbortHandle,
) {
    let wanted: HashSet<K> = wanted.collect();
    running.retain(|key, it| {
        let keep = wanted.contains(key);
        if !keep {
            task(it).abort();
        }
        keep
    });
}

fn target_key(target: &Target) -> TargetKey {
    let Target { account, service, instance_id, node_id, .. } = target;
    (account.name.clone(), *service, instance_id.clone(), node_id.clone())
}
