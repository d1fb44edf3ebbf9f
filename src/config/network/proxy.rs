//! Proxies: how one is written, and which calls go by one. Knows the names of the environment variables, and what may not be
//! shown.

use std::str::FromStr;

use reqwest::Url;

use super::Bypass;
use crate::config::place::Place;
use crate::config::{Endpoint, Secret};

/// Instead of a URL: no proxy, whatever the environment says.
const NONE: &str = "none";

/// For the calls of each scheme the variables in the order in which they are tried, like curl's: the lower case first. curl
/// leaves `HTTP_PROXY` out for fear of CGI, where a request could set it; a daemon has no such environment.
const HTTP: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const PAST: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// A proxy that forwards requests and, by CONNECT, connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is reached, in plain or by TLS.
    pub endpoint: Endpoint,
    /// What it is told of us, if anything.
    pub login: Option<Login>,
}

/// User and password for a proxy, either with escapes like `%40` where they are written so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Name of the user.
    pub user: Secret,
    /// Password; may be empty.
    pub password: Secret,
}

impl FromStr for Proxy {
    type Err = &'static str;

    /// Reads `http[s]://[user[:password]@]host[:port]`, with or without one slash at the end. The error never repeats the text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or("not a URL; write it like http://host:port")?;
        // Many a password has an @ in it that nobody has escaped; a host has none.
        let (login, host) = rest.rsplit_once('@').map_or((None, rest), |(login, host)| (Some(login), host));
        let endpoint = format!("{scheme}://{host}").parse()?;
        let login = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Login { user: Secret::new(user), password: Secret::new(password) }
        });
        Ok(Self { endpoint, login })
    }
}

/// Which calls go by a proxy, and by which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// For plain endpoints.
    pub http: Option<Proxy>,
    /// For those with TLS.
    pub https: Option<Proxy>,
    /// Hosts that are reached without.
    pub past: Bypass,
}

impl Route {
    /// The proxy by which a URL is reached; `None`: directly.
    #[must_use]
    pub fn proxy(&self, url: &Url) -> Option<&Proxy> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !url.host_str().is_some_and(|host| self.past.has(host)))
    }
}

/// What an account gives for itself: the variables have no say then, not even `NO_PROXY`.
pub(super) fn given(at: &Place, text: &Secret) -> Option<Route> {
    if text.expose() == NONE {
        return Some(Route::default());
    }
    let proxy = text.expose().parse::<Proxy>();
    let proxy = proxy.map_err(|error| at.problem(format_args!("{error}; or none for no proxy"))).ok()?;
    Some(Route { http: Some(proxy.clone()), https: Some(proxy), past: Bypass::default() })
}

/// What the environment says.
pub(super) fn of_environment(at: &Place) -> Option<Route> {
    let find = |names: &[&'static str]| names.iter().find_map(|&name| Some((name, at.env(name)?)));
    let proxy = |names: &[&'static str]| match find(names) {
        None => Some(None),
        Some((name, text)) => {
            // As curl has it, a host alone will do here.
            let text = if text.contains("://") { text } else { format!("http://{text}") };
            let problem = |error| at.problem(format_args!("{name} in the environment: {error}"));
            text.parse().map(Some).map_err(problem).ok()
        }
    };
    let past = find(&PAST).map(|(_, text)| Bypass::read(&text)).unwrap_or_default();
    Some(Route { http: proxy(&HTTP)?, https: proxy(&HTTPS)?, past })
}
