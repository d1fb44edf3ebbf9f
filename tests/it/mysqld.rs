//! `compat: [mysqld]`: the series under the names of `mysqld_exporter`, for those who ask for them.

use crate::parse::Page;
use crate::program::Invocation;
use crate::scene::{self, Api, Scene, is_up, of};

const UP: &str = "mysql_up";
const THREADS: &str = "mysql_info_schema_processlist_threads";

fn named(page: &Page, instance: &str) -> usize {
    let of_instance = page.with(&[("instance_id", instance)]).samples;
    of_instance.keys().filter(|series| series.name.starts_with("mysql_")).count()
}

#[tokio::test]
async fn boards_of_mysqld_exporter_find_what_they_ask_for() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 1s, stale_after: 1h, compat: [mysqld]");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 10);
    scene.account(&cloud, Api::HuaweiDdm, "hw").instance(&cloud, Api::HuaweiDdm, "hw", "ddm-1", 4);
    cloud.set_sessions("rm-off", scene::rows(3));
    scene.entry("account: ali, id: rm-off, compat: []");
    let program = Invocation::configured(&scene.file(), &["--web.enable-lifecycle"]).start().await;
    let targets = ["rm-1", "ddm-1", "rm-off"];
    let page = program.scrape_fetched(&targets).await;
    for (instance, sessions) in [("rm-1", 10.0), ("ddm-1", 4.0)] {
        let at = |name: &str, labels: &[(&str, &str)]| {
            page.value(name, &[&[("instance_id", instance)], labels].concat())
        };
        assert_eq!(at(UP, &[]), Some(1.0));
        assert_eq!(at("mysql_global_status_threads_connected", &[]), Some(sessions));
        let sending = [("command", "query"), ("state", "sending_data")];
        assert_eq!(at(THREADS, &sending), Some(sessions));
        assert_eq!(at("mysql_info_schema_processlist_seconds", &sending), Some(7.0 * sessions));
        let by_user = "mysql_info_schema_processlist_processes_by_user";
        assert_eq!(at(by_user, &[("mysql_user", "app")]), Some(sessions));
        let by_host = "mysql_info_schema_processlist_processes_by_host";
        assert_eq!(at(by_host, &[("client_host", "10.0.0.1")]), Some(1.0));
    }
    assert_eq!(named(&page, "rm-off"), 0);
    let shown = page.samples.keys().filter(|series| series.labels.contains_key("instance_id")).count();
    assert_eq!(page.value("dbsession_exporter_series", &[]), u32::try_from(shown).ok().map(f64::from));

    program.configure(&scene.file().replace("compat: [mysqld]", "compat: []"));
    assert_eq!(program.reload().await.status, 200);
    let gone = |page: &Page| targets.iter().all(|target| named(page, target) == 0);
    let page = program.scrape_until("the end of the other names", gone).await;
    assert!(targets.iter().all(|target| is_up(&page, target) == Some(true)));
    assert!(of(&page, "rm-1", "dbsession_sessions") == Some(10.0));
}

#[tokio::test]
async fn other_exporters_and_too_few_series_are_errors() {
    let yaml = "global: {compat: [mysql], max_series: 200}\ninstances: []\n";
    let ended = Invocation::configured(yaml, &["check"]).finish().await;
    assert_eq!(ended.code, Some(2));
    let meant = r#"global.compat[0]: no exporter "mysql"; did you mean "mysqld"?"#;
    assert!(ended.stderr.contains(meant), "{}", ended.stderr);
    let few = "global.max_series: must be at least 247 where compat has mysqld";
    assert!(ended.stderr.contains(few), "{}", ended.stderr);
}
