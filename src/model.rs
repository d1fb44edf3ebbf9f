//! What a database session is and what a fetch learns from many of them: pure arithmetic, without I/O, clock or serde.
//!
//! Rows stream into a [`Tally`]; a [`Tally`] and what the provider itself reported become a small, immutable
//! [`Snapshot`], with each dimension cut to its top values by a [`ranking::Ranking`] that remembers the fetches before.

pub mod baseline;
pub mod command;
pub mod digest;
pub mod exemplars;
pub mod groups;
pub mod host;
pub mod incident;
pub mod kill_task;
pub mod label;
pub mod oldest;
pub mod ranking;
pub mod series;
pub mod session;
pub mod snapshot;
pub mod state;
pub mod tally;

pub use groups::{Group, Groups};
pub use ranking::Rankings;
pub use session::{Session, SessionId, Statement, Transaction};
pub use snapshot::{Fetched, Reported, Snapshot};
pub use tally::{Tally, Thresholds};
