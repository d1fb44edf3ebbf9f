//! The `ACS3-HMAC-SHA256` signature of Alibaba Cloud ("V3 request structure and signature" in its documentation).
//! Pure: time and nonce are given, so that a request can be signed again and compared byte by byte.

use jiff::Timestamp;

use crate::cloud::canonical::{Canonical, Keys, Signed, hmac_sha256_hex, sha256_hex};

/// Name of the algorithm, as header and string to sign begin.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// An RPC request before it is signed.
pub struct Request<'a> {
    /// HTTP method in upper case.
    pub method: &'a str,
    /// Host as it will be sent; with the port unless that is the scheme's default.
    pub host: &'a str,
    /// Path as it will be sent; `/` for RPC operations.
    pub path: &'a str,
    /// Query as [`crate::cloud::canonical::query`] writes it; sent verbatim.
    pub query: &'a str,
    /// Content type, if there is a body.
    pub content_type: Option<&'a str>,
    /// Body as it will be sent.
    pub body: &'a [u8],
    /// Operation, like `GetMySQLAllSessionAsync`.
    pub action: &'a str,
    /// Version of the operation's API, like `2020-01-16`.
    pub version: &'a str,
}

/// Signs `request` for the second of `date`, which must be within 15 minutes of the cloud's clock. Each `nonce` is good
/// for one request. Signed are the headers that the documentation names: `host`, `content-type` and all `x-acs-*`; a
/// proxy may thus rewrite the others.
#[must_use]
pub fn sign(request: &Request<'_>, keys: &Keys<'_>, date: Timestamp, nonce: &str) -> Signed {
    let payload_hash = sha256_hex(request.body);
    let mut headers = vec![
        ("host", request.host.to_owned()),
        ("x-acs-action", request.action.to_owned()),
        ("x-acs-content-sha256", payload_hash.clone()),
        ("x-acs-date", date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("x-acs-signature-nonce", nonce.to_owned()),
        ("x-acs-version", request.version.to_owned()),
    ];
    headers.extend(request.content_type.map(|value| ("content-type", value.to_owned())));
    headers.extend(keys.security_token.map(|value| ("x-acs-security-token", value.to_owned())));

    let Request { method, path, query, .. } = *request;
    let canonical = Canonical { method, path, query, payload_hash: &payload_hash };
    let (canonical_request, names) =
        canonical.request(headers.iter().map(|(name, value)| (*name, value.as_str())));
    let string_to_sign = format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()));
    let signature = hmac_sha256_hex(keys.secret.as_bytes(), &string_to_sign);
    let authorization =
        format!("{ALGORITHM} Credential={},SignedHeaders={names},Signature={signature}", keys.id);
    // Not signed: without it the gateway of RPC operations may answer in XML.
    headers.push(("accept", "application/json".to_owned()));
    headers.push(("authorization", authorization));
    Signed { canonical_request, string_to_sign, headers }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::cloud::canonical;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        input: Input,
        output: Output,
    }

    #[derive(Deserialize)]
    struct Input {
        method: String,
        host: String,
        path: String,
        query: BTreeMap<String, String>,
        body: Option<String>,
        content_type: Option<String>,
        x_acs_date: String,
        nonce: String,
        action: String,
        version: String,
        access_key_id: String,
        access_key_secret: String,
        security_token: Option<String>,
    }

    #[derive(Deserialize)]
    struct Output {
        canonical_request: String,
        string_to_sign: String,
        authorization: String,
    }

    impl Input {
        fn sign(&self) -> Signed {
            let query = canonical::query(&self.query.iter().collect::<Vec<_>>());
            let request = Request {
                method: &self.method,
                host: &self.host,
                path: &self.path,
                query: &query,
                content_type: self.content_type.as_deref(),
                body: self.body.as_deref().unwrap_or_default().as_bytes(),
                action: &self.action,
                version: &self.version,
            };
            let security_token = self.security_token.as_deref();
            let keys = Keys { id: &self.access_key_id, secret: &self.access_key_secret, security_token };
            sign(&request, &keys, self.x_acs_date.parse().unwrap(), &self.nonce)
        }
    }

    #[test]
    fn every_vector_of_the_official_sdk_is_signed_alike() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../../tests/vectors/alibaba_acs3.json")).unwrap();
        assert!(!vectors.cases.is_empty());
        for Case { name, input, output } in vectors.cases {
            let signed = input.sign();
            assert_eq!(signed.canonical_request, output.canonical_request, "canonical request of {name}");
            assert_eq!(signed.string_to_sign, output.string_to_sign, "string to sign of {name}");
            let authorization = &signed.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
            assert_eq!(*authorization, output.authorization, "authorization of {name}");
        }
    }
}
