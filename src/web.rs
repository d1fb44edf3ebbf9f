//! HTTP in: what is served, and how. Knows the store and the instruments; nothing of how the data got there.

pub mod api;
mod assets;
mod connection;
mod connections;
mod control;
mod discovery;
mod gzip;
mod held;
mod kill_tasks;
mod lifecycle;
mod links;
mod listen;
mod negotiate;
mod pages;
mod passwords;
mod patience;
mod routes;
mod security;
mod server;
mod shield;
mod throttle;
mod timed;
mod tls;

pub use control::{Control, ControlRequest};
pub use links::{ExternalUrl, Links, Prefix};
pub use listen::ListenAddress;
pub use routes::{HEALTH_PATHS, Site, router};
pub use security::Security;
pub use server::Server;
pub use throttle::MaxRequests;
