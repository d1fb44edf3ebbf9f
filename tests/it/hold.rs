//! A bad key is not tried again and again: how few calls reach the cloud, and what is told of it.

use std::time::Duration;

use dbsession_exporter::demo::{Cloud, IAM};

use crate::parse::Page;
use crate::program::{Invocation, Program, wait_until};
use crate::scene::{self, Api, Scene, counted, is_up, of};

/// More than these may cost the key: Huawei Cloud locks it after more than 5 bad signatures in a row.
const TRIES: usize = 3;

const MESSAGE: &str = "message=\"authentication failed: every target of the account is held";

fn skipped(page: &Page, id: &str) -> f64 {
    counted(page, id, "dbsession_fetches_skipped_total", "auth_hold")
}

fn targets(page: &Page, provider: &str, state: &str) -> Option<f64> {
    page.value("dbsession_exporter_targets", &[("provider", provider), ("state", state)])
}

/// Instances of Huawei Cloud DAS of one account.
fn instances(scene: &mut Scene, cloud: &Cloud, account: &str, count: usize) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|number| format!("{account}-{number}")).collect();
    for id in &ids {
        scene.instance(cloud, Api::HuaweiDas, account, id, 2);
    }
    ids
}

/// Waits until each target was due at least twice during the hold.
async fn held(program: &Program, ids: &[String]) -> Page {
    let due_twice = |page: &Page| ids.iter().all(|id| skipped(page, id) >= 2.0);
    program.scrape_until("every target to be held", due_twice).await
}

fn calls_of(cloud: &Cloud, key: &str) -> usize {
    cloud.calls().iter().filter(|call| call.key == key).count()
}

/// The lines about the hold of an account.
fn held_lines(program: &Program, account: &str) -> Vec<String> {
    let own = format!(" account={account} ");
    let stderr = program.stderr();
    stderr.lines().filter(|line| line.contains(MESSAGE) && line.contains(&own)).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_wrong_secret_for_fifty_targets_costs_three_calls_at_most() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    cloud.add_key("bad-id", "the-right-secret", None);
    scene.account_with(
        &cloud.url(),
        Api::HuaweiDas,
        "bad",
        "{access_key_id: bad-id, access_key_secret: the-wrong-secret}",
    );
    let ids = instances(&mut scene, &cloud, "bad", 50);
    scene.account(&cloud, Api::HuaweiDas, "good").instance(&cloud, Api::HuaweiDas, "good", "well", 2);
    let program = Program::start(&scene.file()).await;
    let page = held(&program, &ids).await;
    assert!((1..=TRIES).contains(&calls_of(&cloud, "bad-id")), "{}", calls_of(&cloud, "bad-id"));
    assert!(ids.iter().all(|id| is_up(&page, id) == Some(false)));
    assert_eq!((targets(&page, "huawei", "held"), targets(&page, "huawei", "up")), (Some(50.0), Some(1.0)));
    assert_eq!(program.get("/-/ready").await.status, 200, "a held target has finished its cycle");
    assert!(is_up(&page, "well") == Some(true) && skipped(&page, "well") < 1.0);
    let lines = held_lines(&program, "bad");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("level=warn") && lines[0].contains(" remedy=\"check the credentials"));
    assert!(
        lines[0].contains(" held_seconds=300 ") && lines[0].contains("held for 5 minutes, or until a reload")
    );
    let failures = page.series_of("dbsession_fetch_failures_total");
    assert!(failures.iter().all(|(labels, count)| labels["reason"] == "auth" || *count < 1.0));
}

#[tokio::test]
async fn accounts_with_the_same_key_share_its_hold() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    let keys = "{access_key_id: unknown-id, access_key_secret: whatever}";
    let mut ids = Vec::new();
    for account in ["one", "two", "three", "four", "five"] {
        scene.account_with(&cloud.url(), Api::HuaweiDas, account, keys);
        ids.extend(instances(&mut scene, &cloud, account, 3));
    }
    let program = Program::start(&scene.file()).await;
    let page = held(&program, &ids).await;
    assert!((1..=TRIES).contains(&calls_of(&cloud, "unknown-id")));
    assert_eq!(targets(&page, "huawei", "held"), Some(15.0));
}

#[tokio::test]
async fn a_wrong_password_of_iam_is_not_repeated_either() {
    let cloud = scene::cloud().await;
    cloud.add_iam_user("company", "reader", "the-right-password");
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    let iam = "{iam: {domain: company, user: reader, password: the-wrong-password}}";
    scene.account_with(&cloud.url(), Api::HuaweiDas, "iam", iam);
    let ids = instances(&mut scene, &cloud, "iam", 10);
    let program = Program::start(&scene.file()).await;
    let page = held(&program, &ids).await;
    let calls = cloud.calls();
    assert!((1..=TRIES).contains(&calls.len()) && calls.iter().all(|call| call.instance == IAM), "{calls:?}");
    assert_eq!(targets(&page, "huawei", "held"), Some(10.0));
    assert_eq!(held_lines(&program, "iam").len(), 1);
}

/// Revokes a key that is in use, while each answer takes so long; calls that were refused.
async fn refused_after_revocation(answers_take: Option<Duration>) -> (usize, Page, Vec<String>) {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s, stale_after: 5m");
    scene.account(&cloud, Api::HuaweiDas, "hw");
    let ids = instances(&mut scene, &cloud, "hw", 10);
    let program = Program::start(&scene.file()).await;
    program.scrape_until("all to be up", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;
    cloud.delay_refusals(answers_take);
    cloud.remove_key("hw-id");
    let page = held(&program, &ids).await;
    let refused = cloud.calls().iter().filter(|call| call.status == Some(401)).count();
    (refused, page, ids)
}

#[tokio::test]
async fn a_key_that_is_revoked_is_noticed_and_left_alone() {
    let (refused, page, ids) = refused_after_revocation(None).await;
    assert!((1..=TRIES).contains(&refused), "{refused}");
    assert_eq!(targets(&page, "huawei", "held"), Some(10.0));
    assert!(ids.iter().all(|id| is_up(&page, id) == Some(false)));
    assert!(ids.iter().all(|id| of(&page, id, "dbsession_sessions") == Some(2.0)), "data stay until stale");
}

#[tokio::test]
async fn slow_answers_do_not_make_more_calls_of_a_revoked_key() {
    let (refused, page, _) = refused_after_revocation(Some(Duration::from_millis(1500))).await;
    assert!((1..=TRIES).contains(&refused), "{refused}");
    assert_eq!(targets(&page, "huawei", "held"), Some(10.0));
}

/// What was wrong may have been mended in the cloud.
#[tokio::test]
async fn a_reload_ends_a_hold_at_once_however_long_the_interval_is() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    let keys = "{access_key_id: late-id, access_key_secret: late-secret}";
    scene.account_with(&cloud.url(), Api::HuaweiDas, "late", keys);
    let ids = instances(&mut scene, &cloud, "late", 3);
    let flags = ["--web.enable-lifecycle", "--config.auto-reload-interval=0s"];
    let program = Invocation::configured(&scene.file(), &flags).start().await;
    program.scrape_until("the hold", |page| targets(page, "huawei", "held") == Some(3.0)).await;
    cloud.add_key("late-id", "late-secret", None);
    program.configure(&scene.file().replace("interval: 1s", "interval: 1h"));
    assert_eq!(program.reload().await.status, 200);
    program.scrape_until("its end", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;
}

#[tokio::test]
async fn reloads_without_another_key_do_not_spend_more_tries() {
    let cloud = scene::cloud().await;
    cloud.add_key("bad-id", "the-right-secret", None);
    let mut scene = Scene::new("interval: 1s, timeout: 5s");
    let keys = "{access_key_id: bad-id, access_key_secret: the-wrong-secret}";
    scene.account_with(&cloud.url(), Api::HuaweiDas, "bad", keys);
    let ids = instances(&mut scene, &cloud, "bad", 5);
    let flags = ["--web.enable-lifecycle", "--config.auto-reload-interval=0s"];
    let program = Invocation::configured(&scene.file(), &flags).start().await;
    for number in 0..8 {
        let tried = || calls_of(&cloud, "bad-id") == TRIES.min(number + 1);
        wait_until("another try, if there is one left", async || tried()).await;
        program.scrape_until("the hold", |page| targets(page, "huawei", "held") == Some(5.0)).await;
        program.configure(&format!("{}# {number}\n", scene.file()));
        assert_eq!(program.reload().await.status, 200);
    }
    let before = skipped(&program.scrape().await, &ids[0]);
    program.scrape_until("two more cycles", |page| skipped(page, &ids[0]) >= before + 2.0).await;
    assert_eq!(calls_of(&cloud, "bad-id"), TRIES);
    let lines = program.stderr().lines().filter(|line| line.contains("stay held")).count();
    assert!(lines > 0 && !program.stderr().contains("the-wrong-secret"), "{}", program.stderr());

    program.configure(&scene.file().replace("the-wrong-secret", "the-right-secret"));
    assert_eq!(program.reload().await.status, 200);
    program
        .scrape_until("the end of the hold", |page| ids.iter().all(|id| is_up(page, id) == Some(true)))
        .await;
}
