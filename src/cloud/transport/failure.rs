//! What went wrong between us and a cloud, in words that name the remedy: which of host and proxy, and of certificate, name,
//! login and port. Knows the errors of the HTTP client and of TLS; repeats nothing of what the other side sent.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Response, StatusCode, Url};
use rustls::{CertificateError, Error as TlsError, InvalidMessage};

use super::client::CONNECT;
use crate::config::Proxy;
use crate::error::{Again, FailureKind, FetchError};

/// The way to a host.
pub(super) struct Way<'a> {
    /// Name and port.
    host: String,
    is_plain: bool,
    proxy: Option<&'a Proxy>,
}

impl<'a> Way<'a> {
    /// The way to the host of a URL.
    pub(super) fn new(url: &Url, proxy: Option<&'a Proxy>) -> Self {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        Self { host, is_plain: url.scheme() == "http", proxy }
    }

    /// What a failure of the client was.
    pub(super) fn failure(&self, error: reqwest::Error) -> FetchError {
        let error = error.without_url();
        let failure = plain(&error);
        if failure.kind != FailureKind::Network {
            return failure;
        }
        if let Some(detail) = self.tls(&error) {
            // A server that is set up wrongly stays so for longer than a fetch.
            return FetchError { again: Again::Never, ..FetchError::new(FailureKind::Network, detail) };
        }
        match self.stage(&error) {
            Some(Stage::Login) => self.without_login(),
            Some(stage) => {
                FetchError { detail: format!("{}: {}", self.told(stage), failure.detail), ..failure }
            }
            None => {
                FetchError { detail: format!("{}, talking to {}", failure.detail, self.whole()), ..failure }
            }
        }
    }

    /// The deadline passed: whose answer was waited for.
    pub(super) fn late(&self, mut error: FetchError) -> FetchError {
        error.detail.extend([", waiting for ", &self.whole()]);
        error
    }

    /// Whether an answer is the cloud's: where nothing is encrypted a proxy may answer, too. No cloud asks for a password
    /// as a web server does, but some proxies do, so theirs are not taken for a refusal of the account's key.
    ///
    /// # Errors
    /// [`FailureKind::Network`] where the proxy wants to know who we are.
    pub(super) fn passed(&self, answer: &Response) -> Result<(), FetchError> {
        let scheme = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.as_bytes().get(..5));
        let is_refusal = match answer.status() {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => true,
            StatusCode::UNAUTHORIZED => scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")),
            _ => false,
        };
        if is_refusal && self.is_plain && self.proxy.is_some() { Err(self.without_login()) } else { Ok(()) }
    }

    /// The proxy wants to know who asks, or does not know who we are.
    fn without_login(&self) -> FetchError {
        let error = FetchError::new(FailureKind::Network, self.told(Stage::Login));
        FetchError { again: Again::Never, ..error }
    }

    /// What TLS found wrong with the other side.
    fn tls(&self, error: &reqwest::Error) -> Option<String> {
        match causes(error).find_map(innermost)? {
            TlsError::InvalidCertificate(why) => {
                Some(format!("the certificate of {} {}", self.certified(), certificate(why)))
            }
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
                let host = self.certified();
                Some(format!(
                    "{host} does not speak TLS; check the port, and whether the URL should begin with http://"
                ))
            }
            _ => None,
        }
    }

    /// Where it ended, as far as that is known.
    fn stage(&self, error: &reqwest::Error) -> Option<Stage> {
        let said = |text: &str| causes(error).any(|cause| cause.to_string() == text);
        if said("tunnel error: proxy authorization required") {
            Some(Stage::Login)
        } else if said("tunnel error: unsuccessful") {
            Some(Stage::Tunnel)
        } else if said("dns error") {
            Some(Stage::Name)
        } else if error.is_connect() && error.is_timeout() {
            Some(Stage::Wait)
        } else if said("tunnel error: failed to create underlying connection")
            || (error.is_connect() && (self.is_plain || self.proxy.is_none()))
        {
            Some(Stage::Connection)
        } else {
            None
        }
    }

    fn told(&self, stage: Stage) -> String {
        let next = self.next();
        match stage {
            Stage::Login => {
                format!("{next} demands credentials: give its URL with user and password that it knows")
            }
            Stage::Tunnel => format!(
                "{next} makes no connection to {}: it may refuse the credentials of its URL, forbid that host, or not reach it",
                self.host
            ),
            Stage::Name => format!("the name of {next} is not known; check it, and the DNS of this machine"),
            Stage::Wait => {
                format!("no connection to {} within {CONNECT:?}; check routes and firewalls", self.whole())
            }
            Stage::Connection => format!("no connection to {next}"),
        }
    }

    /// The host, and the proxy on the way, if there is one.
    pub(super) fn whole(&self) -> String {
        let by = self.proxy.map(|proxy| format!(" by the proxy {}", proxy.endpoint.authority()));
        format!("{}{}", self.host, by.unwrap_or_default())
    }

    /// Who is connected to first.
    fn next(&self) -> String {
        let proxy = self.proxy.map(|proxy| format!("the proxy {}", proxy.endpoint.authority()));
        proxy.unwrap_or_else(|| self.host.clone())
    }

    /// Whose certificate it may have been.
    fn certified(&self) -> String {
        match self.proxy.filter(|proxy| proxy.endpoint.base().starts_with("https:")) {
            Some(proxy) if self.is_plain => format!("the proxy {}", proxy.endpoint.authority()),
            Some(proxy) => format!("{} or the proxy {}", self.host, proxy.endpoint.authority()),
            None => self.host.clone(),
        }
    }
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Looking a name up.
    Name,
    /// Connecting.
    Connection,
    /// Connecting, with no answer for too long.
    Wait,
    /// The proxy asked who we are.
    Login,
    /// The proxy had no connection for us.
    Tunnel,
}

/// What the client says, without where the call went.
pub(super) fn plain(error: &reqwest::Error) -> FetchError {
    let is_connection = |cause: &(dyn StdError + 'static)| {
        cause.is::<hyper::Error>() || cause.is::<hyper_util::client::legacy::Error>()
    };
    let is_garbled = error.is_decode() && !causes(error).any(is_connection);
    let kind = if is_garbled { FailureKind::BadResponse } else { FailureKind::Network };
    FetchError::new(kind, causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    successors(Some(error as &(dyn StdError + 'static)), |&cause| cause.source())
}

/// The TLS error that a cause is or wraps. The source of an I/O error is that of the error in it, which is passed over.
fn innermost<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e TlsError> {
    match cause.downcast_ref::<io::Error>() {
        Some(error) => innermost(error.get_ref()?),
        None => cause.downcast_ref(),
    }
}

/// What is wrong with a certificate, and the remedy.
fn certificate(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired: it has to be renewed there; or is the clock of this machine wrong?"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; set the clock of this machine"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another host; check the endpoint"
        }
        CertificateError::UnknownIssuer => {
            "is of an authority that is not trusted; if it is your own, give its certificate as tls.ca_file"
        }
        CertificateError::BadSignature => {
            "is signed with another key than its authority's; is tls.ca_file the present one?"
        }
        CertificateError::Revoked => "is revoked",
        _ => "cannot be used: it is malformed, or not for a server",
    }
}
