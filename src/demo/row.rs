//! A session row in each API's own words: a table of columns per API, and how it writes what is missing.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::session::SimSession;

/// How an API writes its rows.
pub(super) struct RowFormat {
    columns: &'static [(&'static str, Column)],
    missing: Missing,
}

/// Alibaba Cloud DAS, `SessionList`.
pub(super) const ALIBABA: RowFormat = RowFormat {
    columns: &[
        ("SessionId", Column::Id),
        ("User", Column::Text(|session| &session.user)),
        ("Client", Column::Text(|session| &session.host)),
        ("DbName", Column::Text(|session| &session.database)),
        ("Command", Column::Text(|session| &session.command)),
        ("Time", Column::Seconds(|session| &session.time)),
        ("State", Column::Text(|session| &session.state)),
        ("SqlText", Column::Text(|session| &session.sql)),
        ("TrxId", Column::Text(|session| &session.trx_id)),
        ("TrxDuration", Column::Seconds(|session| &session.trx_seconds)),
        ("SqlTemplateId", Column::Text(|session| &session.template)),
    ],
    missing: Missing::LeftOut,
};

/// Huawei Cloud DAS, `processes`.
pub(super) const HUAWEI_DAS: RowFormat = RowFormat {
    columns: &[
        ("id", Column::Id),
        ("user", Column::Text(|session| &session.user)),
        ("host", Column::Text(|session| &session.host)),
        ("database", Column::Text(|session| &session.database)),
        ("command", Column::Text(|session| &session.command)),
        ("time", Column::Seconds(|session| &session.time)),
        ("state", Column::Text(|session| &session.state)),
        ("sql", Column::Text(|session| &session.sql)),
        ("trx_executed_time", Column::Seconds(|session| &session.trx_seconds)),
    ],
    missing: Missing::Dashes,
};

/// Huawei Cloud DDM, `physical_processes`.
pub(super) const HUAWEI_DDM: RowFormat = RowFormat {
    columns: &[
        ("id", Column::Id),
        ("user", Column::Text(|session| &session.user)),
        ("host", Column::Text(|session| &session.host)),
        ("db", Column::Text(|session| &session.database)),
        ("state", Column::Text(|session| &session.state)),
        ("command", Column::Text(|session| &session.command)),
        ("info", Column::Text(|session| &session.sql)),
        ("time", Column::Seconds(|session| &session.time)),
        ("trx_executed_time", Column::Seconds(|session| &session.trx_seconds)),
    ],
    missing: Missing::Null,
};

#[derive(Clone, Copy)]
enum Column {
    Id,
    Text(fn(&SimSession) -> &Option<String>),
    Seconds(fn(&SimSession) -> &Option<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    LeftOut,
    /// As everything is text there, so are ids and durations.
    Dashes,
    Null,
}

impl RowFormat {
    pub fn row<'a>(&'a self, session: &'a SimSession) -> Row<'a> {
        Row { format: self, session }
    }

    /// The texts of a row's fields, among which DDM searches for its keyword.
    pub fn texts<'a>(&self, session: &'a SimSession) -> impl Iterator<Item = &'a str> {
        self.columns.iter().filter_map(|(_, column)| match column {
            Column::Id => None,
            Column::Text(field) | Column::Seconds(field) => field(session).as_deref(),
        })
    }
}

/// A session that is written in a format.
pub(super) struct Row<'a> {
    format: &'a RowFormat,
    session: &'a SimSession,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { format: RowFormat { columns, missing }, session } = *self;
        let mut map = serializer.serialize_map(None)?;
        for (name, column) in *columns {
            match (column.cell(session, *missing == Missing::Dashes), missing) {
                (Cell::Id(id), _) => map.serialize_entry(name, &id)?,
                (Cell::Number(number), _) => map.serialize_entry(name, &number)?,
                (Cell::Text(text), _) => map.serialize_entry(name, &text)?,
                (Cell::Nothing, Missing::LeftOut) => {}
                (Cell::Nothing, Missing::Dashes) => map.serialize_entry(name, "--")?,
                (Cell::Nothing, Missing::Null) => map.serialize_entry(name, &())?,
            }
        }
        map.end()
    }
}

enum Cell<'a> {
    Id(u64),
    Number(i64),
    Text(Cow<'a, str>),
    Nothing,
}

impl Column {
    fn cell<'s>(self, session: &'s SimSession, only_text: bool) -> Cell<'s> {
        let text =
            |text: &'s Option<String>| text.as_deref().map_or(Cell::Nothing, |text| Cell::Text(text.into()));
        match self {
            Self::Id if only_text => Cell::Text(session.id.to_string().into()),
            Self::Id => Cell::Id(session.id),
            Self::Text(field) => text(field(session)),
            Self::Seconds(field) => {
                let number =
                    field(session).as_deref().filter(|_| !only_text).and_then(|text| text.parse().ok());
                number.map_or_else(|| text(field(session)), Cell::Number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &RowFormat, session: &SimSession) -> String {
        serde_json::to_string(&format.row(session)).unwrap()
    }

    #[test]
    fn each_api_has_its_own_way_to_say_nothing() {
        let session = SimSession { id: 7, user: Some("app".to_owned()), ..SimSession::default() };
        assert_eq!(written(&ALIBABA, &session), r#"{"SessionId":7,"User":"app"}"#);
        let dashes =
            r#"{"id":"7","user":"app","host":"--","database":"--","command":"--","time":"--","state":"--","#;
        assert_eq!(
            written(&HUAWEI_DAS, &session),
            format!(r#"{dashes}"sql":"--","trx_executed_time":"--"}}"#)
        );
        let nulls = r#"{"id":7,"user":"app","host":null,"db":null,"state":null,"command":null,"info":null,"#;
        assert_eq!(
            written(&HUAWEI_DDM, &session),
            format!(r#"{nulls}"time":null,"trx_executed_time":null}}"#)
        );
    }

    #[test]
    fn durations_are_numbers_where_the_api_has_numbers() {
        let time = |time: &str| SimSession { time: Some(time.to_owned()), ..SimSession::default() };
        for (text, json) in [("12", "12"), ("-1", "-1"), ("1.5", r#""1.5""#), ("abc", r#""abc""#)] {
            assert!(written(&ALIBABA, &time(text)).contains(&format!(r#""Time":{json}"#)), "{text}");
            assert!(written(&HUAWEI_DDM, &time(text)).contains(&format!(r#""time":{json}"#)), "{text}");
            assert!(written(&HUAWEI_DAS, &time(text)).contains(&format!(r#""time":"{text}""#)), "{text}");
        }
    }
}
