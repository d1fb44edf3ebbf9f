//! Huawei Cloud: Data Admin Service (DAS) and Distributed Database Middleware (DDM).

pub mod client;
pub(super) mod errors;
pub mod listing;
mod pages;
mod project;
pub mod sign;
