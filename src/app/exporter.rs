//! A running exporter, asked by a command.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, Url};

use super::Failure;
use crate::cli::Whom;

/// A running exporter.
pub(super) struct Exporter {
    client: Client,
    /// Its address, without a slash at the end.
    url: String,
}

impl Exporter {
    /// The one that `whom` names. `timeout` bounds an answer, from the name lookup to the last byte.
    ///
    /// # Errors
    /// Where the authorities cannot be read.
    pub(super) fn new(whom: &Whom, timeout: Duration) -> Result<Self, Failure> {
        let mut builder = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
        let is_here = is_this_machine(&whom.url);
        if is_here {
            builder = builder.no_proxy();
        }
        if let Some(file) = &whom.ca_file {
            let wrong = |error: &dyn std::error::Error| {
                Failure::Usage(vec![format!("--ca-file: {} cannot be used: {error}", file.display())])
            };
            let pem = fs::read(file).map_err(|error| wrong(&error))?;
            let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
            builder = builder.tls_certs_merge(authorities);
        } else if is_here && whom.url.password().is_none() {
            // A certificate is hardly ever made for such a name, and whoever listens here need not prove that it is here, as long
            // as it is told no password.
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let client =
            builder.build().map_err(|error| Failure::runtime("no connection can be made", &error))?;
        Ok(Self { client, url: whom.url.as_str().trim_end_matches('/').to_owned() })
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }
}

/// The whole answer to a request.
///
/// # Errors
/// Where there is none, with all that led to it.
pub(super) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Bytes), Failure> {
    let unreachable = |error: reqwest::Error| {
        // The URL may hold a password.
        let causes = causes(&error.without_url());
        Failure::Runtime(format!("the exporter does not answer; is --url right? {causes}"))
    };
    let answer = request.send().await.map_err(unreachable)?;
    Ok((answer.status(), answer.bytes().await.map_err(unreachable)?))
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
