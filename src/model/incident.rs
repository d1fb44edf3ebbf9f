//! When more active sessions than usual are an incident, and who grew in it. Pure: knows neither who fetches nor what is kept.

mod detector;
mod growth;

pub use detector::{Detector, Stage, Trigger, Turn};
pub use growth::{Grown, MAX_GROWN, grown, grown_states};
