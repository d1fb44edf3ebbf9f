//! Who may become whom: the STS and the instance metadata of Alibaba Cloud, IAM and the instance metadata of Huawei Cloud, and
//! a credentials URI. What they issue is a temporary key or a token of the simulated cloud, with a life that the test chooses.

mod alibaba;
mod huawei;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::refusal::Refusal;
use super::state::{Key, Shared};
use super::wire::{Answer, Received};
use crate::cloud::canonical::{decode, sha256_hex};

/// Name under which all of these have their faults and their place in the log.
pub const STS: &str = "sts";

/// The same for instance metadata and the credentials URI.
pub const METADATA: &str = "metadata";

/// Path of the credentials URI.
pub const CREDENTIALS_URI: &str = "/keys";

/// Life of temporary keys, unless another is chosen; both clouds give about that by default.
const LIFE: Duration = Duration::from_hours(1);

/// Which instance metadata there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// None: this machine is no instance.
    Absent,
    /// With a token alone.
    Hardened,
    /// There is no token to be had: who asks for one gets this HTTP status.
    Plain(u16),
}

/// What is known of identities beyond keys and users.
pub(super) struct Identities {
    /// ARN of each role, with the external id that it demands.
    pub roles: Vec<(String, Option<String>)>,
    /// Tokens of another identity provider.
    pub id_tokens: Vec<String>,
    /// Name of each agency and of the account that created it.
    pub agencies: Vec<(String, String)>,
    /// Id and name of each project.
    pub projects: Vec<(String, String)>,
    pub metadata: Metadata,
    /// Role or agency of the instance.
    pub instance_role: Option<String>,
    pub metadata_tokens: Vec<String>,
    /// Of all that is issued; none: what is documented.
    pub life: Option<Duration>,
}

impl Default for Identities {
    fn default() -> Self {
        Self {
            roles: Vec::new(),
            id_tokens: Vec::new(),
            agencies: Vec::new(),
            projects: Vec::new(),
            metadata: Metadata::Absent,
            instance_role: None,
            metadata_tokens: Vec::new(),
            life: None,
        }
    }
}

/// A request for an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    AssumeRole,
    AssumeRoleWithOidc,
    AlibabaToken,
    AlibabaRoles,
    CredentialsUri,
    Agency,
    IdToken,
    Projects,
    HuaweiToken,
    HuaweiKeys,
}

impl Ask {
    /// What a request asks for, and its name in the log; none if it is about something else.
    pub fn of(request: &Received) -> Option<(Self, String)> {
        let path = request.path.as_str();
        let action = request.parameter("Action").unwrap_or_default();
        let ask = match (request.method.as_str(), path) {
            ("POST", "/") if request.header("x-acs-action") == "AssumeRole" => Self::AssumeRole,
            ("POST", "/") if action == "AssumeRoleWithOIDC" => Self::AssumeRoleWithOidc,
            ("PUT", "/latest/api/token") => Self::AlibabaToken,
            ("GET", _) if path.starts_with(alibaba::ROLES) => Self::AlibabaRoles,
            ("GET", CREDENTIALS_URI) => Self::CredentialsUri,
            ("POST", "/v3.0/OS-CREDENTIAL/securitytokens") => Self::Agency,
            ("POST", "/v3.0/OS-AUTH/id-token/tokens") => Self::IdToken,
            ("GET", "/v3/projects") => Self::Projects,
            ("PUT", "/meta-data/latest/api/token") => Self::HuaweiToken,
            ("GET", "/openstack/latest/securitykey") => Self::HuaweiKeys,
            _ => return None,
        };
        let segment = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = match ask {
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithOidc => "AssumeRoleWithOIDC",
            _ => segment,
        };
        Some((ask, name.to_owned()))
    }

    /// Under which name it has its faults and its place in the log.
    pub fn service(self) -> &'static str {
        match self {
            Self::AssumeRole | Self::AssumeRoleWithOidc => STS,
            Self::Agency | Self::IdToken | Self::Projects => super::IAM,
            Self::AlibabaToken
            | Self::AlibabaRoles
            | Self::CredentialsUri
            | Self::HuaweiToken
            | Self::HuaweiKeys => METADATA,
        }
    }

    pub fn answer(self, shared: &Shared, request: &Received) -> Result<Answer, Refusal> {
        match self {
            Self::AssumeRole => alibaba::assume_role(shared, request),
            Self::AssumeRoleWithOidc => alibaba::assume_role_with_oidc(shared, request),
            Self::AlibabaToken | Self::HuaweiToken => Ok(metadata_token(shared, request, self)),
            Self::AlibabaRoles => Ok(alibaba::instance_role(shared, request)),
            Self::CredentialsUri => Ok(alibaba::credentials_uri(shared)),
            Self::Agency => huawei::agency(shared, request),
            Self::IdToken => huawei::id_token(shared, request),
            Self::Projects => Ok(huawei::projects(shared, request)),
            Self::HuaweiKeys => Ok(huawei::instance_agency(shared, request)),
        }
    }
}

/// A new temporary key.
struct Issued {
    id: String,
    secret: String,
    token: String,
    ends_at: Timestamp,
}

fn issue(shared: &Shared) -> Issued {
    let now = shared.now();
    let mut state = shared.state();
    let serial = state.serial();
    let life = SignedDuration::try_from(state.identities.life.unwrap_or(LIFE)).unwrap_or(SignedDuration::MAX);
    let ends_at = now.saturating_add(life).unwrap_or(Timestamp::MAX);
    let text = |what: &str| sha256_hex(format!("{what} {serial}").as_bytes());
    let issued = Issued {
        id: format!("STS.{}", &text("id")[..20]),
        secret: format!("issued-secret-{}", &text("secret")[..20]),
        token: format!("issued-token-{}", text("token")),
        ends_at,
    };
    let key =
        Key { secret: issued.secret.clone(), token: Some(issued.token.clone()), ends_at: Some(ends_at) };
    state.keys.insert(issued.id.clone(), key);
    issued
}

fn not_there() -> Answer {
    Answer::new(404, "text/html", "<html>404 - Not Found</html>")
}

/// `PUT` of either cloud's metadata.
fn metadata_token(shared: &Shared, request: &Received, ask: Ask) -> Answer {
    let header = if ask == Ask::HuaweiToken {
        "x-metadata-token-ttl-seconds"
    } else {
        "x-aliyun-ecs-metadata-token-ttl-seconds"
    };
    let life = request.header(header).parse::<u32>().unwrap_or_default();
    let mut state = shared.state();
    match state.identities.metadata {
        Metadata::Hardened if (1..=21_600).contains(&life) => {
            let token = format!("metadata-token-{}", sha256_hex(&state.serial().to_be_bytes()));
            state.identities.metadata_tokens.push(token.clone());
            Answer::new(200, "text/plain", token)
        }
        Metadata::Hardened => Answer::new(400, "text/plain", "no life"),
        Metadata::Absent => not_there(),
        Metadata::Plain(status) => Answer::new(status, "text/plain", "no token"),
    }
}

/// Whether a call to metadata is let in.
fn may_read(shared: &Shared, token: &str) -> Result<(), Answer> {
    let state = shared.state();
    match state.identities.metadata {
        Metadata::Absent => Err(not_there()),
        Metadata::Plain(_) => Ok(()),
        Metadata::Hardened if state.identities.metadata_tokens.iter().any(|known| known == token) => Ok(()),
        Metadata::Hardened => Err(Answer::new(401, "text/plain", "no token")),
    }
}

/// The value of a form's field.
fn form(request: &Received, name: &str) -> Option<String> {
    let body = std::str::from_utf8(&request.body).ok()?;
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name);
    values.next().map(|(_, value)| decode(&value.replace('+', " ")).into_owned())
}
