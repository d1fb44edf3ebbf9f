//! The token of an IAM user: asked for with the password, kept for most of its 24 hours, one at a time for all targets of
//! the account.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

use super::errors;
use crate::cloud::account::{Account, Errand, Proof};
use crate::cloud::budget::Budget;
use crate::cloud::json::{self, Error, Fields, Reader, Text};
use crate::cloud::told::Told;
use crate::cloud::transport::{Answer, Call};
use crate::config::{Endpoint, IamUser, Secret, Service};
use crate::error::{FailureKind, FetchError};

const OPERATION: &str = "KeystoneCreateUserTokenByPassword";

/// A token is renewed this long before it ends, or when a quarter of a shorter life is left.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(40);

/// Life of a token whose end IAM does not tell ("Obtaining a User Token Through Password Authentication").
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A token holds roles and a catalog's worth of claims, but no more than this.
const MAX_BYTES: usize = 1 << 20;

/// The token of one account.
#[derive(Debug)]
pub struct Tokens {
    account: Arc<Account>,
    current: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    secret: Arc<Secret>,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

impl Tokens {
    /// No token yet.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        Self { account, current: Mutex::new(None) }
    }

    /// A token that is good for a call to `service` as far as can be told, and whether it was kept from an earlier one.
    ///
    /// # Errors
    /// Of the call to IAM, where there is no older token that is still good.
    pub async fn get(
        &self,
        endpoint: &Endpoint,
        user: &IamUser,
        service: Service,
        budget: &mut Budget,
    ) -> Result<(Arc<Secret>, bool), FetchError> {
        let mut current = budget.run(self.current.lock()).await?;
        let now = self.account.now();
        if let Some(token) = current.as_ref().filter(|token| now < token.renew_at) {
            return Ok((Arc::clone(&token.secret), true));
        }
        match (self.create(endpoint, user, service, budget).await, current.as_ref()) {
            (Ok(token), _) => {
                self.account.credentials_expire_at(token.ends_at);
                Ok((Arc::clone(&current.insert(token).secret), false))
            }
            (Err(_), Some(old)) if now < old.ends_at => Ok((Arc::clone(&old.secret), true)),
            (Err(error), _) => Err(error),
        }
    }

    /// Drops a token that was refused, unless it has been replaced already.
    pub async fn refused(&self, token: &Arc<Secret>) {
        self.current.lock().await.take_if(|current| Arc::ptr_eq(&current.secret, token));
    }

    async fn create(
        &self,
        endpoint: &Endpoint,
        user: &IamUser,
        service: Service,
        budget: &mut Budget,
    ) -> Result<Token, FetchError> {
        let errand = Errand { operation: OPERATION, service, proof: Proof::Secret, max_bytes: MAX_BYTES };
        let request = |_| Ok(request(endpoint, user));
        self.account.call(errand, budget, request, |answer| token(answer, self.account.now())).await
    }
}

fn request(endpoint: &Endpoint, user: &IamUser) -> Call {
    let IamUser { domain, user, password, project } = user;
    let body = json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": user, "password": password.expose(), "domain": {"name": domain}}},
        },
        "scope": {"project": {"name": project}},
    }});
    Call {
        method: Method::POST,
        url: format!("{}/v3/auth/tokens?nocatalog=true", endpoint.base()),
        local: endpoint.is_local(),
        headers: vec![
            ("host", endpoint.authority().to_owned()),
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// A token is in a header, the end of its life in the body.
fn token(answer: &Answer, now: Timestamp) -> Result<Token, FetchError> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    if answer.status != 201 {
        let request_id = header("x-iam-trace-id").or_else(|| header("x-request-id"));
        let told = Told::of(&answer.headers);
        return Err(errors::refusal(answer.status, request_id, told, &answer.body).into_error(OPERATION));
    }
    let no_token = || FetchError::new(FailureKind::BadResponse, format!("{OPERATION}: no X-Subject-Token"));
    let secret = header("x-subject-token").filter(|token| !token.is_empty()).ok_or_else(no_token)?;
    let mut body = Body::default();
    json::read(&answer.body, &mut body)?;
    let ends_at = body.0.expires_at.unwrap_or(now + LIFE);
    let life = ends_at.duration_since(now);
    let renew_at = ends_at - RENEW_BEFORE.min(life / 4).max(SignedDuration::ZERO);
    Ok(Token { secret: Arc::new(Secret::new(secret.to_owned())), renew_at, ends_at })
}

#[derive(Default)]
struct Body(TokenBody);

#[derive(Default)]
struct TokenBody {
    expires_at: Option<Timestamp>,
}

impl<'a> Fields<'a> for Body {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"token" => reader.object(&mut self.0).map(drop),
            _ => reader.skip(),
        }
    }
}

impl<'a> Fields<'a> for TokenBody {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"expires_at" => {
                self.expires_at = reader.value::<Text<'a>>()?.as_deref().and_then(|at| at.parse().ok());
            }
            _ => reader.skip()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use tokio::time::Instant;

    use super::*;

    fn answer(body: &str) -> Answer {
        let headers =
            HeaderMap::from_iter([("x-subject-token".parse().unwrap(), HeaderValue::from_static("t"))]);
        Answer { status: 201, headers, body: body.as_bytes().to_vec(), written: Instant::now() }
    }

    #[test]
    fn a_token_is_renewed_well_before_it_ends() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (body, ends_in, renewed_before) in [
            (r#"{"token":{"expires_at":"2026-01-03T03:04:05.000000Z"}}"#, "24h", "40m"),
            (r#"{"token":{"expires_at":"2026-01-02T03:05:05Z"}}"#, "1m", "15s"),
            (r#"{"token":{}}"#, "24h", "40m"),
            (r#"{"token":{"expires_at":"2026-01-02T03:00:00Z"}}"#, "-245s", "0s"),
        ] {
            let token = token(&answer(body), now).unwrap();
            let duration = |text: &str| text.parse::<SignedDuration>().unwrap();
            assert_eq!(token.ends_at.duration_since(now), duration(ends_in), "{body}");
            assert_eq!(token.ends_at.duration_since(token.renew_at), duration(renewed_before), "{body}");
        }
    }

    #[test]
    fn an_answer_without_a_token_is_not_the_documented_one() {
        let bare = Answer { headers: HeaderMap::new(), ..answer("{}") };
        assert_eq!(token(&bare, Timestamp::UNIX_EPOCH).unwrap_err().kind, FailureKind::BadResponse);
    }
}
