//! Which authorities may sign the certificates of an account's endpoints. Whether a certificate is good is for TLS to say.

use rustls::pki_types::CertificateDer;

use crate::config::pem;
use crate::config::place::Place;
use crate::config::raw::RawTls;

/// Which certificates are accepted; all are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Whether the system's authorities are trusted.
    pub system_roots: bool,
    /// Further authorities, of `ca_file`.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { system_roots: true, authorities: Vec::new() }
    }
}

/// What `tls` says; `None` where a problem is noted.
pub(super) fn trust(at: &Place, raw: Option<&RawTls>) -> Option<Trust> {
    let Some(raw) = raw else { return Some(Trust::default()) };
    let choices = [("true", true), ("false", false)];
    let system_roots =
        at.key("system_roots").pick(&raw.system_roots, "such flag as", &choices).unwrap_or(true);
    let alone = !system_roots && raw.ca_file.0.is_none();
    at.key("system_roots").refuse(alone, "false needs ca_file, too: else no certificate would be trusted");
    let authorities = match raw.ca_file.0 {
        None => Vec::new(),
        Some(_) => pem::from_file(&at.key("ca_file"), &raw.ca_file, pem::certificates)?,
    };
    (!alone).then_some(Trust { system_roots, authorities })
}
