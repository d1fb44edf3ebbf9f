//! `accounts`: how each cloud is reached and with whose keys.

use std::sync::Arc;
use std::time::Duration;

use super::credentials::{Around, Identity, credentials};
use super::endpoint::{Endpoint, of_huawei_region};
use super::network::network;
use super::place::Place;
use super::raw::{Leaf, RawAccount, RawRates, RawServices};
use super::settings::Level;
use super::units::{self, Rate};
use super::{Account, Credentials, Provider, text};

/// Alibaba Cloud serves the instances of every region from one host, and calls it this region.
const ALIBABA_REGION: &str = "cn-shanghai";
const ALIBABA_DAS: &str = "https://das.cn-shanghai.aliyuncs.com";

/// A sixth of the quota that is documented ([`Account::das_rate`]).
const ALIBABA_DAS_RATE: Rate = Rate { calls: 10, per: Duration::from_secs(1) };
/// A guess, after DDM: no quota is documented.
const HUAWEI_DAS_RATE: Rate = Rate { calls: 60, per: Duration::from_mins(1) };
/// Five sixths of the quota that is documented ([`Account::ddm_rate`]): others of the same user may call as well.
const HUAWEI_DDM_RATE: Rate = Rate { calls: 50, per: Duration::from_mins(1) };

/// An account as the rest of the file may refer to it, be it in order or not.
pub(super) struct Entry {
    /// Its name; empty where that is the problem.
    pub name: String,
    pub provider: Option<Provider>,
    /// What its instances inherit.
    pub level: Level,
    /// `None` where a problem is noted.
    pub account: Option<Arc<Account>>,
}

/// What depends on the cloud.
struct Reach {
    region: Option<String>,
    project_id: Option<String>,
    credentials: Option<Credentials>,
    das: Option<Endpoint>,
    ddm: Option<Endpoint>,
    iam: Option<Endpoint>,
}

/// Every account of the list, in its order; `level` is the global one.
pub(super) fn entries(at: &Place, raw: &[RawAccount], level: Level) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        let entry = entry(&at.item(index), raw, level);
        let twin = entries.iter().position(|other| !other.name.is_empty() && other.name == entry.name);
        if let Some(twin) = twin {
            at.item(index)
                .key("name")
                .problem(format_args!("{} has this name already", at.item(twin).path()));
        }
        entries.push(entry);
    }
    entries
}

fn entry(at: &Place, raw: &RawAccount, global: Level) -> Entry {
    let name = at.key("name").required(&raw.name, "instances refer to the account by its name", text::name);
    let providers = [Provider::Alibaba, Provider::Huawei].map(|provider| (provider.label(), provider));
    at.key("provider").refuse(raw.provider.0.is_none(), "missing; alibaba or huawei");
    let provider = at.key("provider").pick(&raw.provider, "provider", &providers);
    let level = global.overridden(at, &raw.settings());
    let [das_rate, ddm_rate] = rates(&at.key("rate_limit"), raw.rate_limit.as_ref(), provider);
    let default_das = match provider {
        Some(Provider::Huawei) => HUAWEI_DAS_RATE,
        _ => ALIBABA_DAS_RATE,
    };
    let reach = provider.map(|provider| match provider {
        Provider::Alibaba => alibaba(at, raw),
        Provider::Huawei => huawei(at, raw),
    });
    let network = network(at, raw);
    let account = reach.and_then(|reach| {
        Some(Arc::new(Account {
            name: name.clone()?,
            provider: provider?,
            region: reach.region,
            project_id: reach.project_id,
            credentials: reach.credentials?,
            das: reach.das?,
            ddm: reach.ddm,
            iam: reach.iam,
            network: network?,
            das_rate: das_rate.unwrap_or(default_das),
            ddm_rate: ddm_rate.unwrap_or(HUAWEI_DDM_RATE),
            settings: level.settings(),
        }))
    });
    Entry { name: name.unwrap_or_default(), provider, level, account }
}

fn alibaba(at: &Place, raw: &RawAccount) -> Reach {
    at.key("project_id").refuse(raw.project_id.0.is_some(), "is for Huawei Cloud; remove it");
    let [das, ddm, iam, sts, metadata] = endpoints(&at.key("endpoints"), raw.endpoints.as_ref());
    at.key("endpoints.ddm").refuse(ddm.is_some(), "is for Huawei Cloud; remove it");
    at.key("endpoints.iam").refuse(iam.is_some(), "is for Huawei Cloud; remove it");
    let region =
        at.key("region").parsed(&raw.region, text::plain_id).unwrap_or_else(|| ALIBABA_REGION.to_owned());
    let around = Around {
        provider: Provider::Alibaba,
        region: Some(&region),
        sts: sts.as_ref(),
        metadata: metadata.as_ref(),
    };
    let identity = credentials(&at.key("credentials"), raw.credentials.as_ref(), &around);
    Reach {
        credentials: identity.map(|identity| identity.credentials),
        region: Some(region),
        project_id: None,
        das: Some(das.unwrap_or_else(|| ALIBABA_DAS.parse().expect("the constant is a URL"))),
        ddm: None,
        iam: None,
    }
}

fn huawei(at: &Place, raw: &RawAccount) -> Reach {
    let region = at.key("region").parsed(&raw.region, |text| {
        text::plain_id(text).and_then(|region| of_huawei_region("iam", &region).map(|_| region))
    });
    let [das, ddm, iam, sts, metadata] = endpoints(&at.key("endpoints"), raw.endpoints.as_ref());
    at.key("endpoints.sts").refuse(sts.is_some(), "is for Alibaba Cloud; remove it");
    let around = Around {
        provider: Provider::Huawei,
        region: region.as_deref(),
        sts: None,
        metadata: metadata.as_ref(),
    };
    let identity = credentials(&at.key("credentials"), raw.credentials.as_ref(), &around);
    let project_id = project_id(at, raw, region.as_deref(), identity.as_ref());
    let derived = |service: &str| of_huawei_region(service, region.as_deref()?).ok();
    let das = das.or_else(|| derived("das"));
    let iam = iam.or_else(|| derived("iam"));
    let given =
        |key: fn(&RawServices) -> &Leaf| raw.endpoints.as_ref().is_some_and(|raw| key(raw).0.is_some());
    let needs_iam = identity.as_ref().is_some_and(|identity| identity.credentials.need_iam());
    let lacks_das = das.is_none() && !given(|raw| &raw.das);
    let lacks_iam = iam.is_none() && !given(|raw| &raw.iam) && needs_iam;
    let lacking = [(lacks_das, "endpoints.das"), (lacks_iam, "endpoints.iam")];
    let missing: Vec<&str> = lacking.into_iter().filter(|row| row.0).map(|row| row.1).collect();
    let needed = raw.region.0.is_none() && !missing.is_empty();
    at.key("region").refuse(needed, &format!("missing; give it, or {}", missing.join(" and ")));
    Reach {
        project_id,
        credentials: identity.map(|identity| identity.credentials),
        das,
        ddm: ddm.or_else(|| derived("ddm")),
        iam,
        region,
    }
}

/// The project as it is given, or as environment and profile have it; else it is looked up by the name of the region, or of
/// the project that an IAM user is asked a token for.
fn project_id(
    at: &Place,
    raw: &RawAccount,
    region: Option<&str>,
    identity: Option<&Identity>,
) -> Option<String> {
    let at = at.key("project_id");
    if raw.project_id.0.is_some() {
        return at.parsed(&raw.project_id, text::plain_id);
    }
    for name in ["HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"] {
        if let Some(id) = at.env(name) {
            return at.parsed_env(name, &id, text::plain_id);
        }
    }
    let of_profile = identity.and_then(|identity| identity.project_id.clone());
    let has_name = identity.is_some_and(|identity| matches!(identity.credentials, Credentials::Iam(_)))
        || region.is_some();
    let unknown = of_profile.is_none() && !has_name && raw.region.0.is_none() && identity.is_some();
    at.refuse(
        unknown,
        "missing; give it, or the region, by which it is looked up, or set HUAWEICLOUD_SDK_PROJECT_ID or HW_PROJECT_ID in the environment",
    );
    of_profile
}

/// What `endpoints` gives for das, ddm, iam, sts and metadata.
fn endpoints(at: &Place, raw: Option<&RawServices>) -> [Option<Endpoint>; 5] {
    let Some(raw) = raw else { return [const { None }; 5] };
    let services = [
        ("das", &raw.das),
        ("ddm", &raw.ddm),
        ("iam", &raw.iam),
        ("sts", &raw.sts),
        ("metadata", &raw.metadata),
    ];
    services.map(|(service, leaf)| {
        let at = at.key(service);
        let endpoint = at.parsed(leaf, str::parse::<Endpoint>)?;
        // Metadata are not served otherwise, and do not leave the machine.
        if endpoint.is_exposed() && service != "metadata" {
            at.warn(
                "plain http to another machine: anybody between can read and change what is sent; use https",
            );
        }
        Some(endpoint)
    })
}

/// What `rate_limit` gives for das and ddm.
fn rates(at: &Place, raw: Option<&RawRates>, provider: Option<Provider>) -> [Option<Rate>; 2] {
    let Some(raw) = raw else { return [None, None] };
    let for_another = provider == Some(Provider::Alibaba) && raw.ddm.0.is_some();
    at.key("ddm").refuse(for_another, "is for Huawei Cloud; remove it");
    [("das", &raw.das), ("ddm", &raw.ddm)].map(|(service, leaf)| at.key(service).parsed(leaf, units::rate))
}
