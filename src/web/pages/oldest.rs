//! The oldest sessions of one kind, one by one: now on the page of an instance, at the peak on that of an incident.

use askama::Template;
use askama::filters::HtmlSafe;

use super::number::Number;
use super::words::UNKNOWN;
use crate::model::command::Command;
use crate::model::oldest::OldestRow;
use crate::store;

/// A table of sessions with a heading.
#[derive(Template)]
#[template(path = "oldest.html")]
pub(super) struct Oldest<'a> {
    title: &'static str,
    /// What their age is the age of.
    age: &'static str,
    rows: Vec<Session<'a>>,
}

impl HtmlSafe for Oldest<'_> {}

/// One session as people read it.
pub(super) struct Session<'a> {
    pub id: &'a str,
    pub user: &'a str,
    pub client: &'a str,
    pub database: &'a str,
    pub command: &'a str,
    pub state: &'a str,
    pub is_idle: bool,
    /// Its statement without literals, where statements are kept.
    pub statement: Option<&'a str>,
    pub age: Number,
}

impl<'a> Oldest<'a> {
    pub(super) fn new<T: Into<Session<'a>>>(
        title: &'static str,
        age: &'static str,
        rows: impl IntoIterator<Item = T>,
    ) -> Self {
        Self { title, age, rows: rows.into_iter().map(Into::into).collect() }
    }
}

fn told(text: Option<&str>) -> &str {
    text.unwrap_or(UNKNOWN)
}

impl<'a> From<OldestRow<'a>> for Session<'a> {
    fn from(row: OldestRow<'a>) -> Self {
        Self {
            id: told(row.id),
            user: told(row.user),
            client: told(row.client),
            database: told(row.database),
            command: told(row.command.map(Command::label)),
            state: told(row.state),
            is_idle: row.idle_in_transaction,
            statement: row.statement,
            age: Number::seconds(row.seconds),
        }
    }
}

impl<'a> From<&'a store::Row> for Session<'a> {
    fn from(row: &'a store::Row) -> Self {
        Self {
            id: told(row.id.as_deref()),
            user: told(row.user.as_deref()),
            client: told(row.client.as_deref()),
            database: told(row.database.as_deref()),
            command: told(row.command.as_deref()),
            state: told(row.state.as_deref()),
            is_idle: row.idle_in_transaction,
            statement: row.statement.as_deref(),
            age: Number::seconds(row.seconds),
        }
    }
}
