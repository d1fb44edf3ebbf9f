//! The oracle against what must hold for any rows.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

use std::collections::BTreeSet;

use dbsession_exporter::demo::session::SimSession;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::tests::{SOURCES, page_of};
use super::{AGES, SourceKind, differences, labels, number};
use crate::parse::Series;
use crate::strategies;

fn any_rows() -> impl Strategy<Value = Vec<SimSession>> {
    prop_oneof![strategies::realistic(0..100), strategies::hostile(0..100)]
}

fn any_rows_twice() -> impl Strategy<Value = (Vec<SimSession>, Vec<SimSession>)> {
    any_rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sums_over_a_family_are_the_totals(
        rows in any_rows(),
        source in select(&SOURCES[..]),
        top in 1..25_usize,
    ) {
        let page = page_of(&rows, source, top);
        let value = |name: &str| page.value(&format!("dbsession_{name}"), &[]).unwrap();
        let families = ["user", "client", "database"].map(|name| (name, format!("dbsession_{name}")));
        for (name, family) in families {
            prop_assert_eq!(page.sum(&format!("{family}_sessions")), value("sessions"));
            prop_assert_eq!(page.sum(&format!("{family}_active_sessions")), value("active_sessions"));
            let longest = page.series_of(&format!("{family}_transaction_max_duration_seconds"));
            let longest = longest.iter().fold(0.0, |longest, (_, value)| value.max(longest));
            prop_assert_eq!(longest, value("transaction_max_duration_seconds"));
            let present = page.value("dbsession_dimension_values", &[("dimension", name)]).unwrap();
            let folded = page.value("dbsession_dimension_folded_values", &[("dimension", name)]).unwrap();
            let series = number(page.series_of(&format!("{family}_sessions")).len());
            prop_assert_eq!(present - folded + 1.0, series);
            prop_assert_eq!(folded > 0.0, present > number(top));
        }
        prop_assert_eq!(page.sum("dbsession_command_sessions"), value("sessions"));
        prop_assert_eq!(page.sum("dbsession_state_sessions"), value("sessions"));
        prop_assert!([0.0, value("sessions")].contains(&page.sum("dbsession_template_sessions")));
        prop_assert!(page.sum("dbsession_waiting_sessions") <= value("sessions") - value("system_sessions"));
        prop_assert!(value("slow_sessions") <= value("executing_sessions"));
        prop_assert!(value("executing_sessions") <= value("active_sessions"));
        prop_assert!(value("idle_transactions") <= value("transactions"));
        prop_assert!(value("active_sessions") + value("idle_sessions") <= value("sessions"));
    }

    #[test]
    fn ages_are_histograms(rows in any_rows(), source in select(&SOURCES[..])) {
        let page = page_of(&rows, source, 20);
        for (family, whole) in [("active_session", "executing_sessions"), ("transaction", "transactions")] {
            let family = format!("dbsession_{family}_age_seconds");
            let bucket = |le| page.value(&format!("{family}_bucket"), &[("le", le)]).unwrap();
            let counts: Vec<f64> = AGES.iter().map(|(le, _)| bucket(le)).collect();
            prop_assert!(counts.is_sorted());
            let count = page.value(&format!("{family}_gcount"), &[]).unwrap();
            prop_assert_eq!(bucket("+Inf"), count);
            let whole = page.value(&format!("dbsession_{whole}"), &[]).unwrap();
            prop_assert!(count <= whole);
        }
    }

    /// The same sessions in another order are the same page.
    #[test]
    fn order_does_not_matter((rows, shuffled) in any_rows_twice()) {
        let pages = [rows, shuffled].map(|rows| page_of(&rows, SourceKind::AlibabaRds, 5).samples);
        prop_assert_eq!(differences(&pages[0], &pages[1]), [""; 0]);
    }

    /// Whatever stands in the rows: few series, short values, no negative numbers.
    #[test]
    fn hostile_rows_stay_bounded(rows in strategies::hostile(60..100), source in select(&SOURCES[..])) {
        let page = page_of(&rows, source, 10);
        let commands: BTreeSet<_> = rows.iter().map(|row| labels::command(row.command.as_deref())).collect();
        let states = page.series_of("dbsession_state_sessions").into_iter();
        let more = states.filter(|(labels, _)| !labels::is_table_state(&labels["state"]));
        prop_assert!(more.count() <= 30 + commands.len());
        for family in ["user", "client", "database", "template"] {
            let series = page.series_of(&format!("dbsession_{family}_sessions"));
            prop_assert!(series.len() <= 11);
        }
        for (series, value) in &page.samples {
            prop_assert!(value.is_finite() && value.is_sign_positive(), "{series:?} {value}");
            let lengths: Vec<_> = series.labels.values().map(|value| value.chars().count()).collect();
            prop_assert!(lengths.iter().all(|length| (1..=128).contains(length)), "{series:?}");
        }
    }

    #[test]
    fn ids_are_dense(rows in any_rows()) {
        prop_assert!(rows.iter().map(|row| row.id).eq((1..).take(rows.len())));
    }
}

/// Rows that never wait, never time out and never crowd would prove little.
#[test]
fn the_strategies_reach_every_family() {
    let mut runner = TestRunner::deterministic();
    let mut silent: BTreeSet<Series> = page_of(&[], SourceKind::AlibabaRds, 10).samples.into_keys().collect();
    let mut folded = 0;
    for _ in 0..30 {
        let rows = strategies::hostile(100..150).new_tree(&mut runner).unwrap().current();
        let page = page_of(&rows, SourceKind::AlibabaRds, 10);
        silent.retain(|series| page.samples.get(series).is_none_or(|value| *value == 0.0));
        let states = page.series_of("dbsession_state_sessions");
        folded += states.iter().filter(|(labels, _)| labels["state"] == "other").count();
    }
    let unlisted = Series::new("dbsession_unlisted_sessions", &[]);
    assert_eq!(silent, BTreeSet::from([unlisted]), "always 0");
    assert!(folded > 0, "never more states than are kept");
}
