//! Which kill tasks are followed: those that the configuration names, and those that were registered while it ran or before.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::warn;

use super::kill_task::{Follower, INTERVAL, Watch};
use super::plan::Ask;
use super::{Scheduler, TargetKey};
use crate::config::{Config, KillTask, Service};
use crate::store::{Registration, StorageError, TaskKey, TaskRecord};

/// Tasks that somebody wants to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKillTasks {
    /// Name of their account.
    pub account: String,
    /// The instance whose sessions they end.
    pub instance: String,
    /// The node, where they were made for one.
    pub node: Option<String>,
    /// The cloud's ids of the tasks; one or more.
    pub tasks: Vec<String>,
}

/// Why tasks are not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There can be no such task.
    #[error("{0}")]
    Wrong(String),
    /// Too many are running.
    #[error("100 tasks are running already; wait for one to end, or forget one")]
    Full,
    /// It would be forgotten by a restart.
    #[error("the task cannot be kept: {0}")]
    Unsaved(#[from] StorageError),
}

#[derive(Debug)]
pub(super) struct Following {
    orders: watch::Sender<Arc<Watch>>,
    pub(super) task: AbortHandle,
}

impl Scheduler {
    /// Watches tasks from now on; they are kept when this returns. Tells whether any of them is new, and how all stand.
    ///
    /// # Errors
    /// Then none of the new ones is watched.
    pub async fn watch(&mut self, new: &NewKillTasks) -> Result<(bool, Vec<TaskRecord>), WatchError> {
        let NewKillTasks { account, instance, node, tasks } = new;
        let task = |id: &String| self.config.kill_task(account, instance, node.as_deref(), id);
        let tasks: Vec<KillTask> =
            tasks.iter().map(task).collect::<Result<_, _>>().map_err(WatchError::Wrong)?;
        let mut added = Vec::new();
        let outcome = self.register(&tasks, &mut added).await;
        if outcome.is_err() {
            for key in &added {
                self.store.tasks().forget(key);
            }
        }
        outcome?;
        for task in &tasks {
            self.follow(task);
        }
        let records = tasks.iter().filter_map(|task| self.store.tasks().get(&TaskKey::of(task))).collect();
        Ok((!added.is_empty(), records))
    }

    async fn register(&self, tasks: &[KillTask], added: &mut Vec<TaskKey>) -> Result<(), WatchError> {
        for task in tasks {
            match self.store.tasks().register(task, false, self.clock.now()) {
                Registration::New => added.push(TaskKey::of(task)),
                Registration::Known => {}
                Registration::Full => return Err(WatchError::Full),
            }
        }
        Ok(self.store.tasks().save().await?)
    }

    /// Forgets the tasks with this id; `false` where there is none. One that the configuration names is only not shown any
    /// more, so that a reload does not ask for it anew and count it again.
    ///
    /// # Errors
    /// Where a restart would bring them back.
    pub async fn forget(&mut self, task_id: &str) -> Result<bool, StorageError> {
        let known = self.store.tasks().list();
        let keys: Vec<_> =
            known.into_iter().map(|record| record.key).filter(|key| key.task_id == task_id).collect();
        for key in &keys {
            if let Some(following) = self.kill_tasks.remove(key) {
                following.task.abort();
            }
            self.store.tasks().retire(key);
        }
        self.store.tasks().save().await?;
        Ok(!keys.is_empty())
    }

    /// All tasks to be followed under a configuration; what it names no more is forgotten.
    pub(super) fn kill_tasks_of(&self, config: &Config) -> Vec<KillTask> {
        let known = self.store.tasks();
        let named: HashSet<TaskKey> = config.kill_tasks.iter().map(TaskKey::of).collect();
        known.unconfigure(&named);
        let mut tasks = Vec::new();
        for record in known.list().into_iter().filter(|record| !named.contains(&record.key)) {
            let TaskKey { account, instance_id, node_id, task_id } = &record.key;
            match config.kill_task(account, instance_id, node_id.as_deref(), task_id) {
                Ok(task) => tasks.push(task),
                Err(problem) => {
                    warn!(account, instance_id, task_id, problem, "a kill task is forgotten");
                    known.forget(&record.key);
                }
            }
        }
        tasks.extend(config.kill_tasks.iter().cloned());
        tasks.retain(|task| known.get(&TaskKey::of(task)).is_none_or(|record| !record.is_retired()));
        tasks.retain(|task| {
            known.register(task, named.contains(&TaskKey::of(task)), self.clock.now()) != Registration::Full
        });
        tasks
    }

    /// Starts to follow a task that is registered, or tells its follower what is different now.
    pub(super) fn follow(&mut self, task: &KillTask) {
        self.drop_ended();
        let Some(client) = self.clouds.kill_task_client(task) else { return };
        let KillTask { account, instance_id, node_id, .. } = task;
        let target: TargetKey = (account.name.clone(), Service::Das, instance_id.clone(), node_id.clone());
        let target = self.targets.get(&target).map(|fetching| Arc::clone(&fetching.record));
        let watch = Arc::new(Watch { client, task: task.clone(), target });
        let key = TaskKey::of(task);
        if let Some(following) = self.kill_tasks.get(&key) {
            following.orders.send_replace(watch);
            return;
        }
        let seat = self.lane(account, Service::Das).seat(Ask { calls: 1.0, interval: INTERVAL, wish: None });
        let (orders, receiver) = watch::channel(watch);
        let follower = Follower::new(receiver, self.store.tasks().clone(), self.clock);
        let task = self.tasks.spawn(follower.run(seat));
        self.kill_tasks.insert(key, Following { orders, task });
    }
}
