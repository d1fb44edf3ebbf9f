//! The simulated cloud as a caller sees it: every call is signed by the exporter's own signers and goes over HTTP.

mod alibaba;
mod faults;
mod huawei;
mod identity;
mod server;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::{Value, json};

use super::session::SimSession;
use super::{AlibabaStats, Cloud, Fault, IAM, KillTask, Refusal, Reported};
use crate::cloud::canonical::{self, Keys, Signed};
use crate::cloud::{alibaba::sign as acs3, huawei::sign as sdk_hmac};

const SESSIONS: &str = "GetMySQLAllSessionAsync";
const PROJECT: &str = "054e292c9880d4992f02c0196d3ea468";
const KEYS: Keys<'_> = Keys { id: "test-id", secret: "test-secret", security_token: None };

/// A cloud that knows [`KEYS`], and a client.
async fn cloud() -> (Cloud, Client) {
    let cloud = Cloud::start().await.unwrap();
    cloud.add_key(KEYS.id, KEYS.secret, None);
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    (cloud, client)
}

fn host(cloud: &Cloud) -> String {
    cloud.url().replace("http://", "")
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the simulated cloud's clock is the machine's")]
    Timestamp::now()
}

fn send_headers(request: RequestBuilder, signed: Signed) -> RequestBuilder {
    signed.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// The request with another query than was signed.
fn asking(request: RequestBuilder, query: &str) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.url_mut().set_query(Some(query));
    RequestBuilder::from_parts(client, request)
}

/// An unsent call of Alibaba Cloud; a test may spoil what it signs.
struct Ask<'a> {
    action: &'a str,
    query: &'a [(&'a str, &'a str)],
    keys: Keys<'a>,
    date: Timestamp,
    nonce: &'a str,
}

impl<'a> Ask<'a> {
    fn new(query: &'a [(&'a str, &'a str)]) -> Self {
        Self { action: SESSIONS, query, keys: KEYS, date: now(), nonce: "" }
    }

    fn request(&self, cloud: &Cloud, client: &Client) -> RequestBuilder {
        let (host, query) = (host(cloud), canonical::query(self.query));
        let nonce = if self.nonce.is_empty() {
            format!("nonce-{}", cloud.calls().len())
        } else {
            self.nonce.to_owned()
        };
        let (method, path, action, version) = ("POST", "/", self.action, "2020-01-16");
        let (host, query) = (host.as_str(), query.as_str());
        let request =
            acs3::Request { method, host, path, query, content_type: None, body: b"", action, version };
        let signed = acs3::sign(&request, &self.keys, self.date, &nonce);
        send_headers(client.post(format!("{}/?{query}", cloud.url())), signed)
    }

    async fn send(&self, cloud: &Cloud, client: &Client) -> (u16, Value) {
        parsed(self.request(cloud, client).send().await.unwrap()).await
    }
}

async fn parsed(response: Response) -> (u16, Value) {
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

/// A signed call of Huawei Cloud.
fn get(
    cloud: &Cloud,
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
    keys: &Keys<'_>,
) -> RequestBuilder {
    let (host, query) = (host(cloud), canonical::query(query));
    let request = sdk_hmac::Request {
        method: "GET",
        host: &host,
        path,
        query: &query,
        headers: &[("content-type", "application/json")],
        body: b"",
        project_id: Some(PROJECT),
    };
    send_headers(client.get(format!("{}{path}?{query}", cloud.url())), sdk_hmac::sign(&request, keys, now()))
}

async fn pages(cloud: &Cloud, client: &Client, operation: &str, query: &[(&str, &str)]) -> (u16, Value) {
    let path = format!("/v3/{PROJECT}/instances/in01/{operation}");
    parsed(get(cloud, client, &path, query, &KEYS).send().await.unwrap()).await
}

fn session(id: u64, user: &str, command: &str) -> SimSession {
    let text = |text: &str| Some(text.to_owned());
    let (user, command, time) = (text(user), text(command), text(&id.to_string()));
    SimSession { id, user, command, time, host: text("10.0.0.7"), ..SimSession::default() }
}
