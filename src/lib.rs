//! Prometheus exporter for the database sessions of cloud instances.

pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod demo;
pub mod error;
pub mod exposition;
#[cfg(test)]
#[path = "../tests/golden/generated.rs"]
mod generated;
pub mod model;
pub mod report;
pub mod schedule;
pub mod store;
pub mod telemetry;
pub mod web;
