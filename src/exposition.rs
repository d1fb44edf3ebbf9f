//! Snapshots become text: the families of `/metrics`, written straight from compact views of the targets.
//!
//! One table of families (`families`), one writer of the format's lines (`format`), one walk over both that hands the
//! page out in frames (`page`). The exporter's own instruments come from the prometheus crate (`own`). This floor knows
//! the model and nothing of where views come from or who reads the page.

mod families;
mod format;
mod health;
mod load;
mod mysqld;
mod own;
mod page;
mod sessions;
mod tasks;
#[cfg(test)]
mod tests;
mod transactions;
mod value;
mod view;

pub use format::Format;
pub use page::{FRAME_BYTES, count_series, page};
pub use view::{
    Effect, Health, IncidentCount, Labels, LastFetch, PageInput, Skip, TargetView, TaskCounters, TaskView,
};
