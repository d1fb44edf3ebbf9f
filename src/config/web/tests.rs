//! What the file means, and what is said where it means nothing.

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ProtocolVersion;
use tempfile::TempDir;

use super::{ClientAuth, WebConfig, load};

/// A directory with a pair `a.crt`, `a.key`, and another one.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(directory.path().join(format!("{name}.crt")), cert.pem()).unwrap();
        std::fs::write(directory.path().join(format!("{name}.key")), signing_key.serialize_pem()).unwrap();
    }
    std::fs::write(directory.path().join("junk"), "junk").unwrap();
    directory
}

fn read(directory: &TempDir, text: &str) -> Result<WebConfig, Vec<String>> {
    let path = directory.path().join("web.yml");
    std::fs::write(&path, text).unwrap();
    let start = format!("{}:", path.display());
    let cut = |line: &String| line.strip_prefix(&start).unwrap_or(line).trim().to_owned();
    load(&path, &|_| None).map_err(|error| error.problems().iter().map(cut).collect())
}

fn tls(keys: &str) -> String {
    format!("tls_server_config: {{cert_file: a.crt, key_file: a.key{keys}}}\n")
}

#[test]
fn an_empty_file_secures_nothing() {
    let directory = directory();
    for text in
        ["", "# nothing yet\n", "tls_server_config:\n", "tls_server_config: {}\nbasic_auth_users: {}\n"]
    {
        let config = read(&directory, text).unwrap();
        assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none(), "{text}");
        assert!(config.headers.is_empty() && config.warnings.is_empty(), "{text}");
    }
}

#[test]
fn a_byte_order_mark_is_as_if_it_were_not_there() {
    let directory = directory();
    let config = read(&directory, "\u{feff}rate_limit: {interval: 1s, burst: 3}\n").unwrap();
    assert_eq!(config.rate_limit.map(|limit| limit.burst), Some(3));
    let problems = read(&directory, "\u{feff}rate_limit: {burst: many}\n").unwrap_err();
    assert_eq!(problems, ["1:21: rate_limit.burst: expected a whole number"]);
}

#[test]
fn defaults_are_those_of_the_toolkit() {
    let config = read(&directory(), &tls("")).unwrap();
    let names: Vec<_> = config.files.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["a.crt", "a.key", "web.yml"]);
    let tls = config.tls.unwrap();
    let versions: Vec<_> = tls.versions.iter().map(|version| version.version).collect();
    assert_eq!(versions, [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2]);
    assert_eq!((tls.client_auth, tls.prefers_own_order), (ClientAuth::NoClientCert, true));
}

#[test]
fn chosen_ciphers_are_in_the_order_of_the_file_and_those_of_tls_1_3_stay() {
    let suites = ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256, \
                  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP384, X25519]";
    let tls = read(&directory(), &tls(suites)).unwrap().tls.unwrap();
    let names: Vec<_> =
        tls.provider.cipher_suites.iter().filter_map(|suite| suite.suite().as_str()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("TLS13_")).count(), 3, "{names:?}");
    let old: Vec<_> = names.into_iter().filter(|name| !name.starts_with("TLS13_")).collect();
    assert_eq!(old, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]);
    assert_eq!(tls.provider.kx_groups.len(), 2);
}

#[test]
fn problems_of_tls_are_named() {
    let directory = directory();
    let both = "client_allowed_sans requires client_auth_type to be one of RequireAnyClientCert or \
                RequireAndVerifyClientCert";
    for (keys, problem) in [
        (", cert: x", "cert: stands beside cert_file; give one of them"),
        (", client_auth_type: Everybody", "client_auth_type: invalid ClientAuth: \"Everybody\"; choose from"),
        (
            ", client_auth_type: RequireAndVerifyCert",
            "client_auth_type: invalid ClientAuth: \"RequireAndVerifyCert\"; did you mean \"RequireAndVerifyClientCert\"?",
        ),
        (
            ", client_auth_type: VerifyClientCertIfGiven",
            "client_auth_type: needs client_ca or client_ca_file",
        ),
        (
            ", client_ca_file: a.crt",
            "client_auth_type: client CA's have been configured without a Client Auth Policy",
        ),
        (", client_auth_type: RequestClientCert, client_ca_file: junk", "client_ca_file: "),
        (", client_auth_type: RequestClientCert, client_ca: junk", "client_ca: holds no certificate"),
        (", client_allowed_sans: [x]", &format!("client_allowed_sans: {both}")),
        (
            ", client_auth_type: RequireAnyClientCert, client_allowed_sans: []",
            "client_allowed_sans: holds no name",
        ),
        (", min_version: TLS11", "min_version: TLS11 is not safe, and this server does not speak it"),
        (", max_version: TLS10", "max_version: TLS10 is not safe"),
        (", min_version: TLS14", "min_version: unknown TLS version: \"TLS14\"; did you mean"),
        (", min_version: TLS13, max_version: TLS12", "max_version: is below min_version"),
        (
            ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
            "cipher_suites[0]: unknown cipher: \"TLS_RSA_WITH_RC4_128_SHA\"; did you mean",
        ),
        (
            ", cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
            "cipher_suites[1]: \"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\" is a CBC cipher",
        ),
        (
            ", max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]",
            "cipher_suites: names no cipher of TLS 1.2, and max_version allows no other TLS",
        ),
        (", curve_preferences: [CurveP521]", "curve_preferences[0]: CurveP521 is not offered by this server"),
        (", curve_preferences: [P256]", "curve_preferences[0]: unknown curve: \"P256\"; "),
    ] {
        let problems = read(&directory, &tls(keys)).unwrap_err();
        let wanted = format!("tls_server_config.{problem}");
        assert!(problems.iter().any(|line| line.contains(&wanted)), "{wanted}: {problems:#?}");
    }
}

#[test]
fn certificate_and_key_must_be_there_and_belong_together() {
    let directory = directory();
    for (keys, problem) in [
        ("cert_file: a.crt", ": missing one of key or key_file"),
        ("key_file: a.key", ": missing one of cert or cert_file"),
        ("min_version: TLS13", ": missing one of cert or cert_file"),
        ("cert_file: a.crt, key_file: b.key", ": certificate and key cannot be used: "),
        ("cert_file: a.key, key_file: a.key", ".cert_file: "),
        ("cert_file: none, key_file: a.key", ".cert_file: cannot read "),
        ("cert_file: a.crt, key_file: a.crt", ".key_file: "),
        ("cert_file: a.crt, key: sesame", ".key: holds no private key"),
    ] {
        let problems = read(&directory, &format!("tls_server_config: {{{keys}}}\n")).unwrap_err();
        let wanted = format!("tls_server_config{problem}");
        assert!(problems.iter().any(|line| line.contains(&wanted)), "{wanted}: {problems:#?}");
        assert!(problems.iter().all(|line| !line.contains("sesame")), "{problems:#?}");
    }
}

#[test]
fn what_this_server_cannot_do_without_loss_is_a_warning() {
    let directory = directory();
    for (text, warning) in [
        ("http_server_config: {http2: true}", "http_server_config.http2: this server speaks HTTP/1.1 only"),
        (
            &tls(", cipher_suites: [TLS_AES_128_GCM_SHA256]"),
            "tls_server_config.cipher_suites: names no cipher",
        ),
        (
            "basic_auth_users: {a: $2y$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW}",
            "basic_auth_users.a: each new login takes seconds at cost 16",
        ),
    ] {
        let warnings = read(&directory, text).unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(&format!("web.yml: {warning}")), "{warnings:?}");
    }
}

#[test]
fn headers_users_and_rates_are_checked() {
    let directory = directory();
    for (text, problem) in [
        (
            "http_server_config: {headers: {X-Frame-Option: deny}}",
            "http_server_config.headers: HTTP header can not be configured: \"X-Frame-Option\"; did you mean \"X-Frame-Options\"?",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: never}}",
            "http_server_config.headers.X-Frame-Options: invalid value for X-Frame-Options. Expected one of: \"deny\", \"sameorigin\"",
        ),
        (
            "http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}",
            "http_server_config.headers.Content-Security-Policy: not a value that HTTP can send",
        ),
        ("http_server_config: {http2: often}", "http_server_config.http2: expected true or false"),
        ("basic_auth_users: {a: sesame}", "basic_auth_users.a: not a bcrypt hash; "),
        ("basic_auth_users: {a: }", "basic_auth_users.a: missing; give the bcrypt hash"),
        (
            "basic_auth_users: {a: $2y$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW}",
            "basic_auth_users.a: a bcrypt hash with a cost that is none",
        ),
        (
            "basic_auth_users: {\"a:b\": x}",
            "basic_auth_users.a:b: no name that basic authentication can send",
        ),
        ("basic_auth_users: {a: x, a: y}", "basic_auth_users.a: duplicate key"),
        ("rate_limit: {interval: 1s}", "rate_limit.burst: missing; "),
        ("rate_limit: {burst: 5}", "rate_limit.interval: missing; "),
        ("rate_limit: {interval: 1s, burst: 0}", "rate_limit.burst: must be a whole number from 1"),
        ("rate_limit: {interval: 1s, brust: 3}", "rate_limit.brust: unknown key; did you mean burst?"),
        ("tls_server_config: {sesame: 1}", "tls_server_config: unknown key; the keys here are cert, "),
    ] {
        let problems = read(&directory, text).unwrap_err();
        assert!(
            problems.iter().any(|line| line.contains(&format!(" {problem}"))),
            "{problem}: {problems:#?}"
        );
        assert!(problems.iter().all(|line| !line.contains("sesame")), "{problems:#?}");
    }
    for off in ["rate_limit: {interval: 0s, burst: 5}", "rate_limit: {interval: 0}", "rate_limit: {}"] {
        assert_eq!(read(&directory, off).unwrap().rate_limit, None, "{off}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_looked_at_again() {
    let error = load(Path::new("none.yml"), &|_| None).unwrap_err();
    assert!(error.problems()[0].starts_with("none.yml: cannot be read: "), "{error}");
    assert_eq!(error.files(), [Path::new("none.yml")]);
}
