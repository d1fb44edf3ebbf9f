//! Where a target's sessions come from: a closed set of sources behind one small trait, so that the scheduler can be
//! tested with a scripted one.

use std::future::Future;

use super::alibaba;
use super::budget::Budget;
use super::huawei;
use crate::config::Settings;
use crate::error::FetchError;
use crate::model::{Fetched, Thresholds};

/// What the scheduler needs of a source.
pub trait SessionSource: Send + Sync + 'static {
    /// One fetch of all sessions of one target.
    fn fetch(&self, budget: &mut Budget) -> impl Future<Output = Result<Fetched, FetchError>> + Send;

    /// Whether a fetch would be refused, because the account is held.
    fn is_held(&self) -> bool;
}

/// The sources there are.
#[derive(Debug)]
pub enum Source {
    /// Alibaba Cloud DAS.
    Alibaba(alibaba::das::Source),
    /// Huawei Cloud DAS and DDM.
    Huawei(huawei::listing::Source),
}

impl SessionSource for Source {
    async fn fetch(&self, budget: &mut Budget) -> Result<Fetched, FetchError> {
        match self {
            Self::Alibaba(source) => source.fetch(budget).await,
            Self::Huawei(source) => source.fetch(budget).await,
        }
    }

    fn is_held(&self) -> bool {
        match self {
            Self::Alibaba(source) => source.is_held(),
            Self::Huawei(source) => source.is_held(),
        }
    }
}

pub(super) fn thresholds(settings: &Settings) -> Thresholds {
    Thresholds {
        slow: settings.slow_session_threshold.as_secs_f64(),
        long: settings.long_transaction_threshold.as_secs_f64(),
    }
}
