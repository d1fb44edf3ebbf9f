//! The clouds: how their APIs are called, and how their answers become tallies of sessions. Knows the configuration and
//! the model, neither the store nor the scheduler.

pub mod account;
pub mod alibaba;
pub mod budget;
pub mod canonical;
pub mod credentials;
pub mod gate;
pub mod huawei;
pub mod json;
pub mod pace;
pub mod refusal;
pub mod retry;
pub mod skew;
pub mod source;
#[cfg(test)]
mod tests;
pub mod told;
pub mod transport;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use account::Account;
use gate::Gate;
use pace::Pace;
use source::{Source, Standing};
use transport::Transport;

use crate::clock::Clock;
use crate::config::{self, Config, KeyName, KillTask, Provider, Service, Target};
use crate::error::FetchError;
use crate::telemetry::Instruments;

/// The clients of all accounts.
#[derive(Debug)]
pub struct Clouds {
    clients: HashMap<String, Client>,
    /// Accounts that are gone while refusals of their keys still count: they may come back.
    gone: Vec<Arc<config::Account>>,
    /// Of all accounts, those that are gone included.
    gates: HashMap<KeyName, Arc<Gate>>,
    /// By the account's name; also of one that is gone, while its calls still count.
    paces: HashMap<(String, Service), Arc<Pace>>,
    /// One for each account, shared by those of the same network.
    transports: Vec<Transport>,
    clock: Clock,
    instruments: Instruments,
}

#[derive(Debug, Clone)]
enum Client {
    Alibaba(alibaba::client::Client),
    Huawei(huawei::client::Client),
}

impl Clouds {
    /// Makes the clients; no call is sent.
    ///
    /// # Errors
    /// Like [`Transport::new`].
    pub fn new(config: &Config, clock: Clock, instruments: &Instruments) -> Result<Self, FetchError> {
        let none = Self {
            clients: HashMap::new(),
            gone: Vec::new(),
            gates: HashMap::new(),
            paces: HashMap::new(),
            transports: Vec::new(),
            clock,
            instruments: instruments.clone(),
        };
        none.renewed(config)
    }

    /// The clients for another configuration. An account with the same access keeps its client, and with it connections and
    /// token; each name keeps what is known of the clock, and its paces, whose limits change in place; each key keeps its
    /// gate, whose bound does. Paces and gates are kept for a while even without an account. A hold ends: at once where the
    /// credentials are others, else as far as [`Gate::relent`] allows.
    ///
    /// # Errors
    /// Like [`Transport::new`].
    pub fn renewed(&self, config: &Config) -> Result<Self, FetchError> {
        let (instruments, transports) = (self.instruments.clone(), self.transports(config)?);
        let (mut clients, mut gates, mut fresh) = (HashMap::new(), HashMap::new(), HashSet::new());
        let mut paces = self.paces.clone();
        paces.retain(|_, pace| !pace.is_forgotten());
        let known = self.known();
        for (account, transport) in config.accounts.iter().zip(&transports) {
            let key = KeyName::of(account);
            let tries = gate::tries(config.division.as_ref().map_or(1, |division| division.holders(&key)));
            let gate = self.gates.get(&key).map(Arc::clone);
            let gate =
                gate.unwrap_or_else(|| Arc::new(Gate::new(account.provider == Provider::Huawei, tries)));
            let gate: &Arc<Gate> = gates.entry(key.clone()).or_insert(gate);
            gate.set_tries(tries);
            let lanes = [Service::Das, Service::Ddm].map(|service| (service, self.pace(account, service)));
            let of_name =
                lanes.iter().cloned().map(|(service, pace)| ((account.name.clone(), service), pace));
            paces.extend(of_name);
            if !known.iter().any(|known| known.credentials == account.credentials) {
                fresh.insert(key);
            }
            let kept = self.clients.get(&account.name).filter(|client| client.has_access_of(account));
            let client = kept.cloned().unwrap_or_else(|| {
                let (config, gate) = (Arc::clone(account), Arc::clone(gate));
                let (transport, instruments) = (transport.clone(), instruments.clone());
                let before = self.clients.get(&account.name).map(|client| Arc::clone(&client.account().skew));
                let clock = (self.clock, before.unwrap_or_default());
                Client::new(Account::new(config, gate, lanes, transport, clock, instruments).into())
            });
            clients.insert(account.name.clone(), client);
        }
        for account in &config.accounts {
            let key = KeyName::of(account);
            let Some(gate) = gates.get(&key) else { continue };
            if fresh.contains(&key) {
                gate.lift();
            } else if let Some(left) = gate.relent() {
                let (account, seconds) = (&account.name, left.as_secs());
                let remedy = "replace the credentials, or wait";
                warn!(
                    account,
                    seconds, remedy, "the same credentials were refused again and again, and stay held"
                );
            }
        }
        clients.values().for_each(Client::try_again);
        let gone = self.gone(known, config);
        for account in &gone {
            let key = KeyName::of(account);
            gates.extend(self.gates.get_key_value(&key).map(|(key, gate)| (key.clone(), Arc::clone(gate))));
        }
        Ok(Self { clients, gone, gates, paces, transports, clock: self.clock, instruments })
    }

    /// Accounts that use one of the gates.
    fn known(&self) -> Vec<Arc<config::Account>> {
        let present = self.clients.values().map(|client| &client.account().config);
        present.chain(&self.gone).cloned().collect()
    }

    /// Those of the known accounts whose credentials no account of the new configuration has, while refusals of them count.
    fn gone(&self, mut known: Vec<Arc<config::Account>>, config: &Config) -> Vec<Arc<config::Account>> {
        let remembers = |known: &config::Account| {
            self.gates.get(&KeyName::of(known)).is_some_and(|gate| gate.remembers())
        };
        known.retain(|known| {
            let stays = config.accounts.iter().any(|account| account.credentials == known.credentials);
            !stays && remembers(known)
        });
        known
    }

    /// The transport of each account, in their order: kept where it is for the same network.
    fn transports(&self, config: &Config) -> Result<Vec<Transport>, FetchError> {
        let mut transports: Vec<Transport> = Vec::with_capacity(config.accounts.len());
        for account in &config.accounts {
            let mut known = transports.iter().chain(&self.transports);
            let same = known.find(|transport| transport.network() == &account.network).cloned();
            transports.push(same.map_or_else(|| Transport::new(&account.network), Ok)?);
        }
        Ok(transports)
    }

    /// The pace of an account's name and service, with the limit that is configured now.
    fn pace(&self, account: &config::Account, service: Service) -> Arc<Pace> {
        let (name, rate) = (&account.name, account.rate(service));
        if account.provider.services().contains(&service) {
            self.instruments.waited(account.provider.label(), name, service.label(), Duration::ZERO);
        }
        let Some(pace) = self.paces.get(&(name.clone(), service)) else { return Arc::new(Pace::new(rate)) };
        pace.set_rate(rate);
        Arc::clone(pace)
    }

    /// Whether an account is held after an authentication failure.
    #[must_use]
    pub fn is_held(&self, account: &str) -> bool {
        self.clients
            .get(account)
            .is_some_and(|client| client.account().standing(Service::Das) == Standing::Held)
    }

    /// Whether an account has the same client in both, so that what was made from one goes on with the other.
    #[must_use]
    pub fn has_same_client(&self, other: &Self, account: &str) -> bool {
        let account_of =
            |clouds: &Self| clouds.clients.get(account).map(|client| Arc::clone(client.account()));
        match (account_of(self), account_of(other)) {
            (Some(own), Some(others)) => Arc::ptr_eq(&own, &others),
            _ => false,
        }
    }

    /// The source of a target's sessions; `None` where its account is not one of these.
    #[must_use]
    pub fn source(&self, target: &Arc<Target>) -> Option<Source> {
        Some(match self.clients.get(&target.account.name)?.clone() {
            Client::Alibaba(client) => Source::Alibaba(alibaba::das::Source::new(client, Arc::clone(target))),
            Client::Huawei(client) => {
                Source::Huawei(huawei::listing::Source::new(client, Arc::clone(target)))
            }
        })
    }

    /// The client that watches a kill task; `None` where its account is not one of Alibaba Cloud.
    #[must_use]
    pub fn kill_task_client(&self, task: &KillTask) -> Option<alibaba::client::Client> {
        match self.clients.get(&task.account.name)? {
            Client::Alibaba(client) => Some(client.clone()),
            Client::Huawei(_) => None,
        }
    }
}

impl Client {
    fn new(account: Arc<Account>) -> Self {
        match account.config.provider {
            Provider::Alibaba => Self::Alibaba(alibaba::client::Client::new(account)),
            Provider::Huawei => Self::Huawei(huawei::client::Client::new(account)),
        }
    }

    /// Forgets failures to prove who calls.
    fn try_again(&self) {
        match self {
            Self::Alibaba(client) => client.try_again(),
            Self::Huawei(client) => client.try_again(),
        }
    }

    fn account(&self) -> &Arc<Account> {
        match self {
            Self::Alibaba(client) => &client.account,
            Self::Huawei(client) => &client.account,
        }
    }

    /// Whether it reaches what another account would, in the same way.
    fn has_access_of(&self, other: &config::Account) -> bool {
        let config::Account {
            name, provider, region, project_id, credentials, das, ddm, iam, network, ..
        } = &*self.account().config;
        (name, provider, region, project_id)
            == (&other.name, &other.provider, &other.region, &other.project_id)
            && credentials == &other.credentials
            && (das, ddm, iam, network) == (&other.das, &other.ddm, &other.iam, &other.network)
    }
}
