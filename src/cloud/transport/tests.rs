//! What a proxy gets to see of a call, by a listener that stands for it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::*;
use crate::config;
use crate::error::Again;
use client::MAX_IDLE;

/// The head of the request that comes.
async fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    head
}

/// Answers whoever comes first with `answer`, and gives the head of the request.
async fn server(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let head = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (address, head)
}

fn by_proxy(proxy: &str) -> Transport {
    let text = "accounts: [{name: a, provider: alibaba, proxy: '${PROXY}', credentials: {access_key_id: a, access_key_secret: b}}]";
    let env = |name: &str| (name == "PROXY").then(|| proxy.to_owned());
    Transport::new(&config::parse(text, Path::new("test"), &env).unwrap().accounts[0].network).unwrap()
}

async fn send(transport: &Transport, url: &str, local: bool) -> Result<u16, FetchError> {
    let call =
        Call { method: Method::GET, url: url.parse().unwrap(), local, headers: Vec::new(), body: Vec::new() };
    let answer = transport.send(call, 1024, &mut Budget::new(Duration::from_secs(10), 0)).await;
    answer.map(|answer| answer.status)
}

#[tokio::test]
async fn user_and_password_arrive_whatever_is_in_them() {
    for (login, header) in [
        ("user:word", "dXNlcjp3b3Jk"),
        ("us%40er:p%3A%C3%BC", "dXNAZXI6cDrDvA=="),
        (
            r##"u:!"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~"##,
            "dTohIiMkJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2BhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX4=",
        ),
        ("u:100%sure", "dToxMDAlc3VyZQ=="),
        ("u", "dTo="),
    ] {
        let (address, head) = server("HTTP/1.1 407 No\r\n\r\n").await;
        let transport = by_proxy(&format!("http://{login}@{address}"));
        let error = send(&transport, "https://das.test.invalid", false).await.unwrap_err();
        assert_eq!((error.kind, error.again), (FailureKind::Network, Again::Never));
        assert!(error.detail.contains(&format!("the proxy {address} demands credentials")), "{error}");
        let head = head.await.unwrap();
        assert!(head.starts_with("CONNECT das.test.invalid:443 "), "{head}");
        assert!(head.contains(&format!("proxy-authorization: Basic {header}\r\n")), "{login}: {head}");
    }
}

#[tokio::test]
async fn no_proxy_comes_between_us_and_what_is_local() {
    let (proxy, asked) = server("HTTP/1.1 200 Proxy\r\ncontent-length: 0\r\n\r\n").await;
    let (metadata, _head) = server("HTTP/1.1 404 Metadata\r\ncontent-length: 0\r\n\r\n").await;
    let (transport, url) = (by_proxy(&format!("http://{proxy}")), format!("http://{metadata}/latest"));
    assert_eq!(send(&transport, &url, true).await, Ok(404));
    assert_eq!(send(&transport, &url, false).await, Ok(200));
    assert!(asked.await.unwrap().starts_with(&format!("GET {url} ")));
}

#[tokio::test]
async fn what_a_proxy_says_in_plain_is_not_taken_for_the_clouds_word() {
    let refusal = "HTTP/1.1 401 No\r\nwww-authenticate: basic realm=x\r\ncontent-length: 0\r\n\r\n";
    let (proxy, _head) = server(refusal).await;
    let error = send(&by_proxy(&format!("http://{proxy}")), "http://das.test.invalid", false).await;
    assert_eq!(error.unwrap_err().kind, FailureKind::Network);
    let (cloud, _head) = server(refusal).await;
    assert_eq!(send(&by_proxy("none"), &format!("http://{cloud}"), false).await, Ok(401));
}

#[tokio::test]
async fn after_a_burst_few_connections_stay() {
    const BEYOND: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut streams = Vec::new();
        while streams.len() < MAX_IDLE + BEYOND {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            streams.push(stream);
        }
        let mut open = JoinSet::new();
        for mut stream in streams {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            open.spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        }
        for _ in 0..BEYOND {
            open.join_next().await;
        }
        open.len()
    });
    let transport = Transport::new(&Network::default()).unwrap();
    let calls = (0..MAX_IDLE + BEYOND).map(|_| send(&transport, &url, true));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(timeout(Duration::from_secs(10), server).await.unwrap().unwrap(), MAX_IDLE);
}
