//! What a provider says when it refuses or fails, reduced to what is safe to show: its code and its request id. The
//! message is never used: gateways echo the string to sign there, and with it keys and tokens.

use crate::error::{FailureKind, FetchError, Origin};

/// Longest code or request id that is shown.
const MAX_SHOWN: usize = 80;

/// A provider's error answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The provider's code, if the answer has one.
    pub code: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
}

impl Refusal {
    /// The failure of `operation`, of the kind that the provider's code means, or the status where the code is not known.
    #[must_use]
    pub fn into_error(
        self,
        operation: &str,
        by_code: impl FnOnce(&str) -> Option<FailureKind>,
    ) -> FetchError {
        let kind = self.code.as_deref().and_then(by_code).unwrap_or_else(|| self.kind_of_status());
        let mut detail = format!("{operation}: HTTP status {}", self.status);
        for (name, text) in [("code", &self.code), ("request id", &self.request_id)] {
            if let Some(text) = text.as_deref().and_then(shown) {
                detail.extend([", ", name, " ", text]);
            }
        }
        if matches!(kind, FailureKind::BadResponse) && (300..400).contains(&self.status) {
            detail.push_str(" (a redirect, which is not followed)");
        }
        let refused = self.status < 500 && matches!(kind, FailureKind::ProviderError | FailureKind::NotFound);
        FetchError { kind, detail, origin: if refused { Origin::Refusal } else { Origin::Anywhere } }
    }

    fn kind_of_status(&self) -> FailureKind {
        // Where the status is a success, some operations send an HTTP status as the code of the body.
        let in_body = self.code.as_deref().and_then(|code| code.trim_start_matches('-').parse().ok());
        match in_body.filter(|_| self.status < 300).unwrap_or(self.status) {
            200..300 if self.code.is_some() => FailureKind::ProviderError,
            0..=399 => FailureKind::BadResponse,
            401 => FailureKind::Auth,
            403 => FailureKind::Permission,
            404 => FailureKind::NotFound,
            429 => FailureKind::Throttled,
            _ => FailureKind::ProviderError,
        }
    }
}

/// A code or id, unless it may be something else.
fn shown(text: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
    (text.len() <= MAX_SHOWN && text.bytes().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        Refusal {
            status,
            code: (!code.is_empty()).then(|| code.to_owned()),
            request_id: Some("B6D1-7591".to_owned()),
        }
    }

    #[test]
    fn the_code_comes_before_the_status() {
        let error = refusal(404, "Secret.Wrong").into_error("Op", |_| Some(FailureKind::Auth));
        assert_eq!(error.kind, FailureKind::Auth);
        assert_eq!(error.detail, "Op: HTTP status 404, code Secret.Wrong, request id B6D1-7591");
    }

    #[test]
    fn the_status_decides_where_no_code_is_known() {
        for (status, code, kind) in [
            (302, "", FailureKind::BadResponse),
            (400, "", FailureKind::ProviderError),
            (401, "", FailureKind::Auth),
            (403, "", FailureKind::Permission),
            (404, "", FailureKind::NotFound),
            (429, "", FailureKind::Throttled),
            (500, "Made.Up", FailureKind::ProviderError),
            (200, "-404", FailureKind::NotFound),
            (200, "403", FailureKind::Permission),
            (200, "200", FailureKind::ProviderError),
            (200, "Made.Up", FailureKind::ProviderError),
            (200, "", FailureKind::BadResponse),
        ] {
            assert_eq!(refusal(status, code).into_error("Op", |_| None).kind, kind, "{status} {code}");
        }
    }

    #[test]
    fn what_does_not_look_like_a_code_is_not_shown() {
        let error = refusal(400, "string to sign: GET&secret").into_error("Op", |_| None);
        assert_eq!(error.detail, "Op: HTTP status 400, request id B6D1-7591");
    }
}
