//! Alibaba Cloud: Database Autonomy Service (DAS).

pub mod client;
pub mod das;
pub(super) mod errors;
pub mod kill_task;
mod poll;
pub mod sign;
