//! The forms of `credentials` that the file spells out: one of them, of the right cloud, and whole. A role or an agency may
//! stand on top of any other form, or of the default chain.

use super::read::{keys, secret};
use super::{
    Agency, Around, Credentials, EcsRole, IamUser, Identity, OidcRole, OidcUser, Role, chain, profile,
};
use crate::config::place::Place;
use crate::config::raw::{Leaf, RawAgency, RawIam, RawKeys, RawOidc};
use crate::config::{Provider, text, units};

/// The forms that are complete by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Keys,
    Profile,
    Oidc,
    EcsRole,
    Uri,
    Iam,
    EcsAgency,
}

/// What gives each form away, and the only cloud that has it.
const FORMS: [(Form, &str, Option<Provider>); 7] = [
    (Form::Profile, "profile", None),
    (Form::Oidc, "oidc", None),
    (Form::EcsRole, "ecs_role", Some(Provider::Alibaba)),
    (Form::Uri, "credentials_uri", Some(Provider::Alibaba)),
    (Form::Iam, "iam", Some(Provider::Huawei)),
    (Form::EcsAgency, "ecs_agency", Some(Provider::Huawei)),
    (Form::Keys, "access_key_id and access_key_secret", None),
];

impl Form {
    fn is_given(self, raw: &RawKeys) -> bool {
        let leaf = |leaf: &Leaf| leaf.0.is_some();
        match self {
            Self::Keys => {
                leaf(&raw.access_key_id)
                    || leaf(&raw.access_key_id_file)
                    || leaf(&raw.access_key_secret)
                    || leaf(&raw.access_key_secret_file)
                    || leaf(&raw.security_token)
                    || leaf(&raw.security_token_file)
            }
            Self::Profile => leaf(&raw.profile),
            Self::Oidc => raw.oidc.is_some(),
            Self::EcsRole => leaf(&raw.ecs_role),
            Self::Uri => leaf(&raw.credentials_uri),
            Self::Iam => raw.iam.is_some(),
            Self::EcsAgency => leaf(&raw.ecs_agency),
        }
    }
}

/// Credentials that are a map of keys.
pub(super) fn given(at: &Place, raw: &RawKeys, around: &Around) -> Option<Identity> {
    let on_top = on_top(at, raw, around);
    let forms: Vec<_> = FORMS.into_iter().filter(|(form, ..)| form.is_given(raw)).collect();
    if let Some((_, name, Some(owner))) =
        forms.iter().find(|(.., owner)| owner.is_some_and(|owner| owner != around.provider))
    {
        at.key(name).problem(format_args!(
            "is for {}; give access_key_id and access_key_secret, or another form",
            cloud(*owner)
        ));
        return None;
    }
    let base = match &forms[..] {
        [] if on_top.is_some() => chain::chain(at, around),
        [] => keys(at, raw).map(|keys| Credentials::Keys(keys).into()),
        [(form, ..)] => alone(*form, at, raw, around),
        _ => {
            let names: Vec<_> = forms.iter().map(|(_, name, _)| *name).collect();
            at.problem(format_args!("two kinds at once; give either {}", names.join(" or ")));
            None
        }
    };
    match on_top {
        Some(on_top) => on_top(base?),
        None => base,
    }
}

fn cloud(provider: Provider) -> &'static str {
    match provider {
        Provider::Alibaba => "Alibaba Cloud",
        Provider::Huawei => "Huawei Cloud",
    }
}

fn alone(form: Form, at: &Place, raw: &RawKeys, around: &Around) -> Option<Identity> {
    let credentials = match form {
        Form::Keys => Credentials::Keys(keys(at, raw)?),
        Form::Profile => return profile::profile(&at.key("profile"), &raw.profile, around),
        Form::Oidc => {
            let oidc = raw.oidc.as_ref()?;
            match around.provider {
                Provider::Alibaba => oidc_role(&at.key("oidc"), oidc, around)?,
                Provider::Huawei => oidc_user(&at.key("oidc"), oidc)?,
            }
        }
        Form::EcsRole => Credentials::EcsRole(EcsRole {
            name: Some(at.key("ecs_role").parsed(&raw.ecs_role, role_name)?),
            unhardened: chain::may_be_unhardened(at),
            metadata: chain::metadata(around),
        }),
        Form::Uri => {
            Credentials::Uri(at.key("credentials_uri").parsed(&raw.credentials_uri, chain::local_url)?)
        }
        Form::Iam => Credentials::Iam(iam_user(&at.key("iam"), raw.iam.as_ref()?, around.region)?),
        Form::EcsAgency => {
            let is_true = |text: &str| if text == "true" { Ok(()) } else { Err("only true means something") };
            at.key("ecs_agency").parsed(&raw.ecs_agency, is_true)?;
            Credentials::EcsAgency(chain::metadata(around))
        }
    };
    Some(credentials.into())
}

type OnTop<'a> = Box<dyn FnOnce(Identity) -> Option<Identity> + 'a>;

/// What stands on top of other credentials, if anything does.
fn on_top<'a>(at: &'a Place, raw: &'a RawKeys, around: &'a Around) -> Option<OnTop<'a>> {
    let of_role = [
        ("role_session_name", &raw.role_session_name),
        ("external_id", &raw.external_id),
        ("external_id_file", &raw.external_id_file),
        ("duration", &raw.duration),
    ];
    if raw.role_arn.0.is_none() {
        for (key, _) in of_role.into_iter().filter(|(_, leaf)| leaf.0.is_some()) {
            at.key(key).problem("is of no use without role_arn; give that as well, or remove it");
        }
    }
    let of_alibaba = raw.role_arn.0.is_some() && around.provider == Provider::Huawei;
    at.key("role_arn").refuse(of_alibaba, "is for Alibaba Cloud; Huawei Cloud has agency");
    let of_huawei = raw.agency.is_some() && around.provider == Provider::Alibaba;
    at.key("agency").refuse(of_huawei, "is for Huawei Cloud; Alibaba Cloud has role_arn");
    match around.provider {
        Provider::Alibaba if raw.role_arn.0.is_some() => {
            Some(Box::new(move |base| role(at, raw, base.credentials, around).map(Identity::from)))
        }
        Provider::Huawei => {
            let agency = raw.agency.as_ref()?;
            Some(Box::new(move |base| self::agency(&at.key("agency"), agency, base)))
        }
        Provider::Alibaba => None,
    }
}

fn role(at: &Place, raw: &RawKeys, base: Credentials, around: &Around) -> Option<Credentials> {
    let role_arn = at.key("role_arn").parsed(&raw.role_arn, arn);
    let session_name = at.key("role_session_name").parsed(&raw.role_session_name, chain::session_name);
    let duration =
        at.key("duration").parsed(&raw.duration, |text| units::duration(text).and_then(chain::role_duration));
    let external_id = secret(at, "external_id", &raw.external_id, &raw.external_id_file, false);
    Some(Credentials::Role(Box::new(Role {
        base,
        role_arn: role_arn?,
        session_name: session_name.unwrap_or_else(|| chain::SESSION_NAME.to_owned()),
        external_id,
        duration: duration.unwrap_or(chain::ROLE_DURATION),
        policy: None,
        sts: chain::sts(at, around, None),
    })))
}

fn agency(at: &Place, raw: &RawAgency, base: Identity) -> Option<Identity> {
    let name = at.key("name").required(&raw.name, "the name of the agency", text::line);
    let domain = at.key("domain").required(
        &raw.domain,
        "the name of the Huawei Cloud account that created the agency",
        text::line,
    );
    let Identity { credentials: base, project_id } = base;
    let agency = Agency { base, name: name?, domain: domain? };
    Some(Identity { credentials: Credentials::Agency(Box::new(agency)), project_id })
}

fn oidc_role(at: &Place, raw: &RawOidc, around: &Around) -> Option<Credentials> {
    at.key("idp_id").refuse(raw.idp_id.0.is_some(), "is for Huawei Cloud; give role_arn and provider_arn");
    let role_arn = at.key("role_arn").required(&raw.role_arn, "the ARN of the role", arn);
    let provider_arn =
        at.key("provider_arn").required(&raw.provider_arn, "the ARN of the identity provider", arn);
    let token_file = token_file(at, &raw.token_file);
    Some(Credentials::OidcRole(Box::new(OidcRole {
        role_arn: role_arn?,
        provider_arn: provider_arn?,
        token_file: token_file?,
        session_name: chain::SESSION_NAME.to_owned(),
        duration: chain::ROLE_DURATION,
        policy: None,
        sts: chain::sts(at, around, None),
    })))
}

fn oidc_user(at: &Place, raw: &RawOidc) -> Option<Credentials> {
    for (key, leaf) in [("role_arn", &raw.role_arn), ("provider_arn", &raw.provider_arn)] {
        at.key(key).refuse(leaf.0.is_some(), "is for Alibaba Cloud; give idp_id");
    }
    let idp_id = at.key("idp_id").required(&raw.idp_id, "the id of the identity provider", text::plain_id);
    let token_file = token_file(at, &raw.token_file);
    Some(Credentials::Oidc(OidcUser { idp_id: idp_id?, token_file: token_file? }))
}

/// It is not part of the configuration: it changes each hour, and is read whenever its token is needed.
fn token_file(at: &Place, leaf: &Leaf) -> Option<std::path::PathBuf> {
    let at = at.key("token_file");
    at.required(leaf, "the file that holds the token", |path| Ok::<_, &str>(at.beside(path)))
}

fn iam_user(at: &Place, raw: &RawIam, region: Option<&str>) -> Option<IamUser> {
    let domain = at.key("domain").required(&raw.domain, "the name of the Huawei Cloud account", text::line);
    let user = at.key("user").required(&raw.user, "the name of the IAM user", text::line);
    let password = secret(at, "password", &raw.password, &raw.password_file, true);
    let project = match (&raw.project.0, region) {
        (None, Some(region)) => Some(region.to_owned()),
        _ => at.key("project").required(
            &raw.project,
            "the account has no region that could be its default",
            text::line,
        ),
    };
    Some(IamUser { domain: domain?, user: user?, password: password?, project: project? })
}

/// The ARN of a role or an identity provider; masked ones of the documentation have `*`.
pub(super) fn arn(text: &str) -> Result<String, &'static str> {
    let fits = text.starts_with("acs:ram::") && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("must be an ARN, like acs:ram::123456789012:role/exporter") }
}

/// It becomes part of a URL.
pub(super) fn role_name(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("must have at most 64 characters, and only letters, digits, -, . and _")
    }
}
