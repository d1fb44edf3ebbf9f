//! The clouds: how their APIs are called, and how their answers become tallies of sessions. Knows the configuration and
//! the model, neither the store nor the scheduler.

pub mod account;
pub mod alibaba;
pub mod budget;
pub mod canonical;
pub mod gate;
pub mod huawei;
pub mod json;
pub mod pace;
pub mod refusal;
pub mod source;
pub mod transport;

use std::collections::HashMap;
use std::sync::Arc;

use account::Account;
use gate::Gate;
use source::Source;
use transport::Transport;

use crate::clock::Clock;
use crate::config::{self, Config, Credentials, KillTask, Provider, Target};
use crate::error::FetchError;
use crate::telemetry::Instruments;

/// The clients of all accounts.
#[derive(Debug)]
pub struct Clouds {
    clients: HashMap<String, Client>,
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
    /// Where the machine's proxy settings cannot be used.
    pub fn new(config: &Config, clock: Clock, instruments: &Instruments) -> Result<Self, FetchError> {
        let mut gates: HashMap<KeyName, Arc<Gate>> = HashMap::new();
        let (transport, mut clients) = (Transport::new()?, HashMap::new());
        for config in &config.accounts {
            let gate = Arc::clone(gates.entry(KeyName::of(config)).or_default());
            let account =
                Account::new(Arc::clone(config), gate, transport.clone(), clock, instruments.clone());
            clients.insert(config.name.clone(), Client::new(Arc::new(account)));
        }
        Ok(Self { clients })
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
}

/// What a cloud locks: accounts of the configuration with the same key share its gate.
#[derive(Debug, PartialEq, Eq, Hash)]
enum KeyName {
    Key(Provider, String),
    User(String, String),
}

impl KeyName {
    fn of(account: &config::Account) -> Self {
        match &account.credentials {
            Credentials::Keys(keys) => Self::Key(account.provider, keys.access_key_id.expose().to_owned()),
            Credentials::Iam(user) => Self::User(user.domain.clone(), user.user.clone()),
        }
    }
}
