//! What is known of every target and kill task at this moment. Fetches write here, scrapes read here, and neither waits for
//! the other: snapshots are swapped in whole. A publisher is the only writing end of its slot; dropping it takes the
//! slot's series away.

mod target;
mod task;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::time::Instant;

pub use target::{LastError, Publisher, State, TargetStatus};
pub use task::TaskPublisher;

use crate::config::{KillTask, Provider, Target};
use crate::exposition::{self, PageInput, TargetView, TaskCounters, TaskView};
use target::Slot;
use task::{Counters, TaskSlot};

/// All slots, in the order in which they were made; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Store {
    slots: Arc<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    targets: RwLock<Vec<Arc<Slot>>>,
    tasks: RwLock<Vec<Arc<TaskSlot>>>,
    /// Counters outlive their tasks.
    counters: RwLock<Vec<Arc<Counters>>>,
}

impl Store {
    /// A slot for a target, and its writing end.
    #[must_use]
    pub fn target(&self, target: &Arc<Target>) -> Publisher {
        let slot = Arc::new(Slot::new(target));
        write(&self.slots.targets).push(Arc::clone(&slot));
        Publisher::new(self.clone(), slot)
    }

    /// A slot for a kill task, and its writing end; its instance's counters begin at zero, or go on.
    #[must_use]
    pub fn task(&self, task: &KillTask) -> TaskPublisher {
        let counters = self.counters(task);
        let slot = Arc::new(TaskSlot::new(task));
        write(&self.slots.tasks).push(Arc::clone(&slot));
        TaskPublisher::new(self.clone(), slot, counters)
    }

    fn counters(&self, task: &KillTask) -> Arc<Counters> {
        let mut all = write(&self.slots.counters);
        if let Some(known) = all.iter().find(|counters| counters.is_of(task)) {
            return Arc::clone(known);
        }
        let counters = Arc::new(Counters::new(task));
        all.push(Arc::clone(&counters));
        counters
    }

    /// What a page says of all targets now.
    #[must_use]
    pub fn target_views(&self) -> Vec<TargetView> {
        let now = Instant::now();
        read(&self.slots.targets).iter().map(|slot| slot.view(now)).collect()
    }

    /// What a page says of all kill tasks now: those that have an answer, and all counters.
    #[must_use]
    pub fn task_views(&self) -> (Vec<TaskView>, Vec<TaskCounters>) {
        let tasks = read(&self.slots.tasks).iter().filter_map(|slot| slot.view()).collect();
        (tasks, read(&self.slots.counters).iter().map(|counters| counters.view()).collect())
    }

    /// Series of all targets and kill tasks now.
    #[must_use]
    pub fn series(&self) -> usize {
        let now = Instant::now();
        let targets: usize = read(&self.slots.targets).iter().map(|slot| slot.series(now)).sum();
        let (tasks, task_counters) = self.task_views();
        targets + exposition::count_series(PageInput { tasks, task_counters, ..PageInput::default() })
    }

    /// How every target stands, for people.
    #[must_use]
    pub fn statuses(&self) -> Vec<TargetStatus> {
        let now = Instant::now();
        read(&self.slots.targets).iter().map(|slot| slot.status(now)).collect()
    }

    /// Cloud and state of every target.
    #[must_use]
    pub fn states(&self) -> Vec<(Provider, State)> {
        read(&self.slots.targets).iter().map(|slot| (slot.provider(), slot.state())).collect()
    }

    /// Whether every target has finished a first cycle, good or bad.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        read(&self.slots.targets).iter().all(|slot| slot.state() != State::Pending)
    }

    fn forget_target(&self, slot: &Arc<Slot>) {
        write(&self.slots.targets).retain(|other| !Arc::ptr_eq(other, slot));
    }

    fn forget_task(&self, slot: &Arc<TaskSlot>) {
        write(&self.slots.tasks).retain(|other| !Arc::ptr_eq(other, slot));
    }
}

// A panic while a lock is held leaves plain values behind, which are still good.

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
