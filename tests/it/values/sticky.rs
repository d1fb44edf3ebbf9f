//! Values that leave the top are shown for ten more good fetches, so that series do not flap.

use std::sync::atomic::{AtomicU32, Ordering};

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, Fault, Refusal};

use super::SourceKind;
use crate::accounts::{Configuration, cloud, instance};
use crate::parse::Page;
use crate::program::{Program, labels_of};

/// The call about an instance that fails, in the middle of the fetches in which the value is kept.
const FAILING: u32 = 5;

/// Sessions of each user.
fn rows(users: &[(&str, usize)]) -> Vec<SimSession> {
    let users = users.iter().flat_map(|&(user, sessions)| std::iter::repeat_n(user, sessions));
    let session = |(id, user): (u64, &str)| SimSession {
        id,
        user: Some(user.to_owned()),
        command: Some("Query".to_owned()),
        ..SimSession::default()
    };
    (1..).zip(users).map(session).collect()
}

/// The first fetch sees `old`, every later one `new`; one call fails.
fn play(cloud: &Cloud, id: &str, new: &'static [(&str, usize)]) {
    let (asked, called) = (AtomicU32::new(0), AtomicU32::new(0));
    cloud.play_sessions(id, move |_| {
        if asked.fetch_add(1, Ordering::Relaxed) == 0 { rows(&[("old", 5)]) } else { rows(new) }
    });
    cloud.play_fault(id, move |_| {
        let fails = called.fetch_add(1, Ordering::Relaxed) + 1 == FAILING;
        fails.then_some(Fault::Refuse(Refusal::INVALID_PARAMS))
    });
}

/// How many good fetches of `id` a page has seen.
fn good_fetches(page: &Page, id: &str) -> f64 {
    let fetches = page.value("dbsession_fetches_total", &labels_of(id)).unwrap_or_default();
    fetches - page.with(&labels_of(id)).sum("dbsession_fetch_failures_total")
}

#[tokio::test]
async fn a_value_that_left_the_top_is_kept_for_ten_good_fetches() {
    let cloud = cloud().await;
    play(&cloud, "rm-overtaken", &[("new", 9), ("old", 2)]);
    play(&cloud, "rm-vanished", &[("new", 9)]);
    let instances = ["rm-overtaken", "rm-vanished"].map(|id| instance(SourceKind::AlibabaRds, id));
    let configuration = Configuration { global: "top: 1".to_owned(), ..Configuration::of(instances) };
    let program = Program::start(&configuration.yaml(&cloud.url())).await;
    let after_twelve = |page: &Page| {
        assert_kept(page, "rm-overtaken", 2.0);
        assert_kept(page, "rm-vanished", 0.0);
        ["rm-overtaken", "rm-vanished"].iter().all(|id| good_fetches(page, id) >= 12.0)
    };
    let page = program.scrape_until("twelve good fetches", after_twelve).await;
    for id in ["rm-overtaken", "rm-vanished"] {
        assert_eq!(page.with(&labels_of(id)).sum("dbsession_fetch_failures_total"), 1.0);
    }
}

/// `old` has `left` sessions since the second good fetch, and goes to `other` with the twelfth.
fn assert_kept(page: &Page, id: &str, left: f64) {
    let good = good_fetches(page, id);
    let page = page.with(&labels_of(id));
    let of = |user| page.value("dbsession_user_sessions", &[("db_user", user)]);
    let value = |family| page.value(&format!("dbsession_dimension_{family}"), &[("dimension", "user")]);
    let distinct = if left > 0.0 { 2.0 } else { 1.0 };
    let (shown, numbers) = ([of("old"), of("new"), of("other")], [value("values"), value("folded_values")]);
    let (wanted, wanted_numbers) = match good {
        0.0 => ([None; 3], [None; 2]),
        1.0 => ([Some(5.0), None, Some(0.0)], [Some(1.0), Some(0.0)]),
        2.0..=11.0 => ([Some(left), Some(9.0), Some(0.0)], [Some(distinct), Some(0.0)]),
        _ => ([None, Some(9.0), Some(left)], [Some(distinct), Some(distinct - 1.0)]),
    };
    assert_eq!((shown, numbers), (wanted, wanted_numbers), "{id} after {good} good fetches");
}
