//! Reads from Huawei Cloud: GET requests under a project, signed with a key or with an IAM user's token.

use std::sync::Arc;

use reqwest::Method;

use super::errors;
use super::sign::{Request, sign};
use super::token::Tokens;
use crate::cloud::account::Account;
use crate::cloud::budget::Budget;
use crate::cloud::canonical::{self, Keys};
use crate::cloud::json::{self, Fields};
use crate::cloud::transport::{Answer, Call};
use crate::config::{self, Credentials, Endpoint, Secret, Service};
use crate::error::{FailureKind, FetchError};

/// Calls Huawei Cloud in the name of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    account: Arc<Account>,
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
enum Proof<'a> {
    Keys(&'a config::Keys),
    Token { token: Arc<Secret>, kept: bool },
}

impl Client {
    /// A client of `account`.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        Self { tokens: Arc::new(Tokens::new(Arc::clone(&account))), account }
    }

    /// Whether the account is held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.account.is_held()
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
            let proof = self.proof(budget).await?;
            let ticket = self.account.begin(read.operation, Some(read.service), budget).await?;
            let sent = self.account.transport.send(self.call(read, &proof)?, read.max_bytes, budget).await;
            let outcome = sent.and_then(|answer| parse(read.operation, &answer, into));
            let refused = outcome.as_ref().is_err_and(|error| error.kind == FailureKind::Auth);
            match proof {
                Proof::Token { token, kept: true } if refused => {
                    ticket.end_undecided(&outcome);
                    self.tokens.refused(&token).await;
                }
                _ => {
                    ticket.end(&outcome);
                    return outcome;
                }
            }
        }
    }

    async fn proof(&self, budget: &mut Budget) -> Result<Proof<'_>, FetchError> {
        let config = &self.account.config;
        match (&config.credentials, &config.iam) {
            (Credentials::Keys(keys), _) => Ok(Proof::Keys(keys)),
            (Credentials::Iam(user), Some(iam)) => {
                let (token, kept) = self.tokens.get(iam, user, budget).await?;
                Ok(Proof::Token { token, kept })
            }
            (Credentials::Iam(_), None) => Err(unconfigured("iam")),
        }
    }

    fn call(&self, read: &Read<'_>, proof: &Proof<'_>) -> Result<Call, FetchError> {
        let endpoint = self.endpoint(read.service)?;
        let project_id = self.account.config.project_id.as_deref().unwrap_or_default();
        let path = format!("/v3/{project_id}/{}", read.path);
        let query = canonical::query(read.query);
        let mut headers = match proof {
            Proof::Keys(keys) => {
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
                sign(&request, &keys, self.account.clock.now()).headers
            }
            Proof::Token { token, .. } => vec![
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
        return Err(
            errors::refusal(answer.status, request_id, &answer.body).into_error(operation, errors::kind)
        );
    }
    json::read(&answer.body, into)
        .map_err(|error| FetchError { detail: format!("{operation}: {}", error.detail), ..error })
}
