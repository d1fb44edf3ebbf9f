//! Calls to operations of Database Autonomy Service: RPC style, all parameters in the query, an empty body.

use std::sync::Arc;

use super::errors;
use super::sign::{Request, sign};
use crate::cloud::account::Account;
use crate::cloud::budget::Budget;
use crate::cloud::canonical;
use crate::cloud::credentials::{Identity, Keyring, Purpose, signing};
use crate::cloud::json::{self, Code, Error, Fields, Flag, Reader};
use crate::cloud::source::Standing;
use crate::cloud::told::Told;
use crate::cloud::transport::{Answer, Call};
use crate::config::{Endpoint, Service};
use crate::error::{FailureKind, FetchError};
use jiff::Timestamp;
use reqwest::Method;

/// Version of the DAS API (both API pages).
const VERSION: &str = "2020-01-16";

/// Calls DAS in the name of one account; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(in crate::cloud) account: Arc<Account>,
    keyring: Keyring,
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
        Self { keyring: Keyring::new(Arc::clone(&account)), account }
    }

    /// Whether a call would be refused at present.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.account.standing(Service::Das)
    }

    /// Forgets failures to prove who calls: what they came from may have changed.
    pub fn try_again(&self) {
        self.keyring.try_again();
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
        let purpose = Purpose { operation: action, service: Service::Das, max_bytes };
        let request = |identity: &_, now| self.request(action, parameters, identity, now);
        let read = |answer: &Answer| {
            let mut data = data();
            read(action, answer, &mut data).map(|()| data)
        };
        self.keyring.call(purpose, budget, request, read).await
    }

    fn request(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Call, FetchError> {
        let das = &self.account.config.das;
        let request = Request {
            method: "POST",
            host: das.authority(),
            path: "/",
            query: &canonical::query(parameters),
            content_type: None,
            body: &[],
            action,
            version: VERSION,
        };
        signed(&request, das, identity, now)
    }
}

/// A request with its signature, and a nonce that no other has.
///
/// # Errors
/// [`FailureKind::Internal`] for a token, with which nothing can be signed: only Huawei Cloud gives such.
pub(in crate::cloud) fn signed(
    request: &Request<'_>,
    endpoint: &Endpoint,
    identity: &Identity,
    now: Timestamp,
) -> Result<Call, FetchError> {
    let Identity::Keys(keys) = identity else {
        return Err(FetchError::new(FailureKind::Internal, "a token cannot sign"));
    };
    let nonce = format!("{:032x}", fastrand::u128(..));
    Ok(Call {
        method: Method::POST,
        url: endpoint.url(request.path, request.query),
        local: endpoint.is_local(),
        headers: sign(request, &signing(keys), now, &nonce).headers,
        body: request.body.to_vec(),
    })
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
