//! The id of a project by its name, for accounts that are configured without it: `GET /v3/projects`. Asked for once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{client, errors, sign};
use crate::cloud::account::Account;
use crate::cloud::budget::Budget;
use crate::cloud::canonical;
use crate::cloud::credentials::{Issue, Issued, Keyring, Purpose};
use crate::cloud::transport::Answer;
use crate::config::{Credentials, Service};
use crate::error::{FailureKind, FetchError};

const OPERATION: &str = "KeystoneListProjects";

/// A page of projects of one name is small.
const MAX_BYTES: usize = 1 << 20;

/// Looks the project of an account up.
#[derive(Debug)]
pub struct Projects {
    account: Arc<Account>,
    keyring: Keyring,
}

impl Projects {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new(account: Arc<Account>, keyring: Keyring) -> Self {
        Self { account, keyring }
    }

    /// Projects have the name of their region, unless somebody made more.
    fn name(&self) -> &str {
        match &self.account.config.credentials {
            Credentials::Iam(user) => &user.project,
            _ => self.account.config.region.as_deref().unwrap_or_default(),
        }
    }
}

impl Issue for Projects {
    type Value = String;

    async fn issue(
        &self,
        service: Service,
        _renewal: bool,
        budget: &mut Budget,
    ) -> Result<Issued<String>, FetchError> {
        let missing = || FetchError::new(FailureKind::Internal, "the account has no endpoint for iam");
        let iam = self.account.config.iam.as_ref().ok_or_else(missing)?;
        let query = canonical::query(&[("name", self.name())]);
        let request = sign::Request {
            method: "GET",
            host: iam.authority(),
            path: "/v3/projects",
            query: &query,
            headers: &[],
            body: &[],
            project_id: None,
        };
        let purpose = Purpose { operation: OPERATION, service, max_bytes: MAX_BYTES };
        let call = |identity: &_, now| Ok(client::proven(&request, iam, identity, now));
        let read = |answer: &Answer| read(self.name(), iam.base(), answer);
        let id = self.keyring.call(purpose, budget, call, read).await?;
        Ok(Issued { value: id, life: None, temporary: false })
    }

    fn patience(&self, timeout: Duration) -> Duration {
        timeout
    }

    /// An id lasts.
    fn renewal_failed(&self, _: &FetchError) {}
}

/// The id of the only project of this name.
fn read(name: &str, iam: &str, answer: &Answer) -> Result<String, FetchError> {
    let what = format!("{OPERATION} at {iam}");
    if answer.status != 200 {
        let error = errors::of_answer(answer).into_error(&what);
        let detail = format!("{}; allow iam:projects:listProjects, or give project_id", error.detail);
        return Err(FetchError { detail, ..error });
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(projects) = json.get("projects").and_then(Value::as_array) else {
        return Err(FetchError::new(FailureKind::BadResponse, format!("{what}: no list of projects")));
    };
    let plain = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let field = |project: &Value, name: &str| {
        project.get(name).and_then(Value::as_str).filter(plain).unwrap_or("?").to_owned()
    };
    let listed: Vec<_> =
        projects.iter().map(|project| [field(project, "id"), field(project, "name")]).collect();
    match &listed[..] {
        [[id, _]] if id != "?" => Ok(id.clone()),
        [_] => Err(FetchError::new(FailureKind::BadResponse, format!("{what}: a project without an id"))),
        [] => Err(FetchError::new(
            FailureKind::NotFound,
            format!("{what}: no project has the name {name}; check the region, or give project_id"),
        )),
        several => {
            let several: Vec<_> = several.iter().map(|[id, name]| format!("{id} ({name})")).collect();
            Err(FetchError::new(
                FailureKind::NotFound,
                format!(
                    "{what}: several projects have the name {name}; give one as project_id: {}",
                    several.join(", ")
                ),
            ))
        }
    }
}
