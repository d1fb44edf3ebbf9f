//! What a scraper asks for is what it gets, over real HTTP: either format, compressed or not, with the same series in each,
//! whatever the clouds put into names.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and what is written is read back exactly")]

use std::io::Read as _;
use std::time::Duration;

use dbsession_exporter::demo::Cloud;
use dbsession_exporter::demo::session::SimSession;
use flate2::read::GzDecoder;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, VARY};

use crate::accounts::{self, Configuration};
use crate::oracle::{self, Settings, SourceKind, differences};
use crate::parse::openmetrics::{self, OpenMetrics};
use crate::parse::{Page, parse};
use crate::program::Program;
use crate::scene::{data, rows};
use crate::strategies;

const ID: &str = "rm-formats";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Head and body as they are sent.
struct Answer {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are plain"))
    }

    fn text(self) -> String {
        String::from_utf8(self.body).expect("pages are UTF-8")
    }

    fn unzipped(self) -> String {
        let mut page = String::new();
        GzDecoder::new(self.body.as_slice()).read_to_string(&mut page).expect("a whole gzip stream");
        page
    }
}

/// `/metrics`, by a client that adds nothing to these headers, and decodes nothing.
async fn ask(program: &Program, method: Method, headers: &[(HeaderName, &str)]) -> Answer {
    let client = reqwest::Client::builder().no_proxy().no_gzip().timeout(Duration::from_secs(30)).build();
    let url = format!("http://{}/metrics", program.address());
    let request = client.expect("it needs nothing but loopback").request(method, url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
    let answer = request.send().await.expect("the program answers");
    assert_eq!(answer.status(), 200);
    Answer { headers: answer.headers().clone(), body: answer.bytes().await.expect("a whole page").to_vec() }
}

async fn text(program: &Program) -> Page {
    let page = ask(program, Method::GET, &[(ACCEPT, TEXT)]).await.text();
    parse(&page).unwrap_or_else(|problem| panic!("{problem}"))
}

async fn open_metrics(program: &Program) -> OpenMetrics {
    let page = ask(program, Method::GET, &[(ACCEPT, OPEN_METRICS)]).await.text();
    openmetrics::parse(&page).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The program, after it has fetched one instance with these rows.
async fn fetched(configuration: &Configuration, sessions: Vec<SimSession>) -> (Cloud, Program) {
    let cloud = accounts::cloud().await;
    cloud.set_sessions(ID, sessions);
    let program = Program::start(&configuration.yaml(&cloud.url())).await;
    program.scrape_fetched(&[ID]).await;
    (cloud, program)
}

async fn well() -> (Cloud, Program) {
    fetched(&Configuration::of([accounts::instance(SourceKind::AlibabaRds, ID)]), rows(20)).await
}

#[tokio::test]
async fn the_format_is_the_one_that_the_client_likes_most() {
    let (_cloud, program) = well().await;
    for (accept, content_type) in [
        (
            Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            OPEN_METRICS,
        ),
        (Some("application/openmetrics-text"), OPEN_METRICS),
        (Some("text/plain;q=0.8,application/openmetrics-text;q=0.8"), OPEN_METRICS),
        (Some("text/plain;q=0.9,application/openmetrics-text;q=0.8"), TEXT),
        (Some("application/openmetrics-text;q=0"), TEXT),
        (Some("application/openmetrics-text;version=7.0.0"), TEXT),
        (Some("text/html,*/*;q=0.8"), TEXT),
        (Some("application/json"), TEXT),
        (Some(";q=,"), TEXT),
        (None, TEXT),
    ] {
        let headers: Vec<_> = accept.map(|accept| (ACCEPT, accept)).into_iter().collect();
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&program, method.clone(), &headers).await;
            assert_eq!(answer.header(CONTENT_TYPE), Some(content_type), "{method} {accept:?}");
            assert_eq!(answer.header(VARY), Some("accept, accept-encoding"), "{method} {accept:?}");
            assert_eq!(answer.header(CONTENT_ENCODING), None, "{method} {accept:?}");
            assert_eq!(answer.body.is_empty(), method == Method::HEAD, "{method} {accept:?}");
            assert_eq!(
                answer.body.ends_with(b"# EOF\n"),
                content_type == OPEN_METRICS && method == Method::GET
            );
        }
    }
}

#[tokio::test]
async fn a_compressed_page_says_the_same() {
    let (_cloud, program) = well().await;
    let plain = data(&text(&program).await, ID);
    assert!(plain.len() > 50, "{plain:?}");
    for (coding, compressed) in [
        ("gzip", true),
        ("br, GZIP;q=0.5", true),
        ("*", true),
        ("identity", false),
        ("gzip;q=0", false),
        ("br", false),
    ] {
        for format in [TEXT, OPEN_METRICS] {
            let headers = [(ACCEPT, format), (ACCEPT_ENCODING, coding)];
            let [head, answer] =
                [ask(&program, Method::HEAD, &headers).await, ask(&program, Method::GET, &headers).await];
            for answer in [&head, &answer] {
                assert_eq!(answer.header(CONTENT_ENCODING), compressed.then_some("gzip"), "{coding}");
                assert_eq!(answer.header(CONTENT_TYPE), Some(format), "{coding}");
                assert_eq!(answer.header(VARY), Some("accept, accept-encoding"), "{coding}");
            }
            let page = if compressed { answer.unzipped() } else { answer.text() };
            let page =
                if format == TEXT { parse(&page) } else { openmetrics::parse(&page).map(|read| read.page) };
            assert_eq!(data(&page.unwrap(), ID), plain, "{coding} {format}");
        }
    }
}

/// Rows with anything in every field, the same in every run, and each awkward character in a name of its own.
fn hostile() -> Vec<SimSession> {
    let mut runner = TestRunner::deterministic();
    let mut rows = strategies::hostile(300).new_tree(&mut runner).expect("nothing is filtered").current();
    let characters = ('\0'..='\u{ff}').chain(['\u{2028}', '\u{202e}', '\u{feff}', '\u{ffff}', '🦀']);
    for (row, character) in rows.iter_mut().zip(characters) {
        row.user = Some(format!("a{character}b"));
        row.database = Some(format!("{character}\\n\"{character}"));
    }
    rows[299].user = Some(String::new());
    rows[298].database = Some(String::new());
    rows
}

#[tokio::test]
async fn whatever_stands_in_a_name_comes_back_in_both_formats() {
    const NOTE: &str = r#"\n "quoted"} 🦀 # {x="y"} 1 # EOF"#;
    let rows = hostile();
    for source in [SourceKind::AlibabaPolarX, SourceKind::HuaweiDdm] {
        let note = format!("labels: {{note: '{NOTE}'}}");
        let entry = format!("{}, {note}", accounts::instance(source, ID));
        let global = "top: 1000, max_series: 1000000".to_owned();
        let configuration = Configuration { global, ..Configuration::of([entry]) };
        let (_cloud, program) = fetched(&configuration, rows.clone()).await;
        let [slow, long] = [3, 60].map(Duration::from_secs);
        let expected = oracle::expected(&rows, source, Settings { top: 1000, slow, long });
        let open_metrics = open_metrics(&program).await;
        for page in [&text(&program).await, &open_metrics.page] {
            let shown = page.with(&[("instance_id", ID), ("note", NOTE)]).samples;
            assert_eq!(differences(&expected, &shown), [""; 0], "{source:?}");
            assert!(shown.len() > 1000, "{} series", shown.len());
        }
        assert_exemplars(&open_metrics, &rows, source);
    }
}

/// Every exemplar is a session that is there, with its own transaction, or with none if that one is too long to be shown.
fn assert_exemplars(open_metrics: &OpenMetrics, rows: &[SimSession], source: SourceKind) {
    assert!(open_metrics.exemplars.len() > 5, "{:?}", open_metrics.exemplars);
    for (series, exemplar) in &open_metrics.exemplars {
        assert!(series.name.ends_with("_age_seconds_bucket"), "{series:?}");
        let id = exemplar.labels.get("session_id").expect("rows have ids");
        let row = rows.iter().find(|row| row.id.to_string() == *id).expect("ids are those of rows");
        let transaction = exemplar.labels.get("trx_id");
        assert!(transaction.is_none() || row.trx_id.as_ref() == transaction, "{exemplar:?} of {row:?}");
        assert!(transaction.is_none() || source.is_alibaba(), "{exemplar:?}");
    }
}

/// Names without end are counted by name up to a limit, and beyond it all the same.
#[tokio::test]
async fn sums_stay_exact_beyond_ten_thousand_names() {
    let mut sessions = rows(10_500);
    for row in &mut sessions {
        row.user = Some(format!("user-{}", row.id));
    }
    for source in [SourceKind::AlibabaRds, SourceKind::HuaweiDdm] {
        let cloud = accounts::cloud().await;
        cloud.set_sessions(ID, sessions.clone());
        let page = Configuration::of([accounts::instance(source, ID)]).fetch(&cloud, ID).await;
        for (dimension, beyond) in [("user", 500.0), ("client", 0.0), ("database", 0.0)] {
            let overflow = page.value("dbsession_dimension_overflow_sessions", &[("dimension", dimension)]);
            assert_eq!(overflow, Some(beyond), "{source:?} {dimension}");
        }
        assert_eq!(page.value("dbsession_sessions", &[]), Some(10_500.0));
        for family in ["user", "client", "database"] {
            assert_eq!(page.sum(&format!("dbsession_{family}_sessions")), 10_500.0, "{source:?} {family}");
        }
        let oldest = page.series_of("dbsession_user_transaction_max_duration_seconds");
        assert!(oldest.iter().any(|(_, seconds)| *seconds == 9.0), "{oldest:?}");
    }
}
