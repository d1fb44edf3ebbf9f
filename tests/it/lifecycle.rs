//! The daemon from its first line to its exit status: where it listens, what it answers, and how it ends.

use std::time::Duration;

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::parse::parse;
use crate::program::{Finished, Invocation, Program, wait_until};
use crate::scene::{self, Api, Scene, is_up, rows};

/// How long the end may take, and some of the machine's own delay.
const END: Duration = Duration::from_millis(5500);

/// One good instance.
async fn well() -> (Cloud, Scene) {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 30s");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "well", 2);
    (cloud, scene)
}

fn values<'a>(stderr: &'a str, start: &str, end: char) -> Vec<&'a str> {
    let after = stderr.split(start).skip(1);
    after.map(|rest| rest.split(end).next().unwrap_or_default().trim_end()).collect()
}

/// Runs a command that needs no file.
async fn run(arguments: &[&str]) -> Finished {
    Invocation::new(arguments).finish().await
}

#[tokio::test]
async fn every_listener_says_where_it_is_in_both_log_formats() {
    let (_cloud, scene) = well().await;
    for (format, start, end) in [("logfmt", " address=", ' '), ("json", "\"address\":\"", '"')] {
        let flags = ["--web.listen-address=localhost:0", &format!("--log.format={format}")];
        let program = Invocation::configured(&scene.file(), &flags).start().await;
        wait_until("the second address", async || {
            let stderr = program.stderr();
            values(&stderr, start, end).len() == 2 && stderr.contains("fetching")
        })
        .await;
        let stderr = program.stderr();
        for address in values(&stderr, start, end) {
            let address = address.lines().next().unwrap();
            let answer = request(&mut TcpStream::connect(address).await.unwrap(), "GET", "/-/healthy").await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && !address.ends_with(":0"), "{address}: {answer}");
        }
        let lines = stderr.lines().filter(|line| line.contains("address"));
        assert!(lines.clone().all(|line| line.contains("info") || line.contains("INFO")), "{stderr}");
        if format == "json" {
            for line in stderr.lines() {
                serde_json::from_str::<serde_json::Value>(line).expect(line);
            }
        }
    }
}

/// One request on a connection of its own; the whole answer.
async fn request(stream: &mut TcpStream, method: &str, path: &str) -> String {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn many_cores_do_not_make_many_threads() {
    let (_cloud, scene) = well().await;
    let invocation = Invocation::configured(&scene.file(), &[]);
    // What stands for a machine of so many cores, unless the program has a limit of its own.
    let program = invocation.environment("TOKIO_WORKER_THREADS", "64").start().await;
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap().count();
    assert!(threads < 20, "{threads} threads");
}

#[tokio::test]
async fn paths_methods_and_standard_output() {
    let (_cloud, scene) = well().await;
    let program = Program::start(&scene.file()).await;
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    let answer = async |method: &str, path: &str| {
        let mut stream = TcpStream::connect(program.address()).await.unwrap();
        let answer = request(&mut stream, method, path).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_lowercase(), body.to_owned())
    };
    let (head, body) = answer("HEAD", "/metrics").await;
    assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    for (method, path, status) in [
        ("GET", "/nowhere", "404"),
        ("HEAD", "/-/healthy", "200"),
        ("POST", "/metrics", "405"),
        ("GET", "/", "200"),
    ] {
        let (head, _) = answer(method, path).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{method} {path}: {head}");
    }
    let exit = program.stop().await;
    assert_eq!(exit.stdout, "", "logs belong on standard error");
}

#[tokio::test]
async fn ready_waits_for_each_target_to_finish_a_cycle_good_or_bad() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 3s");
    scene.account(&cloud, Api::Alibaba, "ali");
    for id in ["well", "hanging"] {
        scene.instance(&cloud, Api::Alibaba, "ali", id, 2);
    }
    cloud.set_fault("hanging", Some(Fault::Hang));
    let program = Program::start(&scene.file()).await;
    assert_eq!(program.get("/-/healthy").await.status, 200);
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    let (status, ready) = (program.get("/-/ready").await.status, program.scrape().await);
    assert!(is_up(&ready, "hanging").is_none() && status == 503, "one target has not finished: {status}");
    program.scrape_until("the timeout", |page| is_up(page, "hanging") == Some(false)).await;
    assert_eq!(program.get("/-/ready").await.status, 200);
}

/// Ends the program by `signal`, in time and with status 0; what it has said.
async fn end(program: Program, signal: &str) -> String {
    let began = Instant::now();
    program.signal(signal);
    let Finished { code, stderr, .. } = program.finished().await;
    let took = began.elapsed();
    assert!(code == Some(0) && took < END, "status {code:?} after {took:?}\n{stderr}");
    assert!(stderr.contains(&format!("SIG{signal}")) && stderr.contains("message=stopped"), "{stderr}");
    stderr
}

#[tokio::test]
async fn either_signal_ends_it_with_status_0_also_while_a_fetch_hangs() {
    for signal in ["TERM", "INT"] {
        let (cloud, scene) = well().await;
        cloud.set_fault("well", Some(Fault::Hang));
        let program = Program::start(&scene.file()).await;
        wait_until("the first call", async || !cloud.calls().is_empty()).await;
        end(program, signal).await;
    }
}

/// Sessions of so many users, clients and databases that the page does not fit into the buffers of a connection.
fn crowd() -> Vec<SimSession> {
    let name = |kind: &str, id: u64| Some(format!("{kind}-{id}-{}", "x".repeat(100)));
    let row = |(id, row): (u64, SimSession)| SimSession {
        user: name("user", id),
        host: name("host", id),
        database: name("database", id),
        ..row
    };
    (1..).zip(rows(1000)).map(row).collect()
}

#[tokio::test]
async fn a_slow_scrape_and_half_a_request_do_not_delay_the_end() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 30s, top: 1000, max_series: 100000");
    scene.account(&cloud, Api::Alibaba, "ali");
    let ids: Vec<_> = (0..3).map(|number| format!("rm-{number}")).collect();
    for id in &ids {
        scene.instance(&cloud, Api::Alibaba, "ali", id, 0);
        cloud.set_sessions(id, crowd());
    }
    let program = Program::start(&scene.file()).await;
    program.scrape_until("all data", |page| ids.iter().all(|id| is_up(page, id) == Some(true))).await;

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(program.address()).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut half = TcpStream::connect(program.address()).await.unwrap();
    half.write_all(b"GET /metrics HT").await.unwrap();

    let stderr = end(program, "TERM").await;
    assert!(stderr.contains("still open"), "the page is too small for this test:\n{stderr}");
}

/// A scrape that is under way when the signal comes is finished: it would be lost otherwise.
#[tokio::test]
async fn an_open_scrape_is_finished_before_the_end() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 30s, top: 1000, max_series: 100000");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "well", 0);
    cloud.set_sessions("well", crowd());
    let program = Program::start(&scene.file()).await;
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    let mut scrape = TcpStream::connect(program.address()).await.unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.0\r\nHost: exporter\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1];
    scrape.read_exact(&mut answer).await.unwrap();
    let (_, read) = tokio::join!(end(program, "TERM"), scrape.read_to_end(&mut answer));
    read.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(is_up(&parse(body).expect("a whole page"), "well"), Some(true));
}

#[tokio::test]
async fn a_port_in_use_is_a_run_time_failure_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(&["demo", &format!("--web.listen-address={address}")]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.stderr.lines().find(|line| line.contains("level=error")).unwrap_or_default();
    assert!(
        line.contains(&address) && line.contains("in use") && line.contains("--web.listen-address"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn version_help_and_completions_are_printed() {
    let version = run(&["--version"]).await;
    let expected = format!("dbsession_exporter {}", env!("CARGO_PKG_VERSION"));
    assert!(version.stdout.starts_with(&expected) && version.stdout.contains("rustc"), "{version:?}");
    let help = run(&["--help"]).await;
    for flag in
        ["--config.file", "--web.listen-address", "--web.telemetry-path", "--log.level", "--log.format"]
    {
        assert!(help.stdout.contains(flag), "{flag}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completion", shell]).await;
        assert!(
            script.code == Some(0) && script.stdout.contains("dbsession_exporter"),
            "{shell}: {script:?}"
        );
        assert!(script.stdout.contains("web.listen-address") && script.stderr.is_empty(), "{shell}");
    }
}
