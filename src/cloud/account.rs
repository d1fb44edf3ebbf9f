//! One configured account at run time: what all its targets share.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::warn;

use super::budget::Budget;
use super::gate::{Gate, HOLD, Pass};
use super::pace::Pace;
use super::transport::Transport;
use crate::clock::Clock;
use crate::config::{self, Service};
use crate::error::{FailureKind, FetchError};
use crate::telemetry::{CallLabels, Instruments};

/// An account: its configuration, connections, limits and the standing of its key.
#[derive(Debug)]
pub struct Account {
    /// As configured.
    pub config: Arc<config::Account>,
    /// Its connections.
    pub transport: Transport,
    /// Dates its signatures.
    pub clock: Clock,
    /// Shared by all accounts with the same key.
    gate: Arc<Gate>,
    das_pace: Option<Pace>,
    ddm_pace: Option<Pace>,
    instruments: Instruments,
}

impl Account {
    /// An account whose key passes `gate`.
    #[must_use]
    pub fn new(
        config: Arc<config::Account>,
        gate: Arc<Gate>,
        transport: Transport,
        clock: Clock,
        instruments: Instruments,
    ) -> Self {
        let pace = |rate: Option<config::Rate>| rate.map(|rate| Pace::new(rate.calls, rate.per));
        let (das_pace, ddm_pace) = (pace(config.das_rate), pace(config.ddm_rate));
        Self { config, transport, clock, gate, das_pace, ddm_pace, instruments }
    }

    /// Whether its calls are refused at present.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.gate.is_held()
    }

    /// Waits for leave to call `operation`: for the key to be proven, and for the service's rate limit.
    ///
    /// # Errors
    /// [`FetchError::held`] while the account is held.
    pub async fn begin(
        &self,
        operation: &'static str,
        service: Option<Service>,
        budget: &mut Budget,
    ) -> Result<Ticket<'_>, FetchError> {
        let pass = self.gate.pass(budget).await?;
        let pace = match service {
            Some(Service::Das) => self.das_pace.as_ref(),
            Some(Service::Ddm) => self.ddm_pace.as_ref(),
            None => None,
        };
        if let Some(pace) = pace {
            pace.wait(budget).await;
            // Another call may have found the key bad in the meantime.
            if self.gate.is_held() {
                return Err(FetchError::held());
            }
        }
        Ok(Ticket { account: self, operation, pass, began: Instant::now() })
    }

    /// Tells when the account's temporary credentials end.
    pub fn credentials_expire_at(&self, at: jiff::Timestamp) {
        self.instruments.credentials_expire_at(self.config.provider.label(), &self.config.name, at);
    }
}

/// Leave to make one call.
#[derive(Debug)]
pub struct Ticket<'a> {
    account: &'a Account,
    operation: &'static str,
    pass: Pass,
    began: Instant,
}

impl Ticket<'_> {
    /// Counts the call, and begins a hold where it failed to authenticate.
    pub fn end<T>(self, outcome: &Result<T, FetchError>) {
        self.count(outcome);
        let config = &self.account.config;
        if self.pass.settle(outcome) {
            warn!(
                account = config.name,
                provider = config.provider.label(),
                held_seconds = HOLD.as_secs(),
                remedy = FailureKind::Auth.remedy(),
                "authentication failed: every target of the account is held, so that the cloud does not lock the key"
            );
        }
    }

    /// Counts the call without a verdict on the key, because other credentials will be tried.
    pub fn end_undecided<T>(self, outcome: &Result<T, FetchError>) {
        self.count(outcome);
    }

    fn count<T>(&self, outcome: &Result<T, FetchError>) {
        let config = &self.account.config;
        let labels = CallLabels {
            provider: config.provider.label(),
            account: &config.name,
            operation: self.operation,
        };
        let failure = outcome.as_ref().err().map(|error| error.kind);
        let (reason, throttled) = (failure.map(FailureKind::label), failure == Some(FailureKind::Throttled));
        self.account.instruments.count_call(labels, self.began.elapsed(), reason, throttled);
    }
}
