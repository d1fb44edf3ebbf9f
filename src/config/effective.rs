//! The configuration as it takes effect, in the form of its file: defaults filled in, variables replaced, secrets masked. What is
//! inherited stays left out, so that the text says as the file does where a value comes from.

use std::collections::BTreeMap;
use std::fmt;

use serde_yaml::{Mapping, Value};

use super::raw::{Leaf, RawFile, RawGlobal, WordOr, variable};
use super::{Account, Config, Endpoint, Provider};

/// Stands for a secret.
const MASK: &str = "<secret>";

/// Maps whose keys have defaults that depend on others: left as they are.
const AS_WRITTEN: [&str; 2] = ["credentials", "rate_limit"];

/// Lists whose items inherit what stands in `global`.
const BELOW_GLOBAL: [&str; 2] = ["accounts", "instances"];

/// How the text begins.
const GLOBAL: &str = "global:\n";

/// What the exporter follows where `stale_after` is left out. A value would say something else: it would not follow an interval
/// that is set on a level below, or that the rate limit stretches.
const STALE_AFTER: &str =
    "  # stale_after: max(60s, 2 × interval, interval + timeout), of each target's interval now in force\n";

/// The configuration as YAML, without any secret.
#[derive(Clone, Default)]
pub struct Effective(String);

impl Effective {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rest of a configuration says the same.
impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How a value is shown.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    /// What its text has to be, as `raw` names it.
    kind: &'static str,
    /// Whether defaults are filled in.
    fills: bool,
    /// Whether what is left out is inherited from `global`, if it can stand there.
    inherits: bool,
}

/// A part of the raw file that can be shown.
pub(super) trait Show {
    /// Names of the keys, where it is a map of known ones.
    const NAMES: &'static [&'static str] = &[];

    /// Its value; `None` where it is left out.
    fn show(&self, how: How) -> Option<Value>;
}

/// A map that is being shown.
pub(super) struct Shown<'a> {
    how: How<'a>,
    map: Mapping,
}

impl<'a> How<'a> {
    /// A map, of what `keys` puts into it.
    pub fn map(self, keys: impl FnOnce(&mut Shown<'a>)) -> Value {
        let mut shown = Shown { how: self, map: Mapping::new() };
        keys(&mut shown);
        Value::Mapping(shown.map)
    }

    fn default(self, text: &str) -> Value {
        if text == "[]" { Value::Sequence(Vec::new()) } else { self.scalar(text.to_owned()) }
    }

    fn scalar(self, text: String) -> Value {
        match self.kind {
            "SecretLeaf" | "SecretUrlLeaf" => Value::from(MASK),
            "UrlLeaf" => Value::from(without_login(text)),
            "WholeLeaf" | "NumberLeaf" => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
            "FlagLeaf" => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
            _ => Value::from(text),
        }
    }
}

/// A URL whose user and password, if it has them, are masked.
fn without_login(url: String) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    parts.map(|(scheme, host)| format!("{scheme}://{MASK}@{host}")).unwrap_or(url)
}

impl Shown<'_> {
    /// Puts a key in, unless it is left out and has no default that is its own.
    pub fn put(&mut self, name: &str, kind: &'static str, default: &[&str], value: &impl Show) {
        let how = self.how;
        let fills = how.fills && !(how.inherits && RawGlobal::NAMES.contains(&name));
        let inner = How {
            kind,
            fills: fills && !AS_WRITTEN.contains(&name),
            inherits: how.inherits || BELOW_GLOBAL.contains(&name),
            ..how
        };
        // What depends on other keys is told in words.
        let plain = default.first().filter(|default| fills && !default.contains(' '));
        let shown = value.show(inner).or_else(|| plain.map(|default| inner.default(default)));
        if let Some(shown) = shown {
            self.map.insert(Value::from(name), shown);
        }
    }
}

impl Show for Leaf {
    fn show(&self, how: How) -> Option<Value> {
        let written = self.0.as_ref()?;
        let text = variable(written).and_then(how.env).unwrap_or_else(|| written.clone());
        Some(how.scalar(text))
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self, how: How) -> Option<Value> {
        self.as_ref()?.show(how)
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self, how: How) -> Option<Value> {
        Some(Value::Sequence(self.iter().filter_map(|item| item.show(how)).collect()))
    }
}

impl<T: Show> Show for BTreeMap<String, T> {
    fn show(&self, how: How) -> Option<Value> {
        let shown =
            self.iter().filter_map(|(name, value)| Some((Value::from(name.as_str()), value.show(how)?)));
        Some(Value::Mapping(shown.collect()))
    }
}

impl<T: Show> Show for WordOr<T> {
    fn show(&self, how: How) -> Option<Value> {
        match self {
            Self::Word(word) => word.show(how),
            Self::Keys(keys) => keys.show(how),
        }
    }
}

/// The file as a document; what only the checks find out is still missing.
pub(super) fn document(file: &mut RawFile, env: &dyn Fn(&str) -> Option<String>) -> Value {
    // What is on unless it is turned off.
    file.global.get_or_insert_default().incidents.get_or_insert_with(|| WordOr::Keys(Box::default()));
    let how = How { env, kind: "", fills: true, inherits: false };
    file.show(how).unwrap_or_default()
}

/// The text of a document, with what the checks have found out of each account.
pub(super) fn effective(mut document: Value, config: &Config) -> Effective {
    let accounts = document.get_mut("accounts").and_then(Value::as_sequence_mut);
    for (shown, account) in accounts.into_iter().flatten().zip(&config.accounts) {
        if let Value::Mapping(shown) = shown {
            add_defaults(shown, account);
        }
    }
    // A document of texts, lists and maps is always YAML.
    let text = serde_yaml::to_string(&document).unwrap_or_default();
    let is_stale_after_given =
        document.get("global").is_some_and(|global| global.get("stale_after").is_some());
    Effective(if is_stale_after_given {
        text
    } else {
        text.replacen(GLOBAL, &format!("{GLOBAL}{STALE_AFTER}"), 1)
    })
}

/// Puts in what depends on the cloud, the region or the credentials.
fn add_defaults(shown: &mut Mapping, account: &Account) {
    let base = |endpoint: Option<&Endpoint>| endpoint.map(|endpoint| endpoint.base().to_owned());
    let [sts, metadata] = account.credentials.endpoints();
    let is_huawei = account.provider == Provider::Huawei;
    for (map, name, value) in [
        ("", "region", account.region.clone()),
        ("", "project_id", account.project_id.clone()),
        ("endpoints", "das", base(Some(&account.das))),
        ("endpoints", "ddm", base(account.ddm.as_ref())),
        ("endpoints", "iam", base(account.iam.as_ref())),
        ("endpoints", "sts", base(sts)),
        ("endpoints", "metadata", base(metadata)),
        ("rate_limit", "das", Some(account.das_rate.to_string())),
        ("rate_limit", "ddm", is_huawei.then(|| account.ddm_rate.to_string())),
    ] {
        let Some(value) = value else { continue };
        let place = if map.is_empty() { Some(&mut *shown) } else { inner(shown, map) };
        if let Some(place) = place.filter(|place| !place.contains_key(name)) {
            place.insert(Value::from(name), Value::from(value));
        }
    }
}

/// The map under a key, made if it is not there.
fn inner<'m>(map: &'m mut Mapping, name: &str) -> Option<&'m mut Mapping> {
    if !map.contains_key(name) {
        map.insert(Value::from(name), Value::Mapping(Mapping::new()));
    }
    map.get_mut(name)?.as_mapping_mut()
}
