//! One integration binary: the real program against a simulated cloud.

mod accounts;
mod bad_input;
mod calls;
mod clock;
mod credentials;
mod discovery;
mod floors;
mod formats;
mod hold;
mod isolation;
mod kill_task_api;
mod kill_tasks;
mod lifecycle;
mod network;
mod oracle;
mod pace;
mod parse;
mod program;
mod reload;
mod scene;
mod secrets;
mod stopped;
mod strategies;
mod throttling;
mod trouble;
mod values;
