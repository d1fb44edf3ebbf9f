//! Who is doing this, in a few lines: those with most active sessions, the longest execution, the oldest transaction.

use crate::model::Snapshot;
use crate::model::groups::Group;
use crate::model::oldest::OldestRows;
use crate::model::ranking::Dimension;
use crate::web::pages::number::Number;
use crate::web::pages::oldest::Session;

/// One line of the answer.
pub(super) enum Leader<'a> {
    /// Users, clients and databases that have most of something.
    Most { what: &'static str, of: Number, by: Vec<Share<'a>> },
    /// One session.
    Session { what: &'static str, session: Session<'a> },
}

/// Who has how many of them.
pub(super) struct Share<'a> {
    pub kind: &'static str,
    pub name: &'a str,
    pub number: Number,
}

/// The lines that there is something to say in.
pub(super) fn leaders(snapshot: &Snapshot) -> Vec<Leader<'_>> {
    let listed = snapshot.listed.as_ref();
    let most = [
        most(snapshot, "active sessions", snapshot.active, |group| group.active),
        most(snapshot, "sessions", Some(snapshot.sessions), |group| group.total),
    ];
    let sessions = [
        listed.and_then(|listed| first("Longest execution", &listed.oldest_sessions)),
        listed.and_then(|listed| first("Oldest transaction", &listed.oldest_transactions)),
    ];
    most.into_iter().flatten().take(1).chain(sessions.into_iter().flatten()).collect()
}

fn first<'a>(what: &'static str, rows: &'a OldestRows) -> Option<Leader<'a>> {
    rows.iter().next().map(|row| Leader::Session { what, session: row.into() })
}

/// Who has most, if anybody has any.
fn most<'a>(
    snapshot: &'a Snapshot,
    what: &'static str,
    of: Option<u64>,
    count: fn(&Group) -> u64,
) -> Option<Leader<'a>> {
    let of = of.filter(|of| *of > 0)?;
    let dimensions =
        [("user", &snapshot.users), ("client", &snapshot.clients), ("database", &snapshot.databases)];
    let first = |dimension: &'a Dimension| {
        dimension
            .shown
            .iter()
            .map(|(name, group)| (name, count(group)))
            .reduce(|a, b| if b.1 > a.1 { b } else { a })
    };
    let by: Vec<_> = dimensions
        .into_iter()
        .filter_map(|(kind, dimension)| {
            let (name, number) = dimension.as_ref().and_then(first).filter(|(_, number)| *number > 0)?;
            Some(Share { kind, name, number: Number::count(number) })
        })
        .collect();
    (!by.is_empty()).then(|| Leader::Most { what, of: Number::count(of), by })
}
