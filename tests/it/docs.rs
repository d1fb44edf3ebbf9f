//! The documentation says what is so: its examples work, its links lead somewhere, and what it names is there.

mod commands;
mod examples;
mod links;
mod names;
mod page;
mod sizing;
