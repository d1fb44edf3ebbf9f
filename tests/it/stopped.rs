//! A process that stands still for a while, as when a machine is suspended: what it does, and what it says, afterwards.

use std::time::Duration;

use tokio::time::sleep;

use crate::parse::Page;
use crate::program::Program;
use crate::scene::{self, Api, Scene, is_up};

const TARGETS: usize = 20;
/// Calls a second.
const LIMIT: usize = 10;

/// How long it stands still; longer than data are shown.
const STANDSTILL: Duration = Duration::from_secs(7);

#[tokio::test]
async fn after_a_standstill_there_is_no_burst_and_no_old_number() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 5s, timeout: 5s, stale_after: 6s");
    scene.rate("10/s").account(&cloud, Api::Alibaba, "ali");
    let ids: Vec<String> = (0..TARGETS).map(|number| format!("rm-{number}")).collect();
    for id in &ids {
        scene.instance(&cloud, Api::Alibaba, "ali", id, 3);
    }
    let program = Program::start(&scene.file()).await;
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    program.scrape_fetched(&names).await;

    program.signal("STOP");
    sleep(STANDSTILL).await;
    cloud.clear_calls();
    program.signal("CONT");
    let page = program.scrape().await;
    let shown = ids.iter().filter(|id| scene::of(&page, id, "dbsession_sessions").is_some()).count();
    assert!(shown <= LIMIT, "data of {shown} targets are shown, though they are older than stale_after");
    assert!(ids.iter().all(|id| is_up(&page, id) == Some(true)), "nothing has failed");
    let lag = "dbsession_exporter_schedule_lag_seconds";
    assert!(
        page.value(lag, &[]) > Some(0.5),
        "the schedule is behind, and says so: {:?}",
        page.value(lag, &[])
    );

    let fetches = |page: &Page, id: &String| scene::of(page, id, "dbsession_fetches_total");
    let caught_up = |new: &Page| {
        new.value(lag, &[]) < Some(0.5) && ids.iter().all(|id| fetches(new, id) > fetches(&page, id))
    };
    program.scrape_until("the schedule", caught_up).await;
    let calls: Vec<_> = cloud.calls().iter().map(|call| call.at).collect();
    let fullest = calls.windows(LIMIT + 1).map(|w| w[LIMIT] - w[0]).min();
    // On a busy machine a call may be logged a little late; a burst would be all of them at once.
    assert!(fullest > Some(Duration::from_millis(800)), "{} calls in {fullest:?}", LIMIT + 1);
}
