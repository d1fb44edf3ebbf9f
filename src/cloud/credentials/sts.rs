//! Alibaba Cloud's Security Token Service: the keys of a role, for other keys (`AssumeRole`) or for a token of another identity
//! provider (`AssumeRoleWithOIDC`), version 2015-04-01.

use std::path::Path;

use jiff::Timestamp;
use reqwest::Method;
use tokio::task::spawn_blocking;

use super::answer::{ALIBABA, Fresh, MAX_BYTES, Moment, bad, json};
use super::issuer::Request;
use super::{Identity, Purpose};
use crate::cloud::alibaba::{client, errors, sign};
use crate::cloud::budget::Budget;
use crate::cloud::canonical;
use crate::cloud::told::Told;
use crate::cloud::transport::{Answer, Call};
use crate::config::{Endpoint, OidcRole, Role, Secret};
use crate::error::{FailureKind, FetchError, Origin};

const VERSION: &str = "2015-04-01";

/// Takes a role on with other keys.
pub(super) async fn assume_role(
    request: Request<'_>,
    role: &Role,
    base: &Identity,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    const OPERATION: &str = "AssumeRole";
    let what = format!("{OPERATION} of {} at {}", role.role_arn, role.sts.base());
    let duration = role.duration.as_secs().to_string();
    let mut parameters = vec![
        ("RoleArn", role.role_arn.as_str()),
        ("RoleSessionName", &role.session_name),
        ("DurationSeconds", &duration),
    ];
    parameters.extend(role.external_id.as_ref().map(|id| ("ExternalId", id.expose())));
    parameters.extend(role.policy.as_deref().map(|policy| ("Policy", policy)));
    let query = canonical::query(&parameters);
    let signed = sign::Request {
        method: "POST",
        host: role.sts.authority(),
        path: "/",
        query: &query,
        content_type: None,
        body: &[],
        action: OPERATION,
        version: VERSION,
    };
    let errand = Purpose { operation: OPERATION, service: request.service, max_bytes: MAX_BYTES }
        .errand(request.proof(true));
    let call = |now| client::signed(&signed, &role.sts, base, now);
    let remedy = "check role_arn, external_id and the trust policy of the role, and that the caller may do sts:AssumeRole";
    let read = |answer: &Answer| read(&what, remedy, answer, request.account.now());
    let outcome = request.account.call(errand, budget, call, read).await;
    outcome.map_err(|error| unanswered(&what, "endpoints.sts", error))
}

/// Takes a role on with the token in a file. The call is not signed; the token goes in the body, since URLs are logged.
pub(super) async fn assume_role_with_oidc(
    request: Request<'_>,
    role: &OidcRole,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    const OPERATION: &str = "AssumeRoleWithOIDC";
    let what = format!("{OPERATION} of {} at {}", role.role_arn, role.sts.base());
    let token = budget.run(token(&role.token_file)).await??;
    // The call has a date, as signed ones have.
    let errand = Purpose { operation: OPERATION, service: request.service, max_bytes: MAX_BYTES }
        .errand(request.proof(true));
    let call = |now| Ok(with_oidc(role, &token, &role.sts, now));
    let remedy = format!(
        "check role_arn, provider_arn, the trust policy of the role, and the token in {}",
        role.token_file.display()
    );
    let read = |answer: &Answer| read(&what, &remedy, answer, request.account.now());
    let outcome = request.account.call(errand, budget, call, read).await;
    outcome.map_err(|error| unanswered(&what, "endpoints.sts", error))
}

fn with_oidc(role: &OidcRole, token: &Secret, sts: &Endpoint, now: Timestamp) -> Call {
    let timestamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let query = canonical::query(&[
        ("Action", "AssumeRoleWithOIDC"),
        ("Format", "JSON"),
        ("Version", VERSION),
        ("Timestamp", &timestamp),
    ]);
    let duration = role.duration.as_secs().to_string();
    let mut form = vec![
        ("RoleArn", role.role_arn.as_str()),
        ("OIDCProviderArn", &role.provider_arn),
        ("OIDCToken", token.expose()),
        ("RoleSessionName", &role.session_name),
        ("DurationSeconds", &duration),
    ];
    form.extend(role.policy.as_deref().map(|policy| ("Policy", policy)));
    Call {
        method: Method::POST,
        url: sts.url("/", &query),
        local: sts.is_local(),
        headers: vec![
            ("host", sts.authority().to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: canonical::query(&form).into_bytes(),
    }
}

/// The token in a file, which whoever put it there replaces before it ends.
///
/// # Errors
/// [`FailureKind::Auth`] where there is none.
pub(super) async fn token(file: &Path) -> Result<Secret, FetchError> {
    let path = file.to_owned();
    let read = spawn_blocking(move || Secret::read(&path)).await;
    let shown = file.display();
    let problem = match read {
        Ok(Ok(token)) if token.expose().is_empty() => format!("the token file {shown} is empty"),
        Ok(Ok(token)) => return Ok(token),
        Ok(Err(error)) => format!("cannot read the token file {shown}: {error}"),
        Err(_) => format!("cannot read the token file {shown}"),
    };
    let remedy = "check token_file, and that the token is mounted there";
    Err(FetchError::new(FailureKind::Auth, format!("{problem}; {remedy}")))
}

fn read(what: &str, remedy: &str, answer: &Answer, now: Timestamp) -> Result<Fresh, FetchError> {
    if answer.status != 200 {
        let refusal = errors::refusal(answer.status, Told::of(&answer.headers), &answer.body);
        return Err(unproven(refusal.into_error(what), remedy));
    }
    let json = json(what, &answer.body)?;
    let keys = json.get("Credentials").ok_or_else(|| bad(what, "no Credentials"))?;
    let (keys, ends_at) = ALIBABA.read(what, keys)?;
    Fresh::issued(what, Identity::Keys(keys), ends_at, Moment::of(answer, now))
}

/// Whatever a cloud refuses here, the caller is not who it means to be.
pub(super) fn unproven(error: FetchError, remedy: &str) -> FetchError {
    let refused = error.origin == Origin::Refusal
        || matches!(error.kind, FailureKind::Auth | FailureKind::Permission | FailureKind::NotFound);
    if !refused {
        return error;
    }
    let detail = format!("{}; {remedy}", error.detail);
    FetchError::new(FailureKind::Auth, detail)
}

/// A call that got no answer was not for the instance: says what it was for, and which key of the file to look at.
pub(super) fn unanswered(what: &str, key: &str, error: FetchError) -> FetchError {
    if !matches!(error.kind, FailureKind::Network | FailureKind::Timeout) {
        return error;
    }
    let detail = format!("{what}: {}; check {key} and the way there", error.detail);
    FetchError { detail, ..error }
}
