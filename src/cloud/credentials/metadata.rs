//! Services beside the exporter that hand out keys: the instance metadata of both clouds, and a credentials URI. They are asked
//! directly, never through a proxy, with little patience, and outside of the account's limit: they are not the cloud's API.

use std::time::Duration;

use reqwest::{Method, Url};

use super::Identity;
use super::answer::{ALIBABA, Fresh, MAX_BYTES, Moment, bad, json};
use super::iam::read_keys;
use super::issuer::{Lack, Request};
use crate::cloud::budget::Budget;
use crate::cloud::transport::{Answer, Call};
use crate::config::{EcsRole, Endpoint, Secret};
use crate::error::{FailureKind, FetchError};

/// An answer from the same machine takes milliseconds; where there is no such service, the first packet is lost.
const BOUND: Duration = Duration::from_secs(2);

/// Longest life of a metadata token, in seconds, at both clouds.
const TOKEN_SECONDS: &str = "21600";

/// Below it Alibaba Cloud has the keys of the instance's role; it lists the name of that.
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// What Huawei Cloud says to an instance without an agency.
const NO_AGENCY: &str = "Please configure Cloud Service Agency first";

/// The metadata service of one cloud.
struct Service<'a> {
    request: Request<'a>,
    endpoint: &'a Endpoint,
    /// Name of the operation, for people and metrics.
    operation: &'static str,
    token_path: &'static str,
    /// Header with the life of a token, and header with the token.
    headers: [&'static str; 2],
}

/// Whether there is a token for metadata.
enum Hardened {
    Yes(String),
    No,
}

impl Service<'_> {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: Option<(&'static str, String)>,
        budget: &mut Budget,
    ) -> Result<Answer, FetchError> {
        let mut headers = vec![("host", self.endpoint.authority().to_owned())];
        headers.extend(header);
        let url = self.endpoint.url(path, "");
        let call = Call { method, url, local: true, headers, body: Vec::new() };
        let answer = self.request.account.ask(self.operation, call, MAX_BYTES, BOUND, budget).await;
        answer
            .map_err(|error| FetchError { detail: format!("{}: {}", self.name(path), error.detail), ..error })
    }

    fn name(&self, path: &str) -> String {
        format!("{} {}{path}", self.operation, self.endpoint.base())
    }

    /// A token, or the knowledge that the service has none to give. `refused`: statuses that say so; none: any other than 200.
    async fn token(&self, refused: &[u16], budget: &mut Budget) -> Result<Hardened, FetchError> {
        let life = (self.headers[0], TOKEN_SECONDS.to_owned());
        let answer = self.ask(Method::PUT, self.token_path, Some(life), budget).await?;
        if answer.status == 200 {
            let token = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
            if !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic()) {
                return Ok(Hardened::Yes(token.to_owned()));
            }
            return Err(bad(&self.name(self.token_path), "no usable token"));
        }
        if refused.is_empty() || refused.contains(&answer.status) {
            return Ok(Hardened::No);
        }
        Err(self.refused(self.token_path, &answer))
    }

    async fn get(&self, path: &str, token: &Hardened, budget: &mut Budget) -> Result<Answer, FetchError> {
        let header = match token {
            Hardened::Yes(token) => Some((self.headers[1], token.clone())),
            Hardened::No => None,
        };
        self.ask(Method::GET, path, header, budget).await
    }

    fn refused(&self, path: &str, answer: &Answer) -> FetchError {
        let kind = match answer.status {
            500.. => FailureKind::ProviderError,
            300..400 => FailureKind::BadResponse,
            _ => FailureKind::Auth,
        };
        let remedy = "check endpoints.metadata, and the role of the instance";
        FetchError::new(kind, format!("{}: HTTP status {}; {remedy}", self.name(path), answer.status))
    }
}

/// Nobody there is the usual case on a machine that is no instance of the cloud.
fn absent(error: FetchError) -> Lack {
    match error.kind {
        FailureKind::Network | FailureKind::Timeout => {
            let detail = format!("{}; is this an instance of the cloud?", error.detail);
            Lack::Nothing(FetchError { detail, ..error })
        }
        _ => Lack::Failed(error),
    }
}

/// The keys of the role of an ECS instance of Alibaba Cloud: with a token if there is one to be had, else without, where that
/// is allowed.
pub(super) async fn ecs_role(
    request: Request<'_>,
    role: &EcsRole,
    budget: &mut Budget,
) -> Result<Fresh, Lack> {
    let service = Service {
        request,
        endpoint: &role.metadata,
        operation: "EcsMetadata",
        token_path: "/latest/api/token",
        headers: ["x-aliyun-ecs-metadata-token-ttl-seconds", "x-aliyun-ecs-metadata-token"],
    };
    // The answer with a token is the only one that may not travel far, so it can be lost where others are not.
    let token = match service.token(&[], budget).await {
        Ok(Hardened::No) | Err(_) if role.unhardened => Hardened::No,
        Ok(Hardened::No) => {
            let why = "gives no token, and ALIBABA_CLOUD_IMDSV1_DISABLED forbids to go without";
            return Err(Lack::nothing(format!("{} {why}", service.name(service.token_path))));
        }
        Ok(token) => token,
        Err(error) => return Err(absent(error)),
    };
    let name = match &role.name {
        Some(name) => name.clone(),
        None => only_role(&service, ROLES, &token, budget).await?,
    };
    let path = format!("{ROLES}{name}");
    let answer = service.get(&path, &token, budget).await.map_err(absent)?;
    let what = service.name(&path);
    match answer.status {
        200 => Ok(read_alibaba(&what, &answer, request)?),
        404 => Err(Lack::nothing(format!("{what}: no such role; attach it to the instance"))),
        _ => Err(service.refused(&path, &answer).into()),
    }
}

async fn only_role(
    service: &Service<'_>,
    path: &str,
    token: &Hardened,
    budget: &mut Budget,
) -> Result<String, Lack> {
    let answer = service.get(path, token, budget).await.map_err(absent)?;
    let no_role = || Lack::nothing(format!("{}: no role; attach one to the instance", service.name(path)));
    match answer.status {
        200 => {}
        404 => return Err(no_role()),
        _ => return Err(service.refused(path, &answer).into()),
    }
    let name = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    match name {
        "" => Err(no_role()),
        name if name.chars().all(fits) => Ok(name.to_owned()),
        _ => Err(bad(&service.name(path), "not the name of a role").into()),
    }
}

fn read_alibaba(what: &str, answer: &Answer, request: Request<'_>) -> Result<Fresh, FetchError> {
    let json = json(what, &answer.body)?;
    if json.get("Code").is_some_and(|code| code != "Success") {
        return Err(FetchError::new(
            FailureKind::Auth,
            format!("{what}: its Code is not Success; look at the service, and at the role"),
        ));
    }
    let (keys, ends_at) = ALIBABA.read(what, &json)?;
    Fresh::issued(what, Identity::Keys(keys), ends_at, Moment::of(answer, request.account.now()))
}

/// The keys of the agency of an ECS instance of Huawei Cloud.
pub(super) async fn ecs_agency(
    request: Request<'_>,
    endpoint: &Endpoint,
    budget: &mut Budget,
) -> Result<Fresh, Lack> {
    const KEYS: &str = "/openstack/latest/securitykey";
    let service = Service {
        request,
        endpoint,
        operation: "EcsMetadata",
        token_path: "/meta-data/latest/api/token",
        headers: ["x-metadata-token-ttl-seconds", "x-metadata-token"],
    };
    let token = service.token(&[404, 405, 503], budget).await.map_err(absent)?;
    let answer = service.get(KEYS, &token, budget).await.map_err(absent)?;
    let what = service.name(KEYS);
    let has_none = answer.body.windows(NO_AGENCY.len()).any(|window| window == NO_AGENCY.as_bytes());
    match answer.status {
        200 => Ok(read_keys(&what, &answer, request.account.now())?),
        _ if has_none || answer.status == 404 => {
            Err(Lack::nothing(format!("{what}: no agency; choose one for the instance")))
        }
        _ => Err(service.refused(KEYS, &answer).into()),
    }
}

/// The keys that a service of the user's own hands out.
pub(super) async fn credentials_uri(
    request: Request<'_>,
    uri: &Secret,
    budget: &mut Budget,
) -> Result<Fresh, FetchError> {
    const OPERATION: &str = "CredentialsUri";
    let no_url = || FetchError::new(FailureKind::Internal, "the credentials URI is none");
    let url = Url::parse(uri.expose()).map_err(|_| no_url())?;
    let host = url.host_str().ok_or_else(no_url)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    // What follows the host may be as good as a password.
    let what = format!("{OPERATION} {}://{host}/…", url.scheme());
    let headers = vec![("host", host), ("accept", "application/json".to_owned())];
    let call = Call { method: Method::GET, url, local: true, headers, body: Vec::new() };
    let answer = request.account.ask(OPERATION, call, MAX_BYTES, BOUND, budget).await;
    let told = |why: &str| format!("{what}: {why}; check credentials_uri and the service there");
    let answer = answer.map_err(|error| FetchError { detail: told(&error.detail), ..error })?;
    if answer.status == 200 {
        return read_alibaba(&what, &answer, request);
    }
    let kind = match answer.status {
        500.. => FailureKind::ProviderError,
        300..400 => FailureKind::BadResponse,
        _ => FailureKind::Auth,
    };
    Err(FetchError::new(kind, told(&format!("HTTP status {}", answer.status))))
}
