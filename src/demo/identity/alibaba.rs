//! Alibaba Cloud: STS, the RAM role of an ECS instance, a credentials URI.

use serde_json::{Value, json};

use super::{Issued, form, issue, may_read, not_there};
use crate::demo::auth;
use crate::demo::refusal::Refusal;
use crate::demo::state::Shared;
use crate::demo::wire::{Answer, Received};

/// Below it the roles of the instance are listed.
pub(super) const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

const VERSION: &str = "2015-04-01";

/// `AssumeRole`, signed like any other call.
pub(super) fn assume_role(shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
    auth::alibaba(shared, request)?;
    if request.header("x-acs-version") != VERSION {
        return Err(Refusal::ACTION_NOT_FOUND);
    }
    let parameter = |name| request.parameter(name).map(str::to_owned);
    let external_id = parameter("ExternalId");
    session(
        shared,
        [parameter("RoleArn"), parameter("RoleSessionName"), parameter("DurationSeconds")],
        |demanded| demanded.is_none() || *demanded == external_id,
    )
}

/// `AssumeRoleWithOIDC`: not signed, and the token in the form alone.
pub(super) fn assume_role_with_oidc(shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
    let in_url = request.query.iter().any(|(name, _)| name == "OIDCToken");
    if !request.header("authorization").is_empty() || in_url || request.parameter("Version") != Some(VERSION)
    {
        return Err(Refusal::INVALID_PARAMS);
    }
    auth::alibaba_date(shared, request.parameter("Timestamp").unwrap_or_default())?;
    let token = form(request, "OIDCToken").unwrap_or_default();
    let provider = form(request, "OIDCProviderArn").unwrap_or_default();
    if !provider.starts_with("acs:ram::") {
        return Err(Refusal::INVALID_PARAMS);
    }
    if !shared.state().identities.id_tokens.contains(&token) {
        return Err(Refusal::OIDC_TOKEN_EXPIRED.echoing(token));
    }
    session(shared, ["RoleArn", "RoleSessionName", "DurationSeconds"].map(|name| form(request, name)), |_| {
        true
    })
}

fn session(
    shared: &Shared,
    [arn, session, duration]: [Option<String>; 3],
    trusts: impl Fn(&Option<String>) -> bool,
) -> Result<Answer, Refusal> {
    let (arn, session) = (arn.unwrap_or_default(), session.unwrap_or_default());
    let seconds: u32 = duration.and_then(|text| text.parse().ok()).unwrap_or_default();
    if session.len() < 2 || seconds < 900 {
        return Err(Refusal::INVALID_PARAMS);
    }
    let roles = shared.state().identities.roles.clone();
    let (_, demanded) = roles.iter().find(|(known, _)| *known == arn).ok_or(Refusal::ROLE_NOT_FOUND)?;
    if !trusts(demanded) {
        return Err(Refusal::NO_PERMISSION);
    }
    let Issued { id, secret, token, ends_at } = issue(shared);
    let body = json!({
        "RequestId": shared.request_id(),
        "AssumedRoleUser": {"Arn": format!("{arn}/{session}"), "AssumedRoleId": format!("391578752573972854:{session}")},
        "Credentials": {
            "AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": end(ends_at),
        },
    });
    Ok(Answer::json(200, body.to_string()))
}

fn end(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The role of the instance: its name, or its keys.
pub(super) fn instance_role(shared: &Shared, request: &Received) -> Answer {
    if let Err(answer) = may_read(shared, request.header("x-aliyun-ecs-metadata-token")) {
        return answer;
    }
    let role = shared.state().identities.instance_role.clone();
    match (role, request.path.strip_prefix(ROLES).unwrap_or_default()) {
        (Some(role), "") => Answer::new(200, "text/plain", role + "\n"),
        (Some(role), name) if role == name => Answer::json(200, keys(shared).to_string()),
        _ => not_there(),
    }
}

/// The keys that a service of the user's own hands out.
pub(super) fn credentials_uri(shared: &Shared) -> Answer {
    Answer::json(200, keys(shared).to_string())
}

fn keys(shared: &Shared) -> Value {
    let Issued { id, secret, token, ends_at } = issue(shared);
    json!({
        "Code": "Success", "AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token,
        "Expiration": end(ends_at), "LastUpdated": end(shared.now()),
    })
}
