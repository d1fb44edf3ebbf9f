//! What a session's `state` text tells: how the label is spelled, and what the session waits for.

use std::borrow::Cow;

use super::label;

/// States of `mysqld_exporter`'s own table, as it spells them; the label keeps these without a bound.
const KNOWN: [&str; 50] = [
    "after_create",
    "altering_table",
    "analyzing",
    "checking_permissions",
    "checking_table",
    "cleaning_up",
    "closing_tables",
    "converting_heap_to_myisam",
    "copying_to_tmp_table",
    "creating_sort_index",
    "creating_table",
    "creating_tmp_table",
    "deleting",
    "end",
    "executing",
    "execution_of_init_command",
    "flushing_tables",
    "freeing_items",
    "fulltext_initialization",
    "idle",
    "init",
    "killed",
    "logging_slow_query",
    "login",
    "manage_keys",
    "opening_tables",
    "optimizing",
    "preparing",
    "reading_from_net",
    "removing_duplicates",
    "removing_tmp_table",
    "reopen_tables",
    "repair_by_sorting",
    "repair_done",
    "repair_with_keycache",
    "replication_master",
    "rolling_back",
    "searching_rows_for_update",
    "sending_data",
    "sorting_for_group",
    "sorting_for_order",
    "sorting_index",
    "sorting_result",
    "statistics",
    "updating",
    "waiting_for_lock",
    "waiting_for_table_flush",
    "waiting_for_tables",
    "waiting_on_cond",
    "writing_to_net",
];

/// Pairs of command and state that a target may show beyond the known states.
pub const MAX_UNKNOWN_PAIRS: usize = 30;

/// A state that reads like none at all: what sessions without one are counted under. Not the empty text, since that has no
/// address of its own, and comparing with it cost some 60 ns a session on a machine whose `memcmp` uses masked AVX-512 loads.
pub const ABSENT: &str = ".";

/// The `state` label: lower case, punctuation dropped, spaces and hyphens as `_`, `unknown` where nothing is left.
#[must_use]
pub fn label(raw: Option<&str>) -> Cow<'_, str> {
    let raw = raw.unwrap_or_default();
    let lower = if raw.is_ascii() { Cow::Borrowed(raw) } else { Cow::Owned(raw.to_lowercase()) };
    let mut spelled = String::with_capacity(lower.len());
    for c in lower.chars() {
        match c {
            ';' | ',' | ':' | '.' | '(' | ')' => {}
            ' ' | '-' => spelled.push('_'),
            _ => spelled.push(c.to_ascii_lowercase()),
        }
    }
    if spelled.is_empty() {
        return Cow::Borrowed(label::UNKNOWN);
    }
    match label::real(&spelled) {
        Cow::Borrowed(_) => Cow::Owned(spelled),
        Cow::Owned(real) => Cow::Owned(real),
    }
}

/// Whether a label is always kept.
#[must_use]
pub fn is_known(label: &str) -> bool {
    label == label::UNKNOWN || KNOWN.binary_search(&label).is_ok()
}

/// What a session waits for, the `kind` label of `dbsession_waiting_sessions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A row or record lock of the storage engine.
    RowLock,
    /// A metadata lock of any object.
    MetadataLock,
    /// `FLUSH TABLES`, or a table that has to be opened anew after it.
    TableFlush,
    /// A lock on the whole server: global read lock, backup lock, commit lock.
    GlobalReadLock,
    /// Anything else that the server says it waits for.
    Other,
}

/// How a state tells a wait; the first rule that fits wins. All texts are in lower case. Facts: MySQL reference manual,
/// "General Thread States"; `waiting for tables` and `waiting for release of readlock` are older names of their kinds.
const WAITS: [(&str, &str, Wait); 14] = [
    ("waiting for row lock", "", Wait::RowLock),
    ("updating", "lock", Wait::RowLock),
    ("statistics", "lock", Wait::RowLock),
    ("innodb", "lock wait", Wait::RowLock),
    ("waiting for", "metadata lock", Wait::MetadataLock),
    ("waiting for table flush", "", Wait::TableFlush),
    ("waiting for tables", "", Wait::TableFlush),
    ("flushing tables", "", Wait::TableFlush),
    ("waiting for global read lock", "", Wait::GlobalReadLock),
    ("waiting for backup lock", "", Wait::GlobalReadLock),
    ("waiting for commit lock", "", Wait::GlobalReadLock),
    ("waiting for release of readlock", "", Wait::GlobalReadLock),
    ("waiting for ", "", Wait::Other),
    ("waiting on ", "", Wait::Other),
];

impl Wait {
    /// Every kind, in the order of their labels on `/metrics`.
    pub const ALL: [Self; 5] =
        [Self::RowLock, Self::MetadataLock, Self::TableFlush, Self::GlobalReadLock, Self::Other];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::RowLock => "row_lock",
            Self::MetadataLock => "metadata_lock",
            Self::TableFlush => "table_flush",
            Self::GlobalReadLock => "global_read_lock",
            Self::Other => "other",
        }
    }

    /// What a session in this state waits for, if it waits.
    #[must_use]
    pub fn of(raw: &str) -> Option<Self> {
        let state = raw.trim();
        // Every rule begins with one of these letters, and few states do.
        if !matches!(state.as_bytes().first()?.to_ascii_lowercase(), b'w' | b'u' | b's' | b'i' | b'f') {
            return None;
        }
        let state = state.to_ascii_lowercase();
        let fits = |(start, part, _): &&(&str, &str, _)| {
            state.strip_prefix(start).is_some_and(|rest| part.is_empty() || rest.contains(part))
        };
        WAITS.iter().find(fits).map(|(.., wait)| *wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_states_are_sorted() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn labels_are_spelled_as_mysqld_exporter_does() {
        for (raw, spelled) in [
            ("", "unknown"),
            ("();", "unknown"),
            ("Unknown", "unknown_"),
            ("Other", "other_"),
            ("Sending data", "sending_data"),
            ("Copying to tmp-table (on disk).", "copying_to_tmp_table_on_disk"),
        ] {
            assert_eq!(label(Some(raw)), spelled, "{raw:?}");
        }
        assert_eq!(label(None), "unknown");
        assert_eq!(label(Some(ABSENT)), "unknown");
    }

    #[test]
    fn waits_are_told_by_state() {
        for (state, wait) in [
            ("Waiting for row lock", Some(Wait::RowLock)),
            ("updating (waiting for lock)", Some(Wait::RowLock)),
            ("statistics lock", Some(Wait::RowLock)),
            ("InnoDB row lock wait", Some(Wait::RowLock)),
            ("Waiting for table metadata lock", Some(Wait::MetadataLock)),
            ("waiting for schema metadata lock", Some(Wait::MetadataLock)),
            ("Waiting for table flush", Some(Wait::TableFlush)),
            ("Flushing tables", Some(Wait::TableFlush)),
            ("Waiting for global read lock", Some(Wait::GlobalReadLock)),
            ("Waiting for backup lock", Some(Wait::GlobalReadLock)),
            ("Waiting for commit lock", Some(Wait::GlobalReadLock)),
            ("Waiting for table level lock", Some(Wait::Other)),
            ("Waiting on empty queue", Some(Wait::Other)),
            ("updating", None),
            ("Sending data", None),
            ("User lock", None),
            ("", None),
        ] {
            assert_eq!(Wait::of(state), wait, "{state:?}");
        }
    }
}
