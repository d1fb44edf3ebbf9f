//! Who calls: signatures recomputed from what was received, and tokens. A signature covers exactly the headers that it
//! says it covers.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::refusal::Refusal;
use super::state::{CLOCK_TOLERANCE, Key, Shared};
use super::wire::Received;
use crate::cloud::canonical::{Canonical, hmac_sha256_hex, query, sha256_hex};
use crate::cloud::{alibaba, huawei};

/// An Authorization header, taken apart.
struct Authorization<'a> {
    key: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads `ALGORITHM KEY=…, SignedHeaders=…, Signature=…`, with or without the spaces.
    fn read(header: &'a str, algorithm: &str, key: &str) -> Option<Self> {
        let fields = header.strip_prefix(algorithm)?.strip_prefix(' ')?;
        let mut fields = fields.split(',').map(|field| field.trim().split_once('='));
        let mut field =
            |name| fields.next().flatten().filter(|(key, _)| *key == name).map(|(_, value)| value);
        let (key, signed, signature) = (field(key)?, field("SignedHeaders")?, field("Signature")?);
        Some(Self { key, signed: signed.split(';').collect(), signature })
    }

    /// The canonical request as the cloud rebuilds it; none if a signed header is missing.
    fn canonical(&self, request: &Received, path: &str, payload_hash: &str) -> Option<String> {
        let header =
            |name: &&'a str| request.headers.contains_key(*name).then(|| (*name, request.header(name)));
        let headers: Option<Vec<_>> = self.signed.iter().map(header).collect();
        let query = query(&request.query);
        let canonical = Canonical { method: request.method.as_str(), path, query: &query, payload_hash };
        Some(canonical.request(headers?).0)
    }
}

/// Checks an `ACS3-HMAC-SHA256` signature, its date and its nonce.
pub(super) fn alibaba(shared: &Shared, request: &Received) -> Result<(), Refusal> {
    let header = request.header("authorization");
    let authorization = Authorization::read(header, alibaba::sign::ALGORITHM, "Credential");
    let authorization = authorization.ok_or(Refusal::INCOMPLETE_SIGNATURE)?;
    let must_sign = |name: &str| matches!(name, "host" | "content-type") || name.starts_with("x-acs-");
    let mut present = request.headers.keys().map(http::HeaderName::as_str).filter(|name| must_sign(name));
    if !present.all(|name| authorization.signed.contains(&name)) {
        return Err(Refusal::INCOMPLETE_SIGNATURE);
    }
    let key = shared.state().keys.get(authorization.key).cloned().ok_or(Refusal::ACCESS_KEY_NOT_FOUND)?;
    check_alibaba_token(&key, request)?;
    if key.ends_at.is_some_and(|ends_at| ends_at <= shared.now()) {
        return Err(Refusal::SECURITY_TOKEN_EXPIRED);
    }
    check_alibaba_date(shared, request)?;

    let payload_hash = sha256_hex(&request.body);
    let canonical = authorization.canonical(request, &request.path, &payload_hash);
    let canonical = canonical.ok_or(Refusal::INCOMPLETE_SIGNATURE)?;
    let string_to_sign = format!("{}\n{}", alibaba::sign::ALGORITHM, sha256_hex(canonical.as_bytes()));
    let expected = hmac_sha256_hex(key.secret.as_bytes(), &string_to_sign);
    if expected != authorization.signature || request.header("x-acs-content-sha256") != payload_hash {
        let echo =
            format!("server string to sign is:{string_to_sign}, server canonical request is:{canonical}");
        return Err(Refusal::SIGNATURE_DOES_NOT_MATCH.echoing(echo));
    }
    let (now, nonce) = (shared.now(), request.header("x-acs-signature-nonce"));
    if shared.state().nonces.use_up(nonce, now) { Ok(()) } else { Err(Refusal::NONCE_USED) }
}

fn check_alibaba_token(key: &Key, request: &Received) -> Result<(), Refusal> {
    match (key.token.as_deref().unwrap_or_default(), request.header("x-acs-security-token")) {
        (expected, given) if expected == given => Ok(()),
        (_, "") => Err(Refusal::MISSING_SECURITY_TOKEN),
        _ => Err(Refusal::SECURITY_TOKEN_MISMATCH),
    }
}

fn check_alibaba_date(shared: &Shared, request: &Received) -> Result<(), Refusal> {
    alibaba_date(shared, request.header("x-acs-date"))
}

/// Checks the date of a call, which is in a parameter where the call is not signed.
pub(super) fn alibaba_date(shared: &Shared, text: &str) -> Result<(), Refusal> {
    let date = timestamp("%Y-%m-%dT%H:%M:%SZ", text).ok_or(Refusal::TIME_STAMP_FORMAT)?;
    if is_near(shared, date) { Ok(()) } else { Err(Refusal::TIME_STAMP_EXPIRED) }
}

/// Checks a token, or else an `SDK-HMAC-SHA256` signature and its date.
pub(super) fn huawei(shared: &Shared, request: &Received) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::IAM_AUTHENTICATION.echoing(why));
    if request.headers.contains_key("x-auth-token") {
        return check_huawei_token(shared, request.header("x-auth-token"));
    }
    let header = request.header("authorization");
    let Some(authorization) = Authorization::read(header, huawei::sign::ALGORITHM, "Access") else {
        return refused("Authorization not found or malformed");
    };
    let Some(key) = shared.state().keys.get(authorization.key).cloned() else {
        return refused(&format!("ak {} not exist", authorization.key));
    };
    let date = request.header("x-sdk-date");
    if !timestamp("%Y%m%dT%H%M%SZ", date).is_some_and(|date| is_near(shared, date)) {
        return refused("calc ak sk signature fail:signature expired");
    }
    if key.token.as_deref().unwrap_or_default() != request.header("x-security-token") {
        return refused("securityToken does not match the ak");
    }
    if key.ends_at.is_some_and(|ends_at| ends_at <= shared.now()) {
        return refused("securityToken expired");
    }
    let path = huawei::sign::canonical_path(&request.path);
    let canonical = authorization.canonical(request, &path, &sha256_hex(&request.body));
    let Some(canonical) = canonical.filter(|_| authorization.signed.contains(&"x-sdk-date")) else {
        return refused("signed headers are missing");
    };
    let string_to_sign = format!("{}\n{date}\n{}", huawei::sign::ALGORITHM, sha256_hex(canonical.as_bytes()));
    if hmac_sha256_hex(key.secret.as_bytes(), &string_to_sign) != authorization.signature {
        let canonical = canonical.replace('\n', "|");
        return refused(&format!("verify aksk signature fail, canonicalRequest:{canonical}"));
    }
    Ok(())
}

fn check_huawei_token(shared: &Shared, token: &str) -> Result<(), Refusal> {
    let expires = shared.state().tokens.get(token).copied();
    match expires {
        None => Err(Refusal::IAM_AUTHENTICATION.echoing("decrypt token fail")),
        Some(expires) if expires <= shared.now() => Err(Refusal::TOKEN_EXPIRED),
        Some(_) => Ok(()),
    }
}

/// The key or token that a request names, for the log.
pub(super) fn named_key(request: &Received) -> String {
    let header = request.header("authorization");
    let alibaba = Authorization::read(header, alibaba::sign::ALGORITHM, "Credential");
    let key = alibaba.or_else(|| Authorization::read(header, huawei::sign::ALGORITHM, "Access"));
    key.map_or(request.header("x-auth-token"), |authorization| authorization.key).to_owned()
}

fn timestamp(format: &str, text: &str) -> Option<Timestamp> {
    DateTime::strptime(format, text).and_then(|date| TimeZone::UTC.to_timestamp(date)).ok()
}

fn is_near(shared: &Shared, date: Timestamp) -> bool {
    shared.now().duration_since(date).abs() <= CLOCK_TOLERANCE
}
