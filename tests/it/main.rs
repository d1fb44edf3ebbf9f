//! One integration binary: the real program against a simulated cloud.

mod accounts;
mod bad_input;
mod calls;
mod clock;
mod credentials;
mod discovery;
mod docs;
mod floors;
mod formats;
#[path = "../golden/generated.rs"]
mod generated;
mod hold;
mod incidents;
mod isolation;
mod json_api;
mod kill_task_api;
mod kill_tasks;
mod lifecycle;
mod mysqld;
mod network;
mod openapi;
mod oracle;
mod pace;
mod pages;
mod parse;
mod program;
mod reload;
mod scene;
mod secrets;
mod service;
mod stopped;
mod strategies;
mod throttling;
mod trouble;
mod values;
mod web;
