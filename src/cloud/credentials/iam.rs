//! Huawei Cloud's Identity and Access Management: tokens for a password or for a token of another identity provider, the keys
//! of an agency, and the id of a project.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::answer::{self, Fresh, HUAWEI, MAX_BYTES, Moment, bad};
use super::issuer::Request;
use super::sts::{token, unanswered, unproven};
use super::{Identity, Purpose};
use crate::cloud::budget::Budget;
use crate::cloud::huawei::{client, errors, sign};
use crate::cloud::transport::{Answer, Call};
use crate::config::{self, Agency, Endpoint, IamUser, OidcUser, Secret};
use crate::error::{FailureKind, FetchError};

/// Life of a token whose end IAM does not tell ("Obtaining a User Token Through Password Authentication").
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Life that is asked for keys of an agency, in seconds; 15 minutes to 24 hours are possible.
const AGENCY_SECONDS: u32 = 3600;

/// A token holds roles and a catalog's worth of claims, but no more than this.
const MAX_TOKEN_BYTES: usize = 1 << 20;

/// A token for a user's password.
pub(super) async fn password(
    request: Request<'_>,
    user: &IamUser,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    let IamUser { domain, user, password, project } = user;
    let body = json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": user, "password": password.expose(), "domain": {"name": domain}}},
        },
        "scope": {"project": {"name": project}},
    }});
    let asked = Ask {
        operation: "KeystoneCreateUserTokenByPassword",
        path: "/v3/auth/tokens",
        query: "nocatalog=true",
        headers: Vec::new(),
        remedy: "check domain, user, password and project; the user needs programmatic access",
    };
    asked.token(request, &body, budget).await
}

/// A token for the token in a file.
pub(super) async fn id_token(
    request: Request<'_>,
    user: &OidcUser,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    let token = budget.run(token(&user.token_file)).await??;
    let config::Account { project_id, region, .. } = &*request.account.config;
    let project = match (project_id, region) {
        (Some(id), _) => json!({"id": id}),
        (None, region) => json!({"name": region}),
    };
    let body = json!({"auth": {"id_token": {"id": token.expose()}, "scope": {"project": project}}});
    let asked = Ask {
        operation: "CreateTokenWithIdToken",
        path: "/v3.0/OS-AUTH/id-token/tokens",
        query: "",
        headers: vec![("x-idp-id", user.idp_id.clone())],
        remedy: &format!(
            "check idp_id, its conversion rules, and the token in {}",
            user.token_file.display()
        ),
    };
    asked.token(request, &body, budget).await
}

/// A request for a token.
struct Ask<'a> {
    operation: &'static str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'static str, String)>,
    remedy: &'a str,
}

impl Ask<'_> {
    async fn token(
        &self,
        request: Request<'_>,
        body: &Value,
        budget: &mut Budget,
    ) -> Result<Fresh, FetchError> {
        let iam = endpoint(&request.account.config)?;
        let what = format!("{} at {}", self.operation, iam.base());
        let purpose =
            Purpose { operation: self.operation, service: request.service, max_bytes: MAX_TOKEN_BYTES };
        let call = |_| Ok(self.call(iam, body));
        let read = |answer: &Answer| read_token(&what, self.remedy, answer, request.account.now());
        let errand = purpose.errand(request.proof(false));
        let outcome = request.account.call(errand, budget, call, read).await;
        outcome.map_err(|error| unanswered(&what, "endpoints.iam", error))
    }

    fn call(&self, iam: &Endpoint, body: &Value) -> Call {
        let mut headers = vec![
            ("host", iam.authority().to_owned()),
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        headers.extend(self.headers.iter().cloned());
        Call {
            method: Method::POST,
            url: iam.url(self.path, self.query),
            local: iam.is_local(),
            headers,
            body: body.to_string().into_bytes(),
        }
    }
}

/// The configuration gives it whenever it is needed.
fn endpoint(config: &config::Account) -> Result<&Endpoint, FetchError> {
    let missing = || FetchError::new(FailureKind::Internal, "the account has no endpoint for iam");
    config.iam.as_ref().ok_or_else(missing)
}

/// A token is in a header, the end of its life in the body.
fn read_token(what: &str, remedy: &str, answer: &Answer, now: Timestamp) -> Result<Fresh, FetchError> {
    if answer.status != 201 {
        return Err(unproven(errors::of_answer(answer).into_error(what), remedy));
    }
    let token = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok());
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| bad(what, "no X-Subject-Token"))?;
    let json = answer::json(what, &answer.body)?;
    let moment = Moment::of(answer, now);
    let told = json.pointer("/token/expires_at").and_then(Value::as_str).and_then(answer::time);
    let ends_at = told.or_else(|| moment.time.checked_add(LIFE).ok());
    Fresh::issued(what, Identity::Token(Secret::new(token)), ends_at, moment)
}

/// The keys of an agency.
pub(super) async fn agency(
    request: Request<'_>,
    agency: &Agency,
    base: &Identity,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    const OPERATION: &str = "CreateTemporaryAccessKeyByAgency";
    let iam = endpoint(&request.account.config)?;
    let what = format!("{OPERATION} of {} at {}", agency.name, iam.base());
    let body = json!({"auth": {"identity": {"methods": ["assume_role"], "assume_role": {
        "agency_name": agency.name, "domain_name": agency.domain, "duration_seconds": AGENCY_SECONDS,
    }}}})
    .to_string();
    let asked = sign::Request {
        method: "POST",
        host: iam.authority(),
        path: "/v3.0/OS-CREDENTIAL/securitytokens",
        query: "",
        headers: &[("content-type", "application/json")],
        body: body.as_bytes(),
        project_id: None,
    };
    let purpose = Purpose { operation: OPERATION, service: request.service, max_bytes: MAX_BYTES };
    let proof = request.proof(matches!(base, Identity::Keys(_)));
    let call = |now| Ok(client::proven(&asked, iam, base, now));
    let remedy = "check name and domain of the agency, and that the caller has the permission Agent Operator";
    let read = |answer: &Answer| {
        if answer.status != 201 {
            return Err(unproven(errors::of_answer(answer).into_error(&what), remedy));
        }
        read_keys(&what, answer, request.account.now())
    };
    let outcome = request.account.call(purpose.errand(proof), budget, call, read).await;
    outcome.map_err(|error| unanswered(&what, "endpoints.iam", error))
}

/// The keys in an answer of IAM or of metadata.
pub(super) fn read_keys(what: &str, answer: &Answer, now: Timestamp) -> Result<Fresh, FetchError> {
    let json = answer::json(what, &answer.body)?;
    let keys = ["credential", "credentials"].iter().find_map(|name| json.get(name));
    let (keys, ends_at) = HUAWEI.read(what, keys.ok_or_else(|| bad(what, "no credential"))?)?;
    Fresh::issued(what, Identity::Keys(keys), ends_at, Moment::of(answer, now))
}
