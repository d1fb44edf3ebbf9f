//! Mirror of the web configuration file: which keys there are and whether each holds a value, a list or a map. No type here has
//! a `Debug`: some hold secrets.

use std::collections::BTreeMap;

#[cfg(test)]
use super::{Key, Keys};
use super::{Leaf, flag, whole_number};

keys! {
    /// The whole file.
    RawWeb {
        /// TLS, and certificates of clients.
        tls_server_config: Option<RawTlsServer>,
        /// What is put on every answer.
        http_server_config: Option<RawHttp>,
        /// Names, and bcrypt hashes of passwords.
        basic_auth_users: Option<BTreeMap<String, Leaf>>,
        /// How many requests are answered.
        rate_limit: Option<RawRateLimit>,
    }
}

keys! {
    /// `tls_server_config`
    RawTlsServer {
        /// The certificate chain as PEM.
        cert: Leaf,
        /// The same in a file.
        cert_file: Leaf,
        /// The private key as PEM.
        key: Leaf,
        /// The same in a file.
        key_file: Leaf,
        /// What is demanded of clients.
        client_auth_type: Leaf,
        /// Who signs the certificates of clients, as PEM.
        client_ca: Leaf,
        /// The same in a file.
        client_ca_file: Leaf,
        /// Names, one of which a client must have.
        client_allowed_sans: Option<Vec<Leaf>>,
        /// Those of TLS 1.2, by their names in Go.
        cipher_suites: Option<Vec<Leaf>>,
        /// By their names in Go.
        curve_preferences: Option<Vec<Leaf>>,
        /// `TLS12` or `TLS13`.
        min_version: Leaf,
        /// `TLS12` or `TLS13`.
        max_version: Leaf,
        /// Whether the server's order counts.
        #[serde(deserialize_with = "flag")] prefer_server_cipher_suites: Leaf,
    }
}

impl RawTlsServer {
    /// Whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        let Self { cert, cert_file, key, key_file, client_auth_type, client_ca, client_ca_file, .. } = self;
        let Self { min_version, max_version, prefer_server_cipher_suites, .. } = self;
        let leaves = [cert, cert_file, key, key_file, client_auth_type, client_ca, client_ca_file];
        let more = [min_version, max_version, prefer_server_cipher_suites];
        let lists = [&self.client_allowed_sans, &self.cipher_suites, &self.curve_preferences];
        leaves.into_iter().chain(more).all(|leaf| leaf.0.is_none()) && lists.iter().all(|list| list.is_none())
    }
}

keys! {
    /// `http_server_config`
    RawHttp {
        /// Of no use here.
        #[serde(deserialize_with = "flag")] http2: Leaf,
        /// Names and values.
        headers: Option<BTreeMap<String, Leaf>>,
    }
}

keys! {
    /// `rate_limit`
    RawRateLimit {
        /// Time for one more request.
        interval: Leaf,
        /// Requests at once.
        #[serde(deserialize_with = "whole_number")] burst: Leaf,
    }
}
