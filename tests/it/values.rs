//! Every value on `/metrics` against the oracle: rows of all sizes and kinds through every API, and what a provider may
//! leave out, cut or spell in another way.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

mod answers;
mod partial;
mod sticky;

use dbsession_exporter::demo::session::SimSession;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::{self, Settings, SourceKind, differences};
use crate::parse::{Page, Samples};
use crate::program::{Program, labels_of};
use crate::strategies;

const SOURCES: [SourceKind; 4] =
    [SourceKind::AlibabaRds, SourceKind::AlibabaPolarX, SourceKind::HuaweiDas, SourceKind::HuaweiDdm];

/// What the page must say of these rows, with the default thresholds.
fn expected(rows: &[SimSession], source: SourceKind, top: usize) -> Samples {
    let seconds = std::time::Duration::from_secs;
    oracle::expected(rows, source, Settings { top, slow: seconds(3), long: seconds(60) })
}

/// What is wrong with the page of `target`.
fn wrong(page: &Page, target: &str, expected: &Samples) -> Vec<String> {
    differences(expected, &page.with(&labels_of(target)).samples)
}

/// Rows that are the same in every run.
fn fixed(strategy: impl Strategy<Value = Vec<SimSession>>) -> Vec<SimSession> {
    strategy.new_tree(&mut TestRunner::deterministic()).expect("the strategy filters nothing").current()
}

#[tokio::test]
async fn instances_of_every_size_have_the_oracles_values() {
    let cloud = cloud().await;
    let sizes = [0, 1, 17, 988, 5000].map(|size| fixed(strategies::realistic(size)));
    let hostile = [17, 5000].map(|size| fixed(strategies::hostile(size)));
    let mut watched = Vec::new();
    for (number, rows) in sizes.iter().chain(&hostile).enumerate() {
        for source in SOURCES {
            let id = format!("{source:?}-{number}");
            cloud.set_sessions(&id, rows.clone());
            watched.push((id, source, rows));
        }
    }
    let entries = watched.iter().map(|(id, source, _)| instance(*source, id));
    let configuration = Configuration { interval: 5, ..Configuration::of(entries) };
    let program = Program::start(&configuration.yaml(&cloud.url())).await;
    let ids: Vec<&str> = watched.iter().map(|(id, ..)| id.as_str()).collect();
    let page = program.scrape_fetched(&ids).await;
    for (id, source, rows) in &watched {
        assert_eq!(wrong(&page, id, &expected(rows, *source, 20)), [""; 0], "{id}");
        assert_eq!(page.value("dbsession_up", &labels_of(id)), Some(1.0));
    }
}

#[test]
fn hostile_rows_have_the_oracles_values() {
    let runtime = Runtime::new().unwrap();
    let cloud = runtime.block_on(cloud());
    let rows = prop_oneof![3 => strategies::hostile(0..60), 1 => strategies::hostile(100..300)];
    let cases = (rows, select(&SOURCES[..]), 1..25_usize);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(48) });
    let outcome = runner.run(&cases, |(rows, source, top)| {
        cloud.set_sessions("hostile", rows.clone());
        let global = format!("top: {top}, max_series: 1000000");
        let configuration = Configuration { global, ..Configuration::of([instance(source, "hostile")]) };
        let page = runtime.block_on(configuration.fetch(&cloud, "hostile"));
        prop_assert_eq!(wrong(&page, "hostile", &expected(&rows, source, top)), [""; 0]);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
