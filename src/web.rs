//! HTTP in: what is served, and how. Knows the store and the instruments; nothing of how the data got there.

mod control;
mod discovery;
mod gzip;
mod kill_tasks;
mod lifecycle;
mod listen;
mod negotiate;
mod pages;
mod routes;
mod server;

pub use control::{Control, ControlRequest};
pub use listen::ListenAddress;
pub use routes::{Site, router};
pub use server::Server;
