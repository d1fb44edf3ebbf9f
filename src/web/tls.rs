//! What a server says in a TLS handshake, and which certificates of clients it takes.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::web::{ClientAuth, TlsServer};

/// What greets clients. Where `strangers_wait`, one without a certificate gets through the handshake, and it is for HTTP to
/// refuse it.
pub(super) fn server(tls: &TlsServer, strangers_wait: bool) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&tls.provider))
        .with_protocol_versions(&tls.versions)
        .expect("the configuration was checked: each version has ciphers and groups")
        .with_client_cert_verifier(verifier(tls, strangers_wait))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&tls.identity))));
    config.ignore_client_order = tls.prefers_own_order;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn verifier(tls: &TlsServer, strangers_wait: bool) -> Arc<dyn ClientCertVerifier> {
    if tls.client_auth == ClientAuth::NoClientCert {
        return Arc::new(NoClientAuth);
    }
    let chain = tls.client_auth.verifies().then(|| {
        WebPkiClientVerifier::builder_with_provider(
            Arc::clone(&tls.client_authorities),
            Arc::clone(&tls.provider),
        )
        .build()
        .expect("the configuration was checked: there is an authority")
    });
    Arc::new(ClientCertificates {
        chain,
        provider: Arc::clone(&tls.provider),
        mandatory: tls.client_auth.requires() && !strangers_wait,
        allowed_sans: tls.client_allowed_sans.clone(),
    })
}

/// Which certificates of clients are taken.
#[derive(Debug)]
struct ClientCertificates {
    /// Looks at who signed them; where it is missing, anybody may have.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
    mandatory: bool,
    /// One of these they must be for; where it is empty, for anything.
    allowed_sans: Vec<String>,
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(end_entity, intermediates, now)?;
        }
        if self.allowed_sans.is_empty()
            || names(end_entity).iter().any(|name| self.allowed_sans.contains(name))
        {
            return Ok(ClientCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The subject alternative names of a certificate: of DNS, mail, URI, and addresses as text.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|address| address.to_string())
}
