//! The default chains, in the order of the clouds' own SDKs: environment, files of profiles, metadata. Reads what is there, and
//! says of each place what it holds; asking metadata and roles is left to whoever has a connection. Facts: the providers of
//! Alibaba Cloud's credentials SDK and of Huawei Cloud's core SDK.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::read::unfit;
use super::{
    Around, Credentials, EcsRole, Found, Identity, Keys, Link, OidcRole, OidcUser, cli_profile, given,
    huawei_profile, ini,
};
use crate::config::place::Place;
use crate::config::{Endpoint, Provider, Secret, text};

/// How sessions of a role are named where nobody says.
pub(super) const SESSION_NAME: &str = "dbsession_exporter";

/// Life of a role's keys where nobody says, as STS has it.
pub(super) const ROLE_DURATION: Duration = Duration::from_hours(1);

const STS: &str = "https://sts.aliyuncs.com";

/// Names of environment variables for key id, secret and security token, in the order in which they are tried: each provider's
/// SDK, then what Terraform users of Huawei Cloud have set.
const fn variables(provider: Provider) -> &'static [[&'static str; 3]] {
    match provider {
        Provider::Alibaba => &[[
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
        ]],
        Provider::Huawei => &[
            ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"],
            ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"],
        ],
    }
}

/// The default chain of an account. What comes after keys in the environment is not even looked at.
pub(super) fn chain(at: &Place, around: &Around) -> Option<Identity> {
    let environment = link("environment", from_environment(at, around.provider)?);
    let (links, project_id) = match (&environment.found, around.provider) {
        (Found::Credentials(Credentials::Keys(_)), _) => (vec![environment], None),
        (_, Provider::Alibaba) => (alibaba(at, around, environment), None),
        (_, Provider::Huawei) => huawei(at, around, environment),
    };
    Some(Identity { credentials: Credentials::Chain(links), project_id })
}

fn link(name: impl Into<String>, found: Found) -> Link {
    Link { name: name.into(), found }
}

fn alibaba(at: &Place, around: &Around, environment: Link) -> Vec<Link> {
    let name = at.env("ALIBABA_CLOUD_PROFILE");
    let mut links = vec![
        environment,
        link("OIDC", oidc_role(at, around)),
        link("CLI profile", cli_profile::from_chain(at, name.as_deref(), around)),
        link("credentials file", ini::from_chain(at, name.as_deref(), around)),
    ];
    let disabled = is_set(at, "ALIBABA_CLOUD_ECS_METADATA_DISABLED");
    let ecs_role = EcsRole {
        name: at.env("ALIBABA_CLOUD_ECS_METADATA").and_then(|name| given::role_name(&name).ok()),
        unhardened: may_be_unhardened(at),
        metadata: metadata(around),
    };
    let metadata = if disabled {
        Found::Nothing("ALIBABA_CLOUD_ECS_METADATA_DISABLED switches it off".to_owned())
    } else {
        Found::Credentials(Credentials::EcsRole(ecs_role))
    };
    links.push(link("ECS RAM role", metadata));
    links.push(link("credentials URI", uri(at)));
    links
}

/// The chain, and the project that the profile names.
fn huawei(at: &Place, around: &Around, environment: Link) -> (Vec<Link>, Option<String>) {
    let (profile, project_id) = huawei_profile::from_chain(at);
    let links = vec![
        environment,
        link("profile", profile),
        link("ECS agency", Found::Credentials(Credentials::EcsAgency(metadata(around)))),
    ];
    (links, project_id)
}

/// The first pair that is whole. Without one, half a pair is a mistake, and noted as one.
fn from_environment(at: &Place, provider: Provider) -> Option<Found> {
    let rows = variables(provider);
    let pair = |&[id, secret, token]: &[&'static str; 3]| {
        let keys = Keys {
            access_key_id: Secret::new(at.env(id)?),
            access_key_secret: Secret::new(at.env(secret)?),
            security_token: at.env(token).map(Secret::new),
        };
        Some((keys, id, token))
    };
    if let Some((keys, id, token)) = rows.iter().find_map(pair) {
        let problem = unfit(&keys, id, token);
        at.refuse(problem.is_some(), problem.as_deref().unwrap_or_default());
        return problem.is_none().then_some(Found::Credentials(Credentials::Keys(keys)));
    }
    let half = rows.iter().find(|[id, secret, _]| at.env(id).is_some() || at.env(secret).is_some());
    if let Some(&[id, secret, _]) = half {
        let (set, missing) = if at.env(id).is_some() { (id, secret) } else { (secret, id) };
        at.problem(format_args!(
            "half a key in the environment: {set} is set, {missing} is not; set both or neither"
        ));
        return None;
    }
    Some(match provider {
        Provider::Alibaba => Found::Nothing(not_set(rows)),
        Provider::Huawei => oidc_user(at),
    })
}

fn not_set(rows: &[[&str; 3]]) -> String {
    let pairs: Vec<String> = rows.iter().map(|[id, secret, _]| format!("{id} and {secret}")).collect();
    format!("{} are not set", pairs.join(", or "))
}

fn oidc_user(at: &Place) -> Found {
    const VARIABLES: [&str; 2] = ["HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE"];
    let [Some(idp_id), Some(token_file)] = VARIABLES.map(|name| at.env(name)) else {
        let keys = not_set(variables(Provider::Huawei));
        return Found::Nothing(format!("{keys}, nor are {} and {}", VARIABLES[0], VARIABLES[1]));
    };
    match text::plain_id(&idp_id) {
        Ok(idp_id) => {
            let token_file = PathBuf::from(token_file);
            Found::Credentials(Credentials::Oidc(OidcUser { idp_id, token_file }))
        }
        Err(rule) => Found::Broken(format!("{} {rule}", VARIABLES[0])),
    }
}

/// What the webhook for roles of Kubernetes service accounts sets; all of it, or it does not count.
fn oidc_role(at: &Place, around: &Around) -> Found {
    const VARIABLES: [&str; 3] =
        ["ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"];
    const SESSION: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
    let values = VARIABLES.map(|name| at.env(name));
    let [Some(role_arn), Some(provider_arn), Some(token_file)] = values else {
        let unset = VARIABLES.iter().zip(&values).filter(|(_, value)| value.is_none());
        let unset: Vec<_> = unset.map(|(name, _)| *name).collect();
        return Found::Nothing(format!("not set: {}", unset.join(", ")));
    };
    let named = |name: &'static str| move |rule: &str| format!("{name} {rule}");
    let role = || {
        let session = at.env(SESSION).as_deref().map(session_name).transpose();
        Ok(OidcRole {
            role_arn: given::arn(&role_arn).map_err(named(VARIABLES[0]))?,
            provider_arn: given::arn(&provider_arn).map_err(named(VARIABLES[1]))?,
            token_file: PathBuf::from(token_file),
            session_name: session.map_err(named(SESSION))?.unwrap_or_else(|| SESSION_NAME.to_owned()),
            duration: ROLE_DURATION,
            policy: None,
            sts: sts(at, around, None),
        })
    };
    role().map_or_else(Found::Broken, |role| Found::Credentials(Credentials::OidcRole(Box::new(role))))
}

fn uri(at: &Place) -> Found {
    const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
    let Some(uri) = at.env(VARIABLE) else { return Found::Nothing(format!("{VARIABLE} is not set")) };
    match local_url(&uri) {
        Ok(uri) => Found::Credentials(Credentials::Uri(uri)),
        Err(rule) => Found::Broken(format!("{VARIABLE} {rule}")),
    }
}

/// Whether an environment variable says true.
pub(super) fn is_set(at: &Place, name: &str) -> bool {
    at.env(name).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1"))
}

pub(super) fn may_be_unhardened(at: &Place) -> bool {
    !is_set(at, "ALIBABA_CLOUD_IMDSV1_DISABLED")
}

/// Where instance metadata are reached: a link-local address, the same on every instance of a cloud.
pub(super) fn metadata(around: &Around) -> Endpoint {
    let default = match around.provider {
        Provider::Alibaba => "http://100.100.100.200",
        Provider::Huawei => "http://169.254.169.254",
    };
    around.metadata.cloned().unwrap_or_else(|| default.parse().expect("the constant is a URL"))
}

/// Where STS is reached: as configured, else in the region that profile or environment name, else the one for all regions.
pub(super) fn sts(at: &Place, around: &Around, of_profile: Option<(&str, bool)>) -> Endpoint {
    let of_environment = || {
        let region = at.env("ALIBABA_CLOUD_STS_REGION")?;
        Some((region, is_set(at, "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED")))
    };
    let region = of_profile.map(|(region, vpc)| (region.to_owned(), vpc)).or_else(of_environment);
    let of_region = || {
        let (region, vpc) = region?;
        let region = text::plain_id(&region).ok()?;
        format!("https://sts{}.{region}.aliyuncs.com", if vpc { "-vpc" } else { "" }).parse().ok()
    };
    let default = || STS.parse().expect("the constant is a URL");
    around.sts.cloned().or_else(of_region).unwrap_or_else(default)
}

/// A URL of a service that hands out keys.
pub(super) fn local_url(text: &str) -> Result<Secret, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(|_| Secret::new(text)).ok_or("must be a URL, like http://127.0.0.1:8080/keys")
}

/// How a session of a role may be named.
pub(super) fn session_name(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._@".contains(c);
    if (2..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("must have 2 to 64 characters, and only letters, digits, -, ., _ and @")
    }
}

/// How long the keys of a role may live; a role may allow less than the longest.
pub(super) fn role_duration(duration: Duration) -> Result<Duration, &'static str> {
    if (Duration::from_mins(15)..=Duration::from_hours(12)).contains(&duration) {
        Ok(Duration::from_secs(duration.as_secs()))
    } else {
        Err("must be from 15m to 12h")
    }
}
