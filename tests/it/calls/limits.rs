//! The configured rate limit, kept over all targets of an account and service.

use std::time::Duration;

use super::rows_from;
use crate::accounts::{Configuration, cloud, instance};
use crate::oracle::SourceKind::{AlibabaRds, HuaweiDdm};
use crate::program::{Program, wait_until};

#[tokio::test]
async fn no_second_sees_more_calls_than_the_rate_limit_allows() {
    const LIMIT: usize = 2;
    let cloud = cloud().await;
    let limited: Vec<String> = (0..6).map(|number| format!("rm-limited-{number}")).collect();
    let mut entries: Vec<String> = limited.iter().map(|id| instance(AlibabaRds, id)).collect();
    entries.push(instance(HuaweiDdm, "free-in01"));
    for id in limited.iter().map(String::as_str).chain(["free-in01"]) {
        cloud.set_sessions(id, rows_from(1, 3));
    }
    let configuration = Configuration { rate: "2/s", ..Configuration::of(entries) };
    let program = Program::start(&configuration.yaml(&cloud.url())).await;
    let received = |instance: &str| {
        let calls = cloud.calls().into_iter().filter(|call| call.instance.starts_with(instance));
        calls.map(|call| call.at).collect::<Vec<_>>()
    };
    wait_until("nine calls", async || received("rm-limited").len() >= 9).await;
    let calls = received("rm-limited");
    // On a busy machine a call may be logged a little late; the limit itself is kept to the millisecond.
    for window in calls.windows(LIMIT + 1) {
        let span = window[LIMIT] - window[0];
        assert!(span > Duration::from_millis(500), "{} calls within {span:?}", LIMIT + 1);
    }
    let span = calls[8] - calls[0];
    assert!(span > Duration::from_millis(3500), "nine calls within {span:?}");
    wait_until("the other service, which has another limit", async || received("free-in01").len() >= 3).await;
    let page = program.scrape().await;
    assert_eq!(page.sum("dbsession_fetch_failures_total"), 0.0, "waiting is no failure");
    let waited = |account, service| {
        let labels = [("account", account), ("service", service)];
        page.value("dbsession_exporter_rate_limiter_wait_seconds_total", &labels)
    };
    assert!(waited("ali", "das") > Some(0.0), "{:?}", waited("ali", "das"));
    assert!(waited("hw", "ddm") < Some(1.0), "{:?}", waited("hw", "ddm"));
    assert_eq!([waited("token", "das"), waited("ali", "ddm")], [Some(0.0), None]);

    // Six targets of one call each, or two before that was learnt, at nine tenths of two calls a second.
    for id in &limited {
        let interval = page.value("dbsession_fetch_interval_seconds", &[("instance_id", id)]);
        assert!(interval >= Some(3.3), "{interval:?}");
    }
    let told = |family: &str| {
        page.value(&format!("dbsession_exporter_api_{family}_calls_per_second"), &[("account", "ali")])
    };
    assert_eq!(told("quota"), Some(2.0));
    assert!(
        told("wanted") >= Some(6.0) && told("planned") <= Some(1.81),
        "{:?}, {:?}",
        told("wanted"),
        told("planned")
    );
    let free = page.value("dbsession_fetch_interval_seconds", &[("instance_id", "free-in01")]);
    assert_eq!(free, Some(1.0), "another lane's limit stretches nothing here");
}
