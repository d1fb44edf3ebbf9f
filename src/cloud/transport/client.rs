//! The HTTP clients of a network: one past every proxy and, where it has a proxy, one by it.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Proxy, redirect};
use tracing::warn;

use super::failure;
use crate::config::{self, Network, Trust};

/// A connection, TLS and the way through a proxy included, takes well under a second across the world; what takes longer
/// will not come, and the deadline has better uses for the time.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Connections to a host that are kept for further calls: ample for any limit of calls. Beyond them a cloud that stalls for a
/// while needs one for each call under way, of some 30 kB, which nothing needs afterwards.
pub(super) const MAX_IDLE: usize = 32;

/// The direct client, and the one by a proxy.
pub(super) fn pair(network: &Network) -> reqwest::Result<(Client, Option<Client>)> {
    let trust = usable(&network.trust)?;
    let direct = builder(&trust)?.build()?;
    let route = &network.route;
    let of_scheme: [fn(&str) -> reqwest::Result<Proxy>; 2] =
        [|url| Proxy::http(url), |url| Proxy::https(url)];
    let mut proxied = None;
    for (proxy, of_scheme) in [&route.http, &route.https].into_iter().zip(of_scheme) {
        let Some(config::Proxy { endpoint, login }) = proxy else { continue };
        let mut proxy = of_scheme(endpoint.base())?;
        if let Some(login) = login {
            proxy = proxy.basic_auth(login.user.expose(), login.password.expose());
        }
        proxied = Some(proxied.map_or_else(|| builder(&trust), Ok)?.proxy(proxy));
    }
    Ok((direct, proxied.map(ClientBuilder::build).transpose()?))
}

/// The trust that can be had: the certificate store of the system may be missing.
fn usable(trust: &Trust) -> reqwest::Result<Trust> {
    if let (true, Err(error)) = (trust.authorities.is_empty(), builder(trust)?.build()) {
        let error = failure::plain(&error).detail;
        warn!(error, "no certificate store: HTTPS endpoints fail until CA certificates are installed");
        return Ok(Trust { system_roots: false, authorities: Vec::new() });
    }
    Ok(trust.clone())
}

fn builder(trust: &Trust) -> reqwest::Result<ClientBuilder> {
    let user_agent = concat!("dbsession_exporter/", env!("CARGO_PKG_VERSION"));
    let builder = Client::builder().user_agent(user_agent).redirect(redirect::Policy::none()).http1_only();
    let authorities = trust.authorities.iter().map(|certificate| Certificate::from_der(certificate));
    let authorities: Vec<_> = authorities.collect::<Result<_, _>>()?;
    // What the environment says of proxies has been read into the network.
    let builder = builder.connect_timeout(CONNECT).pool_max_idle_per_host(MAX_IDLE).no_proxy();
    Ok(if trust.system_roots {
        builder.tls_certs_merge(authorities)
    } else {
        builder.tls_certs_only(authorities)
    })
}
