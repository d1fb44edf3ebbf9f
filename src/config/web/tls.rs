//! `tls_server_config`: the server's certificate and key, which versions and ciphers of TLS it speaks, and what it demands of its
//! clients. Reads and checks all of it; how a handshake goes is for the server to say.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion};

use super::{instead, one_of};
use crate::config::pem::{self, Reader};
use crate::config::place::Place;
use crate::config::raw::Leaf;
use crate::config::raw::web::RawTlsServer;
use crate::config::wording::quoted;

/// What the toolkit knows and rustls leaves out for good.
const OLD_VERSIONS: [&str; 2] = ["TLS10", "TLS11"];
/// Ciphers without authenticated encryption, as Go spells them.
const CBC: &str = "_CBC_";
const OLD_CURVE: &str = "CurveP521";

/// How TLS is spoken. Every version in `versions` has a cipher suite and a group in `provider`.
#[derive(Debug)]
pub struct TlsServer {
    /// The certificate chain and its key, which belong together.
    pub identity: Arc<CertifiedKey>,
    /// The cipher suites and key exchange groups, in order of preference.
    pub provider: Arc<CryptoProvider>,
    /// One or both of TLS 1.2 and 1.3.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// Whether the server's order of cipher suites counts, or the client's.
    pub prefers_own_order: bool,
    /// What is demanded of clients.
    pub client_auth: ClientAuth,
    /// Who may sign the certificates of clients; there whenever they are verified.
    pub client_authorities: Arc<RootCertStore>,
    /// Subject alternative names, one of which a client's certificate must have; any will do where it is empty.
    pub client_allowed_sans: Vec<String>,
}

/// What is demanded of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is asked for.
    #[default]
    NoClientCert,
    /// One is asked for, and none looked at.
    RequestClientCert,
    /// Any certificate will do.
    RequireAnyClientCert,
    /// One that is given must be good.
    VerifyClientCertIfGiven,
    /// A good certificate.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    const CHOICES: [(&str, Self); 6] = [
        ("NoClientCert", Self::NoClientCert),
        ("RequestClientCert", Self::RequestClientCert),
        ("RequireAnyClientCert", Self::RequireAnyClientCert),
        ("VerifyClientCertIfGiven", Self::VerifyClientCertIfGiven),
        ("RequireAndVerifyClientCert", Self::RequireAndVerifyClientCert),
        // An older name of RequireAnyClientCert, which the toolkit still takes.
        ("RequireClientCert", Self::RequireAnyClientCert),
    ];

    /// Whether a client without a certificate is a stranger.
    #[must_use]
    pub const fn requires(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }

    /// Whether a certificate must be signed by one of the authorities.
    #[must_use]
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }
}

/// How TLS is spoken; `None` where nothing is said of it, or where a problem is noted.
pub(super) fn server(at: &Place, raw: &RawTlsServer) -> Option<TlsServer> {
    if raw.is_blank() {
        return None;
    }
    let certificates = given(at, ["cert", "cert_file"], [&raw.cert, &raw.cert_file], pem::certificates);
    let key = given(at, ["key", "key_file"], [&raw.key, &raw.key_file], pem::private_key);
    for (missing, what) in [
        (key_missing(&raw.cert, &raw.cert_file), "cert or cert_file"),
        (key_missing(&raw.key, &raw.key_file), "key or key_file"),
    ] {
        at.refuse(missing, &format!("missing one of {what}"));
    }
    let provider = provider(at, raw);
    let versions = versions(at, raw, &provider);
    let choices = [("true", true), ("false", false)];
    let own_order = at.key("prefer_server_cipher_suites").pick(
        &raw.prefer_server_cipher_suites,
        "such flag as",
        &choices,
    );
    let (client_auth, client_authorities, client_allowed_sans) = clients(at, raw);
    let identity = CertifiedKey::from_der(certificates?, key?, &provider);
    let identity =
        identity.map_err(|error| at.problem(format_args!("certificate and key cannot be used: {error}")));
    Some(TlsServer {
        identity: Arc::new(identity.ok()?),
        provider: Arc::new(provider),
        versions,
        prefers_own_order: own_order.unwrap_or(true),
        client_auth,
        client_authorities,
        client_allowed_sans,
    })
}

fn key_missing(inline: &Leaf, file: &Leaf) -> bool {
    inline.0.is_none() && file.0.is_none()
}

/// What stands in one of two keys: as text in the first, or in a file that the second names.
fn given<T>(at: &Place, keys: [&str; 2], [inline, file]: [&Leaf; 2], reader: Reader<T>) -> Option<T> {
    let ats = keys.map(|key| at.key(key));
    if inline.0.is_some() && file.0.is_some() {
        ats[0].problem(format_args!("stands beside {}; give one of them", keys[1]));
        return None;
    }
    match &inline.0 {
        Some(_) => ats[0].parsed(inline, |text| reader(text.as_bytes())),
        None => pem::from_file(&ats[1], file, reader),
    }
}

/// The ciphers and groups of the file, or all there are. Those of TLS 1.3 cannot be chosen in the file, as with Go.
fn provider(at: &Place, raw: &RawTlsServer) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(names) = &raw.cipher_suites {
        let chosen = suites(&at.key("cipher_suites"), names, &provider.cipher_suites);
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        provider.cipher_suites.extend(chosen.into_iter().filter(|suite| suite.tls13().is_none()));
    }
    if let Some(names) = raw.curve_preferences.as_ref().filter(|names| !names.is_empty()) {
        provider.kx_groups = groups(&at.key("curve_preferences"), names);
    }
    provider
}

fn suites(at: &Place, names: &[Leaf], known: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
    let name =
        |suite: &SupportedCipherSuite| Some((suite.suite().as_str()?.replacen("TLS13_", "TLS_", 1), *suite));
    let known: Vec<_> = known.iter().filter_map(name).collect();
    let choices: Vec<_> = known.iter().map(|(name, suite)| (name.as_str(), *suite)).collect();
    let chosen = names.iter().enumerate().filter_map(|(index, leaf)| {
        let at = at.item(index);
        if let Some(old) = leaf.0.as_ref().filter(|text| text.contains(CBC)) {
            let why = "is a CBC cipher, and this server has only ciphers with authenticated encryption";
            at.problem(format_args!("{} {why}; remove it", quoted(old)));
            return None;
        }
        one_of(&at, leaf, "unknown cipher", &choices)
    });
    chosen.collect()
}

fn groups(at: &Place, names: &[Leaf]) -> Vec<&'static dyn SupportedKxGroup> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let choices: [(&str, &'static dyn SupportedKxGroup); 4] = [
        ("CurveP256", SECP256R1),
        ("CurveP384", SECP384R1),
        ("X25519", X25519),
        ("X25519MLKEM768", X25519MLKEM768),
    ];
    let chosen = names.iter().enumerate().filter_map(|(index, leaf)| {
        let at = at.item(index);
        if leaf.0.as_deref() == Some(OLD_CURVE) {
            at.problem(format_args!(
                "{OLD_CURVE} is not offered by this server; {}",
                instead("", choices.iter().map(|choice| choice.0))
            ));
            return None;
        }
        one_of(&at, leaf, "unknown curve", &choices)
    });
    chosen.collect()
}

/// The versions from the least to the greatest that have a cipher.
fn versions(
    at: &Place,
    raw: &RawTlsServer,
    provider: &CryptoProvider,
) -> Vec<&'static SupportedProtocolVersion> {
    let bound = |key: &str, leaf: &Leaf| {
        let at = at.key(key);
        if let Some(old) = leaf.0.as_deref().filter(|text| OLD_VERSIONS.contains(text)) {
            at.problem(format_args!(
                "{old} is not safe, and this server does not speak it; choose TLS12 or TLS13"
            ));
            return None;
        }
        one_of(&at, leaf, "unknown TLS version", &[("TLS12", &TLS12), ("TLS13", &TLS13)])
    };
    let least =
        bound("min_version", &raw.min_version).map_or(ProtocolVersion::TLSv1_2, |bound| bound.version);
    let greatest =
        bound("max_version", &raw.max_version).map_or(ProtocolVersion::TLSv1_3, |bound| bound.version);
    let between =
        |version: ProtocolVersion| (u16::from(least)..=u16::from(greatest)).contains(&u16::from(version));
    at.key("max_version").refuse(u16::from(least) > u16::from(greatest), "is below min_version");
    let has_cipher = |version: &&&SupportedProtocolVersion| {
        provider.cipher_suites.iter().any(|suite| suite.version().version == version.version)
    };
    let (wanted, mute): (Vec<_>, Vec<_>) = [&TLS13, &TLS12]
        .into_iter()
        .filter(|version| between(version.version))
        .partition(|version| has_cipher(&version));
    let ciphers = at.key("cipher_suites");
    if !mute.is_empty() && wanted.is_empty() {
        ciphers.problem("names no cipher of TLS 1.2, and max_version allows no other TLS");
    } else if !mute.is_empty() {
        ciphers.warn("names no cipher of TLS 1.2, so only TLS 1.3 is spoken");
    }
    wanted
}

/// What is demanded of clients, who signs their certificates, and what these must be for.
fn clients(at: &Place, raw: &RawTlsServer) -> (ClientAuth, Arc<RootCertStore>, Vec<String>) {
    let kind = at.key("client_auth_type");
    let auth = match &raw.client_auth_type.0 {
        None => Some(ClientAuth::default()),
        Some(_) => one_of(&kind, &raw.client_auth_type, "invalid ClientAuth", &ClientAuth::CHOICES),
    };
    let (ca, ca_file) = (&raw.client_ca, &raw.client_ca_file);
    let authorities = given(at, ["client_ca", "client_ca_file"], [ca, ca_file], pem::certificates);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.into_iter().flatten());
    let sans = raw.client_allowed_sans.as_deref();
    let names =
        at.key("client_allowed_sans").list(sans.unwrap_or_default(), |text| Ok::<_, &str>(text.to_owned()));
    if let Some(auth) = auth {
        let has_ca = !key_missing(ca, ca_file);
        let needs_ca = auth.verifies() && !has_ca;
        kind.refuse(
            needs_ca,
            "needs client_ca or client_ca_file, the authority that signs the certificates of clients",
        );
        let unasked = auth == ClientAuth::NoClientCert && has_ca;
        kind.refuse(unasked, "client CA's have been configured without a Client Auth Policy");
        let at = at.key("client_allowed_sans");
        at.refuse(
            sans.is_some() && !auth.requires(),
            "client_allowed_sans requires client_auth_type to be one of RequireAnyClientCert or RequireAndVerifyClientCert",
        );
        at.refuse(
            sans.is_some_and(<[_]>::is_empty),
            "holds no name, so no client could come in; add one or remove the key",
        );
    }
    (auth.unwrap_or_default(), Arc::new(roots), names)
}
