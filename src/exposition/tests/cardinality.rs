//! How many series a target has: exactly what the model's formula says, and never more than its cap.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{TargetView, count_series};
use super::fixture::{THRESHOLDS, alone, healthy, snapshot_with, text};
use crate::model::command::Command;
use crate::model::series::{FIXED, MYSQLD_FIXED, MYSQLD_PER_STATE, PER_VALUE, least};
use crate::model::{Rankings, Reported, Session, Snapshot, Tally, Transaction};

/// Series of a target with this snapshot, counted on its page.
fn series(snapshot: Snapshot, mysqld_names: bool) -> usize {
    let page = alone(TargetView { mysqld_names, ..healthy("rm-1", snapshot) });
    let count = text(page.clone()).lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(count_series(&page), count);
    count
}

/// The formula, for a snapshot of listed rows.
fn formula(snapshot: &Snapshot, mysqld_names: bool) -> usize {
    let listed = snapshot.listed.as_ref().unwrap();
    let dimensions = [&snapshot.users, &snapshot.clients, &snapshot.databases]
        .map(|d| d.as_ref().unwrap().shown.len() + 1);
    let templates = snapshot.templates.as_ref().map_or(0, |templates| templates.shown.len() + 1);
    let [users, clients, _] = dimensions;
    let mysqld = MYSQLD_FIXED + MYSQLD_PER_STATE * listed.states.len() + users + clients;
    FIXED
        + if mysqld_names { mysqld } else { 0 }
        + listed.commands.len()
        + listed.states.len()
        + PER_VALUE * dimensions.iter().sum::<usize>()
        + templates
}

fn row() -> impl Strategy<Value = [String; 6]> {
    let commands =
        prop_oneof!["Query|Sleep|Execute", "[A-Z][a-z]{3}", "Connect|Ping|Kill|Quit|Fetch|Time|Error|Debug"];
    ("u[0-9]{1,3}", "h[0-9]{1,3}", "d[0-9]{1,2}", commands, "[a-z]{1,2} [a-z]", "(t[0-9]{1,2})?").prop_map(
        |(user, host, database, command, state, template)| [user, host, database, command, state, template],
    )
}

fn tally(rows: &[[String; 6]]) -> Tally {
    let mut tally = Tally::new(THRESHOLDS);
    for [user, host, database, command, state, template] in rows {
        tally.add(&Session {
            user: Some(user),
            client: Some(host),
            database: Some(database),
            command: Some(command),
            state: Some(state),
            template: Some(template.as_str()).filter(|template| !template.is_empty()),
            seconds: Some(3.0),
            transaction: Transaction::of(Some(7.0), None),
            ..Session::default()
        });
    }
    tally
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Over many fetches of hostile rows with the highest churn: the formula is exact, and the cap holds.
    #[test]
    fn series_are_as_many_as_the_formula_says_and_never_more_than_the_cap(
        fetches in vec(vec(row(), 0..150), 1..6),
        top in 1usize..60,
        (mysqld_names, max_series) in (any::<bool>(), 0usize..1300).prop_map(|(mysqld, more)| (mysqld, least(mysqld) + more)),
    ) {
        let mut rankings = Rankings::new(top, max_series).with_mysqld_names(mysqld_names);
        for rows in fetches {
            let snapshot = snapshot_with(Some(tally(&rows)), Reported::default(), &mut rankings);
            let count = series(snapshot.clone(), mysqld_names);
            prop_assert_eq!(count, formula(&snapshot, mysqld_names));
            prop_assert!(count <= max_series, "{} series, cap {}", count, max_series);
            let total: u64 = snapshot.users.iter().flat_map(|users| users.shown.iter().map(|(_, group)| group.total)).sum();
            prop_assert_eq!(total + snapshot.users.as_ref().unwrap().other.total, rows.len() as u64);
        }
    }
}

#[test]
fn the_least_cap_holds_with_every_command() {
    for mysqld_names in [false, true] {
        let mut tally = Tally::new(THRESHOLDS);
        for command in Command::all().map(|command| Some(command.label())).chain([None]) {
            for name in ["init", "sending data", "made up"] {
                let name = Some(name);
                tally.add(&Session {
                    user: name,
                    client: name,
                    database: name,
                    command,
                    state: name,
                    template: name,
                    ..Session::default()
                });
            }
        }
        let least = least(mysqld_names);
        let mut rankings = Rankings::new(20, least).with_mysqld_names(mysqld_names);
        let snapshot = snapshot_with(Some(tally), Reported::default(), &mut rankings);
        assert_eq!(snapshot.listed.as_ref().unwrap().commands.len(), Command::COUNT);
        assert_eq!(series(snapshot, mysqld_names), least);
    }
}

/// A thousand users come and go by chance for 500 fetches. Each fetch may bring at most `top` new values of each dimension,
/// and because a value that left stays a while, far fewer on average than leave.
#[test]
fn churn_brings_few_new_series() {
    const TOP: usize = 10;
    let (mut rankings, mut random) = (Rankings::new(TOP, 1000), fastrand::Rng::with_seed(7));
    let (mut before, mut new_values) = (std::collections::BTreeSet::new(), 0);
    for fetch in 0..500 {
        let mut tally = Tally::new(THRESHOLDS);
        for _ in 0..300 {
            // A few users are always busy, the others seldom: as on a real instance.
            let user = if random.bool() { random.u32(0..8) } else { random.u32(0..1000) };
            tally.add(&Session {
                user: Some(&format!("u{user}")),
                command: Some("Query"),
                ..Session::default()
            });
        }
        let snapshot = snapshot_with(Some(tally), Reported::default(), &mut rankings);
        let shown: std::collections::BTreeSet<_> =
            snapshot.users.unwrap().shown.iter().map(|(user, _)| user.to_owned()).collect();
        let new = shown.difference(&before).count();
        assert!(new <= TOP, "fetch {fetch} brought {new} new values");
        new_values += if fetch == 0 { 0 } else { new };
        before = shown;
    }
    // Two of the ten places are contested at each fetch.
    assert!(new_values <= 500 * 2, "{new_values} new values in 500 fetches");
}

#[test]
fn a_cap_says_so() {
    let rows: Vec<_> = (0..300)
        .map(|i| [format!("u{i}"), format!("h{i}"), "d".into(), "Query".into(), "x".into(), String::new()])
        .collect();
    let capped = |max_series| {
        let snapshot =
            snapshot_with(Some(tally(&rows)), Reported::default(), &mut Rankings::new(20, max_series));
        (snapshot.is_capped(), snapshot.users.unwrap().shown.len())
    };
    assert_eq!(capped(1000), (false, 20));
    let (said, shown) = capped(200);
    assert!(said && shown < 20, "{shown} users shown");
}
