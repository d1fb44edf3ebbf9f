//! The bytes of a call, as a listener sees them that knows nothing of HTTP but its text. The signatures are worked out again
//! from those bytes alone, by the rules of the clouds' signing pages.

use std::io::ErrorKind;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::accounts::{Configuration, KEY, PROJECT, instance};
use crate::oracle::SourceKind::{AlibabaRds, HuaweiDas, HuaweiDdm};
use crate::program::Invocation;

/// An answer after which nothing is asked any more.
const FAILURE: &str = "400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// An answer that asks to come again in a second.
const AGAIN: &str =
    "503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A request, taken apart.
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head ends in an empty line");
        let mut lines = head.lines();
        let mut line = lines.next().expect("a request line").split(' ').map(str::to_owned);
        let (method, place) = (line.next().expect("a method"), line.next().expect("a path"));
        assert_eq!(line.next().as_deref(), Some("HTTP/1.1"));
        let (path, query) = place.split_once('?').unwrap_or((&place, ""));
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header has a name");
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let (path, query, body) = (path.to_owned(), query.to_owned(), body.to_owned());
        Self { method, path, query, headers: lines.map(header).collect(), body }
    }

    /// The value of the only header of this name.
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice");
        value
    }

    /// A part of the Authorization header.
    fn proof(&self, name: &str) -> &str {
        let authorization = self.header("authorization").expect("the request is signed");
        let (_, after) = authorization.split_once(&format!("{name}=")).expect(name);
        after.split(',').next().unwrap_or(after)
    }

    /// The signature of the bytes that came, `date` being the second line of what is signed where there is one.
    fn signature(&self, algorithm: &str, path: &str, date: Option<&str>) -> String {
        let names: Vec<&str> = self.proof("SignedHeaders").split(';').collect();
        assert!(names.is_sorted() && names.contains(&"host"), "{names:?}");
        let line = |name: &&str| format!("{name}:{}\n", self.header(name).expect("a signed header is sent"));
        let headers: String = names.iter().map(line).collect();
        let mut pairs: Vec<&str> = self.query.split('&').collect();
        pairs.sort_unstable();
        let canonical = format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{}",
            self.method,
            pairs.join("&"),
            names.join(";"),
            sha256(&self.body)
        );
        let date = date.map(|date| format!("{date}\n")).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.1.as_bytes()).expect("a key of any length is good");
        mac.update(format!("{algorithm}\n{date}{}", sha256(&canonical)).as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The requests of a fetch of `entry` that gets these answers, and the address that they were sent to.
async fn requests<const N: usize>(entry: String, target: &str, answers: [&str; N]) -> ([Request; N], String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address").to_string();
    let yaml = Configuration::of([entry]).yaml(&format!("http://{address}"));
    let invocation = Invocation::configured(&yaml, &["fetch", target]);
    let (fetched, requests) = tokio::join!(invocation.finish(), answer(listener, answers));
    assert_eq!(fetched.code, Some(1), "the last answer is a failure: {}", fetched.stderr);
    (requests, address)
}

/// Takes a connection for each answer.
async fn answer<const N: usize>(listener: TcpListener, answers: [&str; N]) -> [Request; N] {
    let mut requests = Vec::new();
    for answer in answers {
        let accepted = timeout(Duration::from_secs(30), listener.accept()).await;
        let (stream, _) = accepted.expect("the program connects").expect("a connection is accepted");
        requests.push(Request::read(&receive(&stream).await));
        stream.writable().await.expect("the program listens");
        let answer = format!("HTTP/1.1 {answer}");
        assert_eq!(stream.try_write(answer.as_bytes()).ok(), Some(answer.len()));
    }
    requests.try_into().ok().expect("one for each answer")
}

/// The text of one request.
async fn receive(stream: &TcpStream) -> String {
    let mut text = String::new();
    loop {
        stream.readable().await.expect("the program sends");
        let mut part = [0; 4096];
        match stream.try_read(&mut part) {
            Ok(0) => panic!("the program hung up after {text:?}"),
            Ok(length) => text += std::str::from_utf8(&part[..length]).expect("a request is text"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= announced.map_or(0, |length| length.parse().expect("a length is a number")) {
            return text;
        }
    }
}

#[tokio::test]
async fn alibabas_call_is_a_signed_post_without_a_body() {
    let entry = instance(AlibabaRds, "pc-wire") + ", nodes: [pi-1]";
    let ([request], address) = requests(entry, "pc-wire/pi-1", [FAILURE]).await;
    assert_eq!((request.method.as_str(), request.path.as_str(), request.body.as_str()), ("POST", "/", ""));
    assert_eq!(request.query, "InstanceId=pc-wire&NodeId=pi-1");
    let header = |name| request.header(name);
    assert_eq!(header("host"), Some(address.as_str()));
    assert!(matches!(header("content-length"), None | Some("0")));
    assert_eq!([header("content-type"), header("transfer-encoding"), header("expect")], [None; 3]);
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("x-acs-action"), Some("GetMySQLAllSessionAsync"));
    assert_eq!(header("x-acs-version"), Some("2020-01-16"));
    assert_eq!(header("x-acs-content-sha256"), Some(sha256("").as_str()));
    assert!(header("x-acs-signature-nonce").is_some_and(|nonce| nonce.len() >= 16));
    assert_eq!(request.proof("Credential"), KEY.0);
    let covered = request.proof("SignedHeaders");
    let acs = request.headers.iter().filter(|(name, _)| name.starts_with("x-acs-"));
    assert!(acs.map(|(name, _)| name).all(|name| covered.split(';').any(|signed| signed == name)));
    assert_eq!(request.proof("Signature"), request.signature("ACS3-HMAC-SHA256", "/", None));
}

/// Signed is the path with a slash at its end, sent the path without.
#[tokio::test]
async fn huaweis_call_is_a_signed_get() {
    for (source, resource, query) in [
        (HuaweiDas, "processes", "db_user_id=2c250598&limit=100&offset=0"),
        (HuaweiDdm, "physical-processes", "limit=128&offset=0"),
    ] {
        let ([request], address) = requests(instance(source, "wire-in01"), "wire-in01", [FAILURE]).await;
        let path = format!("/v3/{PROJECT}/instances/wire-in01/{resource}");
        assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
        assert_eq!((&request.path, request.query.as_str()), (&path, query));
        let header = |name| request.header(name);
        assert_eq!(header("host"), Some(address.as_str()));
        assert!(matches!(header("content-length"), None | Some("0")));
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("accept"), Some("application/json"));
        assert_eq!(header("x-project-id"), Some(PROJECT));
        assert_eq!([header("x-auth-token"), header("x-security-token")], [None; 2]);
        assert_eq!(request.proof("Access"), KEY.0);
        let signed = request.signature("SDK-HMAC-SHA256", &(path + "/"), header("x-sdk-date"));
        assert_eq!(request.proof("Signature"), signed);
    }
}

/// The password goes to IAM alone, the token goes with every call, and there is no signature.
#[tokio::test]
async fn huaweis_token_takes_the_place_of_a_signature() {
    let entry = "account: token, id: wire-in01, db_user_id: 2c250598".to_owned();
    let token = "201 Created\r\nx-subject-token: a-token\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let ([iam, read], address) = requests(entry, "wire-in01", [token, FAILURE]).await;
    assert_eq!((iam.method.as_str(), iam.path.as_str()), ("POST", "/v3/auth/tokens"));
    assert_eq!([iam.header("host"), read.header("host")], [Some(address.as_str()); 2]);
    assert_eq!([iam.header("authorization"), iam.header("x-auth-token")], [None; 2]);
    let body: Value = serde_json::from_str(&iam.body).expect("IAM takes JSON");
    let user = json!({"name": "test-user", "password": "test-password", "domain": {"name": "test-domain"}});
    assert_eq!(
        body.pointer("/auth/identity"),
        Some(&json!({"methods": ["password"], "password": {"user": user}}))
    );
    assert_eq!(body.pointer("/auth/scope/project/name"), Some(&json!("cn-north-4")), "the region's project");

    assert_eq!(read.path, format!("/v3/{PROJECT}/instances/wire-in01/processes"));
    assert_eq!([read.header("x-auth-token"), read.header("x-project-id")], [Some("a-token"), Some(PROJECT)]);
    assert_eq!([read.header("authorization"), read.header("x-sdk-date")], [None; 2]);
    assert!(!read.headers.iter().any(|(_, value)| value.contains("test-password")));
}

/// A retry is a call of its own: dated anew, with a nonce of its own, and signed for them.
#[tokio::test]
async fn a_retry_is_signed_anew() {
    let (requests, _) = requests(instance(AlibabaRds, "rm-wire"), "rm-wire", [AGAIN, FAILURE]).await;
    let header = |name| requests.each_ref().map(|request| request.header(name).expect(name));
    let [nonce, other] = header("x-acs-signature-nonce");
    let [date, later] = header("x-acs-date");
    assert!(nonce != other && date < later, "{nonce} {other}, {date} {later}");
    for request in &requests {
        assert_eq!(request.proof("Signature"), request.signature("ACS3-HMAC-SHA256", "/", None));
    }
}

#[tokio::test]
async fn a_retry_of_huawei_cloud_is_dated_anew() {
    let ([first, second], _) =
        requests(instance(HuaweiDdm, "wire-in01"), "wire-in01", [AGAIN, FAILURE]).await;
    for request in [&first, &second] {
        let path = format!("{}/", request.path);
        let signed = request.signature("SDK-HMAC-SHA256", &path, request.header("x-sdk-date"));
        assert_eq!(request.proof("Signature"), signed);
    }
    assert!(first.header("x-sdk-date") < second.header("x-sdk-date"));
}
