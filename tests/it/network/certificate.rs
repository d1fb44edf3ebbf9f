//! An authority, and the certificates that it signs: good ones and bad ones.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Past,
    Present,
    Future,
}

impl Authority {
    /// An authority of its own.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no name is a good list of names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).expect("the key can sign"))
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server with a certificate for these hosts, names or addresses, greets its callers with.
    pub fn acceptor(&self, hosts: &[&str], validity: Validity) -> TlsAcceptor {
        let issued = self.issue(hosts, &[], validity);
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![issued.certificate], issued.key);
        TlsAcceptor::from(Arc::new(config.expect("they belong together")))
    }

    /// A certificate for these hosts, names or addresses, and for these other names.
    pub fn issue(&self, hosts: &[&str], others: &[SanType], validity: Validity) -> Issued {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("these are names or addresses");
        params.subject_alt_names.extend_from_slice(others);
        let (from, until) = match validity {
            Validity::Past => (2001, 2002),
            Validity::Present => (2001, 4000),
            Validity::Future => (3999, 4000),
        };
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("the authority can sign");
        Issued {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("it was made as such"),
        }
    }
}

/// A certificate and its key.
pub struct Issued {
    pub pem: String,
    pub key_pem: String,
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the machine has random numbers")
}
