//! Who the exporter is for a cloud: keys or tokens, obtained from wherever the configuration says, kept while they are good,
//! and the way of every call that has to prove an identity. Knows accounts and both clouds' signers, no service.

mod answer;
mod cache;
mod iam;
mod issuer;
mod metadata;
mod process;
mod sts;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

pub use self::cache::{Cache, Held, Issue, Issued};
use self::issuer::Issuer;
use super::account::{Account, Errand, Proof};
use super::budget::Budget;
use super::canonical;
use super::transport::{Answer, Call};
use crate::config::{Keys, Provider, Secret, Service};
use crate::error::{FailureKind, FetchError, Origin};

/// How long before its end an identity is renewed, as the credentials SDK of Alibaba Cloud and the core SDK of Huawei Cloud do.
const fn renews_before(provider: Provider) -> Duration {
    match provider {
        Provider::Alibaba => Duration::from_mins(15),
        Provider::Huawei => Duration::from_mins(40),
    }
}

/// Keys that end while a call waits for its turn are had anew this often before the fetch fails.
const MAX_ENDINGS: u32 = 3;

/// What proves who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Signs requests.
    Keys(Keys),
    /// Sent along, a token of Huawei Cloud's IAM.
    Token(Secret),
}

/// A call apart from what is sent and who calls.
#[derive(Debug, Clone, Copy)]
pub struct Purpose {
    /// Name of the operation, for people and metrics.
    pub operation: &'static str,
    /// Service whose limit it counts in.
    pub service: Service,
    /// Largest answer.
    pub max_bytes: usize,
}

/// The identity of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Keyring {
    account: Arc<Account>,
    cache: Arc<Cache<Issuer>>,
}

impl Keyring {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        let before = renews_before(account.config.provider);
        let cache = Cache::new(Issuer::new(Arc::clone(&account)), before);
        Self { account, cache: Arc::new(cache) }
    }

    /// Forgets failures: what they came from may have changed.
    pub fn try_again(&self) {
        self.cache.try_again();
    }

    /// Makes a call in the account's name, like [`Account::call`]; `request` gets the identity and the time to sign with.
    /// Temporary keys and tokens that are refused are had anew, once, and the call is made once more.
    ///
    /// # Errors
    /// Of the call, or of what had to be asked for before it.
    pub async fn call<T>(
        &self,
        purpose: Purpose,
        budget: &mut Budget,
        request: impl Fn(&Identity, Timestamp) -> Result<Call, FetchError>,
        mut read: impl FnMut(&Answer) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let (mut renewed, mut endings) = (false, 0);
        loop {
            let (held, kept) = self.cache.get(purpose.service, budget).await?;
            let may_have_ended = kept && !renewed && held.is_temporary();
            let ended = AtomicBool::new(false);
            let dated = |now| {
                let Some(held) = self.cache.freshest(&held) else {
                    ended.store(true, Ordering::Relaxed);
                    let why = "keys ended while the call waited for its turn";
                    return Err(FetchError::new(FailureKind::Auth, why));
                };
                request(&held.value, now)
            };
            let errand = purpose.errand(proof(&held.value, may_have_ended));
            let outcome = self.account.call(errand, budget, dated, &mut read).await;
            let refused = matches!(&outcome, Err(error) if error.kind == FailureKind::Auth && error.origin != Origin::Hold);
            if ended.into_inner() && endings < MAX_ENDINGS {
                endings += 1;
            } else if refused && may_have_ended {
                self.cache.refused(&held);
                renewed = true;
            } else {
                return outcome;
            }
        }
    }
}

impl Purpose {
    fn errand(self, proof: Proof) -> Errand {
        let Self { operation, service, max_bytes } = self;
        Errand { operation, service, proof, max_bytes }
    }
}

/// What a refusal tells of the account; nothing where keys or token may just have ended.
fn proof(identity: &Identity, may_have_ended: bool) -> Proof {
    match (identity, may_have_ended) {
        (Identity::Keys(_), false) => Proof::Signature,
        (Identity::Keys(_), true) => Proof::KeptKeys,
        (Identity::Token(_), false) => Proof::Secret,
        (Identity::Token(_), true) => Proof::KeptToken,
    }
}

/// The keys as the signers take them.
#[must_use]
pub fn signing(keys: &Keys) -> canonical::Keys<'_> {
    canonical::Keys {
        id: keys.access_key_id.expose(),
        secret: keys.access_key_secret.expose(),
        security_token: keys.security_token.as_ref().map(Secret::expose),
    }
}
