//! Arguments to command to exit status.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser as _;
use dbsession_exporter::app;
use dbsession_exporter::cli::Cli;
use tokio::runtime::Builder;

/// Most threads that fetch and answer, however many cores there are: ten thousand targets take a third of one core, the
/// others let a few scrapes be written at the same time. Each has its own stack, and an arena of the allocator.
const MAX_WORKERS: usize = 4;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let cores = available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread().worker_threads(cores.min(MAX_WORKERS)).enable_all().build();
    let runtime = runtime.expect("the machine can start threads");
    let status = runtime.block_on(app::main(cli));
    // A name lookup that hangs must not hold the exit up.
    runtime.shutdown_background();
    status
}
