//! HTTP in: what is served, and how. Knows the store and the instruments; nothing of how the data got there.

pub mod api;
mod assets;
mod control;
mod discovery;
mod gzip;
mod kill_tasks;
mod lifecycle;
mod links;
mod listen;
mod negotiate;
mod pages;
mod routes;
mod server;
mod shield;

pub use control::{Control, ControlRequest};
pub use links::{ExternalUrl, Links, Prefix};
pub use listen::ListenAddress;
pub use routes::{Site, router};
pub use server::Server;
