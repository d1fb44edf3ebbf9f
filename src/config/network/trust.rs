//! Which authorities may sign the certificates of an account's endpoints. Reads their file; whether a certificate is good is
//! for TLS to say.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::place::Place;
use crate::config::raw::{Leaf, RawTls};

/// Ample: all authorities that a system trusts take a quarter of a megabyte.
const MAX_FILE_BYTES: u64 = 4 << 20;

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
        Some(_) => authorities(&at.key("ca_file"), &raw.ca_file)?,
    };
    (!alone).then_some(Trust { system_roots, authorities })
}

fn authorities(at: &Place, leaf: &Leaf) -> Option<Vec<CertificateDer<'static>>> {
    let path = at.resolve(&at.text(leaf)?);
    let text = read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let found =
        text.and_then(|text| certificates(&text).map_err(|problem| format!("{} {problem}", path.display())));
    found.map_err(|problem| at.problem(problem)).ok()
}

/// The certificates in a PEM text; or what is wrong with it, to follow the name of its file.
fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates = read.map_err(|_| "is cut or garbled: not the PEM of certificates".to_owned())?;
    if certificates.is_empty() {
        return Err("holds no certificate; give PEM, with -----BEGIN CERTIFICATE----- in it".to_owned());
    }
    let mut roots = RootCertStore::empty();
    match certificates.iter().position(|certificate| roots.add(certificate.clone()).is_err()) {
        Some(index) => Err(format!("holds something else as certificate {}", index + 1)),
        None => Ok(certificates),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 4 MiB"));
    }
    Ok(text)
}
