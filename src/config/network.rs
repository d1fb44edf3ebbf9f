//! `proxy` and `tls` of an account: by which way its endpoints are reached, and whose certificates vouch for them. Without
//! `proxy`, the variables that curl knows decide. Opens no connection; no message here repeats a proxy's user or password.

mod bypass;
mod proxy;
mod trust;

pub use bypass::Bypass;
pub use proxy::{Login, Proxy, Route};
pub use trust::Trust;

use super::credentials::read::secret;
use super::place::Place;
use super::raw::RawAccount;
use proxy::{given, of_environment};

/// How the endpoints of an account are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Which calls go by a proxy.
    pub route: Route,
    /// Which certificates are accepted.
    pub trust: Trust,
}

/// The network of an account, `at` being the account; `None` where a problem is noted.
pub(super) fn network(at: &Place, raw: &RawAccount) -> Option<Network> {
    let trust = trust::trust(&at.key("tls"), raw.tls.as_ref());
    let route = if raw.proxy.0.is_none() && raw.proxy_file.0.is_none() {
        of_environment(&at.key("proxy"))
    } else {
        let (proxy, file) = (&raw.proxy, &raw.proxy_file);
        let key = if proxy.0.is_some() { "proxy" } else { "proxy_file" };
        secret(at, "proxy", proxy, file, true).and_then(|text| given(&at.key(key), &text))
    };
    Some(Network { route: route?, trust: trust? })
}
