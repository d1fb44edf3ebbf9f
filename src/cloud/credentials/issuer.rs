//! From the configured form to an identity: one match over the forms, and the walk along a default chain.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use super::answer::Fresh;
use super::cache::{Issue, Issued};
use super::{Identity, iam, metadata, process, sts};
use crate::cloud::account::{Account, Proof};
use crate::cloud::budget::Budget;
use crate::config::{Credentials, Found, Link, Service};
use crate::error::{FailureKind, FetchError};

/// Why there is no identity.
pub(super) enum Lack {
    /// There is nothing here, and this is how that was found: the next place may have one.
    Nothing(FetchError),
    /// There is something here, and it fails.
    Failed(FetchError),
}

impl Lack {
    /// Nobody there has an identity to give.
    pub fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing(FetchError::new(FailureKind::Auth, why))
    }
}

impl From<FetchError> for Lack {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl From<Lack> for FetchError {
    fn from(lack: Lack) -> Self {
        match lack {
            Lack::Nothing(error) | Lack::Failed(error) => error,
        }
    }
}

/// One issue: what all forms need.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub account: &'a Account,
    pub service: Service,
    pub renewal: bool,
}

impl Request<'_> {
    /// What a refusal tells, where a signature or a secret is all that is sent: nothing while the old identity is good.
    pub fn proof(&self, signed: bool) -> Proof {
        match (signed, self.renewal) {
            (true, false) => Proof::Signature,
            (true, true) => Proof::KeptKeys,
            (false, false) => Proof::Secret,
            (false, true) => Proof::KeptToken,
        }
    }
}

/// Where the identity of one account comes from.
pub struct Issuer {
    account: Arc<Account>,
    /// The link of the chain that had it last.
    won: Mutex<Option<usize>>,
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<Fresh, Lack>> + Send + 'a>>;

impl Issuer {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, won: Mutex::default() }
    }

    /// Forms stand on top of each other, so the way to an identity may be a long one.
    fn obtain<'a>(
        &'a self,
        credentials: &'a Credentials,
        request: Request<'a>,
        budget: &'a mut Budget,
    ) -> Outcome<'a> {
        Box::pin(async move {
            match credentials {
                Credentials::Keys(keys) => Ok(Fresh::lasting(keys.clone())),
                Credentials::Chain(links) => self.walk(links, request, budget).await,
                Credentials::Role(role) => {
                    let base = self.obtain(&role.base, request, &mut *budget).await?;
                    Ok(sts::assume_role(request, role, &base.identity, budget).await?)
                }
                Credentials::OidcRole(role) => Ok(sts::assume_role_with_oidc(request, role, budget).await?),
                Credentials::EcsRole(role) => metadata::ecs_role(request, role, budget).await,
                Credentials::Uri(uri) => Ok(metadata::credentials_uri(request, uri, budget).await?),
                Credentials::Process(process) => Ok(process::run(request, process, budget).await?),
                Credentials::Iam(user) => Ok(iam::password(request, user, budget).await?),
                Credentials::Oidc(user) => Ok(iam::id_token(request, user, budget).await?),
                Credentials::Agency(agency) => {
                    let base = self.obtain(&agency.base, request, &mut *budget).await?;
                    Ok(iam::agency(request, agency, &base.identity, budget).await?)
                }
                Credentials::EcsAgency(endpoint) => metadata::ecs_agency(request, endpoint, budget).await,
            }
        })
    }

    /// The link that had it last, else the first that has it. A link that is there and fails ends the walk: what comes after
    /// it is somebody else.
    async fn walk(&self, links: &[Link], request: Request<'_>, budget: &mut Budget) -> Result<Fresh, Lack> {
        let won = *self.lock();
        let mut tried = None;
        if let Some(index) = won {
            match self.follow(&links[index], request, budget).await {
                Ok(fresh) => return Ok(fresh),
                Err(lack) => tried = Some((index, lack)),
            }
        }
        let mut whys = Vec::new();
        for (index, link) in links.iter().enumerate() {
            let outcome = match tried.take_if(|(tried, _)| *tried == index) {
                Some((_, lack)) => Err(lack),
                None => self.follow(link, request, budget).await,
            };
            match outcome {
                Ok(fresh) => {
                    self.win(index, link);
                    return Ok(fresh);
                }
                Err(Lack::Nothing(error)) => whys.push(format!("{}: {}", link.name, error.detail)),
                Err(Lack::Failed(error)) => {
                    let detail = format!("{}: {}", link.name, error.detail);
                    return Err(Lack::Failed(FetchError { detail, ..error }));
                }
            }
        }
        let detail = format!("no credentials found; provide one of these: {}", whys.join("; "));
        Err(Lack::Failed(FetchError::new(FailureKind::Auth, detail)))
    }

    async fn follow(&self, link: &Link, request: Request<'_>, budget: &mut Budget) -> Result<Fresh, Lack> {
        match &link.found {
            Found::Credentials(credentials) => self.obtain(credentials, request, budget).await,
            Found::Nothing(why) => Err(Lack::nothing(why)),
            Found::Broken(why) => Err(Lack::Failed(FetchError::new(FailureKind::Auth, why.clone()))),
        }
    }

    fn win(&self, index: usize, link: &Link) {
        let config = &self.account.config;
        if self.lock().replace(index) != Some(index) {
            let (account, provider) = (&config.name, config.provider.label());
            info!(account, provider, source = link.name, "credentials found");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<usize>> {
        self.won.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Issue for Issuer {
    type Value = Identity;

    async fn issue(
        &self,
        service: Service,
        renewal: bool,
        budget: &mut Budget,
    ) -> Result<Issued<Identity>, FetchError> {
        let request = Request { account: &self.account, service, renewal };
        let fresh = self.obtain(&self.account.config.credentials, request, budget).await?;
        self.account.credentials_expire_at(fresh.ends_at);
        let Fresh { identity, life, temporary, .. } = fresh;
        Ok(Issued { value: identity, life, temporary })
    }

    fn patience(&self, timeout: Duration) -> Duration {
        if process::is_part_of(&self.account.config.credentials) { process::BOUND } else { timeout }
    }

    fn renewal_failed(&self, error: &FetchError) {
        let config = &self.account.config;
        warn!(
            account = config.name,
            provider = config.provider.label(),
            reason = error.kind.label(),
            error = error.detail,
            remedy = error.kind.remedy(),
            "credentials cannot be renewed: the old ones are used until they end"
        );
    }
}
