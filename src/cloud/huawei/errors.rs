//! Huawei Cloud's error codes, and the five shapes in which they come. Facts: the gateway's and the DAS error-code pages.

use serde_json::Value;

use crate::cloud::refusal::Refusal;
use crate::error::FailureKind;

/// Codes of the gateway by their four digits: the prefix is `APIGW.` on Huawei Cloud, `APIG.` elsewhere.
const GATEWAY: [(&str, FailureKind); 13] = [
    ("0101", FailureKind::ProviderError),
    ("0301", FailureKind::Auth),
    ("0302", FailureKind::Permission),
    ("0303", FailureKind::Auth),
    ("0304", FailureKind::Permission),
    ("0305", FailureKind::Auth),
    ("0306", FailureKind::Permission),
    ("0307", FailureKind::Auth),
    ("0308", FailureKind::Throttled),
    ("0310", FailureKind::Permission),
    ("0401", FailureKind::Permission),
    ("0402", FailureKind::Permission),
    ("0802", FailureKind::Permission),
];

/// Codes of the services. An authentication failure of DAS is one of the database user that `db_user_id` names.
const SERVICES: [(&str, FailureKind); 7] = [
    ("DAS.200002", FailureKind::Throttled),
    ("DAS.200051", FailureKind::Permission),
    ("DAS.200112", FailureKind::Permission),
    ("DAS.220003", FailureKind::Permission),
    ("DAS.200114", FailureKind::NotFound),
    ("DBS.200114", FailureKind::NotFound),
    ("DBS.280404", FailureKind::NotFound),
];

/// What a code means; `None` where only the HTTP status can tell.
#[must_use]
pub fn kind(code: &str) -> Option<FailureKind> {
    let find =
        |codes: &[(&str, FailureKind)], code| codes.iter().find(|(known, _)| *known == code).map(|(_, k)| *k);
    let gateway = code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."));
    match gateway {
        Some(digits) => find(&GATEWAY, digits),
        None => find(&SERVICES, code).or_else(|| by_number(code)),
    }
}

/// IAM sends the HTTP status as its code.
fn by_number(code: &str) -> Option<FailureKind> {
    match code {
        "401" => Some(FailureKind::Auth),
        "403" => Some(FailureKind::Permission),
        "404" => Some(FailureKind::NotFound),
        "429" => Some(FailureKind::Throttled),
        _ => None,
    }
}

/// Names of the field that holds the code.
const CODE: [&str; 4] = ["error_code", "errCode", "errorCode", "code"];

/// Reads an error answer in any of its shapes, the fields at the top or one level below. The id of the request is in a
/// header, or with the gateway in the body.
#[must_use]
pub fn refusal(status: u16, header_request_id: Option<&str>, body: &[u8]) -> Refusal {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let nested = json.as_object().into_iter().flat_map(serde_json::Map::values);
    let objects: Vec<&Value> = std::iter::once(&json).chain(nested).collect();
    let code = objects.iter().find_map(|object| CODE.iter().find_map(|name| scalar(object.get(name)?)));
    let request_id = header_request_id.map(str::to_owned).or_else(|| scalar(json.get("request_id")?));
    Refusal { status, code, request_id }
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

    #[test]
    fn codes_mean_what_they_mean_at_any_status() {
        for (status, code, kind) in [
            (401, "APIGW.0301", FailureKind::Auth),
            (401, "APIG.0301", FailureKind::Auth),
            (401, "APIGW.0307", FailureKind::Auth),
            (403, "APIGW.0302", FailureKind::Permission),
            (429, "APIGW.0308", FailureKind::Throttled),
            (400, "APIG.0308", FailureKind::Throttled),
            (404, "APIGW.0101", FailureKind::ProviderError),
            (400, "DAS.200002", FailureKind::Throttled),
            (400, "DAS.200051", FailureKind::Permission),
            (400, "DAS.200112", FailureKind::Permission),
            (400, "DAS.220003", FailureKind::Permission),
            (400, "DAS.200114", FailureKind::NotFound),
            (400, "DAS.200100", FailureKind::ProviderError),
            (500, "DBS.280001", FailureKind::ProviderError),
            (404, "DBS.999999", FailureKind::NotFound),
            (403, "Made.Up", FailureKind::Permission),
        ] {
            let body = format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#);
            assert_eq!(
                refusal(status, None, body.as_bytes()).into_error("Op", super::kind).kind,
                kind,
                "{code}"
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
            assert_eq!(refusal(400, None, body.as_bytes()).code.as_deref(), Some("DAS.200002"), "{body}");
        }
        let iam =
            refusal(401, Some("r-1"), br#"{"error":{"code":401,"message":"m","title":"Unauthorized"}}"#);
        assert_eq!((iam.code.as_deref(), iam.request_id.as_deref()), (Some("401"), Some("r-1")));
        assert_eq!(refusal(502, None, b"<html>").code, None);
    }
}
