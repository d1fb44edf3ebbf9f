//! What a provider says when it refuses or fails, reduced to what is safe to show: its code and its request id. The
//! message is never shown: gateways echo the string to sign there, and with it keys and tokens.

use super::told::Told;
use crate::error::{Again, FailureKind, FetchError, Origin};

/// Longest code or request id that is shown.
const MAX_SHOWN: usize = 80;

/// What a provider's code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Key, signature, token, password or clock.
    Auth,
    /// May not do this.
    Permission,
    /// No such instance, node or task.
    NotFound,
    /// Too many calls, by nobody knows whom.
    Throttled,
    /// Too many calls of the account or its user.
    UserThrottled,
    /// A failure that may pass by itself.
    Passing,
    /// Any other failure; with a status of 5xx it may pass.
    Failed,
}

/// A table of codes and what they mean.
pub type Codes<const N: usize> = [(&'static str, Meaning); N];

impl Meaning {
    fn kind(self) -> FailureKind {
        match self {
            Self::Auth => FailureKind::Auth,
            Self::Permission => FailureKind::Permission,
            Self::NotFound => FailureKind::NotFound,
            Self::Throttled | Self::UserThrottled => FailureKind::Throttled,
            Self::Passing | Self::Failed => FailureKind::ProviderError,
        }
    }
}

/// A provider's error answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The provider's code, if the answer has one.
    pub code: Option<String>,
    /// What the code means; `None` where only the status can tell.
    pub meaning: Option<Meaning>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// What its headers ask for.
    pub told: Told,
}

impl Refusal {
    /// The failure of `operation`, of the kind that the provider's code means, or the status where the code is not known.
    #[must_use]
    pub fn into_error(self, operation: &str) -> FetchError {
        let kind = self.meaning.map_or_else(|| self.kind_of_status(), Meaning::kind);
        let mut detail = format!("{operation}: HTTP status {}", self.status);
        for (name, text) in [("code", &self.code), ("request id", &self.request_id)] {
            if let Some(text) = text.as_deref().and_then(shown) {
                detail.extend([", ", name, " ", text]);
            }
        }
        if matches!(kind, FailureKind::BadResponse) && (300..400).contains(&self.status) {
            detail.push_str(" (a redirect, which is not followed)");
        }
        let again = self.again(kind);
        let refused = matches!(kind, FailureKind::ProviderError | FailureKind::NotFound);
        let refused = refused && self.status < 500 && again == Again::Never;
        FetchError { kind, detail, origin: if refused { Origin::Refusal } else { Origin::Anywhere }, again }
    }

    fn again(&self, kind: FailureKind) -> Again {
        let Told { wait: told, of_user } = self.told;
        let may_pass = self.status >= 500 || self.meaning == Some(Meaning::Passing);
        match kind {
            FailureKind::Throttled => {
                Again::Later { told, shared: of_user || self.meaning == Some(Meaning::UserThrottled) }
            }
            FailureKind::ProviderError if may_pass && told.is_some() => Again::Later { told, shared: false },
            FailureKind::ProviderError if may_pass => Again::Soon,
            _ => Again::Never,
        }
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
    use std::time::Duration;

    use super::*;

    fn refusal(status: u16, code: &str, meaning: Option<Meaning>) -> Refusal {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Refusal { status, code, meaning, request_id: Some("B6D1-7591".to_owned()), told: Told::default() }
    }

    #[test]
    fn the_code_comes_before_the_status() {
        let error = refusal(404, "Secret.Wrong", Some(Meaning::Auth)).into_error("Op");
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
            assert_eq!(refusal(status, code, None).into_error("Op").kind, kind, "{status} {code}");
        }
    }

    #[test]
    fn what_may_pass_may_be_sent_again() {
        let (told, nothing) = (Some(Duration::from_secs(3)), Told::default());
        let later = |told, shared| Again::Later { told, shared };
        let (of_target, of_user) = (Told { wait: told, of_user: false }, Told { wait: told, of_user: true });
        for (status, meaning, headers, again) in [
            (500, None, nothing, Again::Soon),
            (503, Some(Meaning::Failed), nothing, Again::Soon),
            (503, None, of_target, later(told, false)),
            (400, Some(Meaning::Passing), nothing, Again::Soon),
            (400, None, of_target, Again::Never),
            (403, Some(Meaning::Permission), of_target, Again::Never),
            (503, Some(Meaning::Auth), of_target, Again::Never),
            (429, None, nothing, later(None, false)),
            (429, None, of_target, later(told, false)),
            (429, None, of_user, later(told, true)),
            (400, Some(Meaning::Throttled), nothing, later(None, false)),
            (503, Some(Meaning::UserThrottled), nothing, later(None, true)),
        ] {
            let refusal = Refusal { told: headers, ..refusal(status, "", meaning) };
            assert_eq!(refusal.into_error("Op").again, again, "{status} {meaning:?} {headers:?}");
        }
    }

    #[test]
    fn only_a_refusal_that_stands_is_one() {
        let origin = |status, meaning| refusal(status, "", meaning).into_error("Op").origin;
        assert_eq!(origin(400, None), Origin::Refusal);
        assert_eq!(origin(500, None), Origin::Anywhere);
        assert_eq!(origin(400, Some(Meaning::Passing)), Origin::Anywhere);
    }

    #[test]
    fn what_does_not_look_like_a_code_is_not_shown() {
        let error = refusal(400, "string to sign: GET&secret", None).into_error("Op");
        assert_eq!(error.detail, "Op: HTTP status 400, request id B6D1-7591");
    }
}
