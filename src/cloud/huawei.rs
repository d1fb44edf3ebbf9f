//! Huawei Cloud: Data Admin Service (DAS) and Distributed Database Middleware (DDM).

pub mod client;
mod errors;
pub mod listing;
mod pages;
pub mod sign;
mod token;
