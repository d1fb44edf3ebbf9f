//! The configuration: a YAML file to validated types, with every error at its place and no secret in any message. It knows how
//! the file is written and which rules the clouds have, and asks for environment variables through a function, so that it can
//! be tested; it opens no connection.

mod accounts;
mod check;
mod credentials;
mod effective;
mod endpoint;
mod form;
mod instances;
mod key;
mod marks;
mod network;
mod pem;
mod place;
mod raw;
mod secret;
mod settings;
mod shard;
#[cfg(test)]
mod tests;
mod text;
mod units;
pub mod web;
mod wording;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use credentials::{
    Agency, Credentials, EcsRole, Found, IamUser, Keys, Link, OidcRole, OidcUser, Process, Role,
};
pub use effective::Effective;
pub use endpoint::Endpoint;
pub use key::{FORGIVEN, KeyName};
pub use network::{Bypass, Login, Network, Proxy, Route, Trust};
pub use secret::Secret;
pub use settings::{ExposeSql, Incidents, Settings, Spike};
pub use shard::{Division, MAX_SHARDS, Shard};
pub use units::{Factor, Rate, duration};

/// Everything that the file says, checked and with defaults filled in.
#[derive(Debug)]
pub struct Config {
    /// In the order of the file, whether used or not.
    pub accounts: Vec<Arc<Account>>,
    /// What is fetched: the enabled instances, one target for each of their nodes.
    pub targets: Vec<Arc<Target>>,
    /// Tasks to watch from the start.
    pub kill_tasks: Vec<KillTask>,
    /// Label values kept per dimension, 1 to 1,000.
    pub top: usize,
    /// What works, but probably not as meant; a line each, beginning with the path.
    pub warnings: Vec<String>,
    /// Files beside the configuration file that it was read from: secrets and CA certificates.
    pub files: Vec<PathBuf>,
    /// How it is divided; `None` where it is whole.
    pub division: Option<Division>,
    /// All of it in the form of the file, for people.
    pub effective: Effective,
}

impl Config {
    /// A task that is not in the file, as it would be if it were.
    ///
    /// # Errors
    /// Why there can be no such task.
    pub fn kill_task(
        &self,
        account: &str,
        instance: &str,
        node: Option<&str>,
        task: &str,
    ) -> Result<KillTask, String> {
        let names = || self.accounts.iter().map(|account| account.name.as_str());
        let found = self.accounts.iter().find(|candidate| candidate.name == account);
        let Some(account) = found else {
            let known: Vec<String> = names().map(wording::quoted).collect();
            return Err(format!("no account {}; there are: {}", wording::quoted(account), known.join(", ")));
        };
        if account.provider != Provider::Alibaba {
            return Err(format!(
                "account {}: only Alibaba Cloud has such tasks",
                wording::quoted(&account.name)
            ));
        }
        let id = |what: &str, id: &str| {
            let empty = || format!("the id of the {what} is empty");
            let id = Some(id).filter(|id| !id.trim().is_empty()).ok_or_else(empty)?;
            text::id(Provider::Alibaba, id).map_err(|rule| format!("the id of the {what} {rule}"))
        };
        let (instance_id, task_id) = (id("instance", instance)?, id("task", task)?);
        let node_id = node.map(|node| id("node", node)).transpose()?;
        let targets = || self.targets.iter().filter(|target| target.instance_id == instance_id);
        if let Some(other) = targets().find(|target| target.account.name != account.name) {
            let (instance, other) = (wording::quoted(&instance_id), wording::quoted(&other.account.name));
            return Err(format!("instance {instance} is one of account {other}"));
        }
        if let Some(division) = &self.division {
            let follower = division.follower(&account.name, &instance_id);
            let (instance, total) = (wording::quoted(&instance_id), division.shard.total());
            if follower != division.shard.index() {
                let whose = format!("instance {instance} belongs to shard {follower} of {total}");
                return Err(format!("{whose}: register it there"));
            }
        }
        let labels = targets().next().map(|target| target.labels.clone()).unwrap_or_default();
        let settings = targets().next().map_or(&account.settings, |target| &target.settings);
        let retention = settings.kill_task_retention;
        Ok(KillTask { account: Arc::clone(account), instance_id, node_id, task_id, labels, retention })
    }
}

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Alibaba Cloud.
    Alibaba,
    /// Huawei Cloud.
    Huawei,
}

impl Provider {
    /// Its name in the file and in the label `provider`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Alibaba => "alibaba",
            Self::Huawei => "huawei",
        }
    }

    /// Its services.
    #[must_use]
    pub const fn services(self) -> &'static [Service] {
        match self {
            Self::Alibaba => &[Service::Das],
            Self::Huawei => &[Service::Das, Service::Ddm],
        }
    }
}

/// The API that lists an instance's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Database Autonomy Service of Alibaba Cloud, Data Admin Service of Huawei Cloud.
    Das,
    /// Distributed Database Middleware of Huawei Cloud.
    Ddm,
}

impl Service {
    /// Its name in the file and in the label `service`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Das => "das",
            Self::Ddm => "ddm",
        }
    }
}

/// Access to one cloud with one set of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Unique in the file.
    pub name: String,
    /// Its cloud.
    pub provider: Provider,
    /// Always there for Alibaba Cloud; for Huawei Cloud only if configured.
    pub region: Option<String>,
    /// Never there for Alibaba Cloud; for Huawei Cloud IAM is asked for it where it is missing.
    pub project_id: Option<String>,
    /// What requests are signed or authorized with.
    pub credentials: Credentials,
    /// Where DAS is reached.
    pub das: Endpoint,
    /// Where DDM is reached; there whenever a target needs it.
    pub ddm: Option<Endpoint>,
    /// Where IAM is reached; there whenever the credentials or the project need it.
    pub iam: Option<Endpoint>,
    /// By which way all of these are reached, and which certificates are trusted.
    pub network: Network,
    /// Limit of the calls to DAS. By default 10/s for Alibaba Cloud, which documents a quota of 60/s for the operation,
    /// region and whole account (DAS quota page), and 60/min for Huawei Cloud, which documents none.
    pub das_rate: Rate,
    /// Limit of the calls to DDM; of no meaning for Alibaba Cloud. By default 50/min of the 60/min that Huawei Cloud
    /// documents for each user ("API constraints" of DDM).
    pub ddm_rate: Rate,
    /// What its instances inherit.
    pub settings: Settings,
}

impl Account {
    /// Limit of the calls to a service.
    #[must_use]
    pub const fn rate(&self, service: Service) -> Rate {
        match service {
            Service::Das => self.das_rate,
            Service::Ddm => self.ddm_rate,
        }
    }
}

/// What one task of the scheduler fetches: an instance, or one node of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Fetched through this account.
    pub account: Arc<Account>,
    /// Fetched from this API.
    pub service: Service,
    /// The cloud's id of the instance; with `node_id` unique among all targets.
    pub instance_id: String,
    /// The cloud's id of the node, where the target is one.
    pub node_id: Option<String>,
    /// A person's name for the instance.
    pub name: Option<String>,
    /// Put on every series of the target, by name; none is a label of the exporter's own.
    pub labels: Box<[(String, String)]>,
    /// The id that DAS of Huawei Cloud gave a database user; always there for targets of that service, never for others.
    pub db_user_id: Option<String>,
    /// Database users to filter by, one sweep each; only for DAS of Huawei Cloud.
    pub users: Vec<String>,
    /// Databases to filter by, one sweep each; only for DAS of Huawei Cloud.
    pub databases: Vec<String>,
    /// How it is fetched.
    pub settings: Settings,
}

impl Target {
    /// `ID` or `ID/NODE`.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.node_id {
            Some(node) => format!("{}/{node}", self.instance_id),
            None => self.instance_id.clone(),
        }
    }
}

/// A session-terminating task of Alibaba Cloud DAS whose result is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillTask {
    /// An account of Alibaba Cloud.
    pub account: Arc<Account>,
    /// The instance whose sessions the task ends; need not be a target.
    pub instance_id: String,
    /// The node, where the task was made for one.
    pub node_id: Option<String>,
    /// The id that `CreateKillInstanceSessionTask` returned.
    pub task_id: String,
    /// The configured labels of that instance; none if it is not configured.
    pub labels: Box<[(String, String)]>,
    /// How long its series stay when it has ended: as configured for that instance, else for the account.
    pub retention: Duration,
}

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ConfigError {
    problems: Vec<String>,
    files: Vec<PathBuf>,
}

impl ConfigError {
    /// A line each, beginning with `<file>:<line>:<column>: ` or `<file>: `. No line holds a secret.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Files beside the configuration file whose change may mend it.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn new(file: &Path, problems: impl IntoIterator<Item = String>) -> Self {
        let line = |problem| wording::one_line(&format!("{}:{problem}", file.display()));
        Self { problems: problems.into_iter().map(line).collect(), files: Vec::new() }
    }
}

/// What a check asks for the value of an environment variable.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads and checks the configuration file at `path`; `env` looks up environment variables.
///
/// # Errors
/// A file that cannot be read, and everything that [`parse`] finds.
pub fn load(path: &Path, env: &Environment) -> Result<Config, ConfigError> {
    parse(&text_of(path)?, path, env)
}

/// Checks the configuration `text`; `file` is its name in messages, and relative paths in it start from the file's directory.
///
/// # Errors
/// The first error of form, or all errors of meaning, among them secret files that cannot be read.
pub fn parse(text: &str, file: &Path, env: &Environment) -> Result<Config, ConfigError> {
    let raw = mirror(text, file)?;
    let mut raw = raw.ok_or_else(|| ConfigError::new(file, [" holds no configuration".to_owned()]))?;
    let findings = place::Findings::of(file, env);
    let document = effective::document(&mut raw, env);
    let mut config = check::check(raw, &findings);
    (config.warnings, config.files) = findings.conclude(file, text)?;
    config.effective = effective::effective(document, &config);
    Ok(config)
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::new(path, [format!(" cannot be read: {error}")]))
}

fn mirror<Raw: DeserializeOwned>(text: &str, file: &Path) -> Result<Option<Raw>, ConfigError> {
    form::read(text).map_err(|error| {
        let position = error.position.map(|(line, column)| format!("{line}:{column}:")).unwrap_or_default();
        ConfigError::new(file, [format!("{position} {}", error.text)])
    })
}
