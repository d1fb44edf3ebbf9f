//! Reads from Huawei Cloud: GET requests under a project, signed with a key or with an IAM user's token.

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Method;

use super::errors;
use super::sign::{Request, sign};
use super::token::Tokens;
use crate::cloud::account::{Account, Errand, Proof};
use crate::cloud::budget::Budget;
use crate::cloud::canonical::{self, Keys};
use crate::cloud::json::{self, Fields};
use crate::cloud::source::Standing;
use crate::cloud::told::Told;
use crate::cloud::transport::{Answer, Call};
use crate::config::{self, Credentials, Endpoint, Secret, Service};
use crate::error::{FailureKind, FetchError, Origin};

/// Calls Huawei Cloud in the name of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(in crate::cloud) account: Arc<Account>,
    tokens: Arc<Tokens>,
}

/// One read.
pub struct Read<'a> {
    /// Name of the operation, for people and metrics.
    pub operation: &'static str,
    /// Service whose endpoint and rate limit apply.
    pub service: Service,
    /// Path below `/v3/{project_id}/`.
    pub path: &'a str,
    /// Query parameters.
    pub query: &'a [(&'a str, &'a str)],
    /// Largest answer.
    pub max_bytes: usize,
}

/// What goes with a call to prove who calls.
enum Identity<'a> {
    Keys(&'a config::Keys),
    Token { token: Arc<Secret>, kept: bool },
}

impl Client {
    /// A client of `account`.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        Self { tokens: Arc::new(Tokens::new(Arc::clone(&account))), account }
    }

    /// Whether a call to a service would be refused at present.
    #[must_use]
    pub fn standing(&self, service: Service) -> Standing {
        self.account.standing(service)
    }

    /// Reads a success into `into`. A token that was kept and is refused is renewed, once.
    ///
    /// # Errors
    /// Whatever keeps the answer from being a success of the documented shape.
    pub async fn read<T>(&self, read: &Read<'_>, into: &mut T, budget: &mut Budget) -> Result<(), FetchError>
    where
        T: for<'a> Fields<'a>,
    {
        loop {
            let identity = self.identity(read.service, budget).await?;
            let proof = match &identity {
                Identity::Keys(_) => Proof::Signature,
                Identity::Token { kept: false, .. } => Proof::Secret,
                Identity::Token { kept: true, .. } => Proof::KeptToken,
            };
            let Read { operation, service, max_bytes, .. } = *read;
            let request = |now| self.request(read, &identity, now);
            let parse = |answer: &Answer| parse(operation, answer, into);
            let errand = Errand { operation, service, proof, max_bytes };
            let outcome = self.account.call(errand, budget, request, parse).await;
            let refused = outcome
                .as_ref()
                .is_err_and(|error| error.kind == FailureKind::Auth && error.origin != Origin::Hold);
            match identity {
                Identity::Token { token, kept: true } if refused => self.tokens.refused(&token).await,
                _ => return outcome,
            }
        }
    }

    async fn identity(&self, service: Service, budget: &mut Budget) -> Result<Identity<'_>, FetchError> {
        let config = &self.account.config;
        match (&config.credentials, &config.iam) {
            (Credentials::Keys(keys), _) => Ok(Identity::Keys(keys)),
            (Credentials::Iam(user), Some(iam)) => {
                let (token, kept) = self.tokens.get(iam, user, service, budget).await?;
                Ok(Identity::Token { token, kept })
            }
            (Credentials::Iam(_), None) => Err(unconfigured("iam")),
        }
    }

    fn request(&self, read: &Read<'_>, identity: &Identity<'_>, now: Timestamp) -> Result<Call, FetchError> {
        let endpoint = self.endpoint(read.service)?;
        let project_id = self.account.config.project_id.as_deref().unwrap_or_default();
        let path = format!("/v3/{project_id}/{}", read.path);
        let query = canonical::query(read.query);
        let mut headers = match identity {
            Identity::Keys(keys) => {
                let request = Request {
                    method: "GET",
                    host: endpoint.authority(),
                    path: &path,
                    query: &query,
                    headers: &[("content-type", "application/json")],
                    body: &[],
                    project_id: Some(project_id),
                };
                let keys = Keys {
                    id: keys.access_key_id.expose(),
                    secret: keys.access_key_secret.expose(),
                    security_token: keys.security_token.as_ref().map(Secret::expose),
                };
                sign(&request, &keys, now).headers
            }
            Identity::Token { token, .. } => vec![
                ("host", endpoint.authority().to_owned()),
                ("content-type", "application/json".to_owned()),
                ("x-project-id", project_id.to_owned()),
                ("x-auth-token", token.expose().to_owned()),
            ],
        };
        headers.push(("accept", "application/json".to_owned()));
        Ok(Call {
            method: Method::GET,
            url: format!("{}{path}?{query}", endpoint.base()),
            local: endpoint.is_local(),
            headers,
            body: Vec::new(),
        })
    }

    fn endpoint(&self, service: Service) -> Result<&Endpoint, FetchError> {
        let config = &self.account.config;
        match service {
            Service::Das => Ok(&config.das),
            Service::Ddm => config.ddm.as_ref().ok_or_else(|| unconfigured("ddm")),
        }
    }
}

/// The configuration gives every endpoint that a target or its credentials need.
fn unconfigured(endpoint: &str) -> FetchError {
    FetchError::new(FailureKind::Internal, format!("the account has no endpoint for {endpoint}"))
}

fn parse<T: for<'a> Fields<'a>>(operation: &str, answer: &Answer, into: &mut T) -> Result<(), FetchError> {
    if answer.status != 200 {
        let request_id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let told = Told::of(&answer.headers);
        return Err(errors::refusal(answer.status, request_id, told, &answer.body).into_error(operation));
    }
    json::read(&answer.body, into)
        .map_err(|error| FetchError { detail: format!("{operation}: {}", error.detail), ..error })
}
