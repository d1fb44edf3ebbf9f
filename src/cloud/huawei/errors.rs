//! Huawei Cloud's error codes, and the five shapes in which they come. Facts: the gateway's, the DAS and the DDM error-code
//! pages.

use serde_json::Value;

use crate::cloud::refusal::{Codes, Meaning, Refusal};
use crate::cloud::told::Told;
use crate::cloud::transport::Answer;

/// Codes of the gateway by their four digits: the prefix is `APIGW.` on Huawei Cloud, `APIG.` elsewhere.
const GATEWAY: Codes<16> = [
    ("0101", Meaning::Failed),
    ("0201", Meaning::Failed),
    ("0301", Meaning::Auth),
    ("0302", Meaning::Permission),
    ("0303", Meaning::Auth),
    ("0304", Meaning::Permission),
    ("0305", Meaning::Auth),
    ("0306", Meaning::Permission),
    ("0307", Meaning::Auth),
    ("0308", Meaning::Throttled),
    ("0310", Meaning::Permission),
    ("0401", Meaning::Permission),
    ("0402", Meaning::Permission),
    ("0601", Meaning::Passing),
    ("0613", Meaning::Passing),
    ("0802", Meaning::Permission),
];

/// Codes of the services. An authentication failure of DAS is one of the database user that `db_user_id` names.
const SERVICES: Codes<19> = [
    ("DAS.200002", Meaning::Throttled),
    ("DAS.200051", Meaning::Permission),
    ("DAS.200100", Meaning::Failed),
    ("DAS.200103", Meaning::Failed),
    ("DAS.200104", Meaning::Failed),
    ("DAS.200107", Meaning::Failed),
    ("DAS.200108", Meaning::Failed),
    ("DAS.200112", Meaning::Permission),
    ("DAS.200113", Meaning::Failed),
    ("DAS.200114", Meaning::NotFound),
    ("DAS.220003", Meaning::Permission),
    ("DBS.200114", Meaning::NotFound),
    ("DBS.280001", Meaning::Failed),
    ("DBS.280404", Meaning::NotFound),
    // Another operation is in progress.
    ("DBS.200019", Meaning::Passing),
    ("DBS.212033", Meaning::Passing),
    // DDM has no answer of the RDS instance behind it.
    ("DBS.300323", Meaning::Passing),
    ("DBS.300346", Meaning::Passing),
    ("DBS.300356", Meaning::Passing),
];

/// IAM sends the HTTP status as its code.
const STATUSES: Codes<4> = [
    ("401", Meaning::Auth),
    ("403", Meaning::Permission),
    ("404", Meaning::NotFound),
    ("429", Meaning::Throttled),
];

/// What the message of a throttling says where it is the user's quota that is used up.
const OF_USER: &str = "policy user";

/// What a code means; `None` where only the HTTP status can tell.
fn meaning(code: &str, message: &str) -> Option<Meaning> {
    let find = |codes: &[(&str, Meaning)], code: &str| {
        codes.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
    };
    let gateway = code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."));
    let meaning = match gateway {
        Some(digits) => find(&GATEWAY, digits),
        None => find(&SERVICES, code).or_else(|| find(&STATUSES, code)),
    };
    let is_users = meaning == Some(Meaning::Throttled) && message.contains(OF_USER);
    if is_users { Some(Meaning::UserThrottled) } else { meaning }
}

/// Names of the field that holds the code, and of that which holds the message.
const CODE: [&str; 4] = ["error_code", "errCode", "errorCode", "code"];
const MESSAGE: [&str; 4] = ["error_msg", "externalMessage", "errorMsg", "message"];

/// Reads an error answer with what its headers tell.
#[must_use]
pub fn of_answer(answer: &Answer) -> Refusal {
    let header = |name: &str| answer.headers.get(name).and_then(|id| id.to_str().ok());
    let request_id = header("x-request-id").or_else(|| header("x-iam-trace-id"));
    refusal(answer.status, request_id, Told::of(&answer.headers), &answer.body)
}

/// Reads an error answer in any of its shapes, the fields at the top or one level below. The id of the request is in a
/// header, or with the gateway in the body.
#[must_use]
pub fn refusal(status: u16, header_request_id: Option<&str>, told: Told, body: &[u8]) -> Refusal {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let nested = json.as_object().into_iter().flat_map(serde_json::Map::values);
    let objects: Vec<&Value> = std::iter::once(&json).chain(nested).collect();
    let field = |names: [&str; 4]| {
        objects.iter().find_map(|object| names.iter().find_map(|name| scalar(object.get(name)?)))
    };
    let (code, message) = (field(CODE), field(MESSAGE).unwrap_or_default());
    let meaning = code.as_deref().and_then(|code| meaning(code, &message));
    let request_id = header_request_id.map(str::to_owned).or_else(|| scalar(json.get("request_id")?));
    Refusal { status, code, meaning, request_id, told }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Again, FailureKind};

    fn error(status: u16, code: &str, message: &str) -> (FailureKind, Again) {
        let body = serde_json::json!({"error_code": code, "error_msg": message}).to_string();
        let error = refusal(status, None, Told::default(), body.as_bytes()).into_error("Op");
        (error.kind, error.again)
    }

    #[test]
    fn codes_mean_what_they_mean_at_any_status() {
        for (status, code, kind) in [
            (404, "APIGW.0101", FailureKind::ProviderError),
            (413, "APIGW.0201", FailureKind::ProviderError),
            (401, "APIGW.0301", FailureKind::Auth),
            (401, "APIG.0301", FailureKind::Auth),
            (403, "APIGW.0302", FailureKind::Permission),
            (401, "APIG.0303", FailureKind::Auth),
            (403, "APIGW.0304", FailureKind::Permission),
            (401, "APIGW.0305", FailureKind::Auth),
            (403, "APIGW.0306", FailureKind::Permission),
            (401, "APIGW.0307", FailureKind::Auth),
            (403, "APIGW.0310", FailureKind::Permission),
            (403, "APIGW.0401", FailureKind::Permission),
            (403, "APIGW.0402", FailureKind::Permission),
            (403, "APIG.0802", FailureKind::Permission),
            (400, "DAS.200051", FailureKind::Permission),
            (400, "DAS.200112", FailureKind::Permission),
            (400, "DAS.220003", FailureKind::Permission),
            (400, "DAS.200114", FailureKind::NotFound),
            (400, "DAS.200100", FailureKind::ProviderError),
            (404, "DBS.999999", FailureKind::NotFound),
            (403, "Made.Up", FailureKind::Permission),
        ] {
            assert_eq!(error(status, code, "m"), (kind, Again::Never), "{status} {code}");
        }
    }

    #[test]
    fn throttling_is_told_by_its_code_and_its_message_tells_whose_quota_it_is() {
        const USER: &str = "The throttling threshold has been reached: policy user over ratelimit,limit:60";
        for (status, code, message, shared) in [
            (400, "DAS.200002", "Frequent requests.", false),
            (
                429,
                "APIGW.0308",
                "The throttling threshold has been reached: policy api over ratelimit",
                false,
            ),
            (429, "APIGW.0308", USER, true),
            (400, "APIG.0308", USER, true),
        ] {
            let again = Again::Later { told: None, shared };
            assert_eq!(error(status, code, message), (FailureKind::Throttled, again), "{status} {code}");
        }
    }

    #[test]
    fn what_may_pass_is_known_by_its_code_or_its_status() {
        for (status, code) in [
            (500, "APIGW.0601"),
            (503, "APIG.0613"),
            (504, "APIGW.0201"),
            (500, "DBS.280001"),
            (400, "DBS.300356"),
            (409, "DBS.200019"),
        ] {
            assert_eq!(
                error(status, code, "m"),
                (FailureKind::ProviderError, Again::Soon),
                "{status} {code}"
            );
        }
    }

    #[test]
    fn every_shape_gives_its_code() {
        for body in [
            r#"{"error_code":"DAS.200002","error_msg":"m","request_id":"r"}"#,
            r#"{"errCode":"DAS.200002","externalMessage":"m"}"#,
            r#"{"errorCode":"DAS.200002","errorMsg":"m"}"#,
            r#"{"code":"DAS.200002","message":"m"}"#,
            r#"{"error":{"code":"DAS.200002","message":"m","title":"t"}}"#,
            r#"{"data":{"error_code":"DAS.200002"}}"#,
        ] {
            let refusal = refusal(400, None, Told::default(), body.as_bytes());
            assert_eq!(refusal.code.as_deref(), Some("DAS.200002"), "{body}");
            assert_eq!(refusal.meaning, Some(Meaning::Throttled), "{body}");
        }
        let iam = br#"{"error":{"code":401,"message":"m","title":"Unauthorized"}}"#;
        let iam = refusal(401, Some("r-1"), Told::default(), iam);
        assert_eq!((iam.code.as_deref(), iam.request_id.as_deref()), (Some("401"), Some("r-1")));
        assert_eq!(refusal(502, None, Told::default(), b"<html>").code, None);
    }
}
