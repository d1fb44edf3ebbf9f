//! Huawei Cloud: agencies, tokens for tokens and projects of IAM, the agency of an ECS instance.

use serde_json::{Value, json};

use super::{Issued, issue, may_read};
use crate::demo::auth;
use crate::demo::huawei::issue_token;
use crate::demo::refusal::Refusal;
use crate::demo::state::Shared;
use crate::demo::wire::{Answer, Received};

/// `POST /v3.0/OS-CREDENTIAL/securitytokens`
pub(super) fn agency(shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
    auth::huawei(shared, request)?;
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::IAM_BAD_REQUEST)?;
    let text = |field: &str| {
        let value = body.pointer(&format!("/auth/identity/assume_role/{field}"));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if body.pointer("/auth/identity/methods/0") != Some(&json!("assume_role")) {
        return Err(Refusal::IAM_BAD_REQUEST);
    }
    let asked = (text("agency_name"), text("domain_name"));
    if !shared.state().identities.agencies.contains(&asked) {
        return Err(Refusal::AGENCY_FORBIDDEN);
    }
    Ok(Answer::json(201, keys(shared).to_string()))
}

/// `POST /v3.0/OS-AUTH/id-token/tokens`
pub(super) fn id_token(shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::IAM_BAD_REQUEST)?;
    let token = body.pointer("/auth/id_token/id").and_then(Value::as_str).unwrap_or_default();
    let scope = body.pointer("/auth/scope/project").and_then(Value::as_object);
    if request.header("x-idp-id").is_empty() || scope.is_none_or(serde_json::Map::is_empty) {
        return Err(Refusal::IAM_BAD_REQUEST);
    }
    if !shared.state().identities.id_tokens.iter().any(|known| known == token) {
        return Err(Refusal::IAM_UNAUTHORIZED.echoing(token));
    }
    issue_token(shared, &json!({"name": "federated"}), &json!(scope))
}

/// `GET /v3/projects`
pub(super) fn projects(shared: &Shared, request: &Received) -> Answer {
    if let Err(refusal) = auth::huawei(shared, request) {
        return refusal.answer(&shared.request_id());
    }
    let name = request.parameter("name");
    let projects = shared.state().identities.projects.clone();
    let projects = projects.into_iter().filter(|(_, own)| name.is_none_or(|name| name == own));
    let projects: Vec<_> = projects
        .map(|(id, name)| json!({"id": id, "name": name, "domain_id": "d", "enabled": true, "is_domain": false}))
        .collect();
    Answer::json(200, json!({"projects": projects, "links": {"next": null}}).to_string())
}

/// `GET /openstack/latest/securitykey`
pub(super) fn instance_agency(shared: &Shared, request: &Received) -> Answer {
    if let Err(answer) = may_read(shared, request.header("x-metadata-token")) {
        return answer;
    }
    let has_agency = shared.state().identities.instance_role.is_some();
    if !has_agency {
        return Answer::new(401, "text/plain", "Please configure Cloud Service Agency first.");
    }
    Answer::json(200, keys(shared).to_string())
}

fn keys(shared: &Shared) -> Value {
    let Issued { id, secret, token, ends_at } = issue(shared);
    json!({"credential": {
        "access": id, "secret": secret, "securitytoken": token, "expires_at": format!("{ends_at:.6}"),
    }})
}
