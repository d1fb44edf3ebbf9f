//! Flags and subcommands, spelled as Prometheus users know them.

mod manual;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use reqwest::Url;

use crate::config;
use crate::telemetry::{LogFormat, LogLevel};
use crate::web::{ExternalUrl, Links, ListenAddress, Prefix};

pub use manual::manual;

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision: ",
    env!("DBSESSION_REVISION"),
    ", rustc: ",
    env!("DBSESSION_RUSTVERSION"),
    ")"
);

/// Prometheus exporter for the database sessions of cloud instances.
#[derive(Debug, Parser)]
#[command(name = "dbsession_exporter", version, long_version = LONG_VERSION, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; `run` where it is left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The file and the logs, for every command.
    #[command(flatten)]
    pub common: Common,
    /// The part of the configuration that this process holds, for `run` and `check`.
    #[command(flatten)]
    pub sharding: Sharding,
    /// The HTTP server, for `run` and `demo`.
    #[command(flatten)]
    pub web: Web,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Configuration file.
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Least severe level that is logged.
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info, global = true)]
    pub log_level: LogLevel,
    /// Format of the log lines on standard error.
    #[arg(long = "log.format", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Logfmt, global = true)]
    pub log_format: LogFormat,
}

/// Flags of a process that shares its configuration with others.
#[derive(Debug, Args)]
pub struct Sharding {
    /// Which of the processes this one is, counted from 0.
    #[arg(long, value_name = "N", global = true)]
    pub shard: Option<u32>,
    /// How many processes share the configuration.
    #[arg(long, value_name = "N", global = true)]
    pub total_shards: Option<u32>,
    /// Takes the number of this process from the end of its pod's name, as a `StatefulSet` of Kubernetes names its pods.
    #[arg(long, global = true)]
    pub shard_from_pod_name: bool,
}

/// Flags of the HTTP server.
#[derive(Debug, Args)]
pub struct Web {
    /// Address to listen on: `HOST:PORT`, or `:PORT` for all interfaces; port 0 picks a free one. May be repeated.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":10104", global = true)]
    pub listen_addresses: Vec<ListenAddress>,
    /// Path of the metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics", value_parser = path, global = true)]
    pub telemetry_path: String,
    /// URL under which browsers find the site, if a reverse proxy is before it; its path alone will do.
    #[arg(long = "web.external-url", value_name = "URL", global = true)]
    pub external_url: Option<ExternalUrl>,
    /// Path below which everything is served; the path of --web.external-url where it is left out.
    #[arg(long = "web.route-prefix", value_name = "PATH", global = true)]
    pub route_prefix: Option<Prefix>,
    /// File of TLS, client certificates, users, headers and a rate limit, as the Prometheus exporter toolkit has it; plain http
    /// for everybody where it is left out.
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,
    /// Most requests for metrics that are answered at a time; 0: no limit.
    #[arg(long = "web.max-requests", value_name = "N", default_value_t = 40, global = true)]
    pub max_requests: u16,
    /// Answers /-/healthy and /-/ready without user and client certificate.
    #[arg(long = "web.health-no-auth", value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, global = true)]
    pub health_no_auth: bool,
    /// Lets anybody who reaches the server reload the configuration, by POST /-/reload.
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,
    /// Lets anybody who reaches the server register and forget kill tasks, by POST and DELETE of /api/v1/kill-tasks.
    #[arg(long = "web.enable-admin-api", global = true)]
    pub enable_admin_api: bool,
    /// Directory that keeps registered kill tasks and incidents over restarts; in memory only where it is left out.
    #[arg(long = "storage.path", value_name = "DIRECTORY", global = true)]
    pub storage_path: Option<PathBuf>,
    /// How often to look whether the configuration file or a secret file has changed; 0s: never.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", default_value = "10s", value_parser = pause, global = true)]
    pub auto_reload_interval: Duration,
}

impl Web {
    /// The paths of the site.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(self.external_url.clone(), self.route_prefix.clone(), self.telemetry_path.clone())
    }
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch sessions for ever, and serve them as metrics.
    Run,
    /// Validate the configuration and print what it asks of each cloud.
    Check,
    /// Fetch one instance once, and print what it learns.
    Fetch {
        /// Instance, or instance and node.
        #[arg(value_name = "ID[/NODE]")]
        target: String,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Run against a simulated cloud inside this process; needs no account and no file.
    Demo {
        /// Simulated instances; a dozen where it is left out.
        #[arg(long, value_name = "N", value_parser = instances)]
        instances: Option<usize>,
        /// Simulated connections of each instance; as its workload has it where it is left out.
        #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(0..=100_000))]
        sessions: Option<u32>,
    },
    /// Watch session-terminating tasks, which others create.
    KillTask {
        /// What to do.
        #[command(subcommand)]
        command: KillTaskCommand,
    },
    /// Ask a running exporter whether it is well: exit status 0 or 1.
    Healthcheck(Healthcheck),
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, for `man`.
    Manual,
}

/// Subcommands of `kill-task`.
#[derive(Debug, Subcommand)]
pub enum KillTaskCommand {
    /// Register a task with a running exporter, follow it to its end, and print what it did.
    Watch(Watch),
}

/// What `kill-task watch` watches.
#[derive(Debug, Args)]
pub struct Watch {
    /// The exporter that is asked.
    #[command(flatten)]
    pub whom: Whom,
    /// The node that the task was made for, if it was made for one.
    #[arg(long)]
    pub node: Option<String>,
    /// Name of the account.
    pub account: String,
    /// Instance whose sessions the task ends.
    pub instance: String,
    /// The id that the cloud gave the task.
    pub task: String,
}

/// A running exporter that a command asks.
#[derive(Debug, Args)]
pub struct Whom {
    /// The running exporter, with `USER:PASSWORD@` before its host where it asks for a user. On this machine its certificate may
    /// be anybody's, unless there is a password or --ca-file.
    #[arg(long, value_name = "URL", default_value = "http://localhost:10104", value_parser = exporter)]
    pub url: Url,
    /// Authorities in PEM that are trusted beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Whom `healthcheck` asks for what.
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// The exporter that is asked.
    #[command(flatten)]
    pub whom: Whom,
    /// Ask whether each target has been fetched once, by /-/ready, rather than whether it runs.
    #[arg(long)]
    pub ready: bool,
}

/// How `fetch` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// As `/metrics` would.
    Metrics,
}

/// Shells that have completion scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// Prints the completion script.
    pub fn print_completion(self) {
        let shell = match self {
            Self::Bash => clap_complete::Shell::Bash,
            Self::Zsh => clap_complete::Shell::Zsh,
            Self::Fish => clap_complete::Shell::Fish,
        };
        clap_complete::generate(shell, &mut Cli::command(), "dbsession_exporter", &mut std::io::stdout());
    }
}

fn exporter(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("expected a URL like http://localhost:10104")
}

fn instances(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "expected a number from 1 to 100000".to_owned())
}

/// A duration as the configuration file has them, or nothing.
fn pause(text: &str) -> Result<Duration, &'static str> {
    if text == "0s" { Ok(Duration::ZERO) } else { config::duration(text) }
}

/// Paths that `--web.telemetry-path` may not be, nor be below.
const TAKEN: [&str; 8] = ["/-", "/api", "/assets", "/config", "/incidents", "/instances", "/probe", "/sd"];

fn path(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let is_at =
        |taken: &&str| text.strip_prefix(*taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_free = text.len() > 1 && text.starts_with('/') && !TAKEN.iter().any(is_at);
    if is_free && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("expected a path like /metrics; taken are / and {}", TAKEN.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_the_default_and_takes_its_flags_on_either_side() {
        for line in [
            "x --config.file=f --web.listen-address=:0",
            "x run --config.file=f --web.listen-address=:0",
            "x --config.file=f run --web.listen-address=:0",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(matches!(cli.command, None | Some(Command::Run)));
            assert_eq!(cli.common.config_file, Some(PathBuf::from("f")));
            assert_eq!(cli.web.listen_addresses, [ListenAddress::Port(0)]);
        }
    }
}
