//! What answers of STS, IAM, metadata and programs may hold.

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::{ALIBABA, Fresh, HUAWEI, Moment, PRINTED, Spelling, time};
use super::*;

const CANARY: &str = "cAnAry";

fn fresh(ends_at: Option<&str>, now: &str) -> Result<Fresh, FetchError> {
    let moment = Moment { at: Instant::now(), time: now.parse().unwrap() };
    let identity = Identity::Token(Secret::new("t"));
    Fresh::issued("Op", identity, ends_at.map(|at| at.parse().unwrap()), moment)
}

#[tokio::test]
async fn life_is_counted_by_the_clock_of_the_issuer_with_a_margin() {
    let life = |ends_at| fresh(Some(ends_at), "2026-01-01T00:00:00Z").unwrap().life.unwrap().1;
    assert_eq!(life("2026-01-01T00:01:00Z"), Duration::from_secs(58));
    assert_eq!(life("2026-01-01T01:00:00Z"), Duration::from_secs(3598));
    assert_eq!(life("2026-01-01T00:00:03Z"), Duration::from_millis(1700));
    assert!(fresh(None, "2026-01-01T00:00:00Z").unwrap().life.is_none());

    let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT"))]);
    let answer = Answer { status: 200, headers, body: Vec::new(), written: Instant::now() };
    let off: Timestamp = "2026-01-01T05:00:00Z".parse().unwrap();
    assert_eq!(Moment::of(&answer, off).time, "2026-01-01T00:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn what_has_ended_when_it_comes_is_told() {
    for ends_at in ["2025-12-31T23:59:00Z", "2026-01-01T00:00:01Z"] {
        let error = fresh(Some(ends_at), "2026-01-01T00:00:00Z").err().expect("it is of no use");
        assert_eq!(error.kind, FailureKind::Auth);
        assert!(error.detail.starts_with("Op: ") && error.detail.contains("clocks"), "{}", error.detail);
    }
}

#[test]
fn times_are_read_with_and_without_a_fraction() {
    let at = "2022-10-17T18:51:25Z".parse::<Timestamp>().unwrap();
    for text in ["2022-10-17T18:51:25Z", "2022-10-17T18:51:25.000000Z", "2022-10-17T18:51:25"] {
        assert_eq!(time(text), Some(at), "{text}");
    }
    assert_eq!(time("tomorrow"), None);
}

fn read(spelling: &Spelling, object: &Value) -> Result<[String; 3], FetchError> {
    let (keys, end) = spelling.read("Op", object)?;
    let token = keys.security_token.map(|token| token.expose().to_owned());
    let end = end.map(|end| end.to_string()).unwrap_or_default();
    Ok([keys.access_key_id.expose().to_owned(), token.unwrap_or_default(), end])
}

#[test]
fn every_spelling_that_is_known_is_read() {
    const END: &str = "2026-01-01T00:00:00Z";
    for (spelling, object) in [
        (
            &ALIBABA,
            json!({"AccessKeyId": "i", "AccessKeySecret": "s", "SecurityToken": "t", "Expiration": END}),
        ),
        (
            &PRINTED,
            json!({"access_key_id": "i", "access_key_secret": "s", "sts_token": "t", "expiration": END}),
        ),
        (&HUAWEI, json!({"access": "i", "secret": "s", "securitytoken": "t", "expires_at": END})),
        (
            &HUAWEI,
            json!({"accessKeyId": "i", "secretAccessKey": "s", "securityToken": "t", "expiration": END}),
        ),
        (
            &HUAWEI,
            json!({"access_key_id": "i", "secret_access_key": "s", "security_token": "t", "expires_at": END}),
        ),
    ] {
        assert_eq!(read(spelling, &object).unwrap(), ["i", "t", END], "{object}");
    }
    let lasting = json!({"access_key_id": "i", "access_key_secret": "s", "sts_token": "", "expiration": ""});
    assert_eq!(read(&PRINTED, &lasting).unwrap(), ["i", "", ""]);
}

#[test]
fn what_is_missing_or_odd_is_named_and_not_repeated() {
    for (object, said) in [
        (json!({"AccessKeySecret": CANARY}), "AccessKeyId"),
        (json!({"AccessKeyId": CANARY, "AccessKeySecret": 7}), "AccessKeySecret"),
        (json!({"AccessKeyId": format!("{CANARY} "), "AccessKeySecret": CANARY}), "AccessKeyId"),
        (
            json!({"AccessKeyId": "i", "AccessKeySecret": "s", "SecurityToken": format!("{CANARY}\n")}),
            "SecurityToken",
        ),
        (json!({"AccessKeyId": "i", "AccessKeySecret": "s", "Expiration": CANARY}), "Expiration"),
        (json!([CANARY]), "AccessKeyId"),
    ] {
        let error = read(&ALIBABA, &object).expect_err(said);
        assert_eq!(error.kind, FailureKind::BadResponse);
        assert!(error.detail.contains(said) && !error.detail.contains(CANARY), "{}", error.detail);
    }
}
