//! A web.yml that changes while the daemon runs, and one that is bad.

use hyper::Method;

use super::{Line, WEB, secured};
use crate::program::{Invocation, wait_until};

const SUCCESSFUL: &str = "dbsession_exporter_config_last_reload_successful";

fn user(name: &str, password: &str) -> String {
    format!("basic_auth_users: {{{name}: {}}}\n", bcrypt::hash(password, 4).expect("a cost that is one"))
}

#[tokio::test]
async fn a_changed_file_is_taken_up_without_dropping_connections_and_a_bad_one_is_not() {
    let program = secured(&user("old", "1"), &["--config.auto-reload-interval=1s"]).start().await;
    let mut line = Line::open(program.address(), None).await.unwrap();
    assert_eq!(line.ask(Method::GET, "/metrics", Some(("old", "1"))).await.unwrap().status, 200);

    program.replace("web.yml", "basic_auth_users: {old: 1}\n");
    wait_until("a reload that fails", async || {
        let answer = line.ask(Method::GET, "/metrics", Some(("old", "1"))).await.expect("it goes on");
        answer.body.contains(&format!("{SUCCESSFUL} 0\n"))
    })
    .await;
    let log = program.stderr();
    assert!(log.contains("web.yml:1:20: basic_auth_users.old: not a bcrypt hash"), "{log}");

    program.replace("web.yml", &user("new", "2"));
    wait_until("the new user", async || {
        let answer = line.ask(Method::GET, "/metrics", Some(("new", "2"))).await.expect("it goes on");
        answer.status == 200 && answer.body.contains(&format!("{SUCCESSFUL} 1\n"))
    })
    .await;
    assert_eq!(line.ask(Method::GET, "/metrics", Some(("old", "1"))).await.unwrap().status, 401);
    program.replace("web.yml", "");
    wait_until("an open door", async || line.get("/metrics").await.expect("it goes on").status == 200).await;
}

#[tokio::test]
async fn check_and_run_refuse_a_bad_file_together_with_a_bad_configuration() {
    let bad = "tls_server_config:\n  cert_file: none.crt\nrate_limit: {interval: often, burst: 1}\n";
    for command in ["check", "run"] {
        let ended =
            Invocation::configured("global: {top: 0}\n", &[command, WEB, "--web.listen-address=127.0.0.1:0"])
                .file("web.yml", bad)
                .finish()
                .await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for told in [
            "dbsession.yml:1:10: global.top: ",
            "web.yml:1:1: tls_server_config: missing one of key or key_file",
            "web.yml:2:3: tls_server_config.cert_file: cannot read none.crt: ",
            "web.yml:3:14: rate_limit.interval: not a duration",
        ] {
            assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        }
    }
    let form = secured("basic_auth_usrs: {}\n", &["check"]).finish().await;
    let told = "web.yml:1:1: basic_auth_usrs: unknown key; did you mean basic_auth_users?";
    assert!(form.code == Some(2) && form.stderr.contains(told), "{form:?}");
    let missing =
        Invocation::configured("global: {}\n", &["check", "--web.config.file=none.yml"]).finish().await;
    assert!(missing.code == Some(2) && missing.stderr.contains("none.yml: cannot be read: "), "{missing:?}");
    let good = secured("http_server_config: {http2: true}\n", &["check"]).finish().await;
    let warned = "warning: web.yml: http_server_config.http2: this server speaks HTTP/1.1 only";
    assert!(good.code == Some(0) && good.stdout.contains(warned), "{good:?}");
}
