//! Huawei Cloud's pages: as few as the largest page allows, united by session id, and honest about what they miss.

use std::sync::atomic::{AtomicUsize, Ordering};

use dbsession_exporter::demo::Cloud;
use dbsession_exporter::demo::session::SimSession;

use super::{rows_from, sent};
use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::SourceKind::{self, HuaweiDas, HuaweiDdm};
use crate::parse::Page;

const ID: &str = "paged-in01";

async fn fetch(cloud: &Cloud, entry: String) -> Page {
    Configuration::of([entry]).fetch(cloud, ID).await
}

fn values<const N: usize>(page: &Page, names: [&str; N]) -> [f64; N] {
    names.map(|name| page.value(&format!("dbsession_{name}"), &[]).expect(name))
}

#[tokio::test]
async fn pages_are_the_largest_that_are_allowed() {
    for (source, limit, calls) in [(HuaweiDas, 100, 50_u8), (HuaweiDdm, 128, 40)] {
        let cloud = cloud().await;
        cloud.set_sessions(ID, rows_from(1, 5000));
        let page = fetch(&cloud, instance(source, ID)).await;
        let wanted = [f64::from(calls), 5000.0, 5000.0, 0.0];
        let names = ["fetch_api_calls", "sessions", "executing_sessions", "unlisted_sessions"];
        assert_eq!(values(&page, names), wanted, "{source:?}");
        assert_eq!(sent(&cloud, "limit"), vec![limit.to_string(); usize::from(calls)]);
        let offsets: Vec<String> = (0..calls).map(|page| (u32::from(page) * limit).to_string()).collect();
        assert_eq!(sent(&cloud, "offset"), offsets);
        let users = if source == HuaweiDas { "2c250598" } else { "" };
        assert_eq!(sent(&cloud, "db_user_id"), vec![users; usize::from(calls)]);
    }
}

#[tokio::test]
async fn an_instance_without_sessions_takes_one_call() {
    for source in [HuaweiDas, HuaweiDdm] {
        let cloud = cloud().await;
        cloud.set_sessions(ID, Vec::new());
        let page = fetch(&cloud, instance(source, ID)).await;
        assert_eq!(values(&page, ["up", "fetch_api_calls", "sessions"]), [1.0, 1.0, 0.0]);
    }
}

/// A session that two filters match is one session.
#[tokio::test]
async fn sweeps_are_united_by_session_id() {
    let cloud = cloud().await;
    let owned = |first, count, user: &str, database: &str| {
        let of = |row| SimSession { user: Some(user.to_owned()), database: Some(database.to_owned()), ..row };
        rows_from(first, count).into_iter().map(of).collect::<Vec<_>>()
    };
    let parts = [
        owned(1, 130, "app", "shop"),
        owned(201, 20, "app", "billing"),
        owned(301, 40, "batch", "shop"),
        owned(401, 9, "batch", "billing"),
        owned(501, 500, "stranger", "mysql"),
    ];
    cloud.set_sessions(ID, parts.concat());
    let page = fetch(&cloud, instance(HuaweiDas, ID) + ", users: [app, batch & co], databases: [shop]").await;
    // app 150 in two pages, batch & co none, shop 170 in two pages: 130 of them are app's.
    assert_eq!(sent(&cloud, "user"), ["app", "app", "batch & co", "", ""]);
    assert_eq!(sent(&cloud, "database"), ["", "", "", "shop", "shop"]);
    assert_eq!(sent(&cloud, "offset"), ["0", "100", "0", "0", "100"]);
    let names = ["fetch_api_calls", "sessions", "executing_sessions", "unlisted_sessions"];
    assert_eq!(values(&page, names), [5.0, 190.0, 190.0, 0.0]);
    let of_user = |user| page.value("dbsession_user_sessions", &[("db_user", user)]);
    assert_eq!([of_user("app"), of_user("batch"), of_user("stranger")], [Some(150.0), Some(40.0), None]);
}

/// Sessions that come and go between two pages: what each page sees, and what the exporter makes of it.
#[tokio::test]
async fn the_total_may_change_between_pages() {
    let shifted = [rows_from(1001, 30), rows_from(1, 150)].concat();
    let cases = [
        ("sessions came at the end", [rows_from(1, 150), rows_from(1, 230)], [3.0, 230.0, 230.0, 0.0]),
        ("sessions went from the end", [rows_from(1, 250), rows_from(1, 120)], [2.0, 120.0, 120.0, 0.0]),
        ("all went", [rows_from(1, 250), Vec::new()], [2.0, 100.0, 100.0, 0.0]),
        ("sessions came before those listed", [rows_from(1, 150), shifted], [2.0, 180.0, 150.0, 30.0]),
    ];
    for (case, [first, later], wanted) in cases {
        let cloud = cloud().await;
        let asked = AtomicUsize::new(0);
        cloud.play_sessions(ID, move |_| {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 { first.clone() } else { later.clone() }
        });
        let page = fetch(&cloud, instance(HuaweiDas, ID)).await;
        let names = ["fetch_api_calls", "sessions", "executing_sessions", "unlisted_sessions"];
        assert_eq!(values(&page, names), wanted, "{case}");
    }
}

/// What lies beyond the last page is unlisted; the fetch is good.
#[tokio::test]
async fn max_pages_cuts_a_fetch_off() {
    let cut = |source: SourceKind| instance(source, ID) + ", max_pages: 3";
    for (source, listed) in [(HuaweiDas, 300.0), (HuaweiDdm, 384.0)] {
        let cloud = cloud().await;
        cloud.set_sessions(ID, rows_from(1, 1000));
        let page = fetch(&cloud, cut(source)).await;
        let names = ["up", "fetch_api_calls", "sessions", "executing_sessions", "unlisted_sessions"];
        assert_eq!(values(&page, names), [1.0, 3.0, 1000.0, listed, 1000.0 - listed]);
        assert_eq!(page.sum("dbsession_user_sessions"), listed);
    }
}
