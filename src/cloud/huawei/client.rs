//! Reads from Huawei Cloud: GET requests under a project, signed with a key or with a token of IAM.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;

use super::errors;
use super::project::Projects;
use super::sign::{Request, sign};
use crate::cloud::account::Account;
use crate::cloud::budget::Budget;
use crate::cloud::canonical;
use crate::cloud::credentials::{Cache, Identity, Keyring, Purpose, signing};
use crate::cloud::json::{self, Fields};
use crate::cloud::source::Standing;
use crate::cloud::transport::{Answer, Call};
use crate::config::{Endpoint, Service};
use crate::error::{FailureKind, FetchError};

/// Calls Huawei Cloud in the name of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(in crate::cloud) account: Arc<Account>,
    keyring: Keyring,
    /// Where the project is not configured.
    projects: Arc<Cache<Projects>>,
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

impl Client {
    /// A client of `account`.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        let keyring = Keyring::new(Arc::clone(&account));
        let projects = Projects::new(Arc::clone(&account), keyring.clone());
        Self { account, keyring, projects: Arc::new(Cache::new(projects, Duration::ZERO)) }
    }

    /// Whether a call to a service would be refused at present.
    #[must_use]
    pub fn standing(&self, service: Service) -> Standing {
        self.account.standing(service)
    }

    /// Forgets failures to prove who calls: what they came from may have changed.
    pub fn try_again(&self) {
        self.keyring.try_again();
        self.projects.try_again();
    }

    /// Reads a success into `into`.
    ///
    /// # Errors
    /// Whatever keeps the answer from being a success of the documented shape.
    pub async fn read<T>(&self, read: &Read<'_>, into: &mut T, budget: &mut Budget) -> Result<(), FetchError>
    where
        T: for<'a> Fields<'a>,
    {
        let Read { operation, service, max_bytes, .. } = *read;
        let project_id = match &self.account.config.project_id {
            Some(id) => id.clone(),
            None => self.projects.get(service, budget).await?.0.value.clone(),
        };
        let request = |identity: &_, now| self.request(read, &project_id, identity, now);
        let parse = |answer: &Answer| parse(operation, answer, into);
        self.keyring.call(Purpose { operation, service, max_bytes }, budget, request, parse).await
    }

    fn request(
        &self,
        read: &Read<'_>,
        project_id: &str,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Call, FetchError> {
        let endpoint = self.endpoint(read.service)?;
        let request = Request {
            method: "GET",
            host: endpoint.authority(),
            path: &format!("/v3/{project_id}/{}", read.path),
            query: &canonical::query(read.query),
            headers: &[("content-type", "application/json")],
            body: &[],
            project_id: Some(project_id),
        };
        Ok(proven(&request, endpoint, identity, now))
    }

    fn endpoint(&self, service: Service) -> Result<&Endpoint, FetchError> {
        let config = &self.account.config;
        match service {
            Service::Das => Ok(&config.das),
            Service::Ddm => config.ddm.as_ref().ok_or_else(|| unconfigured("ddm")),
        }
    }
}

/// A request with what proves who sends it: a signature, or a token.
pub(in crate::cloud) fn proven(
    request: &Request<'_>,
    endpoint: &Endpoint,
    identity: &Identity,
    now: Timestamp,
) -> Call {
    let mut headers = match identity {
        Identity::Keys(keys) => sign(request, &signing(keys), now).headers,
        Identity::Token(token) => {
            let mut headers = vec![("host", endpoint.authority().to_owned())];
            headers.extend(request.headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
            headers.extend(request.project_id.map(|id| ("x-project-id", id.to_owned())));
            headers.push(("x-auth-token", token.expose().to_owned()));
            headers
        }
    };
    headers.push(("accept", "application/json".to_owned()));
    Call {
        method: if request.method == "GET" { Method::GET } else { Method::POST },
        url: endpoint.url(request.path, request.query),
        local: endpoint.is_local(),
        headers,
        body: request.body.to_vec(),
    }
}

/// The configuration gives every endpoint that a target or its credentials need.
fn unconfigured(endpoint: &str) -> FetchError {
    FetchError::new(FailureKind::Internal, format!("the account has no endpoint for {endpoint}"))
}

fn parse<T: for<'a> Fields<'a>>(operation: &str, answer: &Answer, into: &mut T) -> Result<(), FetchError> {
    if answer.status != 200 {
        return Err(errors::of_answer(answer).into_error(operation));
    }
    json::read(&answer.body, into)
        .map_err(|error| FetchError { detail: format!("{operation}: {}", error.detail), ..error })
}
