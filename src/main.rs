//! Arguments to command to exit status.

use std::process::ExitCode;

use clap::Parser as _;
use dbsession_exporter::app;
use dbsession_exporter::cli::Cli;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = Runtime::new().expect("the machine can start threads");
    let status = runtime.block_on(app::main(cli));
    // A name lookup that hangs must not hold the exit up.
    runtime.shutdown_background();
    status
}
