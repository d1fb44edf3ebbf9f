//! Users and passwords, what else the file puts between a caller and an answer, and what stays open.

use std::time::Duration;

use hyper::Method;
use hyper::header::{RETRY_AFTER, WWW_AUTHENTICATE};

use super::{Line, WEB, secured};
use crate::program::{Invocation, Program};

const RIGHT: Option<(&str, &str)> = Some(("prometheus", "s3cr3t:with colon"));

fn users() -> String {
    let [own, other] =
        ["s3cr3t:with colon", "another"].map(|text| bcrypt::hash(text, 4).expect("a cost that is one"));
    format!("basic_auth_users:\n  prometheus: {own}\n  alice: {}\n", other.replacen("$2b$", "$2y$", 1))
}

async fn status(program: &Program, method: Method, path: &str, user: Option<(&str, &str)>) -> u16 {
    let mut line = Line::open(program.address(), None).await.expect("it listens");
    line.ask(method, path, user).await.expect("it answers").status
}

#[tokio::test]
async fn only_a_user_with_the_right_password_gets_in() {
    let program = secured(&users(), &[]).start().await;
    let strangers = [
        None,
        Some(("prometheus", "wrong")),
        Some(("prometheus", "")),
        Some(("prometheus", "another")),
        Some(("nobody", "another")),
        Some(("", "another")),
        Some(("Prometheus", "s3cr3t:with colon")),
    ];
    // Twice: what is remembered must be the same as what was found out.
    for user in strangers.iter().chain(&strangers) {
        for path in ["/metrics", "/", "/sd", "/nowhere"] {
            let mut line = Line::open(program.address(), None).await.unwrap();
            let answer = line.ask(Method::GET, path, *user).await.unwrap();
            assert_eq!(answer.status, 401, "{user:?} {path}");
            assert_eq!(answer.headers[WWW_AUTHENTICATE], "Basic");
        }
        assert_eq!(status(&program, Method::GET, "/-/healthy", *user).await, 200);
        assert_eq!(status(&program, Method::GET, "/-/ready", *user).await, 200);
    }
    for user in [RIGHT, Some(("alice", "another")), RIGHT] {
        assert_eq!(status(&program, Method::GET, "/metrics", user).await, 200, "{user:?}");
    }
    let ended = program.stop().await;
    assert!(!ended.stderr.contains("s3cr3t") && !ended.stderr.contains("$2"), "{}", ended.stderr);
}

#[tokio::test]
async fn probes_need_a_user_where_the_exception_is_off() {
    let program = secured(&users(), &["--web.health-no-auth=false"]).start().await;
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(status(&program, Method::GET, path, None).await, 401);
        assert_eq!(status(&program, Method::GET, path, RIGHT).await, 200);
    }
}

#[tokio::test]
async fn probes_are_let_in_where_the_health_paths_are_served() {
    let program = secured(&users(), &["--web.route-prefix=/db"]).start().await;
    for (path, expected) in
        [("/db/-/healthy", 200), ("/db/-/ready", 200), ("/-/healthy", 401), ("/db/metrics", 401)]
    {
        assert_eq!(status(&program, Method::GET, path, None).await, expected, "{path}");
    }
}

#[tokio::test]
async fn kill_tasks_and_reloads_need_a_user_too() {
    const TASK: &str = r#"{"account":"ali","instance":"rm-a","task":"t-1"}"#;
    let config = "accounts: [{name: ali, provider: alibaba, endpoints: {das: 'http://127.0.0.1:9'}, \
                  credentials: {access_key_id: a, access_key_secret: b}}]\n";
    let flags = [WEB, "--web.enable-admin-api", "--web.enable-lifecycle"];
    let program = Invocation::configured(config, &flags).file("web.yml", &users()).start().await;
    let tasks = "/api/v1/kill-tasks";
    assert_eq!(program.post_json(tasks, TASK, &[]).await.status, 401);
    assert_eq!(status(&program, Method::DELETE, &format!("{tasks}/t-1"), None).await, 401);
    assert_eq!(program.reload().await.status, 401);
    let pair = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "prometheus:s3cr3t:with colon");
    let own = format!("bAsIc {pair}");
    let own = [("authorization", own.as_str())];
    let listed = program.post_json(tasks, TASK, &own).await;
    assert!(listed.status == 201 && listed.body.matches("t-1").count() == 1, "{listed:?}");
    assert_eq!(
        status(&program, Method::DELETE, &format!("{tasks}/t-1"), Some(("alice", "wrong"))).await,
        401
    );
    assert_eq!(status(&program, Method::DELETE, &format!("{tasks}/t-1"), RIGHT).await, 204);
    assert_eq!(status(&program, Method::POST, "/-/reload", RIGHT).await, 200);
}

/// So many wrong passwords at once that most of them are told to wait; who is known is let in all the while.
#[tokio::test]
async fn a_known_user_does_not_wait_behind_wrong_passwords() {
    // Each takes so long that the rest must pile up.
    let slow = bcrypt::hash("right", 12).unwrap();
    let program = secured(&format!("basic_auth_users: {{prometheus: {slow}}}\n"), &[]).start().await;
    let right = Some(("prometheus", "right"));
    assert_eq!(status(&program, Method::GET, "/metrics", right).await, 200);
    let address = program.address();
    let guesses = (0..30).map(|guess| {
        tokio::spawn(async move {
            let mut line = Line::open(address, None).await.unwrap();
            let password = guess.to_string();
            line.ask(Method::GET, "/metrics", Some(("prometheus", &password))).await.unwrap()
        })
    });
    let guesses: Vec<_> = guesses.collect();
    for _ in 0..10 {
        assert_eq!(status(&program, Method::GET, "/metrics", right).await, 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut crowded = 0;
    for guess in guesses {
        let answer = guess.await.unwrap();
        assert!([401, 429].contains(&answer.status), "{answer:?}");
        crowded += usize::from(answer.status == 429 && answer.headers.contains_key(RETRY_AFTER));
    }
    assert!(crowded > 0, "some were turned away at once");
}

#[tokio::test]
async fn headers_are_put_on_every_answer() {
    let web = format!(
        "{}http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n    \
         Content-Security-Policy: default-src 'none'\n    X-XSS-Protection: ''\n",
        users()
    );
    let program = secured(&web, &[]).start().await;
    for (path, user, status) in [
        ("/", RIGHT, 200),
        ("/metrics", RIGHT, 200),
        ("/nowhere", RIGHT, 404),
        ("/metrics", None, 401),
        ("/-/healthy", None, 200),
    ] {
        let mut line = Line::open(program.address(), None).await.unwrap();
        let answer = line.ask(Method::GET, path, user).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["x-frame-options"], "deny", "{path}");
        let policies: Vec<_> = answer.headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["default-src 'none'"], "{path}");
        assert!(!answer.headers.contains_key("x-xss-protection"), "blank is unset");
    }
}

#[tokio::test]
async fn beyond_the_rate_limit_there_is_429_but_not_for_probes() {
    let program = secured("rate_limit: {interval: 1h, burst: 3}\n", &[]).start().await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(status(&program, Method::GET, "/metrics", None).await);
        assert_eq!(status(&program, Method::GET, "/-/healthy", None).await, 200);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}
