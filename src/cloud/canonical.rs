//! What the two clouds' signatures have in common: percent-encoding, the canonical query and request, digests, and the
//! types of keys and of a signed request. Pure: knows no clock, no randomness and no HTTP client.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// An access key. It has no `Debug`, so that no log can show the secret.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Access key id (Alibaba Cloud: `AccessKeyId`; Huawei Cloud: AK).
    pub id: &'a str,
    /// Access key secret (Alibaba Cloud: `AccessKeySecret`; Huawei Cloud: SK).
    pub secret: &'a str,
    /// Security token of temporary keys.
    pub security_token: Option<&'a str>,
}

/// A signed request, every stage visible, so that a wrong signature can be traced to the stage that went wrong.
/// It has no `Debug`: headers and canonical request hold the security token.
pub struct Signed {
    /// Method, path, query, signed headers and payload hash, as the cloud rebuilds them.
    pub canonical_request: String,
    /// Algorithm and hash of the canonical request.
    pub string_to_sign: String,
    /// Every header to send, in lower case, `host` and `authorization` included.
    pub headers: Vec<(&'static str, String)>,
}

/// A request as both clouds hash it; see [`Canonical::request`].
pub struct Canonical<'a> {
    /// HTTP method in upper case.
    pub method: &'a str,
    /// Path in its canonical form.
    pub path: &'a str,
    /// Query as [`query`] writes it.
    pub query: &'a str,
    /// Hex digest of the body.
    pub payload_hash: &'a str,
}

impl Canonical<'_> {
    /// The canonical request over `headers`, and the names of these, joined by `;`. Names must be in lower case; they are
    /// sorted here, and values are trimmed.
    #[must_use]
    pub fn request<'h>(&self, headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> (String, String) {
        let mut headers: Vec<_> = headers.into_iter().collect();
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut request = format!("{}\n{}\n{}\n", self.method, self.path, self.query);
        for (name, value) in headers {
            request.extend([name, ":", value.trim(), "\n"]);
        }
        request.extend(["\n", &names, "\n", self.payload_hash]);
        (request, names)
    }
}

/// The canonical query: pairs sorted by unencoded name, then value, percent-encoded, as `a=1&b=`; empty without pairs.
/// It is sent as it is signed.
#[must_use]
pub fn query<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| encode(name) + "=" + &encode(value)).collect();
    pairs.join("&")
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, in upper-case hex.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// The text that was percent-encoded; a `%` without two hex digits stays as it is, and what is not UTF-8 is replaced.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let mut octet = [0];
        let hex = after.get(..2).filter(|_| byte == b'%');
        if hex.is_some_and(|digits| hex::decode_to_slice(digits, &mut octet).is_ok()) {
            decoded.push(octet[0]);
            rest = &after[2..];
        } else {
            decoded.push(byte);
            rest = after;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    lower_hex(&Sha256::digest(bytes))
}

/// HMAC-SHA256 in lower-case hex.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "it cannot: HMAC takes keys of every length")]
pub fn hmac_sha256_hex(key: &[u8], message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    lower_hex(&mac.finalize().into_bytes())
}

/// Many times as fast as [`hex::encode`], which goes by characters.
fn lower_hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    hex::encode_to_slice(bytes, &mut digits).expect("there is room for two digits a byte");
    String::from_utf8(digits).expect("hex digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_sorted_before_it_is_encoded() {
        assert_eq!(query(&[("b", "2"), ("a", "é"), ("a", "z"), ("empty", "")]), "a=z&a=%C3%A9&b=2&empty=");
        assert_eq!(query::<&str, &str>(&[]), "");
    }

    #[test]
    fn only_unreserved_characters_stay_plain() {
        assert_eq!(encode("aZ09-._~ +*/%"), "aZ09-._~%20%2B%2A%2F%25");
    }

    #[test]
    fn decoding_undoes_encoding_and_survives_stray_percent_signs() {
        for text in ["", "plain", "a b+c*d~e%f/g", "用户 😀", "%", "%4", "%zz", "100%"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%41"), "%zzA");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn headers_are_sorted_trimmed_and_named() {
        let canonical = Canonical { method: "GET", path: "/", query: "", payload_hash: "00" };
        let (request, names) = canonical.request([("x-b", " 2 "), ("host", "h")]);
        assert_eq!(request, "GET\n/\n\nhost:h\nx-b:2\n\nhost;x-b\n00");
        assert_eq!(names, "host;x-b");
    }

    /// Test case 2 of RFC 4231.
    #[test]
    fn hmac_agrees_with_its_rfc() {
        let mac = hmac_sha256_hex(b"Jefe", "what do ya want for nothing?");
        assert_eq!(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
