//! `healthcheck`: asks a running exporter whether it is well, for containers that hold no other program to ask with.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Url};

use super::Failure;
use crate::cli::Healthcheck;

/// From the name lookup to the last byte. The exporter answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Of an answer that is not good, this much is repeated, in characters.
const REPEATED: usize = 200;

/// Asks once.
pub(super) async fn check(healthcheck: &Healthcheck) -> Result<(), Failure> {
    let Healthcheck { url, ready, .. } = healthcheck;
    let path = if *ready { "ready" } else { "healthy" };
    let url = format!("{}/-/{path}", url.as_str().trim_end_matches('/'));
    let unreachable = |error: reqwest::Error| {
        let causes = causes(&error.without_url());
        Failure::Runtime(format!("the exporter does not answer; is --url right? {causes}"))
    };
    let answer = client(healthcheck)?.get(url).send().await.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.text().await.map_err(unreachable)?;
    if status.is_success() {
        return Ok(());
    }
    let why: String = body.lines().next().unwrap_or_default().chars().take(REPEATED).collect();
    Err(Failure::Runtime(format!("the exporter answers {status}: {why}")))
}

fn client(healthcheck: &Healthcheck) -> Result<Client, Failure> {
    let mut builder =
        Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).no_proxy();
    if is_this_machine(&healthcheck.url) {
        // A certificate is hardly ever made for such a name, and whoever listens here need not prove that it is here.
        builder = builder.tls_danger_accept_invalid_certs(true);
    } else if let Some(file) = &healthcheck.ca_file {
        let wrong = |error: &dyn std::error::Error| {
            Failure::Usage(vec![format!("--ca-file: {} cannot be used: {error}", file.display())])
        };
        let pem = fs::read(file).map_err(|error| wrong(&error))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build().map_err(|error| Failure::runtime("no connection can be made", &error))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error and all that led to it: the outermost alone says little.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
