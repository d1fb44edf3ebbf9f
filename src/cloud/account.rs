//! One configured account at run time: what all its targets share, and the way of every call through it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::budget::Budget;
use super::gate::{Gate, Pass};
use super::pace::{Pace, Turn};
use super::retry::Retry;
use super::skew::{Lesson, Skew};
use super::source::Standing;
use super::told;
use super::transport::{Answer, Call, Transport};
use crate::clock::Clock;
use crate::config::{self, Service};
use crate::error::{Again, FailureKind, FetchError};
use crate::telemetry::{CallLabels, Instruments};

#[cfg(test)]
mod tests;

/// An account: its configuration, connections, limits, clock and the standing of its key.
#[derive(Debug)]
pub struct Account {
    /// As configured when its client was made: access only, since settings and limits may have changed since.
    pub config: Arc<config::Account>,
    transport: Transport,
    clock: Clock,
    /// Outlives the account, too: it is of the machine.
    pub(in crate::cloud) skew: Arc<Skew>,
    /// Shared by all accounts with the same key.
    gate: Arc<Gate>,
    /// Outlive the account: the limits of its name and services hold across a reload.
    lanes: [(Service, Arc<Pace>); 2],
    instruments: Instruments,
}

/// What a refusal for want of authentication says of the account's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is bad, unless the signature was dated by a wrong clock.
    Signature,
    /// It is bad: a password, or the token that was just had for one.
    Secret,
    /// Nothing: the token of an earlier call may have ended, or the token that is in use is still good.
    KeptToken,
    /// Nothing, for the same reason, unless the signature was dated by a wrong clock.
    KeptKeys,
}

/// One call, apart from what is sent.
#[derive(Debug, Clone, Copy)]
pub struct Errand {
    /// Name of the operation, for people and metrics.
    pub operation: &'static str,
    /// Service whose limit it counts in; a call for credentials in that of the fetch.
    pub service: Service,
    /// What proves who calls.
    pub proof: Proof,
    /// Largest answer.
    pub max_bytes: usize,
}

impl Account {
    /// An account whose key passes `gate` and whose calls keep to `lanes`, one for each service; with the machine's clock, and
    /// how far that is known to be off.
    #[must_use]
    pub fn new(
        config: Arc<config::Account>,
        gate: Arc<Gate>,
        lanes: [(Service, Arc<Pace>); 2],
        transport: Transport,
        (clock, skew): (Clock, Arc<Skew>),
        instruments: Instruments,
    ) -> Self {
        Self { config, transport, clock, skew, gate, lanes, instruments }
    }

    /// Whether its calls to a service would be refused at present.
    #[must_use]
    pub fn standing(&self, service: Service) -> Standing {
        if self.gate.is_held() {
            Standing::Held
        } else if self.pace(service).is_paused() {
            Standing::Throttled
        } else {
            Standing::Open
        }
    }

    /// The time by the cloud's clock, as far as it is known.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now_by(self.skew.correction())
    }

    /// Makes a call: waits for its turn, sends what `request` makes for the given time, and has the answer read by `read`. A
    /// failure that may pass is tried again as far as the budget goes, each time with a new request.
    ///
    /// # Errors
    /// Of the last call, or of waiting for a turn: [`FetchError::held`], [`FetchError::paused`].
    pub async fn call<T>(
        &self,
        errand: Errand,
        budget: &mut Budget,
        request: impl Fn(Timestamp) -> Result<Call, FetchError>,
        mut read: impl FnMut(&Answer) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let (mut retry, mut may_redate) = (Retry::default(), true);
        loop {
            let ticket = match self.begin(errand, budget).await {
                Ok(ticket) => ticket,
                Err(error) => {
                    retry.after(error, budget).await?;
                    continue;
                }
            };
            let call = request(self.now_by(ticket.correction))?;
            let answer = self.transport.send(call, errand.max_bytes, budget).await;
            let outcome = answer.and_then(|answer| {
                self.learn(&answer);
                read(&answer)
            });
            if may_redate && ticket.is_misdated(&outcome) {
                // No verdict on the key, nor a retry: the call was never looked at.
                ticket.count(&outcome);
                may_redate = false;
                continue;
            }
            ticket.end(&outcome);
            match outcome {
                Err(error) => retry.after(error, budget).await?,
                done => return done,
            }
        }
    }

    /// Asks a service that is not the cloud's API: outside of limits and gate, within `bound` and the budget.
    ///
    /// # Errors
    /// Of the call.
    pub async fn ask(
        &self,
        operation: &'static str,
        call: Call,
        max_bytes: usize,
        bound: Duration,
        budget: &mut Budget,
    ) -> Result<Answer, FetchError> {
        let began = Instant::now();
        let late = || FetchError::new(FailureKind::Timeout, format!("no answer within {bound:?}"));
        let sent = self.transport.send(call, max_bytes, budget);
        let outcome = timeout(bound, sent).await.unwrap_or_else(|_| Err(late()));
        self.count(operation, began, &outcome);
        outcome
    }

    fn count<T>(&self, operation: &str, began: Instant, outcome: &Result<T, FetchError>) {
        let labels =
            CallLabels { provider: self.config.provider.label(), account: &self.config.name, operation };
        let failure = outcome.as_ref().err().map(|error| error.kind);
        let (reason, throttled) = (failure.map(FailureKind::label), failure == Some(FailureKind::Throttled));
        self.instruments.count_call(labels, began.elapsed(), reason, throttled);
    }

    /// Waits for leave to call: for the service's limit, and for the key to be proven.
    async fn begin(&self, errand: Errand, budget: &mut Budget) -> Result<Ticket<'_>, FetchError> {
        loop {
            let turn = self.turn(errand.service, budget).await?;
            let pass = self.gate.pass(budget).await?;
            // The call that was to prove the key may have been throttled.
            if !self.pace(errand.service).is_paused() {
                let correction = self.skew.correction();
                return Ok(Ticket { account: self, errand, pass, began: turn.begin(), correction });
            }
        }
    }

    /// Waits for the service's limit, and counts the wait.
    async fn turn(&self, service: Service, budget: &mut Budget) -> Result<Turn<'_>, FetchError> {
        let asked = Instant::now();
        let turn = tokio::select! {
            biased;
            () = self.gate.until_held() => Err(FetchError::held()),
            turn = self.pace(service).turn(budget) => turn,
        };
        let config = &self.config;
        self.instruments.waited(config.provider.label(), &config.name, service.label(), asked.elapsed());
        turn
    }

    /// Takes in the cloud's clock. The answer was written about the middle of the time from request to headers.
    fn learn(&self, answer: &Answer) {
        let Some(date) = told::date(&answer.headers) else { return };
        let since = SignedDuration::try_from(answer.written.elapsed()).unwrap_or(SignedDuration::MAX);
        let ahead = date.duration_since(self.clock.now()).saturating_add(since);
        let (account, provider) = (&self.config.name, self.config.provider.label());
        match self.skew.observe(ahead) {
            Lesson::Nothing => {}
            Lesson::Off(ahead) => warn!(
                account,
                provider,
                offset_seconds = ahead.as_secs(),
                remedy = "set the clock of this machine, best by NTP",
                "the clock of this machine is not that of the cloud: signatures are dated by the cloud's"
            ),
            Lesson::Right => info!(account, provider, "the clock of this machine is that of the cloud again"),
        }
    }

    fn now_by(&self, correction: SignedDuration) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(correction).unwrap_or(now)
    }

    fn pace(&self, service: Service) -> &Pace {
        let [(first, pace), (_, other)] = &self.lanes;
        if *first == service { pace } else { other }
    }

    /// Tells when the account's credentials end, if they do.
    pub fn credentials_expire_at(&self, at: Option<Timestamp>) {
        self.instruments.credentials_expire_at(self.config.provider.label(), &self.config.name, at);
    }
}

/// Leave to make one call.
#[derive(Debug)]
struct Ticket<'a> {
    account: &'a Account,
    errand: Errand,
    pass: Pass,
    began: Instant,
    /// How the machine's clock is corrected to date this call.
    correction: SignedDuration,
}

impl Ticket<'_> {
    /// Whether the call failed to authenticate with a date that is known by now to be wrong.
    fn is_misdated<T>(&self, outcome: &Result<T, FetchError>) -> bool {
        let refused = outcome.as_ref().is_err_and(|error| error.kind == FailureKind::Auth);
        let signed = matches!(self.errand.proof, Proof::Signature | Proof::KeptKeys);
        refused && signed && self.account.skew.misdated(self.correction)
    }

    /// Counts the call, and begins a hold or a pause where its failure asks for one.
    fn end<T>(self, outcome: &Result<T, FetchError>) {
        self.count(outcome);
        self.keep_pace(outcome.as_ref().err());
        let Self { account, errand, pass, .. } = self;
        let refused = outcome.as_ref().is_err_and(|error| error.kind == FailureKind::Auth);
        if refused && matches!(errand.proof, Proof::KeptToken | Proof::KeptKeys) {
            return;
        }
        if let Some(hold) = pass.settle(outcome) {
            let (held_seconds, minutes) = (hold.as_secs(), hold.as_secs() / 60);
            let remedy = FailureKind::Auth.remedy();
            warn!(
                account = account.config.name,
                provider = account.config.provider.label(),
                held_seconds,
                remedy = format!("{remedy}; its targets are held for {minutes} minutes, or until a reload"),
                "authentication failed: every target of the account is held, so that the cloud does not lock the key"
            );
        }
    }

    fn keep_pace(&self, failure: Option<&FetchError>) {
        let pace = self.account.pace(self.errand.service);
        match failure.map(|error| (error.kind, error.again)) {
            Some((FailureKind::Throttled, Again::Later { told, shared: true })) => {
                if let Some(pause) = pace.throttled(self.began, told) {
                    self.tell(pause);
                }
            }
            // These say nothing of the cloud's quota, or nothing of the account's.
            Some((FailureKind::Throttled | FailureKind::Timeout | FailureKind::Network, _)) => {}
            _ => pace.answered(self.began),
        }
    }

    fn tell(&self, pause: Duration) {
        info!(
            account = self.account.config.name,
            provider = self.account.config.provider.label(),
            service = self.errand.service.label(),
            ?pause,
            "the provider throttles the account: its calls to this service pause"
        );
    }

    fn count<T>(&self, outcome: &Result<T, FetchError>) {
        self.account.count(self.errand.operation, self.began, outcome);
    }
}
