//! The token of a Huawei Cloud IAM user: one for many fetches and targets, renewed when it is refused.

use dbsession_exporter::demo::{Call, Cloud, IAM};

use super::rows_from;
use crate::accounts::{Configuration, cloud};
use crate::parse::Page;
use crate::program::{Program, labels_of};

const IDS: [&str; 2] = ["token-a-in01", "token-b-in01"];

fn calls(cloud: &Cloud, wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
    cloud.calls().into_iter().filter(wanted).collect()
}

/// Whether each instance has ended so many fetches.
fn fetched(page: &Page, fetches: f64) -> bool {
    IDS.iter().all(|id| page.value("dbsession_fetches_total", &labels_of(id)) >= Some(fetches))
}

#[tokio::test]
async fn one_token_serves_until_it_is_refused() {
    let cloud = cloud().await;
    for id in IDS {
        cloud.set_sessions(id, rows_from(1, 120));
    }
    let entry = |id| format!("account: token, id: {id}, db_user_id: 2c250598");
    let program = Program::start(&Configuration::of(IDS.map(entry)).yaml(&cloud.url())).await;
    program.scrape_until("three fetches of each", |page| fetched(page, 3.0)).await;
    assert_eq!(calls(&cloud, |call| call.instance == IAM).len(), 1);
    let reads = calls(&cloud, |call| call.instance != IAM);
    let token = reads[0].key.clone();
    assert!(token.len() > 1000 && reads.iter().all(|call| call.key == token), "all by the same token");

    cloud.expire_tokens();
    let before = cloud.calls().len();
    let renewed = |page: &Page| fetched(page, 6.0);
    let page = program.scrape_until("three more", renewed).await;
    let after: Vec<Call> = cloud.calls().split_off(before);
    let refused = after.iter().filter(|call| call.status == Some(401)).count();
    let new: Vec<&Call> = after.iter().filter(|call| call.instance == IAM).collect();
    assert!((1..=IDS.len()).contains(&refused), "{refused} calls with the old token");
    assert_eq!(new.len(), 1, "one new token for both targets");
    let last = &after.last().expect("there were calls").key;
    assert!(*last != token && !last.is_empty());
    assert_eq!(page.sum("dbsession_fetch_failures_total"), 0.0, "no fetch was lost by it");
    for id in IDS {
        assert_eq!(page.value("dbsession_up", &labels_of(id)), Some(1.0));
        assert_eq!(page.value("dbsession_sessions", &labels_of(id)), Some(120.0));
    }
}
