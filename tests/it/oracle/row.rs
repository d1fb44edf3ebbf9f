//! One row as the contract reads it: from the raw text of a session to what it counts as. Knows nothing of pages.

use dbsession_exporter::demo::session::SimSession;

use super::{SourceKind, labels};

/// The kinds of `dbsession_waiting_sessions`.
pub const WAITING: [&str; 5] = ["row_lock", "metadata_lock", "table_flush", "global_read_lock", "other"];

/// Kind, how the state begins, what it contains. The first that fits is the kind.
const WAITS: [(&str, &str, &str); 14] = [
    ("row_lock", "waiting for row lock", ""),
    ("row_lock", "updating", "lock"),
    ("row_lock", "statistics", "lock"),
    ("row_lock", "innodb", "lock wait"),
    ("metadata_lock", "waiting for", "metadata lock"),
    ("table_flush", "waiting for table flush", ""),
    ("table_flush", "waiting for tables", ""),
    ("table_flush", "flushing tables", ""),
    ("global_read_lock", "waiting for global read lock", ""),
    ("global_read_lock", "waiting for backup lock", ""),
    ("global_read_lock", "waiting for commit lock", ""),
    ("global_read_lock", "waiting for release of readlock", ""),
    ("other", "waiting for ", ""),
    ("other", "waiting on ", ""),
];

/// What a session is at, by its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Query or Execute.
    Statement,
    Sleep,
    Something,
}

/// A session; durations in seconds, `None` where unknown.
#[derive(Debug)]
pub struct Row {
    /// Label values.
    pub user: String,
    pub client: String,
    pub database: String,
    pub command: String,
    pub state: String,
    /// Label value, where the source gave a template.
    pub template: Option<String>,
    pub doing: Doing,
    pub system: bool,
    pub in_transaction: bool,
    pub time: Option<f64>,
    /// Of the open transaction.
    pub transaction: Option<f64>,
    /// A kind of [`WAITING`]; never of a system session.
    pub waiting: Option<&'static str>,
}

impl Row {
    /// Reads a row as the source would send it.
    pub fn read(row: &SimSession, source: SourceKind) -> Self {
        let value = |field: &Option<String>| given(field.as_deref(), source).map(str::to_owned);
        let (user, command, state) = (value(&row.user), value(&row.command), value(&row.state));
        let template = value(&row.template).filter(|_| source.is_alibaba());
        let system = is_system(&lower(user.as_deref()), &lower(command.as_deref()));
        let duration = seconds(row.trx_seconds.as_deref());
        let has_id = source.is_alibaba() && value(&row.trx_id).is_some();
        let in_transaction = has_id || duration.is_some_and(|duration| duration > 0.0);
        Self {
            user: labels::plain(user.as_deref()),
            client: labels::plain(value(&row.host).as_deref().map(labels::client_host)),
            database: labels::plain(value(&row.database).as_deref()),
            command: labels::command(command.as_deref()),
            state: labels::state(state.as_deref()),
            template: template.map(|template| labels::plain(Some(&template))),
            doing: doing(&lower(command.as_deref())),
            system,
            in_transaction,
            time: seconds(row.time.as_deref()),
            transaction: duration.filter(|_| in_transaction),
            waiting: if system { None } else { waiting(&lower(state.as_deref())) },
        }
    }

    /// A statement or an open transaction, system or not.
    pub fn is_active(&self) -> bool {
        self.doing == Doing::Statement || self.in_transaction
    }

    /// A statement, system sessions left out.
    pub fn is_executing(&self) -> bool {
        self.doing == Doing::Statement && !self.system
    }
}

/// The text of a field, unless it is one of the spellings of "no value".
fn given(field: Option<&str>, source: SourceKind) -> Option<&str> {
    let none_too = if source == SourceKind::HuaweiDdm { "None" } else { "" };
    field.filter(|text| !["", "--", none_too].contains(text))
}

fn lower(text: Option<&str>) -> String {
    text.unwrap_or_default().to_lowercase()
}

/// A number that is not negative; `-0` is 0.
fn seconds(field: Option<&str>) -> Option<f64> {
    let number: f64 = field?.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number.abs())
}

fn doing(command: &str) -> Doing {
    match command {
        "query" | "execute" => Doing::Statement,
        "sleep" => Doing::Sleep,
        _ => Doing::Something,
    }
}

fn is_system(user: &str, command: &str) -> bool {
    matches!(user, "system user" | "event_scheduler")
        || matches!(command, "daemon" | "binlog dump" | "binlog dump gtid")
}

fn waiting(state: &str) -> Option<&'static str> {
    let state = state.trim();
    let fitting = WAITS.iter().find(|(_, start, part)| state.starts_with(start) && state.contains(part));
    fitting.map(|(kind, _, _)| *kind)
}
