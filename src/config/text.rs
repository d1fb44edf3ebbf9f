//! Which texts may be a name, an id or a label name. Every function returns the text it was given or says the rule, without
//! repeating the text. The rules keep ids from changing the URL they are put into.

use super::Provider;

/// Longer ids and names are a mistake: the clouds' own have at most 63 characters, and each is a label of every series.
const MAX_CHARS: usize = 128;

/// What the exporter's own series carry under any name, besides `tag_*`; a configured label of this name would make series
/// collide. A test of the page finds what is missing here.
const OWN_LABELS: [&str; 27] = [
    "account",
    "client_host",
    "command",
    "db_name",
    "db_user",
    "dimension",
    "instance",
    "instance_id",
    "instance_name",
    "job",
    "kind",
    "le",
    "mysql_user",
    "node_id",
    "operation",
    "provider",
    "reason",
    "region",
    "result",
    "revision",
    "rustversion",
    "service",
    "sql_template_id",
    "state",
    "task_id",
    "version",
    "when",
];

/// The name of an account or instance: a person's choice, shown in labels and logs.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    checked(text, |c| !c.is_control(), "must have at most 128 characters, and no control characters")
}

/// A text that the exporter only passes on, such as a database user.
pub(super) fn line(text: &str) -> Result<String, &'static str> {
    if text.contains(char::is_control) {
        Err("must not have control characters")
    } else {
        Ok(text.to_owned())
    }
}

/// A region or project id; both become part of Huawei Cloud URLs.
pub(super) fn plain_id(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    checked(text, fits, "must have at most 128 characters, and only letters, digits, _ and -")
}

/// The id that Huawei DAS gave a database user.
pub(super) fn db_user_id(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    checked(text, fits, "must have at most 128 characters, and only letters, digits and -")
}

/// The id of an instance, node or task. Alibaba Cloud's documentation masks ids with `*`, so these are let through.
pub(super) fn id(provider: Provider, text: &str) -> Result<String, &'static str> {
    let fits = |c: char| !(c.is_whitespace() || c.is_control() || "/?#%".contains(c));
    match provider {
        Provider::Alibaba => checked(
            text,
            fits,
            "must have at most 128 characters, and no blanks, control characters, /, ?, # or %",
        ),
        Provider::Huawei => plain_id(text),
    }
}

/// Whether a configured label may have this name, and if not, why.
pub(super) fn label_name(text: &str) -> Result<(), &'static str> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || text.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        return Err("not a label name; use letters, digits and _, and no digit at the start");
    }
    if text.starts_with("__") {
        return Err("label names that begin with __ belong to Prometheus; choose another name");
    }
    if text.starts_with("tag_") || OWN_LABELS.contains(&text) {
        return Err("Prometheus or the exporter itself sets this label; choose another name");
    }
    Ok(())
}

fn checked(text: &str, fits: impl Fn(char) -> bool, rule: &'static str) -> Result<String, &'static str> {
    if text.chars().count() <= MAX_CHARS && text.chars().all(fits) { Ok(text.to_owned()) } else { Err(rule) }
}
