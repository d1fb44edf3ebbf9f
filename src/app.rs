//! The composition root: what each command builds and runs, and how it ends.

mod daemon;
mod exporter;
mod healthcheck;
mod origin;
mod service;
mod shard;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info};

use crate::cli::{self, Cli, Command, Common, KillTaskCommand, Output, Sharding, Web};
use crate::clock::Clock;
use crate::cloud::Clouds;
use crate::cloud::budget::{Budget, RETRIES};
use crate::cloud::source::SessionSource as _;
use crate::config::{Config, ConfigError, Settings, Target};
use crate::demo::fleet::{self, Size};
use crate::exposition::{self, Format, LastFetch, PageInput};
use crate::model::{Rankings, Snapshot};
use crate::report;
use crate::store::{Publisher, Slot};
use crate::telemetry::{self, Instruments};
use crate::web::Server;
use daemon::Loaded;
use origin::{Origin, Sources};

/// How a command ends, if not well.
#[derive(Debug)]
pub enum Failure {
    /// Something failed at run time: exit status 1.
    Runtime(String),
    /// Bad usage or bad configuration: exit status 2. One line for each problem.
    Usage(Vec<String>),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.problems().to_vec())
    }
}

impl Failure {
    fn runtime(what: &str, error: &dyn std::error::Error) -> Self {
        Self::Runtime(format!("{what}: {error}"))
    }
}

/// Runs what the command line asks for.
pub async fn main(cli: Cli) -> ExitCode {
    telemetry::log_to_stderr(cli.common.log_level, cli.common.log_format);
    telemetry::log_panics();
    match command(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Runtime(problem)) => {
            error!(error = problem, "cannot go on");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(problems)) => {
            let _ = problems.iter().try_for_each(|problem| writeln!(io::stderr(), "{problem}"));
            ExitCode::from(2)
        }
    }
}

async fn command(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => {
            let loaded = Loaded::from(sources(file(&cli.common)?, &cli.web, &cli.sharding)?)?;
            daemon::run(loaded, bind(&cli.web).await?, &cli.web).await
        }
        Command::Check => {
            let (config, _) = sources(file(&cli.common)?, &cli.web, &cli.sharding)?.read()?;
            print(&report::plan(&config))
        }
        Command::Fetch { target, output } => fetch(&file(&cli.common)?.read()?, &target, output).await,
        Command::Demo { instances, sessions } => {
            run_demo(Size { instances, sessions }, &cli.web, &cli.sharding).await
        }
        Command::KillTask { command: KillTaskCommand::Watch(watch) } => watch::watch(&watch).await,
        Command::Healthcheck(healthcheck) => healthcheck::check(&healthcheck).await,
        Command::Completion { shell } => {
            shell.print_completion();
            Ok(())
        }
        Command::Manual => {
            print_bytes(&cli::manual().map_err(|error| Failure::runtime("cannot print", &error))?)
        }
    }
}

fn file(common: &Common) -> Result<Origin, Failure> {
    let missing = "--config.file is missing: it names the configuration file".to_owned();
    common.config_file.clone().map(Origin::File).ok_or(Failure::Usage(vec![missing]))
}

fn sources(config: Origin, web: &Web, sharding: &Sharding) -> Result<Sources, Failure> {
    Ok(Sources { config, web: web.web_config_file.clone(), shard: shard::of(sharding)? })
}

fn clouds(config: &Config, clock: Clock, instruments: &Instruments) -> Result<Clouds, Failure> {
    Clouds::new(config, clock, instruments)
        .map_err(|error| Failure::runtime("no connection can be made", &error))
}

async fn bind(web: &Web) -> Result<Server, Failure> {
    let server = Server::bind(&web.listen_addresses).await.map_err(|(address, error)| {
        Failure::runtime(&format!("cannot listen on {address}, choose another --web.listen-address"), &error)
    })?;
    for address in server.addresses() {
        info!(%address, "listening");
    }
    Ok(server)
}

/// The cloud lives as long as its handle.
async fn run_demo(size: Size, web: &Web, sharding: &Sharding) -> Result<(), Failure> {
    let cloud = fleet::start(size)
        .await
        .map_err(|error| Failure::runtime("the simulated cloud cannot start", &error))?;
    let configuration = Origin::Text(fleet::configuration(&cloud, size));
    let loaded = Loaded::from(sources(configuration, web, sharding)?)?;
    let (server, links, scheme) = (bind(web).await?, web.links(), loaded.scheme());
    for address in server.addresses() {
        let host =
            if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
        let url = format!("{scheme}://{host}:{}", address.port());
        let (home, metrics) = (links.route("/"), links.metrics_route());
        print(&format!("A simulated cloud is watched: open {url}{home} or {url}{metrics}\n"))?;
    }
    daemon::run(loaded, server, web).await
}

async fn fetch(config: &Config, id: &str, output: Output) -> Result<(), Failure> {
    let target = find(config, id)?;
    let (clock, instruments) = (Clock, Instruments::new());
    let clouds = clouds(config, clock, &instruments)?;
    let source =
        clouds.source(target).ok_or_else(|| Failure::Runtime("the account has no client".to_owned()))?;
    let began = Instant::now();
    let mut budget = Budget::new(target.settings.timeout, RETRIES);
    let fetched = source.fetch(&mut budget).await.map_err(|error| {
        Failure::Runtime(format!("{id}: {}: {}; {}", error.kind, error.detail, error.kind.remedy()))
    })?;
    let now = clock.now();
    let Settings { max_series, mysqld_names, .. } = target.settings;
    let mut rankings = Rankings::new(config.top, max_series).with_mysqld_names(mysqld_names);
    let snapshot = Snapshot::new(fetched, &mut rankings, now);
    let (took, calls) = (began.elapsed(), budget.calls);
    match output {
        Output::Table => print(&report::Table { target, snapshot: &snapshot, calls, took }.to_string()),
        Output::Json => {
            let slot = slot(target, snapshot, LastFetch { duration: took, api_calls: calls }, now);
            print(&(report::json(&slot.status(Instant::now()), &slot.history()) + "\n"))
        }
        Output::Metrics => {
            let slot = slot(target, snapshot, LastFetch { duration: took, api_calls: calls }, now);
            let input = PageInput { targets: vec![slot.view(Instant::now())], ..PageInput::default() };
            exposition::page(input, Format::Text).try_for_each(|frame| print_bytes(&frame))
        }
    }
}

/// A target that was fetched once, at `now`.
fn slot(target: &Arc<Target>, snapshot: Snapshot, fetch: LastFetch, now: Timestamp) -> Slot {
    let publisher = Publisher::default();
    let Settings { interval, mysqld_names, .. } = target.settings;
    publisher.show_mysqld_names(mysqld_names);
    publisher.planned(interval, target.settings.stale_after(interval), Instant::now() + interval, None);
    publisher.fetched(Arc::new(snapshot), fetch, now, None);
    Slot::new(target, publisher.record())
}

fn find<'a>(config: &'a Config, id: &str) -> Result<&'a Arc<Target>, Failure> {
    let ids = || config.targets.iter().map(|target| target.id());
    config.targets.iter().find(|target| target.id() == id).ok_or_else(|| {
        let nodes: Vec<_> = ids().filter(|other| other.split('/').next() == Some(id)).collect();
        let choices = if nodes.is_empty() { ids().collect() } else { nodes };
        Failure::Usage(vec![format!(
            "no instance {id:?} is configured and enabled; there are: {}",
            choices.join(", ")
        )])
    })
}

fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::runtime("cannot print", &error))
        }
        _ => Ok(()),
    }
}
