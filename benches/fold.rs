//! Folding one answer of 10,000 sessions, against ways of reading the same bytes. For `benches/python_sdk.sh`, `-- --write FILE`
//! writes those bytes, and `-- --serve FILE` folds a file's bytes as often as it is told to.

#[path = "common/answer.rs"]
mod answer;
#[path = "common/compare.rs"]
mod compare;

use std::collections::HashMap;

use answer::{SESSIONS, THRESHOLDS, answer};
use compare::{Contender, compare, keep, time};
use dbsession_exporter::cloud::alibaba::das;
use dbsession_exporter::model::{Rankings, Session, SessionId, Snapshot, Tally, Transaction};
use jiff::Timestamp;
use serde::Deserialize;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let file = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    if let Some(file) = file("--write") {
        return std::fs::write(file, answer()).expect("the file can be written");
    }
    if let Some(file) = file("--serve") {
        return serve(&std::fs::read(file).expect("the file can be read"));
    }
    let body = answer();
    println!("{} bytes, {} a session", body.len(), body.len() / SESSIONS);
    let contenders: Vec<Contender<'_>> = vec![
        ("serde_json into typed structs, then counted", Box::new(|| keep(typed(&body)))),
        ("serde_json::Value, then counted", Box::new(|| keep(value(&body)))),
        ("dbsession_exporter", Box::new(|| keep(das::fold(&body, THRESHOLDS).expect("the answer is good")))),
        (
            "the same tally from structs borrowed by serde_json",
            Box::new(|| keep(borrowed(&serde_json::from_slice(&body).expect("the answer is good")))),
        ),
        (
            "the same tally from structs borrowed by sonic-rs",
            Box::new(|| keep(borrowed(&sonic_rs::from_slice(&body).expect("the answer is good")))),
        ),
        ("memcpy of the body", Box::new(|| keep(body.clone()))),
    ];
    compare("fold", "session", SESSIONS, 31, contenders);
}

/// Folds `body` once for each line of the standard input, and answers each with the sessions, executing sessions and
/// transactions that it counted, and the nanoseconds that it took.
fn serve(body: &[u8]) {
    for _ in std::io::stdin().lines() {
        let mut fetched = None;
        let took = time(&mut || fetched = Some(das::fold(body, THRESHOLDS).expect("the answer is good")));
        let fetched = fetched.expect("it was folded");
        let snapshot = Snapshot::new(fetched, &mut Rankings::new(20, 1000), Timestamp::UNIX_EPOCH);
        let listed = snapshot.listed.expect("the answer lists its sessions");
        let sessions: u64 = listed.commands.iter().map(|(_, sessions)| sessions).sum();
        println!("{sessions} {} {} {}", listed.executing, listed.transactions, took.as_nanos());
    }
}

/// What a plain program would do: every documented field in a struct of its own.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    session_data: SessionData,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionData {
    session_list: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Row {
    session_id: u64,
    user: String,
    client: String,
    db_name: String,
    command: String,
    time: u64,
    state: String,
    sql_text: String,
    user_client_alias: String,
    trx_id: String,
    trx_duration: u64,
    sql_template_id: String,
}

/// The counts that the plain program would take from the rows.
fn typed(body: &[u8]) -> [HashMap<String, (u64, u64)>; 3] {
    let answer: Answer = serde_json::from_slice(body).expect("the answer is good");
    let mut counts: [HashMap<String, (u64, u64)>; 3] = Default::default();
    for row in answer.data.session_data.session_list {
        let active = u64::from(row.command == "Query" || row.trx_duration > 0);
        for (counts, name) in counts.iter_mut().zip([row.user, row.client, row.db_name]) {
            let count = counts.entry(name).or_default();
            *count = (count.0 + 1, count.1 + active);
        }
    }
    counts
}

fn value(body: &[u8]) -> [HashMap<String, (u64, u64)>; 3] {
    let answer: serde_json::Value = serde_json::from_slice(body).expect("the answer is good");
    let mut counts: [HashMap<String, (u64, u64)>; 3] = Default::default();
    for row in answer["Data"]["SessionData"]["SessionList"].as_array().expect("a list") {
        let active = u64::from(row["Command"] == "Query" || row["TrxDuration"].as_u64() > Some(0));
        for (counts, name) in counts.iter_mut().zip(["User", "Client", "DbName"]) {
            let count = counts.entry(row[name].as_str().unwrap_or_default().to_owned()).or_default();
            *count = (count.0 + 1, count.1 + active);
        }
    }
    counts
}

/// The fields that are needed, borrowed; SQL text is gone over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BorrowedAnswer<'a> {
    #[serde(borrow)]
    data: BorrowedData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BorrowedData<'a> {
    #[serde(borrow)]
    session_data: BorrowedSessionData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BorrowedSessionData<'a> {
    #[serde(borrow)]
    session_list: Vec<BorrowedRow<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct BorrowedRow<'a> {
    session_id: u64,
    user: &'a str,
    client: &'a str,
    db_name: &'a str,
    command: &'a str,
    time: f64,
    state: &'a str,
    trx_id: Option<&'a str>,
    trx_duration: Option<f64>,
}

/// The same tally, by way of structs.
fn borrowed(answer: &BorrowedAnswer<'_>) -> Tally {
    let mut tally = Tally::new(THRESHOLDS);
    for row in &answer.data.session_data.session_list {
        tally.add(&Session {
            id: Some(SessionId::Number(row.session_id)),
            user: Some(row.user),
            client: Some(row.client),
            database: Some(row.db_name),
            command: Some(row.command),
            state: Some(row.state).filter(|state| !state.is_empty()),
            template: None,
            seconds: Some(row.time),
            transaction: Transaction::of(row.trx_duration, row.trx_id),
            statement: None,
        });
    }
    tally
}
