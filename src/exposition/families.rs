//! The table of families: what each is called, what it means and where its samples are read. It knows nothing of how a
//! format spells them; adding a metric is adding a row to one of the five parts.

use super::format::Samples;
use super::view::{TargetView, TaskCounters, TaskView};
use super::{health, mysqld, sessions, tasks, transactions};
use crate::model::Snapshot;
use crate::model::snapshot::Listed;

/// One family.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Name on the page, without a suffix of the format.
    pub name: &'static str,
    /// What its samples are.
    pub kind: Kind,
    /// One sentence without line break or backslash.
    pub help: &'static str,
    /// Where its samples are read.
    pub read: Read,
}

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Values that rise and fall.
    Gauge,
    /// Values that only rise.
    Counter,
    /// A histogram of present ages: it rises and falls as a whole.
    Ages,
}

/// Where the samples of a family are read: each reader writes those of one subject, and is not asked where the subject
/// lacks what it reads.
#[derive(Debug, Clone, Copy)]
pub enum Read {
    /// Any target, also while it is down.
    Target(fn(&TargetView, &mut Samples<'_>)),
    /// A target with a snapshot.
    Snapshot(fn(&Snapshot, &mut Samples<'_>)),
    /// A target with a snapshot of listed rows.
    Listed(fn(&Snapshot, &Listed, &mut Samples<'_>)),
    /// A kill task.
    Task(fn(&TaskView, &mut Samples<'_>)),
    /// The kill tasks of one instance and node together.
    TaskCounters(fn(&TaskCounters, &mut Samples<'_>)),
}

/// Every family in the order of the page; those under the names of `mysqld_exporter` only where any target is shown under them.
pub fn all(mysqld_names: bool) -> impl Iterator<Item = &'static Family> {
    let mysqld = if mysqld_names { mysqld::FAMILIES } else { &[] };
    [health::FAMILIES, sessions::FAMILIES, transactions::FAMILIES, tasks::FAMILIES, mysqld]
        .into_iter()
        .flatten()
}

/// A row of values that rise and fall.
pub const fn gauge(name: &'static str, help: &'static str, read: Read) -> Family {
    Family { name, kind: Kind::Gauge, help, read }
}

/// A row of values that only rise.
pub const fn counter(name: &'static str, help: &'static str, read: Read) -> Family {
    Family { name, kind: Kind::Counter, help, read }
}

/// A row of age histograms.
pub const fn ages(name: &'static str, help: &'static str, read: Read) -> Family {
    Family { name, kind: Kind::Ages, help, read }
}
