//! The `SDK-HMAC-SHA256` signature of Huawei Cloud ("Signing algorithm" in its API signing guide). Pure: the time is
//! given, so that a request can be signed again and compared byte by byte.

use jiff::Timestamp;

use crate::cloud::canonical::{Canonical, Keys, Signed, decode, encode, hmac_sha256_hex, sha256_hex};

/// Name of the algorithm, as header and string to sign begin.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// A request before it is signed.
pub struct Request<'a> {
    /// HTTP method in upper case.
    pub method: &'a str,
    /// Host as it will be sent; with the port unless that is the scheme's default.
    pub host: &'a str,
    /// Path as it will be sent.
    pub path: &'a str,
    /// Query as [`crate::cloud::canonical::query`] writes it; sent verbatim.
    pub query: &'a str,
    /// More headers to sign and send, like `content-type`; names in lower case.
    pub headers: &'a [(&'static str, &'a str)],
    /// Body as it will be sent.
    pub body: &'a [u8],
    /// Project of the call, sent as `x-project-id`; none for IAM calls that are not about one.
    pub project_id: Option<&'a str>,
}

/// Signs `request` for the second of `date`, which must be within 15 minutes of the cloud's clock.
#[must_use]
pub fn sign(request: &Request<'_>, keys: &Keys<'_>, date: Timestamp) -> Signed {
    let date = date.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = vec![("host", request.host.to_owned()), ("x-sdk-date", date.clone())];
    headers.extend(request.headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    headers.extend(request.project_id.map(|value| ("x-project-id", value.to_owned())));
    headers.extend(keys.security_token.map(|value| ("x-security-token", value.to_owned())));

    let Request { method, query, .. } = *request;
    let path = canonical_path(request.path);
    let canonical = Canonical { method, path: &path, query, payload_hash: &sha256_hex(request.body) };
    let (canonical_request, names) =
        canonical.request(headers.iter().map(|(name, value)| (*name, value.as_str())));
    let string_to_sign = format!("{ALGORITHM}\n{date}\n{}", sha256_hex(canonical_request.as_bytes()));
    let signature = hmac_sha256_hex(keys.secret.as_bytes(), &string_to_sign);
    let authorization =
        format!("{ALGORITHM} Access={}, SignedHeaders={names}, Signature={signature}", keys.id);
    headers.push(("authorization", authorization));
    Signed { canonical_request, string_to_sign, headers }
}

/// The path as it is signed: decoded, each segment encoded anew, and a slash at its end.
#[must_use]
pub fn canonical_path(path: &str) -> String {
    let mut canonical = decode(path).split('/').map(encode).collect::<Vec<_>>().join("/");
    if !canonical.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::cloud::canonical;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(rename = "in")]
        input: Input,
        out: Output,
    }

    #[derive(Deserialize)]
    struct Input {
        method: String,
        host: String,
        path: String,
        query: Vec<(String, Value)>,
        headers: BTreeMap<String, String>,
        body: Option<String>,
        x_sdk_date: String,
        project_id: Option<String>,
        ak: String,
        sk: String,
        security_token: Option<String>,
    }

    #[derive(Deserialize)]
    struct Output {
        canonical_request: String,
        string_to_sign: String,
        authorization: String,
        wire_uri: String,
    }

    impl Input {
        /// The query with repeated names for lists.
        fn query(&self) -> String {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mut pairs = Vec::new();
            for (name, value) in &self.query {
                match value {
                    Value::Array(values) => pairs.extend(values.iter().map(|value| (name, text(value)))),
                    value => pairs.push((name, text(value))),
                }
            }
            canonical::query(&pairs)
        }

        /// The headers in lower case, without the date, which `sign` takes as a value.
        fn headers(&self) -> Vec<(&'static str, &str)> {
            const NAMES: [&str; 3] = ["content-type", "user-agent", "x-language"];
            let given = self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("x-sdk-date"));
            let known =
                |given: &str| NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(given)).unwrap();
            given.map(|(name, value)| (known(name), value.as_str())).collect()
        }

        fn sign(&self) -> Signed {
            let (query, headers) = (self.query(), self.headers());
            let request = Request {
                method: &self.method,
                host: &self.host,
                path: &self.path,
                query: &query,
                headers: &headers,
                body: self.body.as_deref().unwrap_or_default().as_bytes(),
                project_id: self.project_id.as_deref(),
            };
            let security_token = self.security_token.as_deref();
            let date = DateTime::strptime("%Y%m%dT%H%M%SZ", &self.x_sdk_date).unwrap();
            let date = TimeZone::UTC.to_timestamp(date).unwrap();
            sign(&request, &Keys { id: &self.ak, secret: &self.sk, security_token }, date)
        }
    }

    fn header<'a>(signed: &'a Signed, name: &str) -> &'a str {
        &signed.headers.iter().find(|(header, _)| *header == name).unwrap().1
    }

    #[test]
    fn every_vector_of_the_official_sdk_is_signed_alike() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../../tests/vectors/huawei_sdk_hmac.json")).unwrap();
        assert!(!vectors.cases.is_empty());
        for Case { name, input, out } in vectors.cases {
            let signed = input.sign();
            assert_eq!(signed.canonical_request, out.canonical_request, "canonical request of {name}");
            assert_eq!(signed.string_to_sign, out.string_to_sign, "string to sign of {name}");
            assert_eq!(header(&signed, "authorization"), out.authorization, "authorization of {name}");
            let wire_query = out.wire_uri.split_once('?').map_or("", |(_, query)| query);
            assert_eq!(input.query(), wire_query, "query of {name}");
        }
    }

    #[test]
    fn a_security_token_is_sent_and_signed() {
        let request = Request {
            method: "GET",
            host: "das.example.com",
            path: "/v3/p/instances/i/processes",
            query: "",
            headers: &[],
            body: b"",
            project_id: None,
        };
        let keys = Keys { id: "ak", secret: "sk", security_token: Some("token") };
        let signed = sign(&request, &keys, Timestamp::UNIX_EPOCH);
        assert_eq!(header(&signed, "x-security-token"), "token");
        assert!(signed.canonical_request.contains("\nx-security-token:token\n"));
        assert!(
            header(&signed, "authorization").contains("SignedHeaders=host;x-sdk-date;x-security-token, ")
        );
    }
}
