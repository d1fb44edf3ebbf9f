//! Certificates and keys as PEM, the content of a file or a value of the configuration. Whether a certificate is good is for TLS
//! to say; no message repeats what was read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::place::Place;
use super::raw::Leaf;

/// Ample: all authorities that a system trusts take a quarter of a megabyte.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Makes something of a PEM text, or says what is wrong, to follow the name of where the text stands.
pub(super) type Reader<T> = fn(&[u8]) -> Result<T, String>;

/// What `reader` makes of the file that a value names.
pub(super) fn from_file<T>(at: &Place, leaf: &Leaf, reader: Reader<T>) -> Option<T> {
    let path = at.resolve(&at.text(leaf)?);
    let text = read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let found =
        text.and_then(|text| reader(&text).map_err(|problem| format!("{} {problem}", path.display())));
    found.map_err(|problem| at.problem(problem)).ok()
}

/// The certificates in a PEM text; at least one.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
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

/// The first private key in a PEM text.
pub(super) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let wanted = "give PEM of one that is not encrypted, with -----BEGIN PRIVATE KEY----- in it";
    PrivateKeyDer::from_pem_slice(text).map_err(|_| format!("holds no private key; {wanted}"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 4 MiB"));
    }
    Ok(text)
}
