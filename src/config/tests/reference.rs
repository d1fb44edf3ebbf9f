//! `docs/configuration.md` shows every key, with what the types say of it, and what they say is so.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::{no_keys, parse};
use crate::config::raw::{
    Key, Keys, RawAccount, RawAgency, RawFile, RawGlobal, RawIam, RawIncidents, RawInstance, RawKeys,
    RawKillTask, RawOidc, RawRates, RawServices, RawSpike, RawTls,
};
use crate::generated;

/// What comes before and after a key's value where the file is in order but for it; nothing where the form depends on more.
type Around = Option<(&'static str, &'static str)>;

/// A map of the file.
struct Level {
    path: &'static str,
    name: &'static str,
    keys: &'static [Key],
    around: Around,
}

const fn level<K: Keys>(path: &'static str, around: Around) -> Level {
    Level { path, name: K::NAME, keys: K::KEYS, around }
}

const ACCOUNT: Around = Some(("accounts: [{name: a, provider: alibaba, ", "}]"));
const TLS: Around = Some(("accounts: [{name: a, provider: alibaba, tls: {", "}}]"));
const ROLE: Around =
    Some(("accounts: [{name: a, provider: alibaba, credentials: {role_arn: 'acs:ram::1:role/r', ", "}}]"));
const INSTANCE: Around =
    Some(("{accounts: [{name: a, provider: alibaba}], instances: [{account: a, id: i, ", "}]}"));

/// Keys that may stand in `global`, in an account and in an instance; shown once.
const SETTINGS: &str = "settings";
const WITH_SETTINGS: [&str; 3] = [RawGlobal::NAME, RawAccount::NAME, RawInstance::NAME];

const LEVELS: [Level; 15] = [
    level::<RawFile>("", None),
    level::<RawGlobal>("global", Some(("global: {", "}"))),
    Level { path: SETTINGS, name: "", keys: RawGlobal::KEYS, around: None },
    level::<RawSpike>("spike", Some(("global: {spike: {", "}}"))),
    level::<RawIncidents>("incidents", Some(("global: {incidents: {", "}}"))),
    level::<RawAccount>("accounts[]", ACCOUNT),
    level::<RawRates>("accounts[].rate_limit", None),
    level::<RawServices>("accounts[].endpoints", None),
    level::<RawTls>("accounts[].tls", TLS),
    level::<RawKeys>("accounts[].credentials", ROLE),
    level::<RawOidc>("accounts[].credentials.oidc", None),
    level::<RawIam>("accounts[].credentials.iam", None),
    level::<RawAgency>("accounts[].credentials.agency", None),
    level::<RawInstance>("instances[]", INSTANCE),
    level::<RawKillTask>("kill_tasks[]", None),
];

/// Whether a key is one of the settings.
fn is_setting(key: &Key) -> bool {
    [RawGlobal::KEYS, RawAccount::KEYS, RawInstance::KEYS]
        .iter()
        .all(|keys| keys.iter().any(|other| other.name == key.name))
}

/// How the reference calls a kind of value.
fn kind(of: &str) -> &'static str {
    match of.replace(' ', "").as_str() {
        "Leaf" | "SecretLeaf" => "text",
        "DurationLeaf" => "duration",
        "ExposeSqlLeaf" => "`none` or `digest`",
        "FactorLeaf" => "factor",
        "NumberLeaf" => "number",
        "FlagLeaf" => "`true` or `false`",
        "PathLeaf" => "path",
        "RateLeaf" => "calls",
        "SizeLeaf" => "size",
        "UrlLeaf" | "SecretUrlLeaf" => "URL",
        "WholeLeaf" => "whole number",
        "Option<WordOr<RawKeys>>" => "`default`, or keys",
        "Option<WordOr<RawSpike>>" | "Option<WordOr<RawIncidents>>" => "`off`, or keys",
        "Option<Vec<Leaf>>" => "list of texts",
        "Option<BTreeMap<String,Leaf>>" => "texts by name",
        list if list.starts_with("Option<Vec<Raw") => "list of keys",
        map if map.starts_with("Option<Raw") => "keys",
        other => panic!("the reference has no word for {other}"),
    }
}

fn table(keys: impl Iterator<Item = &'static Key>) -> String {
    let mut table = "| key | value | default | |\n|---|---|---|---|\n".to_owned();
    for key in keys {
        let default = key.default.first().map(|default| format!("`{default}`")).unwrap_or_default();
        let meaning = key.meaning.concat();
        let _ = writeln!(table, "| `{}` | {} | {default} | {} |", key.name, kind(key.kind), meaning.trim());
    }
    table
}

fn reference() -> String {
    let mut text = String::new();
    for Level { path, name, keys, .. } in LEVELS {
        let heading = match path {
            "" => "The file".to_owned(),
            SETTINGS => "Settings of `global`, of an account, and of an instance".to_owned(),
            path => format!("`{path}`"),
        };
        let shown = keys.iter().filter(|key| match path {
            SETTINGS => is_setting(key),
            _ => !(WITH_SETTINGS.contains(&name) && is_setting(key)),
        });
        let _ = write!(text, "### {heading}\n\n{}\n", table(shown));
    }
    text
}

#[test]
fn shows_every_key() {
    generated::hold("configuration.md", "keys", &reference());
}

#[test]
fn knows_every_map() {
    let known: BTreeSet<&str> = LEVELS.iter().map(|level| level.name).collect();
    for key in LEVELS.iter().flat_map(|level| level.keys).filter(|key| key.kind.contains("Raw")) {
        let map = key.kind.split([' ', '<', '>']).find(|part| part.starts_with("Raw")).expect(key.kind);
        assert!(known.contains(map), "{map} of {} has no level in the reference", key.name);
    }
}

#[test]
fn the_defaults_are_those_that_hold() {
    let config = |text: &str| format!("{:?}", parse(text, Path::new("f"), &no_keys).unwrap());
    let mut compared = 0;
    for level in LEVELS {
        let Some((before, after)) = level.around else { continue };
        let bare = config(&format!("{before}{after}").replace(", }", "}"));
        for key in level.keys {
            // What depends on other keys is told in words.
            let Some(default) = key.default.first().filter(|default| !default.contains(' ')) else {
                continue;
            };
            let given = config(&format!("{before}{}: {default}{after}", key.name));
            assert_eq!(given, bare, "{}.{}: {default}", level.path, key.name);
            compared += 1;
        }
    }
    assert!(compared > 25, "only {compared} defaults were found");
}

#[test]
fn the_kinds_are_those_that_are_demanded() {
    let checked = ["DurationLeaf", "FactorLeaf", "FlagLeaf", "SizeLeaf", "UrlLeaf", "WholeLeaf"];
    let mut refused = 0;
    for level in LEVELS {
        let Some((before, after)) = level.around else { continue };
        for key in level.keys.iter().filter(|key| checked.contains(&key.kind)) {
            let problems = super::problems(&format!("{before}{}: '?'{after}", key.name));
            assert!(problems.iter().any(|problem| problem.contains(key.name)), "{}: {problems:?}", key.name);
            refused += 1;
        }
    }
    assert!(refused > 25, "only {refused} keys were found");
}

#[test]
fn what_can_be_read_from_a_file_is_secret() {
    let mut secrets = 0;
    for level in LEVELS {
        for key in level.keys {
            let file = format!("{}_file", key.name);
            if level.keys.iter().any(|other| other.name == file) {
                let is_masked = key.kind.starts_with("Secret") || key.name == "proxy";
                assert!(is_masked, "{}.{} is shown", level.path, key.name);
                secrets += 1;
            }
        }
    }
    assert!(secrets >= 6, "only {secrets} secrets were found");
}
