//! Kinds of failure: one type decides the metric label, what the operator is told and what the scheduler does next; another
//! whether the same call may be sent again.

use std::fmt;
use std::time::Duration;

/// Why a fetch failed, the `reason` label of `dbsession_fetch_failures_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Bad or unknown key, signature, token, password or clock.
    Auth,
    /// The key is good, but may not do this.
    Permission,
    /// The instance, node or task does not exist.
    NotFound,
    /// The provider asked for fewer calls.
    Throttled,
    /// The deadline of the fetch passed.
    Timeout,
    /// Refused, reset, closed early, DNS, TLS.
    Network,
    /// The provider failed, or refused for a reason that no other kind names.
    ProviderError,
    /// The provider's asynchronous task failed.
    TaskFailed,
    /// A success status with something else than the documented answer.
    BadResponse,
    /// A fault of the exporter.
    Internal,
}

impl FailureKind {
    /// Every kind, in the order in which `/metrics` lists them.
    pub const ALL: [Self; 10] = [
        Self::Auth,
        Self::Permission,
        Self::NotFound,
        Self::Throttled,
        Self::Timeout,
        Self::Network,
        Self::ProviderError,
        Self::TaskFailed,
        Self::BadResponse,
        Self::Internal,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::ProviderError => "provider_error",
            Self::TaskFailed => "task_failed",
            Self::BadResponse => "bad_response",
            Self::Internal => "internal",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Auth => "check the credentials of the account and the clock of this machine",
            Self::Permission => {
                "grant the permissions that docs/permissions.md lists; for Huawei DAS check db_user_id, too"
            }
            Self::NotFound => {
                "check id, node and region of the instance; remove it from the configuration if it is gone"
            }
            Self::Throttled => "raise the interval, or lower rate_limit to what the provider allows",
            Self::Timeout => "raise timeout, or look whether the instance is overloaded",
            Self::Network => "check endpoint, DNS, proxy, firewall and certificates",
            Self::ProviderError => {
                "look the code up in the documentation of the provider; give them the request id if it lasts"
            }
            Self::TaskFailed => {
                "the provider could not collect the sessions; look at the instance in its console"
            }
            Self::BadResponse => {
                "check that the endpoint is one of the provider; raise max_response_bytes if the answer is too large"
            }
            Self::Internal => "please report this with the log lines around it",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Where in a fetch a failure arose, as far as it matters for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Anywhere.
    #[default]
    Anywhere,
    /// The provider understood the request and refused this one; a different one may do.
    Refusal,
    /// No call was made, since the account is held after an authentication failure.
    Hold,
    /// No call was made, since the provider asked the account to pause.
    Pause,
}

/// Whether the same call may be sent again, as far as the failure tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// No: it would end the same.
    #[default]
    Never,
    /// The trouble may pass by itself: network, 5xx, a nonce that was used.
    Soon,
    /// The provider asks for a pause.
    Later {
        /// How long, where it says so.
        told: Option<Duration>,
        /// Whether it names the account or its user: their quota is shared, so the whole account and service waits. Else
        /// only this target does.
        shared: bool,
    },
}

/// A failed fetch. Holds nothing that the provider sent but its code and request id, so that no secret and no SQL text
/// that a provider echoes can reach a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FetchError {
    /// Class of the failure.
    pub kind: FailureKind,
    /// What happened, in words safe to log.
    pub detail: String,
    /// Where it arose.
    pub origin: Origin,
    /// Whether the call may be sent again.
    pub again: Again,
}

impl FetchError {
    /// A failure of `kind`; `detail` must not repeat what a provider sent. The network may be well again soon; any other
    /// failure is taken to last.
    #[must_use]
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        let again = if kind == FailureKind::Network { Again::Soon } else { Again::Never };
        Self { kind, detail: detail.into(), origin: Origin::Anywhere, again }
    }

    /// The account is held: nothing was asked.
    #[must_use]
    pub fn held() -> Self {
        let detail = "held after an authentication failure of its account";
        Self { origin: Origin::Hold, ..Self::new(FailureKind::Auth, detail) }
    }

    /// The account and service pause for another `left`, beyond the deadline: nothing was asked.
    #[must_use]
    pub fn paused(left: Duration) -> Self {
        let detail = format!("the provider throttles the account, which pauses for another {left:.1?}");
        let again = Again::Later { told: Some(left), shared: true };
        Self { origin: Origin::Pause, again, ..Self::new(FailureKind::Throttled, detail) }
    }
}
