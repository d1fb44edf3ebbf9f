//! Where a target's sessions come from: a closed set of sources behind one small trait, so that the scheduler can be
//! tested with a scripted one.

use std::future::Future;

use super::alibaba;
use super::budget::Budget;
use super::huawei;
use crate::config::{ExposeSql, Settings};
use crate::error::FetchError;
use crate::model::{Fetched, Tally, Thresholds};

/// What the scheduler needs of a source.
pub trait SessionSource: Send + Sync + 'static {
    /// One fetch of all sessions of one target.
    fn fetch(&self, budget: &mut Budget) -> impl Future<Output = Result<Fetched, FetchError>> + Send;

    /// Whether a fetch would be refused at present.
    fn standing(&self) -> Standing;
}

/// Whether an account's calls to a service would be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They go.
    Open,
    /// The account is held after an authentication failure.
    Held,
    /// The provider told account and service to pause, and the pause is not over.
    Throttled,
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

    fn standing(&self) -> Standing {
        match self {
            Self::Alibaba(source) => source.standing(),
            Self::Huawei(source) => source.standing(),
        }
    }
}

/// An empty tally of what these settings ask for.
pub(super) fn tally(settings: &Settings) -> Tally {
    let thresholds = Thresholds {
        slow: settings.slow_session_threshold.as_secs_f64(),
        long: settings.long_transaction_threshold.as_secs_f64(),
    };
    Tally::new(thresholds).with_statements(settings.expose_sql == ExposeSql::Digest)
}
