//! Huawei Cloud: the sessions of DAS and DDM, page by page, and IAM's tokens.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::row::{HUAWEI_DAS, HUAWEI_DDM, Row};
use super::session::SimSession;
use super::state::Shared;
use super::wire::{Answer, Received};
use crate::cloud::canonical::sha256_hex;

/// Life of a token, as documented.
const TOKEN_LIFE: Duration = Duration::from_hours(24);

/// Largest offset, as documented.
const MAX_OFFSET: usize = (1 << 31) - 1;

/// `GET /v3/{project_id}/instances/{instance_id}/processes`
pub(super) fn das(
    shared: &Shared,
    request: &Received,
    project: &str,
    instance: &str,
) -> Result<Vec<u8>, Refusal> {
    #[derive(Serialize)]
    struct Page<'a> {
        processes: Vec<Row<'a>>,
        count: usize,
    }
    let header = request.header("x-project-id");
    if !header.is_empty() && header != project {
        return Err(Refusal::DAS_PROJECT_ID);
    }
    let has_db_user = request.parameter("db_user_id").is_some_and(|id| !id.is_empty());
    if !has_db_user {
        return Err(Refusal::DAS_DB_USER_ID);
    }
    let offset = bounded(request, "offset", 0, 0..=MAX_OFFSET).ok_or(Refusal::DAS_OFFSET)?;
    let limit = bounded(request, "limit", 100, 1..=100).ok_or(Refusal::DAS_LIMIT)?;
    let sessions = shared.sessions(instance).ok_or(Refusal::DAS_INSTANCE_ID)?;
    let wanted =
        |name, value: Option<&str>| request.parameter(name).is_none_or(|wanted| value == Some(wanted));
    let matching: Vec<&SimSession> = sessions
        .iter()
        .filter(|session| {
            wanted("user", session.user.as_deref()) && wanted("database", session.database.as_deref())
        })
        .collect();
    let rows = matching.iter().skip(offset).take(limit).map(|session| HUAWEI_DAS.row(session));
    Ok(written(&Page { processes: rows.collect(), count: matching.len() }))
}

/// `GET /v3/{project_id}/instances/{instance_id}/physical-processes`
pub(super) fn ddm(shared: &Shared, request: &Received, instance: &str) -> Result<Vec<u8>, Refusal> {
    #[derive(Serialize)]
    struct Page<'a> {
        physical_processes: Vec<Row<'a>>,
        total_count: usize,
    }
    let offset = bounded(request, "offset", 0, 0..=MAX_OFFSET).ok_or(Refusal::DDM_PARAMETER)?;
    let limit = bounded(request, "limit", 10, 1..=128).ok_or(Refusal::DDM_PARAMETER)?;
    let sessions = shared.sessions(instance).ok_or(Refusal::DDM_INSTANCE_NOT_FOUND)?;
    let keyword = request.parameter("keyword").unwrap_or_default();
    let found = |session: &&SimSession| {
        keyword.is_empty() || HUAWEI_DDM.texts(session).any(|text| text.contains(keyword))
    };
    let matching: Vec<&SimSession> = sessions.iter().filter(found).collect();
    let rows = matching.iter().skip(offset).take(limit).map(|session| HUAWEI_DDM.row(session));
    Ok(written(&Page { physical_processes: rows.collect(), total_count: matching.len() }))
}

/// `POST /v3/auth/tokens`: 201 with the token in `X-Subject-Token`.
pub(super) fn token(shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::IAM_BAD_REQUEST)?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let project = [text("/auth/scope/project/name"), text("/auth/scope/project/id")].concat();
    if text("/auth/identity/methods/0") != "password" || project.is_empty() {
        return Err(Refusal::IAM_BAD_REQUEST);
    }
    let [domain, user, password] = ["domain/name", "name", "password"]
        .map(|field| text(&format!("/auth/identity/password/user/{field}")));
    let names = json!({"name": user, "domain": {"name": domain}});
    if !shared.state().iam_users.contains(&(domain, user, password)) {
        return Err(Refusal::IAM_UNAUTHORIZED);
    }
    issue_token(shared, &names, &json!({"name": project}))
}

/// A new token, as IAM answers with it.
pub(super) fn issue_token(shared: &Shared, user: &Value, project: &Value) -> Result<Answer, Refusal> {
    let issued = shared.now();
    let mut state = shared.state();
    let life =
        SignedDuration::try_from(state.identities.life.unwrap_or(TOKEN_LIFE)).unwrap_or(SignedDuration::MAX);
    let expires = issued.saturating_add(life).map_err(|_| Refusal::IAM_BAD_REQUEST)?;
    // A real one has several kilobytes, too.
    let token = format!("issued-token-{}", sha256_hex(&state.serial().to_be_bytes()).repeat(32));
    state.tokens.insert(token.clone(), expires);
    let time = |time: jiff::Timestamp| format!("{time:.6}");
    let body = json!({"token": {
        "methods": ["password"], "issued_at": time(issued), "expires_at": time(expires), "user": user, "project": project,
    }});
    Ok(Answer::json(201, body.to_string()).header("x-subject-token", token))
}

/// A whole number within bounds, or its default; none if it is anything else.
fn bounded(
    request: &Received,
    name: &str,
    default: usize,
    bounds: std::ops::RangeInclusive<usize>,
) -> Option<usize> {
    let value = request.parameter(name).map_or(Ok(default), str::parse);
    value.ok().filter(|value| bounds.contains(value))
}

fn written(page: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(page).expect("structs with text keys become JSON")
}
