//! The oracle against cases worked out by hand.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

use std::time::Duration;

use dbsession_exporter::demo::session::SimSession;

use super::{SourceKind, differences, expected, labels};
use crate::parse::{Page, Series};

use SourceKind::{AlibabaPolarX, AlibabaRds, HuaweiDas, HuaweiDdm};

pub const SOURCES: [SourceKind; 4] = [AlibabaRds, AlibabaPolarX, HuaweiDas, HuaweiDdm];

/// The page of these rows with a threshold of 3 s for slow and of 60 s for long.
pub fn page_of(rows: &[SimSession], source: SourceKind, top: usize) -> Page {
    let settings = super::Settings { top, slow: Duration::from_secs(3), long: Duration::from_mins(1) };
    Page { samples: expected(rows, source, settings), ..Page::default() }
}

/// A row with a user, client, command, state, time and transaction duration; an empty one is left out.
fn session(fields: [&str; 6]) -> SimSession {
    let [user, host, command, state, time, trx_seconds] =
        fields.map(|text| (!text.is_empty()).then(|| text.to_owned()));
    SimSession { user, host, command, state, time, trx_seconds, ..SimSession::default() }
}

fn of_user(user: &str) -> SimSession {
    session([user, "", "", "", "", ""])
}

#[track_caller]
fn assert_values(page: &Page, values: &[(&str, f64)]) {
    for (name, value) in values {
        assert_eq!(page.value(&format!("dbsession_{name}"), &[]), Some(*value), "{name}");
    }
}

/// The values of one label of a family, in ascending order.
fn listed(page: &Page, family: &str, label: &str) -> Vec<(String, f64)> {
    page.series_of(family).into_iter().map(|(labels, value)| (labels[label].clone(), value)).collect()
}

#[test]
fn an_idle_database_has_its_zeros() {
    for source in SOURCES {
        let page = page_of(&[], source, 20);
        let non_zero: Vec<_> = page.samples.iter().filter(|(_, value)| **value != 0.0).collect();
        assert_eq!(
            non_zero,
            [
                (&Series::new("dbsession_long_transaction_threshold_seconds", &[]), &60.0),
                (&Series::new("dbsession_slow_session_threshold_seconds", &[]), &3.0),
            ]
        );
        // 13 plain values, 2 thresholds, 5 kinds of waiting, 2 × 12 of the ages, 3 × 3 `other`, 3 × 2 numbers of values.
        assert_eq!(page.samples.len(), 59);
    }
}

/// The rows of the three API pages' examples.
#[test]
fn the_examples_of_the_api_pages() {
    let alibaba = SimSession {
        database: Some("dbTest".to_owned()),
        trx_id: Some("754300775132".to_owned()),
        template: Some("a7cac1a9".to_owned()),
        ..session(["testUser", "47.100.0.1", "Query", "starting", "6", "6"])
    };
    let page_of_alibaba = page_of(&[alibaba], AlibabaPolarX, 20);
    assert_values(
        &page_of_alibaba,
        &[
            ("sessions", 1.0),
            ("executing_sessions", 1.0),
            ("active_session_max_duration_seconds", 6.0),
            ("slow_sessions", 1.0),
            ("transactions", 1.0),
            ("transaction_max_duration_seconds", 6.0),
            ("long_transactions", 0.0),
        ],
    );
    let templates = listed(&page_of_alibaba, "dbsession_template_sessions", "sql_template_id");
    assert_eq!(templates, [("a7cac1a9".to_owned(), 1.0), ("other".to_owned(), 0.0)]);
    let state = [("command", "query"), ("state", "starting")];
    assert_eq!(page_of_alibaba.value("dbsession_state_sessions", &state), Some(1.0));

    let das = session(["event_scheduler", "localhost", "Daemon", "Waiting on empty queue", "4260107", "0"]);
    let page_of_das = page_of(&[das], HuaweiDas, 20);
    assert_values(&page_of_das, &[("system_sessions", 1.0), ("active_sessions", 0.0), ("transactions", 0.0)]);
    assert_eq!(page_of_das.sum("dbsession_waiting_sessions"), 0.0);
    assert_eq!(page_of_das.value("dbsession_database_sessions", &[("db_name", "none")]), Some(1.0));

    let ddm = session(["DDMRW1613058863", "172.16.241.84:58908", "Sleep", "", "13977", "0"]);
    let page_of_ddm = page_of(&[ddm], HuaweiDdm, 20);
    assert_values(&page_of_ddm, &[("idle_sessions", 1.0), ("active_session_max_duration_seconds", 0.0)]);
    let host = [("client_host", "172.16.241.84")];
    assert_eq!(page_of_ddm.value("dbsession_client_sessions", &host), Some(1.0));
    let state = [("command", "sleep"), ("state", "unknown")];
    assert_eq!(page_of_ddm.value("dbsession_state_sessions", &state), Some(1.0));
}

#[test]
fn system_sessions_count_in_totals_and_active_only() {
    let rows = [
        session(["app", "", "QUERY", "executing", "4", ""]),
        session(["System User", "", "Query", "Waiting for row lock", "900", "70"]),
        session(["repl", "", "Binlog Dump GTID", "", "9000", ""]),
        session(["event_scheduler", "", "Sleep", "", "8000", ""]),
    ];
    let shared = [
        ("sessions", 4.0),
        ("active_sessions", 2.0),
        ("executing_sessions", 1.0),
        ("idle_sessions", 1.0),
        ("system_sessions", 3.0),
        ("slow_sessions", 1.0),
        ("active_session_age_seconds_gcount", 1.0),
        ("active_session_age_seconds_gsum", 4.0),
        ("transactions", 1.0),
        ("long_transactions", 1.0),
    ];
    for (source, reported) in [(HuaweiDas, 4.0), (AlibabaRds, 900.0)] {
        let page = page_of(&rows, source, 20);
        assert_values(&page, &shared);
        assert_values(&page, &[("active_session_max_duration_seconds", reported)]);
        assert_eq!(page.sum("dbsession_waiting_sessions"), 0.0);
        assert_eq!(page.sum("dbsession_command_sessions"), 4.0);
    }
}

#[test]
fn ages_are_cumulative_and_leave_unknown_times_out() {
    let times = ["0", "1", "1.5", " 60 ", "1e3", "4000", "-5", "abc", "NaN", "inf", "--", ""];
    let rows = times.map(|time| session(["", "", "Execute", "", time, ""]));
    let page = page_of(&rows, HuaweiDas, 20);
    let buckets = [2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0, 6.0];
    for ((le, _), count) in super::AGES.iter().zip(buckets) {
        let bucket = page.value("dbsession_active_session_age_seconds_bucket", &[("le", le)]);
        assert_eq!(bucket, Some(count), "{le}");
    }
    assert_values(
        &page,
        &[
            ("executing_sessions", 12.0),
            ("active_session_age_seconds_gsum", 5062.5),
            ("active_session_max_duration_seconds", 4000.0),
            ("slow_sessions", 3.0),
        ],
    );
}

#[test]
fn transactions_are_open_by_duration_or_by_id() {
    let row = |command: &str, trx_seconds: &str, trx_id: &str| SimSession {
        trx_id: Some(trx_id.to_owned()),
        ..session(["app", "", command, "", "500", trx_seconds])
    };
    let rows = [
        row("Sleep", "90", "--"),
        row("Query", "30", ""),
        row("Sleep", "0", "17"),
        row("Sleep", "-3", "18"),
        row("Sleep", "0", "--"),
    ];
    assert_values(
        &page_of(&rows, AlibabaRds, 20),
        &[
            ("active_sessions", 4.0),
            ("idle_sessions", 1.0),
            ("transactions", 4.0),
            ("idle_transactions", 3.0),
            ("idle_transaction_max_duration_seconds", 90.0),
            ("long_transactions", 1.0),
            ("transaction_age_seconds_gcount", 3.0),
            ("transaction_age_seconds_gsum", 120.0),
        ],
    );
    assert_values(&page_of(&rows, HuaweiDdm, 20), &[("transactions", 2.0), ("idle_transactions", 1.0)]);
}

#[test]
fn top_users_are_chosen_by_active_then_total_then_name() {
    let mut rows: Vec<_> = ["d", "d", "d", "c", "c", "b", "b", "a", "quiet"].map(of_user).into();
    rows[7].command = Some("Query".to_owned());
    rows[8].trx_seconds = Some("7".to_owned());
    rows[5].trx_seconds = Some("0".to_owned());
    rows.push(session(["z", "", "Query", "", "", "44"]));
    let page = page_of(&rows, HuaweiDas, 4);
    let named = |values: [(&str, f64); 5]| values.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let sessions = named([("a", 1.0), ("d", 3.0), ("other", 4.0), ("quiet", 1.0), ("z", 1.0)]);
    assert_eq!(listed(&page, "dbsession_user_sessions", "db_user"), sessions);
    let active = named([("a", 1.0), ("d", 0.0), ("other", 0.0), ("quiet", 1.0), ("z", 1.0)]);
    assert_eq!(listed(&page, "dbsession_user_active_sessions", "db_user"), active);
    let longest = named([("a", 0.0), ("d", 0.0), ("other", 0.0), ("quiet", 7.0), ("z", 44.0)]);
    assert_eq!(listed(&page, "dbsession_user_transaction_max_duration_seconds", "db_user"), longest);
    assert_eq!(page.value("dbsession_dimension_values", &[("dimension", "user")]), Some(6.0));
    assert_eq!(page.value("dbsession_dimension_folded_values", &[("dimension", "user")]), Some(2.0));

    let tied = page_of(&["b", "a", "B"].map(of_user), HuaweiDas, 2);
    let users = listed(&tied, "dbsession_user_sessions", "db_user");
    assert_eq!(users, [("B".to_owned(), 1.0), ("a".to_owned(), 1.0), ("other".to_owned(), 1.0)]);
}

#[test]
fn no_value_depends_on_the_source() {
    let users = |source| {
        let rows = ["", "--", "None", "none", "-"].map(of_user);
        listed(&page_of(&rows, source, 20), "dbsession_user_sessions", "db_user")
    };
    let text = |name: &str, value: f64| (name.to_owned(), value);
    let ddm = [text("-", 1.0), text("none", 3.0), text("none_", 1.0), text("other", 0.0)];
    assert_eq!(users(HuaweiDdm), ddm);
    let das = [text("-", 1.0), text("None", 1.0), text("none", 2.0), text("none_", 1.0), text("other", 0.0)];
    assert_eq!(users(HuaweiDas), das);
    assert_eq!(users(AlibabaRds), das);
}

#[test]
fn templates_are_alibabas_and_only_where_there_are_any() {
    let row = |template: &str| SimSession { template: Some(template.to_owned()), ..SimSession::default() };
    let family = "dbsession_template_sessions";
    assert_eq!(page_of(&[row(""), row("--")], AlibabaPolarX, 2).series_of(family), []);
    let rows = ["b", "b", "", "a", "c"].map(row);
    assert_eq!(page_of(&rows, HuaweiDdm, 2).series_of(family), []);
    let top = listed(&page_of(&rows, AlibabaPolarX, 2), family, "sql_template_id");
    assert_eq!(top, [("a".to_owned(), 1.0), ("b".to_owned(), 2.0), ("other".to_owned(), 2.0)]);
}

#[test]
fn states_beyond_thirty_pairs_are_other_under_their_command() {
    let row = |command: &str, state: String| session(["", "", command, &state, "", ""]);
    let mut rows: Vec<_> = (0..29).map(|state| row("Query", format!("busy {state:02}"))).collect();
    rows.extend([row("Sleep", "zz".into()), row("Sleep", "zz".into()), row("Sleep", "late".into())]);
    rows.extend([
        row("Query", "Sending data".into()),
        row("Query", String::new()),
        row("Odd", "Other".into()),
    ]);
    let page = page_of(&rows, HuaweiDas, 20);
    let value = |command: &str, state: &str| {
        page.value("dbsession_state_sessions", &[("command", command), ("state", state)])
    };
    assert_eq!(value("sleep", "zz"), Some(2.0), "most sessions go first");
    assert_eq!(value("other", "other_"), Some(1.0), "then the command in ascending order");
    assert_eq!((value("query", "busy_27"), value("query", "busy_28")), (Some(1.0), None));
    assert_eq!((value("query", "other"), value("sleep", "other")), (Some(1.0), Some(1.0)));
    assert_eq!((value("query", "sending_data"), value("query", "unknown")), (Some(1.0), Some(1.0)));
}

#[test]
fn waits_are_told_by_their_state() {
    let states = [
        ("Waiting for row lock", "row_lock"),
        ("updating (waiting for lock)", "row_lock"),
        ("Statistics lock", "row_lock"),
        ("InnoDB lock wait", "row_lock"),
        (" waiting for table METADATA LOCK ", "metadata_lock"),
        ("Waiting for table flush", "table_flush"),
        ("Flushing tables", "table_flush"),
        ("Waiting for tables", "table_flush"),
        ("Waiting for global read lock", "global_read_lock"),
        ("Waiting for backup lock", "global_read_lock"),
        ("Waiting for commit lock", "global_read_lock"),
        ("Waiting for release of readlock", "global_read_lock"),
        ("Waiting on cond", "other"),
    ];
    for (state, kind) in states {
        let page = page_of(&[session(["", "", "Query", state, "", ""])], HuaweiDas, 20);
        assert_eq!(page.value("dbsession_waiting_sessions", &[("kind", kind)]), Some(1.0), "{state}");
        assert_eq!(page.sum("dbsession_waiting_sessions"), 1.0, "{state}");
    }
    for state in ["updating", "waiting", "Waiting for", "not waiting for row lock", "InnoDB lock"] {
        let page = page_of(&[session(["", "", "Query", state, "", ""])], HuaweiDas, 20);
        assert_eq!(page.sum("dbsession_waiting_sessions"), 0.0, "{state}");
    }
}

#[test]
fn label_values_are_distinct_and_bounded() {
    for (text, label) in
        [("other", "other_"), ("none__", "none___"), ("Other", "Other"), ("other_x", "other_x")]
    {
        assert_eq!(labels::plain(Some(text)), label);
    }
    let long = "é".repeat(129);
    assert_eq!(labels::plain(Some(&long[2..])), &long[2..]);
    assert_eq!(labels::plain(Some(&long)), format!("{}…", "é".repeat(127)));
    let colliding = [format!("{long}a"), format!("{long}b")].map(|user| of_user(&user));
    assert_eq!(listed(&page_of(&colliding, HuaweiDas, 1), "dbsession_user_sessions", "db_user")[1].1, 2.0);

    let commands = [
        (None, "none"),
        (Some("Binlog Dump GTID"), "binlog_dump_gtid"),
        (Some("none"), "other"),
        (Some(" Query"), "other"),
    ];
    for (text, label) in commands {
        assert_eq!(labels::command(text), label);
    }
    let states = [
        (None, "unknown"),
        (Some("(...)"), "unknown"),
        (Some("Unknown"), "unknown_"),
        (Some("Waiting: for-x; y."), "waiting_for_x_y"),
        (Some("ÄRGER"), "ärger"),
    ];
    for (text, label) in states {
        assert_eq!(labels::state(text), label);
    }
}

#[test]
fn clients_are_hosts_without_ports() {
    let cases = [
        ("10.0.0.7:51234", "10.0.0.7"),
        ("10.0.0.7:123456", "10.0.0.7:123456"),
        ("db.example.com:1", "db.example.com"),
        ("localhost", "localhost"),
        ("host:", "host:"),
        ("a:b:3306", "a:b:3306"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("[fe80::1%eth0]:3306", "fe80::1%eth0"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7:3306", "2001:db8::7:3306"),
        ("2001:db8::7:51234", "2001:db8::7"),
        ("2001:db8:0:0:0:0:0:7:3306", "2001:db8:0:0:0:0:0:7"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fe80::1%eth0:3306", "fe80::1%eth0"),
        ("::1", "::1"),
    ];
    for (text, host) in cases {
        assert_eq!(labels::client_host(text), host, "{text}");
    }
    let clients = page_of(&[session(["", "other:1", "", "", "", ""])], HuaweiDas, 20);
    assert_eq!(clients.value("dbsession_client_sessions", &[("client_host", "other_")]), Some(1.0));
}

#[test]
fn differences_name_each_series_that_is_wrong() {
    let expected = page_of(&["a"].map(of_user), HuaweiDas, 20).samples;
    assert_eq!(differences(&expected, &expected), [""; 0]);
    let mut shown = expected.clone();
    shown.remove(&Series::new("dbsession_sessions", &[]));
    shown.insert(Series::new("dbsession_transactions", &[]), 1.0);
    shown.insert(Series::new("dbsession_idle_sessions", &[]), -0.0);
    shown.insert(Series::new("dbsession_active_sessions", &[]), f64::NAN);
    shown.insert(Series::new("dbsession_user_sessions", &[("db_user", "b")]), 0.0);
    shown.insert(Series::new("dbsession_template_sessions", &[("sql_template_id", "x")]), 0.0);
    shown.insert(Series::new("dbsession_up", &[]), 1.0);
    let lines = differences(&expected, &shown);
    for wrong in [
        "template_sessions",
        "user_sessions",
        "_sessions\"",
        "transactions",
        "idle_sessions",
        "active_sessions",
    ] {
        assert!(lines.iter().any(|line| line.contains(wrong)), "{wrong} in {lines:?}");
    }
    assert_eq!(lines.len(), 6);
}
