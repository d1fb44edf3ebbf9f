//! Arguments to command to exit status.

use std::process::ExitCode;

use clap::Parser as _;
use dbsession_exporter::app;
use dbsession_exporter::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    app::main(Cli::parse()).await
}
