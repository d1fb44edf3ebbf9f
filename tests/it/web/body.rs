//! Heads and bodies of requests: how long they may be, and how long they may take.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::secured;
use crate::program::Program;

/// What is answered, to its end, to these bytes.
async fn send(program: &Program, bytes: &str) -> String {
    let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
    // It may be refused before it has been read whole.
    let _ = stream.write_all(bytes.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let program = secured("", &[]).start().await;
    let request =
        |fields: &str| format!("GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    let field = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    assert!(send(&program, &request(&field(10_000))).await.starts_with("HTTP/1.1 200 "));
    assert!(send(&program, &request(&field(20_000))).await.starts_with("HTTP/1.1 431 "));
    assert!(send(&program, &request(&"X-Many: 1\r\n".repeat(90))).await.starts_with("HTTP/1.1 200 "));
    assert!(send(&program, &request(&"X-Many: 1\r\n".repeat(200))).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_head_or_a_body_that_does_not_come_is_not_waited_for() {
    let program = secured("", &["--web.enable-admin-api"]).start().await;
    let post = "POST /api/v1/kill-tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let cut_head = post.to_owned();
    let cut_body = format!("{post}Content-Length: 40\r\n\r\n{{");
    let (head, body, nothing) =
        tokio::join!(send(&program, &cut_head), send(&program, &cut_body), send(&program, ""));
    assert_eq!((head.as_str(), nothing.as_str()), ("", ""), "there is nothing to answer");
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    let long = format!("{post}Content-Length: 70000\r\n\r\n{}", "x".repeat(70_000));
    assert!(send(&program, &long).await.starts_with("HTTP/1.1 413 "));
}
