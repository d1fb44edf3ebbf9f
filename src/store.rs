//! What is known of every target and kill task at this moment. Fetches write here, scrapes read here, and neither waits for
//! the other: snapshots are swapped in whole. A publisher is the only writing end of a record. Which targets are shown, and
//! with which labels, is said for all of them at once, so that no page shows half of a reload.

pub mod history;
mod incidents;
mod storage;
mod target;
mod tasks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

pub use incidents::{GrownState, GrownValue, Incident, Incidents, Moment, Outcome, Row, TargetName};
pub use storage::{Storage, StorageError};
pub use target::{LastError, Publisher, Slot, State, TargetRecord, TargetStatus};
pub use tasks::{Registration, TaskKey, TaskRecord, Tasks};

use crate::config::Provider;
use crate::exposition::{self, PageInput, TargetView};

/// All slots; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Store {
    slots: Arc<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// In the order of the configuration.
    targets: RwLock<Arc<[Slot]>>,
    tasks: Tasks,
    incidents: Incidents,
}

impl Store {
    /// Shows these targets from now on, and no others.
    pub fn show(&self, targets: Vec<Slot>) {
        *write(&self.slots.targets) = targets.into();
    }

    /// A store of these kill tasks and incidents, and no target.
    #[must_use]
    pub fn new(tasks: Tasks, incidents: Incidents) -> Self {
        Self { slots: Arc::new(Slots { targets: RwLock::default(), tasks, incidents }) }
    }

    /// The incidents.
    #[must_use]
    pub fn incidents(&self) -> &Incidents {
        &self.slots.incidents
    }

    /// The kill tasks.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.slots.tasks
    }

    /// What a page says of all targets now.
    #[must_use]
    pub fn target_views(&self) -> Vec<TargetView> {
        let now = Instant::now();
        self.targets().iter().map(|slot| slot.view(now)).collect()
    }

    /// Series of all targets and kill tasks now.
    #[must_use]
    pub fn series(&self) -> usize {
        let now = Instant::now();
        let targets: usize = self.targets().iter().map(|slot| slot.series(now)).sum();
        let (tasks, task_counters) = self.slots.tasks.views();
        targets + exposition::count_series(&PageInput { tasks, task_counters, ..PageInput::default() })
    }

    /// How every target stands, for people.
    #[must_use]
    pub fn statuses(&self) -> Vec<TargetStatus> {
        let now = Instant::now();
        self.targets().iter().map(|slot| slot.status(now)).collect()
    }

    /// Cloud and state of every target.
    #[must_use]
    pub fn states(&self) -> Vec<(Provider, State)> {
        self.targets().iter().map(|slot| (slot.provider(), slot.state())).collect()
    }

    /// How far the target that is furthest behind its schedule is behind it.
    #[must_use]
    pub fn lag(&self) -> Duration {
        let now = Instant::now();
        self.targets().iter().map(|slot| slot.lag(now)).max().unwrap_or_default()
    }

    /// Whether every target has finished a first cycle, good or bad.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.targets().iter().all(|slot| slot.state() != State::Pending)
    }

    /// Those that are shown now, in the order of the configuration: whoever reads them keeps nobody from showing others.
    #[must_use]
    pub fn targets(&self) -> Arc<[Slot]> {
        Arc::clone(&read(&self.slots.targets))
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
