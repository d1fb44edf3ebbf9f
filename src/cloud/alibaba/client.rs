//! Calls to operations of Database Autonomy Service: RPC style, all parameters in the query, an empty body.

use std::sync::Arc;

use super::errors;
use super::sign::{Request, sign};
use crate::cloud::account::{Account, Errand, Proof};
use crate::cloud::budget::Budget;
use crate::cloud::canonical::{self, Keys};
use crate::cloud::json::{self, Code, Error, Fields, Flag, Reader};
use crate::cloud::source::Standing;
use crate::cloud::told::Told;
use crate::cloud::transport::{Answer, Call};
use crate::config::{Credentials, Secret, Service};
use crate::error::{FailureKind, FetchError};
use jiff::Timestamp;
use reqwest::Method;

/// Version of the DAS API (both API pages).
const VERSION: &str = "2020-01-16";

/// Calls DAS in the name of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(in crate::cloud) account: Arc<Account>,
}

/// The frame of every answer.
struct Envelope<'t, T> {
    success: Option<bool>,
    code: Option<String>,
    data: &'t mut T,
    has_data: bool,
}

impl<'a, T: Fields<'a>> Fields<'a> for Envelope<'_, T> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"Success" => self.success = reader.value::<Flag>()?.0,
            b"Code" => self.code = reader.value::<Code>()?.0,
            b"Data" => self.has_data = reader.object(self.data)?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

impl Client {
    /// A client of `account`.
    #[must_use]
    pub fn new(account: Arc<Account>) -> Self {
        Self { account }
    }

    /// Whether a call would be refused at present.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.account.standing(Service::Das)
    }

    /// Calls `action` and reads the `Data` of its answer into what `data` makes; each answer into its own.
    ///
    /// # Errors
    /// Whatever keeps the answer from being HTTP 200 with `Success`, `Code` 200 and `Data`.
    pub async fn call<T: for<'a> Fields<'a>>(
        &self,
        action: &'static str,
        parameters: &[(&str, &str)],
        data: impl Fn() -> T,
        max_bytes: usize,
        budget: &mut Budget,
    ) -> Result<T, FetchError> {
        let errand = Errand { operation: action, service: Service::Das, proof: Proof::Signature, max_bytes };
        let request = |now| Ok(self.request(action, parameters, now));
        let read = |answer: &Answer| {
            let mut data = data();
            read(action, answer, &mut data).map(|()| data)
        };
        self.account.call(errand, budget, request, read).await
    }

    fn request(&self, action: &str, parameters: &[(&str, &str)], now: Timestamp) -> Call {
        let config = &self.account.config;
        let query = canonical::query(parameters);
        let request = Request {
            method: "POST",
            host: config.das.authority(),
            path: "/",
            query: &query,
            content_type: None,
            body: &[],
            action,
            version: VERSION,
        };
        let nonce = format!("{:032x}", fastrand::u128(..));
        let headers = match &config.credentials {
            Credentials::Keys(keys) => {
                let keys = Keys {
                    id: keys.access_key_id.expose(),
                    secret: keys.access_key_secret.expose(),
                    security_token: keys.security_token.as_ref().map(Secret::expose),
                };
                sign(&request, &keys, now, &nonce).headers
            }
            Credentials::Iam(_) => {
                unreachable!("IAM users are of Huawei Cloud: the configuration refuses them here")
            }
        };
        Call {
            method: Method::POST,
            url: format!("{}/?{query}", config.das.base()),
            local: config.das.is_local(),
            headers,
            body: Vec::new(),
        }
    }
}

fn read<T: for<'a> Fields<'a>>(action: &str, answer: &Answer, data: &mut T) -> Result<(), FetchError> {
    if answer.status == 200 {
        return read_body(action, Told::of(&answer.headers), &answer.body, data);
    }
    Err(errors::refusal(answer.status, Told::of(&answer.headers), &answer.body).into_error(action))
}

/// Reads the body of an answer with HTTP status 200, which may be a refusal all the same.
pub(super) fn read_body<T: for<'a> Fields<'a>>(
    action: &str,
    told: Told,
    body: &[u8],
    data: &mut T,
) -> Result<(), FetchError> {
    let mut envelope = Envelope { success: None, code: None, data, has_data: false };
    let read = json::read(body, &mut envelope);
    let Envelope { success, code, has_data, .. } = envelope;
    let refusal = || errors::refusal(200, told, body);
    let bad = |what: &str| Err(FetchError::new(FailureKind::BadResponse, format!("{action}: {what}")));
    match read {
        // A refusal may have a Data of another type.
        Err(error) if refusal().code.is_none_or(|code| code == "200") => bad(&error.detail),
        Err(_) => Err(refusal().into_error(action)),
        Ok(()) if code.is_none() || success.is_none() => bad("no Code or no Success"),
        Ok(()) if success != Some(true) || code.as_deref() != Some("200") => {
            Err(refusal().into_error(action))
        }
        Ok(()) if !has_data => bad("no Data"),
        Ok(()) => Ok(()),
    }
}
