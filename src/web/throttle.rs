//! How many requests are let in: by the rate limit of the web configuration, and of the expensive ones at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::web::RateLimit;

/// A bucket of requests, kept as the time at which it is full again.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    full_at: Mutex<Instant>,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Mutex::new(Instant::now()) }
    }

    /// Is as full as `other`, if it is one of the same kind.
    pub(super) fn go_on(&self, other: &Self) {
        if self.limit == other.limit {
            *self.full_at() = *other.full_at();
        }
    }

    fn full_at(&self) -> MutexGuard<'_, Instant> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request out, if there is one.
    pub(super) fn take(&self) -> bool {
        let now = Instant::now();
        let mut full_at = self.full_at();
        let after = (*full_at).max(now) + self.limit.interval;
        let is_there = after.duration_since(now) <= self.limit.interval.saturating_mul(self.limit.burst);
        if is_there {
            *full_at = after;
        }
        is_there
    }
}

/// How many scrapes may go on at a time.
#[derive(Debug)]
pub struct MaxRequests(Option<(usize, Arc<Semaphore>)>);

impl MaxRequests {
    /// At most `max`; 0: any number.
    #[must_use]
    pub fn new(max: u16) -> Self {
        let max = usize::from(max);
        Self((max > 0).then(|| (max, Arc::new(Semaphore::new(max)))))
    }

    /// A place, to be kept until the answer is written; or what to tell where there is none.
    pub(super) fn enter(&self) -> Result<Option<OwnedSemaphorePermit>, String> {
        let Some((max, places)) = &self.0 else { return Ok(None) };
        let place = Arc::clone(places).try_acquire_owned();
        place
            .map(Some)
            .map_err(|_| format!("Limit of concurrent requests reached ({max}); try again later.\n"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_and_then_one_each_interval() {
        let bucket = Bucket::new(RateLimit { interval: Duration::from_secs(1), burst: 3 });
        let taken = |times: usize| (0..times).filter(|_| bucket.take()).count();
        assert_eq!(taken(9), 3);
        advance(Duration::from_millis(999)).await;
        assert_eq!(taken(9), 0);
        advance(Duration::from_millis(1)).await;
        assert_eq!(taken(9), 1);
        advance(Duration::from_mins(1)).await;
        assert_eq!(taken(9), 3);
    }
}
