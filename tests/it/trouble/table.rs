//! The table of troubles: what a cloud can do, and the one reason that each is counted under.

use dbsession_exporter::demo::{Cloud, Dialect, Fault, Refusal};

use crate::scene::Api;

/// One trouble of one target.
pub struct Trouble {
    /// Id of the instance that has it.
    pub id: &'static str,
    /// What the cloud does.
    pub fault: Fault,
    /// The only failure that is counted.
    pub reason: &'static str,
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status { status, headers: Vec::new(), body: body.to_owned() }
}

/// The troubles of an API: what any server can do, and what this one's errors are.
pub fn troubles(api: Api, cloud: &Cloud) -> Vec<Trouble> {
    let elsewhere = format!("{}/elsewhere", cloud.url());
    let common = [
        ("hang", Fault::Hang, "timeout"),
        ("drip", Fault::Drip, "timeout"),
        ("reset", Fault::Reset, "network"),
        ("short", Fault::ShortBody, "network"),
        ("html", Fault::Html, "provider_error"),
        ("busy", status(503, "busy"), "provider_error"),
        ("plain-403", status(403, ""), "permission"),
        ("plain-429", status(429, ""), "throttled"),
        ("empty", Fault::Empty, "bad_response"),
        ("cut", Fault::Truncated, "bad_response"),
        ("types", Fault::WrongTypes, "bad_response"),
        ("garbage", Fault::Garbage, "bad_response"),
        ("nothing", status(200, "{}"), "bad_response"),
        ("other-json", status(200, "[1, \"two\", null]"), "bad_response"),
        ("moved", Fault::Redirect(elsewhere), "bad_response"),
        ("huge", Fault::Huge(300_000), "bad_response"),
        ("bomb", Fault::GzipBomb(300_000), "bad_response"),
    ];
    let own = match api {
        Api::Alibaba => alibaba(),
        Api::HuaweiDas => [das(), gateway()].concat(),
        Api::HuaweiDdm => [ddm(), gateway()].concat(),
    };
    let rows = common.into_iter().chain(own);
    rows.map(|(id, fault, reason)| Trouble { id, fault, reason }).collect()
}

type Row = (&'static str, Fault, &'static str);

fn refusals<const N: usize>(rows: [(&'static str, Refusal, &'static str); N]) -> Vec<Row> {
    rows.map(|(id, refusal, reason)| (id, Fault::Refuse(refusal), reason)).into()
}

fn alibaba() -> Vec<Row> {
    const NO_DATA: &str = r#"{"Code":200,"Success":true,"Data":{"IsFinish":true,"State":"SUCCESS"}}"#;
    const FAIL: &str = r#"{"Code":200,"Success":true,"Data":{"IsFinish":true,"Fail":true}}"#;
    const UNKNOWN: Refusal = Refusal::new(Dialect::Alibaba, 400, "Odd.Thing", "Something odd.");
    let refusals = refusals([
        ("unknown-key", Refusal::ACCESS_KEY_NOT_FOUND, "auth"),
        ("bad-signature", Refusal::SIGNATURE_DOES_NOT_MATCH, "auth"),
        ("bad-clock", Refusal::TIME_STAMP_EXPIRED, "auth"),
        ("old-token", Refusal::SECURITY_TOKEN_EXPIRED, "auth"),
        ("no-permission", Refusal::NO_PERMISSION, "permission"),
        ("gone", Refusal::INSTANCE_NOT_FOUND, "not_found"),
        ("throttled-user", Refusal::THROTTLING_USER, "throttled"),
        ("throttled", Refusal::THROTTLING, "throttled"),
        ("throttled-503", Refusal::THROTTLING_USER.status(503), "throttled"),
        ("unavailable", Refusal::SERVICE_UNAVAILABLE, "provider_error"),
        ("failing", Refusal::INTERNAL_ERROR, "provider_error"),
        ("odd", UNKNOWN, "provider_error"),
    ]);
    let tasks = [
        ("running", Fault::EndlessRunning, "timeout"),
        ("task-state", Fault::Fail, "task_failed"),
        ("task-flag", status(200, FAIL), "task_failed"),
        ("refused-result", Fault::RefuseResultId(u32::MAX), "task_failed"),
        ("no-data", status(200, NO_DATA), "bad_response"),
    ];
    [refusals, tasks.into()].concat()
}

fn das() -> Vec<Row> {
    refusals([
        ("frequent", Refusal::DAS_FREQUENT, "throttled"),
        ("bad-db-user", Refusal::DAS_AUTHENTICATION, "permission"),
        ("gone", Refusal::DAS_INSTANCE_ID, "not_found"),
        ("odd", Refusal::DAS_PARAMETER, "provider_error"),
    ])
}

fn ddm() -> Vec<Row> {
    refusals([
        ("gone", Refusal::DDM_INSTANCE_NOT_FOUND, "not_found"),
        ("unreachable", Refusal::DDM_CONNECT_FAILED, "provider_error"),
        ("odd", Refusal::DDM_PARAMETER, "provider_error"),
    ])
}

fn gateway() -> Vec<Row> {
    refusals([
        ("bad-key", Refusal::IAM_AUTHENTICATION, "auth"),
        ("old-token", Refusal::TOKEN_EXPIRED, "auth"),
        ("forbidden", Refusal::IAM_FORBIDDEN, "permission"),
        ("over-limit", Refusal::OVER_RATELIMIT, "throttled"),
        ("no-api", Refusal::API_NOT_FOUND, "provider_error"),
        ("failing", Refusal::GATEWAY_INTERNAL, "provider_error"),
    ])
}
