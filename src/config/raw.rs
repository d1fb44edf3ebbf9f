//! Mirror of the configuration file: which keys there are and whether each holds a value, a list or a map. Knows nothing of what
//! they mean. Every value is kept as its text, since `${NAME}` may stand for any of them, and everything may be left out, so
//! that what is missing is reported together with all other errors of meaning. No type here has a `Debug`: some hold secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// One value of the file, as written; absent where the key is left out or has no value.
#[derive(Default)]
pub(super) struct Leaf(pub Option<String>);

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(LeafVisitor { expected: "a single value", fits: |_| true })
    }
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let fits = |text: &str| text.parse::<u64>().is_ok();
    deserializer.deserialize_option(LeafVisitor { expected: "a whole number", fits })
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let fits = |text: &str| matches!(text, "true" | "false");
    deserializer.deserialize_option(LeafVisitor { expected: "true or false", fits })
}

/// The NAME of a value that is `${NAME}` as a whole.
pub(super) fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (first_fits && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
}

struct LeafVisitor {
    expected: &'static str,
    fits: fn(&str) -> bool,
}

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_none<E: Error>(self) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Leaf, D::Error> {
        // As a string YAML hands out every scalar verbatim: 007 stays 007, and on stays on.
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Leaf, E> {
        if (self.fits)(text) || variable(text).is_some() {
            Ok(Leaf(Some(text.to_owned())))
        } else {
            Err(E::invalid_value(Unexpected::Other("text"), &self))
        }
    }
}

/// A map with the given keys and no others.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($(#[$how:meta])* $key:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, expecting = "a map of keys")]
        pub(super) struct $name { $($(#[$how])* pub $key: $kind,)* }
    };
}

/// A map with the given keys and those settings that may stand on every level, kept flat because serde cannot refuse unknown
/// keys in a flattened map.
macro_rules! keys_and_settings {
    ($(#[$doc:meta])* $name:ident { $($(#[$how:meta])* $key:ident: $kind:ty,)* }) => {
        keys! { $(#[$doc])* $name {
            $($(#[$how])* $key: $kind,)*
            interval: Leaf,
            timeout: Leaf,
            stale_after: Leaf,
            slow_session_threshold: Leaf,
            long_transaction_threshold: Leaf,
            max_response_bytes: Leaf,
            #[serde(deserialize_with = "whole_number")] max_pages: Leaf,
            #[serde(deserialize_with = "whole_number")] max_series: Leaf,
            spike: Option<WordOr<RawSpike>>,
        } }

        impl $name {
            pub fn settings(&self) -> RawSettings<'_> {
                RawSettings {
                    interval: &self.interval,
                    timeout: &self.timeout,
                    stale_after: &self.stale_after,
                    slow_session_threshold: &self.slow_session_threshold,
                    long_transaction_threshold: &self.long_transaction_threshold,
                    max_response_bytes: &self.max_response_bytes,
                    max_pages: &self.max_pages,
                    max_series: &self.max_series,
                    spike: self.spike.as_ref(),
                }
            }
        }
    };
}

/// The settings of one level, wherever they stand.
pub(super) struct RawSettings<'a> {
    pub interval: &'a Leaf,
    pub timeout: &'a Leaf,
    pub stale_after: &'a Leaf,
    pub slow_session_threshold: &'a Leaf,
    pub long_transaction_threshold: &'a Leaf,
    pub max_response_bytes: &'a Leaf,
    pub max_pages: &'a Leaf,
    pub max_series: &'a Leaf,
    pub spike: Option<&'a WordOr<RawSpike>>,
}

keys! {
    /// The whole file.
    RawFile {
        global: Option<RawGlobal>,
        accounts: Option<Vec<RawAccount>>,
        instances: Option<Vec<RawInstance>>,
        kill_tasks: Option<Vec<RawKillTask>>,
    }
}

keys_and_settings! {
    /// `global`
    RawGlobal {
        #[serde(deserialize_with = "whole_number")] top: Leaf,
        kill_task_retention: Leaf,
    }
}

keys_and_settings! {
    /// `accounts[]`
    RawAccount {
        name: Leaf,
        provider: Leaf,
        region: Leaf,
        project_id: Leaf,
        credentials: Option<WordOr<RawKeys>>,
        endpoints: Option<RawServices>,
        rate_limit: Option<RawRates>,
        proxy: Leaf,
        proxy_file: Leaf,
        tls: Option<RawTls>,
        kill_task_retention: Leaf,
    }
}

keys! {
    /// `accounts[].endpoints`
    RawServices { das: Leaf, ddm: Leaf, iam: Leaf, sts: Leaf, metadata: Leaf, }
}

keys! {
    /// `accounts[].tls`
    RawTls {
        ca_file: Leaf,
        #[serde(deserialize_with = "flag")] system_roots: Leaf,
    }
}

keys! {
    /// `accounts[].rate_limit`
    RawRates { das: Leaf, ddm: Leaf, }
}

keys_and_settings! {
    /// `instances[]`
    RawInstance {
        account: Leaf,
        service: Leaf,
        id: Leaf,
        nodes: Option<Vec<Leaf>>,
        name: Leaf,
        labels: Option<BTreeMap<String, Leaf>>,
        db_user_id: Leaf,
        users: Option<Vec<Leaf>>,
        databases: Option<Vec<Leaf>>,
        #[serde(deserialize_with = "flag")] enabled: Leaf,
    }
}

keys! {
    /// `kill_tasks[]`
    RawKillTask { account: Leaf, instance: Leaf, node: Leaf, task: Leaf, }
}

/// A word instead of a map of keys, or a variable that may hold it.
pub(super) enum WordOr<T> {
    Word(Leaf),
    Keys(Box<T>),
}

keys! {
    /// `spike` on every level, where it is a map.
    RawSpike {
        interval: Leaf,
        above: Leaf,
        #[serde(deserialize_with = "whole_number")] min_active: Leaf,
    }
}

keys! {
    /// `accounts[].credentials`, where it is a map.
    RawKeys {
        access_key_id: Leaf,
        access_key_id_file: Leaf,
        access_key_secret: Leaf,
        access_key_secret_file: Leaf,
        security_token: Leaf,
        security_token_file: Leaf,
        profile: Leaf,
        role_arn: Leaf,
        role_session_name: Leaf,
        external_id: Leaf,
        external_id_file: Leaf,
        duration: Leaf,
        oidc: Option<RawOidc>,
        ecs_role: Leaf,
        credentials_uri: Leaf,
        iam: Option<RawIam>,
        agency: Option<RawAgency>,
        #[serde(deserialize_with = "flag")] ecs_agency: Leaf,
    }
}

keys! {
    /// `accounts[].credentials.oidc` of either cloud.
    RawOidc { role_arn: Leaf, provider_arn: Leaf, idp_id: Leaf, token_file: Leaf, }
}

keys! {
    /// `accounts[].credentials.agency`
    RawAgency { name: Leaf, domain: Leaf, }
}

keys! {
    /// `accounts[].credentials.iam`
    RawIam { domain: Leaf, user: Leaf, password: Leaf, password_file: Leaf, project: Leaf, }
}

/// Keys that a word may stand for.
pub(super) trait OrWord {
    const WORD: &'static str;
    const EXPECTED: &'static str;
}

impl OrWord for RawKeys {
    const WORD: &'static str = "default";
    const EXPECTED: &'static str = "the word default or a map of keys";
}

impl OrWord for RawSpike {
    const WORD: &'static str = "off";
    const EXPECTED: &'static str = "the word off or a map of keys";
}

impl<'de, T: Deserialize<'de> + OrWord> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrVisitor(PhantomData))
    }
}

struct WordOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + OrWord> Visitor<'de> for WordOrVisitor<T> {
    type Value = WordOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WordOr<T>, E> {
        if text == T::WORD || variable(text).is_some() {
            Ok(WordOr::Word(Leaf(Some(text.to_owned()))))
        } else {
            Err(E::invalid_type(Unexpected::Str(""), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|keys| WordOr::Keys(Box::new(keys)))
    }
}
