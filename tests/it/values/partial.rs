//! Alibaba Cloud counts sessions itself, and may list fewer rows than it counts, or leave a statistic out.

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{AlibabaStats, Group, Reported};

use super::{SourceKind, expected, fixed, wrong};
use crate::accounts::{Configuration, cloud, instance};
use crate::parse::{Page, Series};
use crate::strategies;

const ID: &str = "rm-partial";
const RDS: SourceKind = SourceKind::AlibabaRds;

/// The page of these rows with these statistics, and `top` values of each dimension.
async fn page_of(rows: &[SimSession], stats: AlibabaStats, top: usize) -> Page {
    let cloud = cloud().await;
    cloud.set_sessions(ID, rows.to_vec());
    cloud.set_alibaba_stats(ID, stats);
    let configuration = Configuration {
        global: format!("top: {top}, max_series: 1000000"),
        ..Configuration::of([instance(RDS, ID)])
    };
    configuration.fetch(&cloud, ID).await
}

fn omitted() -> AlibabaStats {
    AlibabaStats {
        total: Reported::Omitted,
        active: Reported::Omitted,
        max_active_time: Reported::Omitted,
        users: Reported::Omitted,
        clients: Reported::Omitted,
        databases: Reported::Omitted,
        listed: None,
    }
}

#[tokio::test]
async fn without_statistics_the_rows_are_counted() {
    let rows = fixed(strategies::hostile(150));
    let mut counted = expected(&rows, RDS, 5);
    // What Alibaba Cloud would report is the longest active session; rows tell the longest that executes.
    let longest = Series::new("dbsession_active_session_max_duration_seconds", &[]);
    let executing = expected(&rows, SourceKind::HuaweiDdm, 5)[&longest];
    counted.insert(longest, executing);
    assert_eq!(wrong(&page_of(&rows, omitted(), 5).await, ID, &counted), [""; 0]);
}

#[tokio::test]
async fn an_empty_statistic_beside_rows_is_none() {
    let rows = fixed(strategies::realistic(40));
    let stats = AlibabaStats { users: Reported::Fixed(Vec::new()), ..AlibabaStats::default() };
    assert_eq!(wrong(&page_of(&rows, stats, 5).await, ID, &expected(&rows, RDS, 5)), [""; 0]);
}

/// Totals and dimensions are of all sessions, everything else of those that are listed.
#[tokio::test]
async fn rows_that_are_cut_off_are_unlisted() {
    const LISTED: usize = 30;
    const ALL_VALUES: usize = 500;
    let rows = fixed(strategies::realistic(200));
    let stats = AlibabaStats { listed: Some(LISTED), ..AlibabaStats::default() };
    let page = page_of(&rows, stats, ALL_VALUES).await;
    let mut cut = expected(&rows[..LISTED], RDS, ALL_VALUES);
    for (series, value) in expected(&rows, RDS, ALL_VALUES) {
        if counted_by_provider(&series.name) {
            cut.insert(series, value);
        } else if series.name.ends_with("transaction_max_duration_seconds") {
            // A value none of whose sessions is listed.
            cut.entry(series).or_insert(0.0);
        }
    }
    cut.insert(Series::new("dbsession_unlisted_sessions", &[]), 170.0);
    assert_eq!(wrong(&page, ID, &cut), [""; 0]);
    assert!(page.value("dbsession_idle_sessions", &[]) < page.value("dbsession_sessions", &[]));
}

fn counted_by_provider(family: &str) -> bool {
    let dimensions = ["_user_", "_client_", "_database_"];
    let of_dimension = dimensions.iter().any(|name| family.contains(name)) && family.ends_with("_sessions");
    let plain =
        ["dbsession_sessions", "dbsession_active_sessions", "dbsession_active_session_max_duration_seconds"];
    of_dimension || plain.contains(&family) || family.starts_with("dbsession_dimension_")
}

/// The provider's own numbers stand, whatever the rows say; what is beyond the top sums up in `other`.
#[tokio::test]
async fn families_sum_to_the_statistics_that_are_given() {
    let group = |key: &str, total_count, active_count| Group {
        key: key.to_owned(),
        total_count,
        active_count,
        ..Group::default()
    };
    let stats = AlibabaStats {
        total: Reported::Fixed(1000),
        active: Reported::Fixed(77),
        max_active_time: Reported::Fixed(4711.into()),
        users: Reported::Fixed(vec![
            group("idler", 600, 1),
            group("worker", 300, 60),
            group("", 60, 16),
            group("other", 40, 0),
        ]),
        clients: Reported::Fixed(vec![
            group("10.0.0.7:50001", 10, 1),
            group("10.0.0.7:50002", 20, 2),
            group("10.0.0.8", 900, 0),
        ]),
        databases: Reported::Fixed(vec![group("shop", 1000, 77)]),
        listed: Some(2),
    };
    let rows = fixed(strategies::realistic(10));
    let page = page_of(&rows, stats, 2).await;
    let plain = ["sessions", "active_sessions", "active_session_max_duration_seconds", "unlisted_sessions"];
    let plain = plain.map(|name| page.value(&format!("dbsession_{name}"), &[]));
    assert_eq!(plain, [1000.0, 77.0, 4711.0, 998.0].map(Some));

    let of = |family: &str, label| {
        let series = page.series_of(&format!("dbsession_{family}")).into_iter();
        series.map(|(labels, value)| (labels[label].clone(), value)).collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    };
    assert_eq!(of("user_sessions", "db_user"), pairs(&[("none", 60.0), ("other", 640.0), ("worker", 300.0)]));
    assert_eq!(
        of("user_active_sessions", "db_user"),
        pairs(&[("none", 16.0), ("other", 1.0), ("worker", 60.0)])
    );
    let clients = pairs(&[("10.0.0.7", 30.0), ("10.0.0.8", 900.0), ("other", 0.0)]);
    assert_eq!(of("client_sessions", "client_host"), clients);
    assert_eq!(of("database_sessions", "db_name"), pairs(&[("other", 0.0), ("shop", 1000.0)]));
    let values = |family: &str| of(&format!("dimension_{family}"), "dimension");
    assert_eq!(values("values"), pairs(&[("client", 2.0), ("database", 1.0), ("user", 4.0)]));
    assert_eq!(values("folded_values"), pairs(&[("client", 0.0), ("database", 0.0), ("user", 2.0)]));
}
