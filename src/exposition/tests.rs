//! Pages are read back by a parser of their own; one whole page is kept as a golden file.

mod cardinality;
mod fixture;
mod mysqld;
mod openmetrics;
mod parse;
mod reference;

use std::path::Path;
use std::sync::Arc;

use fixture::{alone, failing, healthy, listed, registry, task, templated, text, unlisted};
use parse::{Family, Sample, parse};
use prometheus::core::Collector;
use proptest::prelude::*;

use super::families::{self, Kind};
use super::{FRAME_BYTES, Format, Labels, PageInput, TargetView, page};
use crate::model::Snapshot;
use crate::model::tally::AGE_BOUNDS;

fn fleet() -> PageInput {
    let (task, counters) = task();
    PageInput {
        targets: vec![
            healthy("rm-1", listed()),
            failing(),
            healthy("pxc-2", templated()),
            healthy("rm-3", unlisted()),
            fixture::new(),
        ],
        tasks: vec![task],
        task_counters: vec![counters],
        own: registry().gather(),
    }
}

fn samples<'a>(families: &'a [Family], name: &str) -> &'a [Sample] {
    families.iter().find(|family| family.name == name).map_or(&[], |family| &family.samples)
}

fn values(families: &[Family], name: &str) -> Vec<f64> {
    samples(families, name).iter().map(|sample| sample.value).collect()
}

fn names(input: PageInput) -> Vec<String> {
    parse(&text(input)).into_iter().map(|family| family.name).collect()
}

#[test]
fn a_whole_page_is_as_it_was() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/page.txt");
    let page = text(fleet());
    parse(&page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &page).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    for (number, (line, expected)) in page.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "line {} of the golden page; UPDATE=1 writes it anew", number + 1);
    }
    assert_eq!(page.len(), expected.len());
}

#[test]
fn the_whole_table_is_on_that_page_and_reads_well() {
    let page = parse(&text(fleet()));
    for family in families::all(false) {
        let name = family.name;
        let shown: Vec<_> = page.iter().filter(|shown| shown.name.starts_with(name)).collect();
        assert!(!shown.is_empty(), "{name} is not on the page");
        assert!(shown.iter().all(|shown| shown.help == family.help), "{name}");
        assert!(name.starts_with("dbsession_"), "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains(['\\', '\n']), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
    }
}

#[test]
fn nothing_but_own_families_is_written_for_nobody() {
    assert_eq!(page(PageInput::default(), Format::Text).count(), 0);
    let own = PageInput { own: registry().gather(), ..PageInput::default() };
    let families = names(own);
    assert_eq!(families, ["dbsession_exporter_api_request_duration_seconds", "dbsession_exporter_shard"]);
}

#[test]
fn an_own_family_without_samples_or_type_leaves_no_trace() {
    let empty = prometheus::IntCounterVec::new(prometheus::Opts::new("empty", "Nothing."), &["a"]).unwrap();
    let mut untyped = registry().gather();
    for family in &mut untyped {
        family.set_field_type(prometheus::proto::MetricType::UNTYPED);
    }
    let own = empty.collect().into_iter().chain(untyped).collect();
    assert_eq!(page(PageInput { own, ..PageInput::default() }, Format::Text).count(), 0);
}

#[test]
fn a_target_without_data_shows_only_its_health() {
    let health = [
        "dbsession_up",
        "dbsession_instance_info",
        "dbsession_last_success_timestamp_seconds",
        "dbsession_fetch_interval_seconds",
        "dbsession_fetch_duration_seconds",
        "dbsession_fetch_api_calls",
        "dbsession_fetches_total",
        "dbsession_fetch_failures_total",
        "dbsession_fetches_skipped_total",
        "dbsession_incidents_total",
        "dbsession_incident_active",
    ];
    assert_eq!(names(alone(failing())), health);
    let before_the_first_fetch: Vec<_> = health
        .into_iter()
        .filter(|name| {
            !matches!(
                *name,
                "dbsession_up" | "dbsession_fetch_duration_seconds" | "dbsession_fetch_api_calls"
            )
        })
        .collect();
    assert_eq!(names(alone(fixture::new())), before_the_first_fetch);
}

#[test]
fn without_listed_rows_only_what_the_provider_counts_is_shown() {
    let page = names(alone(healthy("rm-3", unlisted())));
    let data: Vec<_> =
        page[page.iter().position(|name| name == "dbsession_unlisted_sessions").unwrap()..].into();
    assert_eq!(
        data,
        [
            "dbsession_unlisted_sessions",
            "dbsession_sessions",
            "dbsession_user_sessions",
            "dbsession_user_active_sessions",
            "dbsession_dimension_values",
            "dbsession_dimension_folded_values",
            "dbsession_dimension_overflow_sessions",
            "dbsession_series_capped",
        ]
    );
}

#[test]
fn the_sums_of_one_page_agree() {
    let page = parse(&text(alone(healthy("rm-1", listed()))));
    let expected = [
        ("dbsession_sessions", 8.0),
        ("dbsession_user_sessions", 8.0),
        ("dbsession_client_sessions", 8.0),
        ("dbsession_database_sessions", 8.0),
        ("dbsession_command_sessions", 8.0),
        ("dbsession_state_sessions", 8.0),
        ("dbsession_active_sessions", 5.0),
        ("dbsession_user_active_sessions", 5.0),
        ("dbsession_client_active_sessions", 5.0),
        ("dbsession_database_active_sessions", 5.0),
        ("dbsession_executing_sessions", 4.0),
        ("dbsession_active_session_age_seconds_gcount", 4.0),
    ];
    let sums = expected.map(|(name, _)| (name, values(&page, name).iter().sum::<f64>()));
    assert_eq!(sums, expected);
}

#[test]
fn every_dimension_ends_with_other() {
    let page = parse(&text(alone(healthy("pxc-2", templated()))));
    let templates: Vec<_> = samples(&page, "dbsession_template_sessions")
        .iter()
        .map(|sample| (sample.label("sql_template_id").unwrap(), sample.value))
        .collect();
    assert_eq!(templates, [("9a1f", 2.0), ("03cc", 1.0), ("other", 2.0)]);
    for (family, label) in [("user", "db_user"), ("client", "client_host"), ("database", "db_name")] {
        let sessions = samples(&page, &format!("dbsession_{family}_sessions"));
        let shown: Vec<_> = sessions.iter().filter_map(|sample| sample.label(label)).collect();
        assert_eq!(shown, ["none", "other"]);
    }
}

#[test]
fn age_buckets_are_cumulative_and_spelled_as_in_openmetrics() {
    let page = text(alone(healthy("rm-1", listed())));
    let families = parse(&page);
    let buckets = samples(&families, "dbsession_active_session_age_seconds_bucket");
    let bounds: Vec<f64> = buckets.iter().map(|b| b.label("le").unwrap().parse().unwrap()).collect();
    assert_eq!(bounds[..AGE_BOUNDS.len()], AGE_BOUNDS);
    assert_eq!(buckets.last().and_then(|bucket| bucket.label("le")), Some("+Inf"));
    // Executing for 0, 0.25, 5 and 4000 seconds.
    let counts: Vec<f64> = buckets.iter().map(|bucket| bucket.value).collect();
    assert_eq!(counts, [2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0]);
    assert_eq!(values(&families, "dbsession_active_session_age_seconds_gsum"), [4005.25]);
    assert!(page.contains(
        r#"dbsession_transaction_age_seconds_bucket{instance_id="rm-1",team="payments",le="600.0"} 1"#
    ));
    assert!(page.contains("# TYPE dbsession_transaction_age_seconds_gcount untyped\n"));
}

#[test]
fn numbers_are_short_and_exact() {
    let seconds = |seconds| Snapshot { longest_active: Some(seconds), ..listed() };
    for (value, spelled) in [
        (0.0, "0"),
        (3.0, "3"),
        (-0.0, "-0"),
        (-3.0, "-3"),
        (0.25, "0.25"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e300"),
        (f64::INFINITY, "+Inf"),
    ] {
        let page = text(alone(healthy("rm-1", seconds(value))));
        let line = page.lines().find(|line| line.starts_with("dbsession_active_session_max")).unwrap();
        assert_eq!(line.rsplit_once(' ').unwrap().1, spelled);
        assert_eq!(values(&parse(&page), "dbsession_active_session_max_duration_seconds"), [value]);
    }
    let most = Snapshot { sessions: u64::MAX, ..listed() };
    assert!(text(alone(healthy("rm-1", most))).contains(" 18446744073709551615\n"));
}

#[test]
fn times_are_seconds_with_their_milliseconds() {
    for (millisecond, spelled) in
        [(1_760_000_000_257, "1760000000.257"), (1_760_000_000_000, "1760000000"), (-1500, "-1.5")]
    {
        let mut target = healthy("rm-1", listed());
        Arc::make_mut(&mut target.health).last_success = Some(fixture::at(millisecond));
        let line = format!(
            "dbsession_last_success_timestamp_seconds{{instance_id=\"rm-1\",team=\"payments\"}} {spelled}\n"
        );
        assert!(text(alone(target)).contains(&line), "{line}");
    }
}

/// Many targets, and the page that is put together from the pages of each alone.
fn crowd() -> (PageInput, String) {
    let snapshot = Arc::new(listed());
    let target = |number| TargetView {
        snapshot: Some(snapshot.clone()),
        ..healthy(&format!("rm-{number}"), unlisted())
    };
    let targets: Vec<_> = (0..300).map(target).collect();
    let pages: Vec<String> = targets.iter().map(|target| text(alone(target.clone()))).collect();
    let mut joined = vec![String::new(); pages[0].split("# HELP ").count()];
    for (number, page) in pages.iter().enumerate() {
        for (all, family) in joined.iter_mut().zip(page.split("# HELP ")) {
            let samples = family.splitn(3, '\n').nth(2).unwrap_or_default();
            all.push_str(if number == 0 { family } else { samples });
        }
    }
    (PageInput { targets, ..PageInput::default() }, joined.join("# HELP "))
}

#[test]
fn frames_are_bounded_and_add_up_to_one_page() {
    let (input, expected) = crowd();
    let frames: Vec<_> = page(input.clone(), Format::Text).collect();
    assert!(frames.len() > 20);
    let (last, full) = frames.split_last().unwrap();
    assert!(full.iter().all(|frame| frame.len() == FRAME_BYTES));
    assert!((1..=FRAME_BYTES).contains(&last.len()));
    assert!(frames.concat() == expected.as_bytes(), "the page differs from the pages of its targets");
    // A reader that drops each frame before it takes the next lets the writer use the memory again.
    let dropped =
        page(input, Format::Text).fold(Vec::new(), |read, frame| [read.as_slice(), &frame].concat());
    assert!(dropped == expected.as_bytes(), "the page depends on how it is read");
}

#[test]
fn a_page_shares_snapshots_until_its_reader_leaves() {
    let (input, _) = crowd();
    let snapshot = Arc::downgrade(input.targets[0].snapshot.as_ref().unwrap());
    let mut frames = page(input, Format::Text);
    assert!(frames.next().is_some());
    assert_eq!(snapshot.strong_count(), 300);
    drop(frames);
    assert_eq!(snapshot.strong_count(), 0);
}

/// Text that is hard on quotes.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![r#"[\\"\n,{}= a]{0,12}"#, "\\PC{0,12}", any::<String>()]
}

proptest! {
    #[test]
    fn hostile_label_values_come_back(id in hostile(), team in hostile(), user in hostile(), task_id in hostile()) {
        // The model never hands on a real value of this name: its series would come twice.
        prop_assume!(user != "other");
        let labels = Labels::new([("instance_id", id.as_str()), ("team", team.as_str())]);
        let mut snapshot = listed();
        snapshot.users.as_mut().unwrap().shown =
            [(user.as_str(), crate::model::Group::default())].into_iter().collect();
        let target = TargetView { labels: labels.clone(), ..healthy("rm-1", snapshot) };
        let (task, _) = task();
        let task = super::TaskView { labels, task_id: task_id.as_str().into(), ..task };
        let page = text(PageInput { tasks: vec![task], ..alone(target) });
        let page = parse(&page);
        for sample in page.iter().flat_map(|family| &family.samples) {
            prop_assert_eq!(sample.label("instance_id"), Some(id.as_str()));
            prop_assert_eq!(sample.label("team"), Some(team.as_str()));
        }
        prop_assert_eq!(samples(&page, "dbsession_user_sessions")[0].label("db_user"), Some(user.as_str()));
        prop_assert_eq!(samples(&page, "dbsession_kill_task_state")[0].label("task_id"), Some(task_id.as_str()));
    }
}
