//! Alibaba Cloud's error codes, and where they stand in an answer. Facts: the gateway's error tables, the Terraform
//! provider's retry rules and public transcripts, gathered because the DAS pages document two codes only.

use serde_json::Value;

use crate::cloud::refusal::Refusal;
use crate::error::FailureKind;

/// Codes, or the beginnings of codes, and what they mean; the first that fits wins.
const CODES: [(&str, FailureKind); 20] = [
    ("SignatureNonceUsed", FailureKind::ProviderError),
    ("Signature", FailureKind::Auth),
    ("IncompleteSignature", FailureKind::Auth),
    ("InvalidTimeStamp", FailureKind::Auth),
    ("InvalidAccessKeyId", FailureKind::Auth),
    ("InvalidSecurityToken", FailureKind::Auth),
    ("MissingSecurityToken", FailureKind::Auth),
    ("MissingAccessKeyId", FailureKind::Auth),
    ("Throttling", FailureKind::Throttled),
    ("Rejected.Throttling", FailureKind::Throttled),
    ("Busy", FailureKind::Throttled),
    ("NoPermission", FailureKind::Permission),
    ("Forbidden", FailureKind::Permission),
    ("Unauthorized", FailureKind::Permission),
    ("InstanceNotFound", FailureKind::NotFound),
    ("InvalidInstance", FailureKind::NotFound),
    ("InvalidDBInstance", FailureKind::NotFound),
    ("InvalidDBCluster", FailureKind::NotFound),
    ("InvalidNode", FailureKind::NotFound),
    ("InvalidTask", FailureKind::NotFound),
];

/// What a code means; `None` where only the HTTP status can tell.
#[must_use]
pub fn kind(code: &str) -> Option<FailureKind> {
    let known = CODES.iter().find(|(start, _)| code.starts_with(start)).map(|(_, kind)| *kind);
    let part = |part: &str| code.contains(part);
    known
        .or_else(|| part("Throttling").then_some(FailureKind::Throttled))
        .or_else(|| part("SecurityToken.Expired").then_some(FailureKind::Auth))
        .or_else(|| (part("NotFound") || part("NotExist")).then_some(FailureKind::NotFound))
}

/// Reads the error answer of a gateway or an operation: JSON with the fields in either case, or the gateway's XML.
#[must_use]
pub fn refusal(status: u16, body: &[u8]) -> Refusal {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = String::from_utf8_lossy(body);
    let field = |names: [&str; 2]| match &json {
        Some(object) => names.iter().find_map(|name| scalar(object.get(name)?)),
        None => element(&text, names[0]),
    };
    Refusal { status, code: field(["Code", "code"]), request_id: field(["RequestId", "requestId"]) }
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

    #[test]
    fn codes_mean_what_they_mean_at_any_status() {
        for (status, code, kind) in [
            (404, "InvalidAccessKeyId.NotFound", FailureKind::Auth),
            (400, "SignatureDoesNotMatch", FailureKind::Auth),
            (400, "InvalidTimeStamp.Expired", FailureKind::Auth),
            (400, "InvalidSecurityToken.Expired", FailureKind::Auth),
            (400, "SignatureNonceUsed", FailureKind::ProviderError),
            (400, "Throttling.User", FailureKind::Throttled),
            (503, "Throttling.User", FailureKind::Throttled),
            (400, "Rejected.Throttling", FailureKind::Throttled),
            (403, "NoPermission", FailureKind::Permission),
            (400, "Forbidden.RAM", FailureKind::Permission),
            (403, "Made.Up", FailureKind::Permission),
            (400, "InstanceNotFound", FailureKind::NotFound),
            (400, "InvalidDBInstanceId.NotFound", FailureKind::NotFound),
            (200, "-404", FailureKind::NotFound),
            (400, "InvalidParams", FailureKind::ProviderError),
            (503, "ServiceUnavailable", FailureKind::ProviderError),
            (500, "InternalError", FailureKind::ProviderError),
        ] {
            let body = format!(r#"{{"Code":"{code}","Message":"m","RequestId":"R-1"}}"#);
            assert_eq!(refusal(status, body.as_bytes()).into_error("Op", super::kind).kind, kind, "{code}");
        }
    }

    #[test]
    fn errors_are_read_from_json_in_either_case_and_from_xml() {
        let refusals = [
            r#"{"RequestId":"R-1","HostId":"h","Code":"NoPermission","Message":"m"}"#,
            r#"{"requestId":"R-1","code":"NoPermission","message":"m"}"#,
            "<?xml version='1.0'?><Error><RequestId>R-1</RequestId><Code>NoPermission</Code></Error>",
        ]
        .map(|body| refusal(403, body.as_bytes()));
        let expected = Refusal {
            status: 403,
            code: Some("NoPermission".to_owned()),
            request_id: Some("R-1".to_owned()),
        };
        assert!(refusals.iter().all(|refusal| *refusal == expected), "{refusals:?}");
        assert_eq!(refusal(502, b"<html>Bad Gateway</html>").code, None);
    }
}
