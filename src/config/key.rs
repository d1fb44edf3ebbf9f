//! Which accounts prove their identity with the same key: what a cloud locks is the key, whoever uses it.

use super::{Account, Credentials, Found, Provider};

/// Bad signatures in a row that Huawei Cloud forgives: it locks a key for everybody after more.
pub const FORGIVEN: u32 = 5;

/// What a cloud locks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// An access key, by its id.
    Key(Provider, String),
    /// A user of Huawei Cloud's IAM, by domain and name.
    User(String, String),
    /// Who the caller is will be found out, or is known to this account alone; by the account's name.
    Found(String),
}

impl KeyName {
    /// The key of an account; accounts with the same one have the same name of it.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self::of_credentials(account.provider, &account.credentials)
            .unwrap_or_else(|| Self::Found(account.name.clone()))
    }

    fn of_credentials(provider: Provider, credentials: &Credentials) -> Option<Self> {
        match credentials {
            Credentials::Keys(keys) => Some(Self::Key(provider, keys.access_key_id.expose().to_owned())),
            Credentials::Iam(user) => Some(Self::User(user.domain.clone(), user.user.clone())),
            // Huawei Cloud locks the key that asks for the agency's.
            Credentials::Agency(agency) => Self::of_credentials(provider, &agency.base),
            Credentials::Chain(links) => links.iter().find_map(|link| match &link.found {
                Found::Credentials(credentials) => Some(Self::of_credentials(provider, credentials)),
                Found::Broken(_) => Some(None),
                Found::Nothing(_) => None,
            })?,
            _ => None,
        }
    }
}
