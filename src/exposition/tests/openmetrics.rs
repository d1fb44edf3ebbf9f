//! What OpenMetrics says beyond text 0.0.4: the same series, gauge histograms whole, exemplars, units, an end.

use std::collections::BTreeSet;

use super::super::{Format, PageInput, page};
use super::fixture::{THRESHOLDS, alone, healthy, snapshot_with, text};
use super::fleet;
use crate::model::{Rankings, Reported, Session, SessionId, Snapshot, Tally, Transaction};

fn open_metrics(input: PageInput) -> String {
    let frames: Vec<_> = page(input, Format::OpenMetrics).collect();
    String::from_utf8(frames.concat()).unwrap()
}

/// The series of a page: every sample without value and exemplar.
fn series(page: &str) -> BTreeSet<&str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.split(" # ").next().and_then(|sample| sample.rsplit_once(' ')).unwrap().0)
        .collect()
}

#[test]
fn both_formats_have_the_same_series_in_the_same_spelling() {
    let (text, open_metrics) = (text(fleet()), open_metrics(fleet()));
    assert_eq!(series(&text), series(&open_metrics));
    assert!(series(&text).len() > 200);
}

#[test]
fn a_page_ends_and_names_types_and_units() {
    let page = open_metrics(fleet());
    assert!(page.ends_with("\n# EOF\n"));
    assert_eq!(page.matches("# EOF").count(), 1);
    for line in [
        "# TYPE dbsession_active_session_age_seconds gaugehistogram",
        "# UNIT dbsession_active_session_age_seconds seconds",
        "# TYPE dbsession_fetches counter",
        "# TYPE dbsession_up gauge",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}");
    }
    assert!(!page.contains("_created"));
    assert_eq!(open_metrics(PageInput::default()), "# EOF\n");
}

fn with_exemplars(sessions: &[(Option<SessionId<'_>>, f64, Option<&str>)]) -> Snapshot {
    let mut tally = Tally::new(THRESHOLDS);
    for (id, seconds, transaction) in sessions {
        let transaction = Transaction::of(Some(*seconds), *transaction);
        let (command, seconds) = (Some("Query"), Some(*seconds));
        tally.add(&Session { id: *id, command, seconds, transaction, ..Session::default() });
    }
    snapshot_with(Some(tally), Reported::default(), &mut Rankings::new(2, 1000))
}

fn buckets(snapshot: Snapshot, family: &str) -> Vec<String> {
    let page = open_metrics(alone(healthy("rm-1", snapshot)));
    let buckets = page.lines().filter(|line| line.starts_with(family) && line.contains(" # "));
    buckets.map(|line| line[line.find("le=").unwrap()..].to_owned()).collect()
}

#[test]
fn each_bucket_that_has_sessions_names_its_oldest() {
    let number = |id| Some(SessionId::Number(id));
    let snapshot = with_exemplars(&[
        (number(1), 7.0, Some("t1")),
        (number(2), 9.5, Some("t2")),
        (number(3), 8.0, None),
        (Some(SessionId::Text("x\"y")), 4000.0, None),
        (None, 0.5, None),
    ]);
    let at = snapshot.taken_at.as_duration().as_secs_f64();
    assert_eq!(
        buckets(snapshot, "dbsession_transaction_age_seconds_bucket"),
        [
            format!("le=\"10.0\"}} 4 # {{session_id=\"2\",trx_id=\"t2\"}} 9.5 {at}"),
            format!("le=\"+Inf\"}} 5 # {{session_id=\"x\\\"y\"}} 4000 {at}"),
        ]
    );
}

#[test]
fn an_exemplar_has_at_most_128_characters() {
    let (long, longer) = ("é".repeat(110), "x".repeat(60_000));
    let snapshot = with_exemplars(&[
        (Some(SessionId::Number(1)), 7.0, Some(&longer)),
        (Some(SessionId::Number(12_345_678)), 70.0, Some(&long)),
        (Some(SessionId::Text(&longer)), 700.0, Some("t3")),
        (Some(SessionId::Text(&longer)), 7000.0, None),
    ]);
    let shown = buckets(snapshot, "dbsession_active_session_age_seconds_bucket");
    let labels: Vec<_> =
        shown.iter().map(|line| &line[line.find("# {").unwrap() + 2..=line.rfind('}').unwrap()]).collect();
    assert_eq!(labels, ["{session_id=\"1\"}", "{session_id=\"12345678\"}", "{trx_id=\"t3\"}"]);
}

#[test]
fn text_has_no_exemplars() {
    let snapshot = with_exemplars(&[(Some(SessionId::Number(1)), 7.0, None)]);
    assert!(!text(alone(healthy("rm-1", snapshot))).contains(" # "));
}
