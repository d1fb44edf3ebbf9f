//! What an account proves its identity with: the forms that `credentials` may have in the file, and the default chains of the
//! two clouds. Files of profiles are read here, so that a change of one is a change of the configuration; whatever has to be
//! asked for (roles, tokens, metadata) is described here and obtained elsewhere. No message repeats a value.

mod chain;
mod cli_profile;
mod given;
mod huawei_profile;
mod ini;
mod profile;
pub(super) mod read;

use std::path::PathBuf;
use std::time::Duration;

use super::place::Place;
use super::raw::{RawKeys, WordOr};
use super::{Endpoint, Provider, Secret};

/// What an account proves its identity with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Requests are signed.
    Keys(Keys),
    /// Requests carry a token that IAM of Huawei Cloud gives for a password.
    Iam(IamUser),
    /// The first of these that is there; never empty.
    Chain(Vec<Link>),
    /// Alibaba Cloud: the keys of a role.
    Role(Box<Role>),
    /// Alibaba Cloud: the keys of a role, for a token of another identity provider.
    OidcRole(Box<OidcRole>),
    /// Alibaba Cloud: the keys of the role of the ECS instance that the exporter runs on.
    EcsRole(EcsRole),
    /// Alibaba Cloud: keys that a service of the user's own hands out. The URL may hold a secret.
    Uri(Secret),
    /// Alibaba Cloud: keys that a program prints.
    Process(Process),
    /// Huawei Cloud: the keys of an agency.
    Agency(Box<Agency>),
    /// Huawei Cloud: requests carry a token that IAM gives for a token of another identity provider.
    Oidc(OidcUser),
    /// Huawei Cloud: the keys of the agency of the ECS instance that the exporter runs on, told by this metadata service.
    EcsAgency(Endpoint),
}

/// A key pair, with a security token if it is a temporary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Names the key; visible ASCII.
    pub access_key_id: Secret,
    /// Signs.
    pub access_key_secret: Secret,
    /// Sent along; visible ASCII.
    pub security_token: Option<Secret>,
}

/// A user of Huawei Cloud's IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamUser {
    /// Name of the account that the user belongs to.
    pub domain: String,
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// Name of the project that the token is for, often that of the region.
    pub project: String,
}

/// One place of a default chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which it is, for people.
    pub name: String,
    /// What is there.
    pub found: Found,
}

/// What a place where credentials may be holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// These, or, where they must be asked for, perhaps these.
    Credentials(Credentials),
    /// Nothing; why.
    Nothing(String),
    /// Something that cannot be used; why, with the remedy.
    Broken(String),
}

/// A role of Alibaba Cloud's RAM, taken on by `AssumeRole`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Who takes it on.
    pub base: Credentials,
    /// Like `acs:ram::123456789012:role/exporter`.
    pub role_arn: String,
    /// Names the session in the audit logs of the cloud.
    pub session_name: String,
    /// What the role's trust policy may demand.
    pub external_id: Option<Secret>,
    /// Life of the keys.
    pub duration: Duration,
    /// Narrows what the role may do.
    pub policy: Option<String>,
    /// Where STS is reached.
    pub sts: Endpoint,
}

/// A role of Alibaba Cloud's RAM, taken on by `AssumeRoleWithOIDC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcRole {
    /// The role.
    pub role_arn: String,
    /// The identity provider, as RAM knows it.
    pub provider_arn: String,
    /// Holds the token; read at each renewal.
    pub token_file: PathBuf,
    /// Names the session in the audit logs of the cloud.
    pub session_name: String,
    /// Life of the keys.
    pub duration: Duration,
    /// Narrows what the role may do.
    pub policy: Option<String>,
    /// Where STS is reached.
    pub sts: Endpoint,
}

/// The role of an ECS instance of Alibaba Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsRole {
    /// Its name; none: asked for.
    pub name: Option<String>,
    /// Whether metadata may be asked for without a token, where there is none to be had.
    pub unhardened: bool,
    /// Where instance metadata are reached.
    pub metadata: Endpoint,
}

/// A program that prints keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments, apart by blanks; arguments may hold secrets.
    pub command: Secret,
    /// The file that names it.
    pub named_by: PathBuf,
}

/// An agency of Huawei Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Who assumes it.
    pub base: Credentials,
    /// Its name.
    pub name: String,
    /// Name of the account that created it.
    pub domain: String,
}

/// A user of another identity provider, as Huawei Cloud's IAM knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcUser {
    /// The identity provider's id.
    pub idp_id: String,
    /// Holds the token; read at each renewal.
    pub token_file: PathBuf,
}

impl Credentials {
    /// Whether IAM of Huawei Cloud may have to be asked for them.
    pub(super) fn need_iam(&self) -> bool {
        match self {
            Self::Iam(_) | Self::Agency(_) | Self::Oidc(_) => true,
            Self::Chain(links) => links
                .iter()
                .any(|link| matches!(&link.found, Found::Credentials(credentials) if credentials.need_iam())),
            _ => false,
        }
    }

    /// Where STS and instance metadata are reached if these have to be asked for; of a chain the first that is there.
    pub(super) fn endpoints(&self) -> [Option<&Endpoint>; 2] {
        match self {
            Self::Role(role) => [Some(&role.sts), role.base.endpoints()[1]],
            Self::OidcRole(role) => [Some(&role.sts), None],
            Self::EcsRole(role) => [None, Some(&role.metadata)],
            Self::EcsAgency(metadata) => [None, Some(metadata)],
            Self::Agency(agency) => agency.base.endpoints(),
            Self::Chain(links) => {
                let found = links.iter().filter_map(|link| match &link.found {
                    Found::Credentials(credentials) => Some(credentials.endpoints()),
                    Found::Nothing(_) | Found::Broken(_) => None,
                });
                found.fold([None, None], |[sts, metadata], next| [sts.or(next[0]), metadata.or(next[1])])
            }
            Self::Keys(_) | Self::Iam(_) | Self::Uri(_) | Self::Process(_) | Self::Oidc(_) => [None, None],
        }
    }
}

/// What credentials depend on beside their own keys in the file.
pub(super) struct Around<'a> {
    pub provider: Provider,
    pub region: Option<&'a str>,
    pub sts: Option<&'a Endpoint>,
    pub metadata: Option<&'a Endpoint>,
}

/// Credentials, and what a profile tells of the account beside them.
pub(super) struct Identity {
    pub credentials: Credentials,
    pub project_id: Option<String>,
}

impl From<Credentials> for Identity {
    fn from(credentials: Credentials) -> Self {
        Self { credentials, project_id: None }
    }
}

/// The credentials of an account; `at` is its `credentials`.
pub(super) fn credentials(at: &Place, raw: Option<&WordOr<RawKeys>>, around: &Around) -> Option<Identity> {
    match raw {
        None => chain::chain(at, around),
        Some(WordOr::Word(word)) => {
            let is_default =
                |text: &str| if text == "default" { Ok(()) } else { Err("must be default or a map of keys") };
            at.parsed(word, is_default)?;
            chain::chain(at, around)
        }
        Some(WordOr::Keys(keys)) => given::given(at, keys, around),
    }
}
