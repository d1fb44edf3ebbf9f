//! `--web.config.file`: TLS, client certificates, users, headers and a rate limit for the exporter's own endpoints, in the file
//! format of the Prometheus exporter toolkit (docs/web-configuration.md there) and, where it has any, with its error texts.
//! What this server cannot do is an error, or a warning where nothing is lost; nothing in the file is passed over.

mod http;
#[cfg(test)]
mod tests;
mod tls;
mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue};

use super::place::{Findings, Place};
use super::raw::{Leaf, web::RawWeb};
use super::wording::{near, quoted};
use super::{Config, ConfigError, Environment};
pub use tls::{ClientAuth, TlsServer};
pub use users::PasswordHash;

/// How the endpoints are secured. The default is not at all: plain http for everybody, as with an empty file.
#[derive(Debug, Default)]
pub struct WebConfig {
    /// How TLS is spoken; plain http where it is missing.
    pub tls: Option<TlsServer>,
    /// Put on every response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may come in; everybody where it is empty.
    pub users: BTreeMap<String, PasswordHash>,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimit>,
    /// What works, but probably not as meant; a line each, beginning with the file's name.
    warnings: Vec<String>,
    /// The file, and those that it names.
    files: Vec<PathBuf>,
}

/// A bucket of `burst` requests that gets one back each `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// More than nothing.
    pub interval: Duration,
    /// At least 1.
    pub burst: u32,
}

/// Reads and checks the web configuration file at `path`; `env` looks up environment variables.
///
/// # Errors
/// A file that cannot be read, the first error of form, or all errors of meaning, among them certificates that cannot be used.
pub fn load(path: &Path, env: &Environment) -> Result<WebConfig, ConfigError> {
    let read = super::text_of(path).and_then(|text| parse(&text, path, env));
    read.map_err(|mut error| {
        error.files.push(path.to_owned());
        error
    })
}

fn parse(text: &str, file: &Path, env: &Environment) -> Result<WebConfig, ConfigError> {
    let raw: RawWeb = super::mirror(text, file)?.unwrap_or_default();
    let findings = Findings::of(file, env);
    let root = Place::root(&findings);
    let http = raw.http_server_config.unwrap_or_default();
    let tls = raw.tls_server_config.and_then(|raw| tls::server(&root.key("tls_server_config"), &raw));
    let headers = http::server(&root.key("http_server_config"), &http);
    let users = users::users(&root.key("basic_auth_users"), &raw.basic_auth_users.unwrap_or_default());
    let rate_limit = raw.rate_limit.and_then(|raw| http::rate_limit(&root.key("rate_limit"), &raw));
    let (warnings, mut files) = findings.conclude(file, text)?;
    let warnings = warnings.into_iter().map(|warning| format!("{}: {warning}", file.display())).collect();
    files.push(file.to_owned());
    Ok(WebConfig { tls, headers, users, rate_limit, warnings, files })
}

/// Both files' meaning, with all warnings and files in the first; or the problems of both.
///
/// # Errors
/// As many problems as there are.
pub fn both(
    config: Result<Config, ConfigError>,
    web: Result<WebConfig, ConfigError>,
) -> Result<(Config, WebConfig), ConfigError> {
    match (config, web) {
        (Ok(mut config), Ok(web)) => {
            config.warnings.extend(web.warnings.iter().cloned());
            config.files.extend(web.files.iter().cloned());
            Ok((config, web))
        }
        (config, web) => {
            let mut all = ConfigError { problems: Vec::new(), files: Vec::new() };
            all.take(config.map(|config| config.files));
            all.take(web.map(|web| web.files));
            Err(all)
        }
    }
}

impl ConfigError {
    fn take(&mut self, files: Result<Vec<PathBuf>, Self>) {
        match files {
            Ok(files) => self.files.extend(files),
            Err(error) => {
                self.problems.extend(error.problems);
                self.files.extend(error.files);
            }
        }
    }
}

/// One of a set of names; `unknown` is what the toolkit says of any other.
fn one_of<T: Clone>(at: &Place, leaf: &Leaf, unknown: &str, choices: &[(&str, T)]) -> Option<T> {
    let value = at.text(leaf)?;
    let found = choices.iter().find(|choice| choice.0 == value);
    if found.is_none() {
        at.problem(format_args!("{unknown}: {}", instead(&value, choices.iter().map(|choice| choice.0))));
    }
    found.map(|choice| choice.1.clone())
}

/// A value that is none of the choices, and what to write instead of it.
fn instead<'a>(value: &str, choices: impl Iterator<Item = &'a str> + Clone) -> String {
    let remedy = match near(value, choices.clone()) {
        Some(meant) => format!("did you mean {}?", quoted(meant)),
        None => format!("choose from {}", choices.map(quoted).collect::<Vec<_>>().join(", ")),
    };
    format!("{}; {remedy}", quoted(value))
}
