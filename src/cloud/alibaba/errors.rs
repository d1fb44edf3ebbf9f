//! Alibaba Cloud's error codes, and where they stand in an answer. Facts: the gateway's error tables, the Terraform
//! provider's retry rules and public transcripts, gathered because the DAS pages document two codes only.

use serde_json::Value;

use crate::cloud::refusal::{Codes, Meaning, Refusal};
use crate::cloud::told::Told;

/// Codes, or the beginnings of codes, and what they mean; the first that fits wins.
const CODES: Codes<29> = [
    ("SignatureNonceUsed", Meaning::Passing),
    ("Signature", Meaning::Auth),
    ("IncompleteSignature", Meaning::Auth),
    ("InvalidTimeStamp", Meaning::Auth),
    ("InvalidAccessKeyId", Meaning::Auth),
    ("InvalidSecurityToken", Meaning::Auth),
    ("MissingSecurityToken", Meaning::Auth),
    ("MissingAccessKeyId", Meaning::Auth),
    ("Throttling.User", Meaning::UserThrottled),
    ("Throttling", Meaning::Throttled),
    ("Rejected.Throttling", Meaning::Throttled),
    ("Busy", Meaning::Throttled),
    ("NoPermission", Meaning::Permission),
    ("Forbidden", Meaning::Permission),
    ("Unauthorized", Meaning::Permission),
    ("InstanceNotFound", Meaning::NotFound),
    ("InvalidInstance", Meaning::NotFound),
    ("InvalidDBInstance", Meaning::NotFound),
    ("InvalidDBCluster", Meaning::NotFound),
    ("InvalidNode", Meaning::NotFound),
    ("InvalidTask", Meaning::NotFound),
    ("-404", Meaning::NotFound),
    // The endpoint is not one of DAS.
    ("InvalidAction", Meaning::Failed),
    ("InvalidVersion", Meaning::Failed),
    ("InvalidParams", Meaning::Failed),
    ("ServiceUnavailable", Meaning::Passing),
    ("InternalError", Meaning::Passing),
    ("UnknownError", Meaning::Passing),
    ("SystemBusy", Meaning::Passing),
];

/// Parts of codes, for those that begin otherwise.
const PARTS: Codes<4> = [
    ("Throttling", Meaning::Throttled),
    ("SecurityToken.Expired", Meaning::Auth),
    ("NotFound", Meaning::NotFound),
    ("NotExist", Meaning::NotFound),
];

/// An old way to say that a token has ended: the code names no parameter, the message does.
const OLD_EXPIRED: (&str, &str) = ("InvalidParameter", "SecurityToken.Expired");

/// What a code means; `None` where only the HTTP status can tell.
fn meaning(code: &str, message: &str) -> Option<Meaning> {
    if code == OLD_EXPIRED.0 && message.contains(OLD_EXPIRED.1) {
        return Some(Meaning::Auth);
    }
    let known = CODES.iter().find(|(start, _)| code.starts_with(start));
    known.or_else(|| PARTS.iter().find(|(part, _)| code.contains(part))).map(|(_, meaning)| *meaning)
}

/// Reads the error answer of a gateway or an operation: JSON with the fields in either case, or the gateway's XML.
#[must_use]
pub fn refusal(status: u16, told: Told, body: &[u8]) -> Refusal {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = String::from_utf8_lossy(body);
    let field = |names: [&str; 2]| match &json {
        Some(object) => names.iter().find_map(|name| scalar(object.get(name)?)),
        None => element(&text, names[0]),
    };
    let (code, message) = (field(["Code", "code"]), field(["Message", "message"]).unwrap_or_default());
    let meaning = code.as_deref().and_then(|code| meaning(code, &message));
    Refusal { status, code, meaning, request_id: field(["RequestId", "requestId"]), told }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn element(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Again, FailureKind};

    fn error(status: u16, code: &str, message: &str) -> (FailureKind, Again) {
        let body = serde_json::json!({"Code": code, "Message": message, "RequestId": "R-1"}).to_string();
        let error = refusal(status, Told::default(), body.as_bytes()).into_error("Op");
        (error.kind, error.again)
    }

    #[test]
    fn codes_mean_what_they_mean_at_any_status() {
        for (status, code, kind) in [
            (404, "InvalidAccessKeyId.NotFound", FailureKind::Auth),
            (403, "InvalidAccessKeyId.Inactive", FailureKind::Auth),
            (400, "SignatureDoesNotMatch", FailureKind::Auth),
            (400, "IncompleteSignature", FailureKind::Auth),
            (400, "InvalidTimeStamp.Expired", FailureKind::Auth),
            (400, "InvalidTimeStamp.Format", FailureKind::Auth),
            (400, "MissingSecurityToken", FailureKind::Auth),
            (400, "InvalidSecurityToken.Expired", FailureKind::Auth),
            (403, "InvalidSecurityToken.Malformed", FailureKind::Auth),
            (403, "NoPermission", FailureKind::Permission),
            (400, "Forbidden.RAM", FailureKind::Permission),
            (403, "Made.Up", FailureKind::Permission),
            (400, "InstanceNotFound", FailureKind::NotFound),
            (400, "InvalidDBInstanceId.NotFound", FailureKind::NotFound),
            (400, "TaskNotFound", FailureKind::NotFound),
            (200, "-404", FailureKind::NotFound),
            (400, "-404", FailureKind::NotFound),
            (404, "InvalidAction.NotFound", FailureKind::ProviderError),
            (400, "InvalidParams", FailureKind::ProviderError),
            (400, "InvalidParameter", FailureKind::ProviderError),
        ] {
            assert_eq!(error(status, code, "m"), (kind, Again::Never), "{status} {code}");
        }
    }

    #[test]
    fn throttling_is_told_by_its_code_and_the_users_own_is_the_accounts() {
        for (status, code, shared) in [
            (400, "Throttling", false),
            (429, "Throttling.Api", false),
            (400, "Rejected.Throttling", false),
            (200, "Busy", false),
            (400, "Throttling.User", true),
            (429, "Throttling.User", true),
            (503, "Throttling.User", true),
        ] {
            let again = Again::Later { told: None, shared };
            assert_eq!(error(status, code, "m"), (FailureKind::Throttled, again), "{status} {code}");
        }
    }

    #[test]
    fn what_may_pass_is_known_by_its_code_or_its_status() {
        for (status, code) in [
            (400, "SignatureNonceUsed"),
            (503, "ServiceUnavailable"),
            (500, "InternalError"),
            (400, "InternalError"),
            (502, "Made.Up"),
        ] {
            assert_eq!(
                error(status, code, "m"),
                (FailureKind::ProviderError, Again::Soon),
                "{status} {code}"
            );
        }
    }

    #[test]
    fn a_token_that_has_ended_may_be_called_an_invalid_parameter() {
        let message = "The specified parameter \"SecurityToken.Expired\" is not valid.";
        assert_eq!(error(400, "InvalidParameter", message).0, FailureKind::Auth);
    }

    #[test]
    fn errors_are_read_from_json_in_either_case_and_from_xml() {
        let refusals = [
            r#"{"RequestId":"R-1","HostId":"h","Code":"NoPermission","Message":"m"}"#,
            r#"{"requestId":"R-1","code":"NoPermission","message":"m"}"#,
            "<?xml version='1.0'?><Error><RequestId>R-1</RequestId><Code>NoPermission</Code></Error>",
        ]
        .map(|body| refusal(403, Told::default(), body.as_bytes()));
        let expected = Refusal {
            status: 403,
            code: Some("NoPermission".to_owned()),
            meaning: Some(Meaning::Permission),
            request_id: Some("R-1".to_owned()),
            told: Told::default(),
        };
        assert!(refusals.iter().all(|refusal| *refusal == expected), "{refusals:?}");
        assert_eq!(refusal(502, Told::default(), b"<html>Bad Gateway</html>").code, None);
    }
}
