//! Many clients at once, and slow ones: the server goes on answering, and its memory stays bounded.

use std::time::Duration;

use hyper::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::{Line, get, secured};
use crate::program::{Invocation, resident, wait_until};
use crate::scene;

/// More than the server keeps; the test and the program share no limit of file descriptors.
const CROWD: usize = 2_000;

/// Connections that the server keeps.
const KEPT: usize = 512;

/// Sends a request's head byte by byte, one a second, until it is cut off.
async fn drip(address: std::net::SocketAddr) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    for byte in b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nX-Slow: ".iter().chain([b'x'; 60].iter()) {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// As many as this process may open, with some to spare for the other tests.
fn crowd() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux tells it");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("it is there");
    let soft = line.split_whitespace().nth(3).and_then(|limit| limit.parse().ok());
    soft.map_or(CROWD, |limit: usize| CROWD.min(limit.saturating_sub(300)))
}

fn open_files(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_by_the_thousand_keep_nobody_from_scraping() {
    let program = secured("", &[]).start().await;
    assert_eq!(get(&program, None, "/metrics").await.unwrap().status, 200);
    let before = resident(&program);
    let address = program.address();
    let slow: Vec<_> = (0..crowd()).map(|_| tokio::spawn(drip(address))).collect();
    let until = Instant::now() + Duration::from_secs(8);
    let (mut scrapes, mut most) = (0, 0);
    while Instant::now() < until {
        let answer = get(&program, None, "/metrics").await.expect("it answers");
        assert_eq!(answer.status, 200);
        scrapes += 1;
        most = most.max(open_files(program.id()));
        sleep(Duration::from_millis(100)).await;
    }
    assert!(scrapes >= 2 && most <= KEPT + 96, "{scrapes} scrapes, {most} files");
    let grown = resident(&program).saturating_sub(before);
    // 512 connections with the little that each has sent, and what the allocator keeps.
    assert!(grown < 32_768, "{grown} kB more");
    for task in &slow {
        task.abort();
    }
    wait_until("the end of the slow connections", async || open_files(program.id()) < 64).await;
}

/// A socket with a small buffer, on which a whole page is asked for and nothing is read.
async fn ask_and_not_read(address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.set_recv_buffer_size(4096).expect("it may be small");
    let mut stream = socket.connect(address).await.expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n").await.expect("it reads");
    stream
}

#[tokio::test]
async fn slow_readers_are_cut_off_and_scrapes_at_a_time_are_limited() {
    // Larger than what the kernel holds between the two.
    let program = Invocation::new(&["demo", "--instances=1000", "--sessions=20", "--web.max-requests=2"]);
    let program = program.start().await;
    let large =
        async || get(&program, None, "/metrics").await.is_ok_and(|answer| answer.body.len() > 10 << 20);
    wait_until("a large page", large).await;
    let head = async || {
        let mut line = Line::open(program.address(), None).await.expect("it listens");
        line.ask(Method::HEAD, "/metrics", None).await.expect("it answers").status
    };
    let mut slow = Vec::new();
    wait_until("a scrape too many", async || {
        slow.push(ask_and_not_read(program.address()).await);
        head().await == 503
    })
    .await;
    let refused = get(&program, None, "/metrics").await.unwrap();
    assert!(refused.status == 503 && refused.body.contains("Limit of concurrent requests reached (2)"));
    assert_eq!(get(&program, None, "/-/healthy").await.unwrap().status, 200, "only scrapes are limited");
    wait_until("the slow readers to be cut off", async || head().await == 200).await;
    let mut first = slow.remove(0);
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), first.read_to_end(&mut rest)).await.expect("it was cut off");
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "a page that was cut off does not look whole: {ended:?}");
}

#[tokio::test]
async fn any_number_of_scrapes_is_answered_where_there_is_no_limit() {
    let cloud = scene::cloud().await;
    let mut scene = scene::Scene::new("interval: 1s");
    scene.account(&cloud, scene::Api::Alibaba, "ali").instance(&cloud, scene::Api::Alibaba, "ali", "a", 3);
    let program = Invocation::configured(&scene.file(), &["--web.max-requests=0"]).start().await;
    let scrapes = (0..60).map(|_| get(&program, None, "/metrics"));
    let answers = futures_util::future::join_all(scrapes).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)));
}
