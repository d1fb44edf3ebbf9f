//! Sessions to try the exporter with: as a busy database has them, and as its worst enemy would make them. Both are rows of
//! the simulated cloud; what they ought to count as is the oracle's business.

mod words;

use dbsession_exporter::demo::session::SimSession;
use proptest::collection::{SizeRange, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use words::{AWKWARD, COMMANDS, DURATIONS, HOSTS, LOADED, SERVER, STATES, SYSTEM_USERS, WORK};

/// What a busy database shows: applications with their pools, a few lock waits and transactions, the server's own sessions.
pub fn realistic(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<SimSession>> {
    numbered(vec(prop_oneof![30 => application(), 1 => server()], size))
}

/// Anything at all in every field, each kind of it often enough to meet the others.
pub fn hostile(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<SimSession>> {
    numbered(vec(prop_oneof![3 => enemy(), 1 => application(), 1 => server()], size))
}

/// Text for a label value: loaded words, awkward characters, any characters, names of 127 characters and of 500.
pub fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => one_of(&LOADED),
        3 => vec(select(&AWKWARD[..]), 1..6).prop_map(String::from_iter),
        1 => vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => (select(vec!["x", "é", "🦀", "\\", "\""]), 127..=129_usize).prop_map(|(char, count)| char.repeat(count)),
        1 => (0..3_u8).prop_map(|end| format!("{}{end}", "long".repeat(125))),
        1 => (select(vec!["other", "none", "unknown"]), 122..=126_usize)
            .prop_map(|(word, count)| word.to_owned() + &"_".repeat(count)),
    ]
}

fn numbered(rows: impl Strategy<Value = Vec<SimSession>>) -> impl Strategy<Value = Vec<SimSession>> {
    rows.prop_map(|mut rows| {
        for (id, row) in (1..).zip(&mut rows) {
            row.id = id;
        }
        rows
    })
}

fn application() -> impl Strategy<Value = SimSession> {
    let database = prop_oneof![9 => "(shop|billing|stock)", 1 => ""];
    let transaction = prop_oneof![8 => Just(0), 2 => 1..4000_u32];
    (0..12_u8, 1..40_u8, 1024..65535_u16, database, work(), 0..1000_u16, "[0-9a-f]", transaction).prop_map(
        |(user, host, port, database, (command, state, time), statement, template, transaction)| SimSession {
            id: 0,
            user: Some(format!("app_{user}")),
            host: Some(format!("10.0.{}.{host}:{port}", user % 3)),
            database: Some(database),
            command: Some(command.to_owned()),
            state: Some(state.to_owned()),
            time: Some(time.to_string()),
            trx_seconds: Some(transaction.to_string()),
            trx_id: (transaction > 0).then(|| format!("4217{transaction}")),
            sql: (command != "Sleep").then(|| format!("select {statement} from t where n = 'x'")),
            template: (command != "Sleep").then(|| format!("a7cac1a{template}")),
        },
    )
}

/// Command, state and time of a piece of [`WORK`].
fn work() -> impl Strategy<Value = (&'static str, &'static str, u32)> {
    let kinds = WORK.map(|(weight, command, state, longest)| {
        (weight, (0..=longest).prop_map(move |time| (command, state, time)))
    });
    proptest::strategy::Union::new_weighted(kinds.into())
}

fn server() -> impl Strategy<Value = SimSession> {
    (select(&SERVER[..]), 0..5_000_000_u32).prop_map(|((user, host, command, state), time)| SimSession {
        user: Some(user.to_owned()),
        host: Some(host.to_owned()),
        command: Some(command.to_owned()),
        state: Some(state.to_owned()),
        time: Some(time.to_string()),
        trx_seconds: Some("0".to_owned()),
        ..SimSession::default()
    })
}

fn enemy() -> impl Strategy<Value = SimSession> {
    (
        field(prop_oneof![2 => hostile_text(), 1 => one_of(&SYSTEM_USERS), 3 => "crowd[0-9]{2}"]),
        field(prop_oneof![3 => one_of(&HOSTS), 1 => hostile_text(), 2 => r"10\.[0-3]\.0\.[0-9]{1,2}:[1-9][0-9]{0,4}"]),
        field(prop_oneof![2 => hostile_text(), 2 => "db[0-9]{1,2}"]),
        field(prop_oneof![5 => one_of(&COMMANDS), 1 => hostile_text()]),
        field(prop_oneof![3 => one_of(&STATES), 1 => hostile_text(), 3 => "Brooding over [0-9]{2}"]),
        field(one_of(&DURATIONS)),
        field(prop_oneof![2 => Just("0".to_owned()), 1 => one_of(&DURATIONS)]),
        option::weighted(0.2, prop_oneof![3 => "[1-9][0-9]{0,14}", 1 => one_of(&["", "--", "None", "0", "id"])]),
        field(hostile_text()),
        option::weighted(0.3, prop_oneof![1 => hostile_text(), 2 => "[0-9a-f]{2}"]),
    )
        .prop_map(|(user, host, database, command, state, time, trx_seconds, trx_id, sql, template)| SimSession {
            id: 0,
            user,
            host,
            database,
            command,
            state,
            time,
            trx_seconds,
            trx_id,
            sql,
            template,
        })
}

/// A field that is now and then not there.
fn field(text: impl Strategy<Value = String>) -> impl Strategy<Value = Option<String>> {
    option::weighted(0.9, text)
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}
