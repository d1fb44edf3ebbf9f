//! The sessions that have executed longest and the transactions that are open longest: who to ask when an instance is in
//! trouble. A few rows of each fetch are kept, in as few bytes as a fleet of snapshots can afford; a row that is younger than
//! all of these costs one comparison.

use std::borrow::Cow;
use std::fmt;

use super::command::Command;
use super::digest::digest;
use super::host;
use super::label;
use super::ranking::Names;
use super::session::{ReadStatement, Session, SessionId};
use super::state;

/// Rows of a list: as many as a person reads, and few enough that ten thousand targets keep theirs in 100 MB.
pub const KEPT: usize = 10;

/// Bytes of a statement, as it is spelled, that its digest is made of: enough for a digest of full length unless its literals are
/// very long.
const MAX_SPELLED: usize = 16 << 10;

/// The oldest rows seen so far, while sessions are folded in.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// In no order, at most [`KEPT`].
    rows: Vec<Row>,
    /// Place of the row that goes first.
    last: usize,
    /// Whether statements are kept, as digests.
    statements: bool,
}

/// What is kept of a session.
#[derive(Clone, Default)]
struct Row {
    seconds: f64,
    /// The id, where it is a number.
    number: Option<u64>,
    command: Option<Command>,
    idle: bool,
    /// Id, user, client, database, and the state as the server spells it, one behind the other; what it has not is empty.
    raw: String,
    /// Where each of them ends.
    ends: [usize; RAW_TEXTS],
    /// As it is spelled, and how that is read.
    statement: Vec<u8>,
    read: Option<ReadStatement>,
}

// A statement is not for logs.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("seconds", &self.seconds).field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Candidates {
    /// No rows; whether those to come keep their statements.
    #[must_use]
    pub fn new(statements: bool) -> Self {
        Self { statements, ..Self::default() }
    }

    /// Keeps a session that is `seconds` old, if that is among the greatest ages. Of equal ages the smaller id comes first.
    pub fn consider(&mut self, seconds: f64, session: &Session<'_>) {
        if self.rows.len() < KEPT {
            self.rows.push(Row::default());
            self.last = self.rows.len() - 1;
        } else if !self.rows[self.last].gives_way_to(seconds, session) {
            return;
        }
        self.rows[self.last].become_of(seconds, session);
        if self.statements {
            self.rows[self.last].take_statement(session);
        }
        self.last = (0..self.rows.len()).max_by(|a, b| self.rows[*a].order(&self.rows[*b])).unwrap_or(0);
    }

    /// The same for as long as a snapshot lasts.
    #[must_use]
    pub fn kept(&self) -> OldestRows {
        if self.rows.is_empty() {
            return OldestRows::default();
        }
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_unstable_by(|a, b| a.order(b));
        let mut texts = Vec::with_capacity(rows.len() * TEXTS);
        let facts = rows.iter().map(|row| row.facts(&mut texts)).collect();
        OldestRows { facts, texts: texts.into_iter().collect() }
    }
}

impl Row {
    fn id(&self) -> Option<SessionId<'_>> {
        let text = || Some(&self.raw[..self.ends[0]]).filter(|id| !id.is_empty()).map(SessionId::Text);
        self.number.map(SessionId::Number).or_else(text)
    }

    fn raw_texts(&self) -> [&str; RAW_TEXTS] {
        let mut begin = 0;
        self.ends.map(|end| &self.raw[std::mem::replace(&mut begin, end)..end])
    }

    /// The greatest age first, then the smallest id.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        other.seconds.total_cmp(&self.seconds).then_with(|| self.id().cmp(&other.id()))
    }

    fn gives_way_to(&self, seconds: f64, session: &Session<'_>) -> bool {
        #[expect(clippy::float_cmp, reason = "equal ages are the same number of seconds")]
        let same = seconds == self.seconds;
        seconds > self.seconds || (same && session.id < self.id())
    }

    /// Reuses its texts' memory, since a list sorted by age makes every session the oldest so far.
    fn become_of(&mut self, seconds: f64, session: &Session<'_>) {
        let standing = session.standing();
        self.seconds = seconds;
        self.command = session.command.map(|_| standing.command);
        self.idle = standing.idle_in_transaction;
        let mut digits = itoa::Buffer::new();
        let (number, id) = match session.id {
            Some(SessionId::Number(number)) => (Some(number), Cow::Borrowed(digits.format(number))),
            Some(SessionId::Text(text)) => (None, label::real(text)),
            None => (None, Cow::default()),
        };
        self.number = number;
        let client = session.client.map(host::without_port);
        let [user, client, database] =
            [session.user, client, session.database].map(|raw| raw.map(label::real).unwrap_or_default());
        let state = Cow::Borrowed(session.state.unwrap_or_default());
        self.raw.clear();
        for (end, text) in self.ends.iter_mut().zip([id, user, client, database, state]) {
            self.raw.push_str(&text);
            *end = self.raw.len();
        }
    }

    fn take_statement(&mut self, session: &Session<'_>) {
        self.read = session.statement.map(|statement| statement.read);
        let spelled = session.statement.map(|statement| statement.spelled).unwrap_or_default();
        self.statement.clear();
        self.statement.extend_from_slice(&spelled[..spelled.len().min(MAX_SPELLED)]);
    }

    /// What is kept of it, with its texts among `texts`.
    fn facts<'a>(&'a self, texts: &mut Vec<Cow<'a, str>>) -> Facts {
        let places = self.texts().map(|text| place(texts, text));
        Facts { seconds: self.seconds, command: self.command, idle: self.idle, places }
    }

    /// In the order in which [`OldestRows::iter`] takes them back.
    fn texts(&self) -> [Cow<'_, str>; TEXTS] {
        let [id, user, client, database, state] = self.raw_texts();
        let state = if state.is_empty() { Cow::default() } else { state::label(Some(state)) };
        let statement = self.read.map(|read| digest(&read(&self.statement))).unwrap_or_default();
        let [id, user, client, database] = [id, user, client, database].map(Cow::Borrowed);
        [id, user, client, database, state, Cow::Owned(statement)]
    }
}

/// The place of a text among others, where it is put if it is not there: most rows share their user, database and state.
fn place<'a>(texts: &mut Vec<Cow<'a, str>>, text: Cow<'a, str>) -> u8 {
    let place = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
        texts.push(text);
        texts.len() - 1
    });
    u8::try_from(place).expect("ten rows have sixty texts")
}

/// Texts that are kept of a session while rows are folded in, and texts of a row.
const RAW_TEXTS: usize = 5;
const TEXTS: usize = RAW_TEXTS + 1;

/// The oldest rows of a snapshot, the oldest first; of equal ages the one with the smaller id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OldestRows {
    facts: Box<[Facts]>,
    /// All texts of all rows, each once.
    texts: Names,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Facts {
    seconds: f64,
    command: Option<Command>,
    idle: bool,
    /// Where the texts of the row are, in the order of [`Row::texts`].
    places: [u8; TEXTS],
}

/// One session, as people read it. Texts are spelled as the labels are; `None`: it has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OldestRow<'a> {
    /// Time of its execution, or age of its transaction: what the list is sorted by.
    pub seconds: f64,
    /// The id of the session.
    pub id: Option<&'a str>,
    /// Database account.
    pub user: Option<&'a str>,
    /// Client host, without port.
    pub client: Option<&'a str>,
    /// Default database.
    pub database: Option<&'a str>,
    /// MySQL's command.
    pub command: Option<Command>,
    /// MySQL's thread state.
    pub state: Option<&'a str>,
    /// Whether it sleeps while its transaction is open.
    pub idle_in_transaction: bool,
    /// What it executes, or executed last, with every literal replaced; `None` also where statements are not kept.
    pub statement: Option<&'a str>,
}

impl OldestRows {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// How many there are, at most [`KEPT`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// All rows, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = OldestRow<'_>> {
        let texts: Vec<&str> = self.texts.iter().collect();
        self.facts.iter().map(move |facts| {
            let text = |place: u8| texts.get(usize::from(place)).copied().filter(|text| !text.is_empty());
            let [id, user, client, database, state, statement] = facts.places.map(text);
            OldestRow {
                seconds: facts.seconds,
                id,
                user,
                client,
                database,
                command: facts.command,
                state,
                idle_in_transaction: facts.idle,
                statement,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Statement, Transaction};

    fn session(id: u64) -> Session<'static> {
        Session { id: Some(SessionId::Number(id)), command: Some("Query"), ..Session::default() }
    }

    fn ids(rows: &OldestRows) -> Vec<&str> {
        rows.iter().filter_map(|row| row.id).collect()
    }

    #[test]
    fn a_row_tells_what_labels_tell() {
        let mut candidates = Candidates::default();
        let user = "é".repeat(200);
        candidates.consider(
            7.5,
            &Session {
                id: Some(SessionId::Number(42)),
                user: Some(&user),
                client: Some("10.0.0.1:3306"),
                command: Some("Sleep"),
                state: Some("Waiting for table metadata lock"),
                transaction: Transaction::of(Some(7.5), None),
                ..Session::default()
            },
        );
        let rows = candidates.kept();
        let row = rows.iter().next().unwrap();
        assert_eq!((row.id, row.client, row.database), (Some("42"), Some("10.0.0.1"), None));
        assert_eq!(row.user, Some(label::real(&user).as_ref()));
        assert_eq!(row.state, Some("waiting_for_table_metadata_lock"));
        assert_eq!(row.command.map(Command::label), Some("sleep"));
        assert!(row.idle_in_transaction);
    }

    #[test]
    fn of_equal_ages_the_smaller_id_is_kept_whatever_the_order() {
        let ids = |order: &mut dyn Iterator<Item = u64>| {
            let mut candidates = Candidates::default();
            order.for_each(|id| candidates.consider(3.0, &session(id)));
            ids(&candidates.kept()).join(" ")
        };
        assert_eq!(ids(&mut (1..50)), "1 2 3 4 5 6 7 8 9 10");
        assert_eq!(ids(&mut (1..50).rev()), "1 2 3 4 5 6 7 8 9 10");
    }

    #[test]
    fn a_statement_is_kept_as_a_digest_where_that_is_wanted() {
        let spelled = "select 'secret'";
        let statement = Statement { spelled: spelled.as_bytes(), read: String::from_utf8_lossy };
        for (wanted, digest) in [(false, None), (true, Some("select ?"))] {
            let mut candidates = Candidates::new(wanted);
            candidates.consider(3.0, &Session { statement: Some(statement), ..session(1) });
            candidates.consider(2.0, &session(2));
            let rows = candidates.kept();
            assert_eq!(rows.iter().map(|row| row.statement).collect::<Vec<_>>(), [digest, None]);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_oldest_are_kept_in_order(mut ages in proptest::collection::vec((0u32..60, 0u64..1000), 0..80)) {
            let mut candidates = Candidates::default();
            for (seconds, id) in &ages {
                candidates.consider(f64::from(*seconds), &session(*id));
            }
            ages.sort_unstable_by_key(|(seconds, id)| (std::cmp::Reverse(*seconds), *id));
            ages.truncate(KEPT);
            let expected: Vec<String> = ages.iter().map(|(_, id)| id.to_string()).collect();
            let kept = candidates.kept();
            proptest::prop_assert_eq!(ids(&kept), expected);
        }
    }
}
