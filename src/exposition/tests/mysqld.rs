//! Families under the names of `mysqld_exporter`: what they say of the fixture's rows, and of whom they say it.

use super::fixture::{THRESHOLDS, failing, healthy, snapshot_with, tally, text, unlisted};
use crate::exposition::{PageInput, TargetView};
use crate::model::{Rankings, Reported, Session};

/// The samples of a page under those names, without help and type.
fn mysqld(targets: Vec<TargetView>) -> Vec<String> {
    let page = text(PageInput { targets, ..PageInput::default() });
    page.lines().filter(|line| line.starts_with("mysql")).map(str::to_owned).collect()
}

fn named(target: TargetView) -> TargetView {
    TargetView { mysqld_names: true, ..target }
}

#[test]
fn they_say_what_the_process_list_says() {
    let mut tally = tally(THRESHOLDS);
    for seconds in [30.0, 12.5] {
        let (user, command) = (Some("replica"), Some("Binlog Dump GTID"));
        tally.add(&Session { user, command, seconds: Some(seconds), ..Session::default() });
    }
    let mut rankings = Rankings::new(2, 1000).with_mysqld_names(true);
    let snapshot = snapshot_with(Some(tally), Reported::default(), &mut rankings);
    let expected = r#"
mysql_up{instance_id="rm-1",team="payments"} 1
mysql_global_status_threads_connected{instance_id="rm-1",team="payments"} 9
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="sleep",state="unknown"} 3
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="query",state="sending_data"} 1
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="query",state="starting"} 1
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="query",state="waiting_for_table_metadata_lock"} 1
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="execute",state="waiting_for_row_lock"} 1
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="daemon",state="waiting_on_empty_queue"} 1
mysql_info_schema_processlist_threads{instance_id="rm-1",team="payments",command="binlog_dump_gtid",state="unknown"} 2
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="sleep",state="unknown"} 713
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="query",state="sending_data"} 0.25
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="query",state="starting"} 0
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="query",state="waiting_for_table_metadata_lock"} 4000
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="execute",state="waiting_for_row_lock"} 5
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="daemon",state="waiting_on_empty_queue"} 90000
mysql_info_schema_processlist_seconds{instance_id="rm-1",team="payments",command="binlog_dump_gtid",state="unknown"} 42.5
mysql_info_schema_processlist_processes_by_user{instance_id="rm-1",team="payments",mysql_user="app"} 4
mysql_info_schema_processlist_processes_by_user{instance_id="rm-1",team="payments",mysql_user="report"} 1
mysql_info_schema_processlist_processes_by_user{instance_id="rm-1",team="payments",mysql_user="other"} 5
mysql_info_schema_processlist_processes_by_host{instance_id="rm-1",team="payments",client_host="10.0.0.7"} 2
mysql_info_schema_processlist_processes_by_host{instance_id="rm-1",team="payments",client_host="10.0.0.8"} 2
mysql_info_schema_processlist_processes_by_host{instance_id="rm-1",team="payments",client_host="other"} 6
"#;
    let samples = mysqld(vec![named(healthy("rm-1", snapshot))]);
    assert_eq!(samples, expected.trim().lines().collect::<Vec<_>>());
}

#[test]
fn they_are_of_those_alone_who_ask_for_them() {
    assert_eq!(mysqld(vec![healthy("rm-1", unlisted()), failing()]), [""; 0]);
    let some = mysqld(vec![healthy("rm-1", unlisted()), named(failing())]);
    assert_eq!(some, [r#"mysql_up{instance_id="pc-bp1q",node_id="pi-a"} 0"#]);
}

#[test]
fn what_nobody_listed_is_absent() {
    let samples = mysqld(vec![named(healthy("rm-1", unlisted()))]);
    let families: Vec<_> = samples.iter().filter_map(|line| line.split('{').next()).collect();
    assert_eq!(
        families,
        [
            "mysql_up",
            "mysql_info_schema_processlist_processes_by_user",
            "mysql_info_schema_processlist_processes_by_user"
        ]
    );
}
