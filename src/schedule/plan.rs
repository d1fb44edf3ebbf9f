//! What the configuration asks of each account and service, against what is allowed: pure arithmetic, printed by `check`.

use std::sync::Arc;

use crate::config::{Config, Provider, Rate, Service, Target};

/// Calls of one fetch before anything is learnt. Alibaba Cloud: one to ask, one poll for a result that is ready within
/// half a second. Huawei Cloud: one page for each sweep.
fn calls_per_fetch(target: &Target) -> u32 {
    match target.account.provider {
        Provider::Alibaba => 2,
        Provider::Huawei => {
            u32::try_from(target.users.len() + target.databases.len()).unwrap_or(u32::MAX).max(1)
        }
    }
}

/// Calls a second that the provider documents as its limit. Alibaba Cloud DAS: 60 a second for the operation, region and
/// whole account (DAS quota page). Huawei Cloud DDM: 60 a minute for a user ("API constraints"). Huawei Cloud DAS
/// publishes none.
fn documented_quota(provider: Provider, service: Service) -> Option<f64> {
    match (provider, service) {
        (Provider::Alibaba, _) => Some(60.0),
        (Provider::Huawei, Service::Ddm) => Some(1.0),
        (Provider::Huawei, Service::Das) => None,
    }
}

/// What the targets of one account and service want together.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Name of the account.
    pub account: String,
    /// Its cloud.
    pub provider: Provider,
    /// The service.
    pub service: Service,
    /// Targets.
    pub targets: usize,
    /// Calls a second, wanted.
    pub calls_per_second: f64,
    /// Calls a second that `rate_limit` allows.
    pub rate_limit: Option<f64>,
    /// Calls a second that the provider documents as its quota.
    pub quota: Option<f64>,
}

impl Demand {
    /// How many times too long the fetches of all targets are together for what `rate_limit` allows, where they are.
    #[must_use]
    pub fn excess(&self) -> Option<f64> {
        self.rate_limit.map(|limit| self.calls_per_second / limit).filter(|factor| *factor > 1.0)
    }
}

/// The demands of all accounts and services that have targets, in the order of the accounts.
#[must_use]
pub fn demands(config: &Config) -> Vec<Demand> {
    let services = |account| [Service::Das, Service::Ddm].map(|service| (account, service));
    let lanes = config.accounts.iter().flat_map(services);
    lanes.filter_map(|(account, service)| demand(config, &account.name, service)).collect()
}

fn demand(config: &Config, account: &str, service: Service) -> Option<Demand> {
    let of_lane = |target: &&Target| target.account.name == account && target.service == service;
    let targets: Vec<&Target> = config.targets.iter().map(Arc::as_ref).filter(of_lane).collect();
    let account = &targets.first()?.account;
    let calls =
        |target: &&Target| f64::from(calls_per_fetch(target)) / target.settings.interval.as_secs_f64();
    let Rate { calls: limit, per } = account.rate(service);
    Some(Demand {
        account: account.name.clone(),
        provider: account.provider,
        service,
        targets: targets.len(),
        calls_per_second: targets.iter().map(calls).sum(),
        rate_limit: Some(f64::from(limit) / per.as_secs_f64()),
        quota: documented_quota(account.provider, service),
    })
}
