//! When a failed call is sent again: only where the failure may pass, only a few times a fetch, and only where the wait fits
//! the deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::budget::Budget;
use crate::error::{Again, FetchError};

/// Longest wait before the first retry; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);

/// Longest wait before any retry, unless the provider asks for more.
const LONGEST: Duration = Duration::from_secs(10);

/// The retries of one call.
#[derive(Debug, Default)]
pub struct Retry {
    retries: u32,
    /// The failure that was retried last, and the calls that the fetch had made by then.
    last: Option<(FetchError, u64)>,
}

impl Retry {
    /// Waits after a failure until the call may be sent again.
    ///
    /// # Errors
    /// The failure, at once, where the call is not to be sent again. A retry that came to no call, because the account is
    /// held or pauses, tells nothing: it gives back the failure before it.
    pub async fn after(&mut self, error: FetchError, budget: &mut Budget) -> Result<(), FetchError> {
        if let Some((before, _)) = self.last.take_if(|(_, calls)| *calls == budget.calls) {
            return Err(before);
        }
        let Some(wait) = wait(error.again, self.retries, fastrand::f64()) else { return Err(error) };
        let until = Instant::now() + wait;
        if until >= budget.ends() || !budget.take_retry() {
            return Err(error);
        }
        sleep_until(until).await;
        self.retries += 1;
        self.last = Some((error, budget.calls));
        Ok(())
    }
}

/// How long to wait before a call is sent again for the `retries + 1`th time: as told, else any part of a time that doubles
/// (`part` is from 0 to 1), so that many callers do not come back together. `None`: not at all.
fn wait(again: Again, retries: u32, part: f64) -> Option<Duration> {
    match again {
        Again::Never => None,
        Again::Later { told: Some(told), .. } => Some(told),
        Again::Soon | Again::Later { told: None, .. } => {
            Some(FIRST.saturating_mul(2_u32.saturating_pow(retries)).min(LONGEST).mul_f64(part))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureKind;

    const LATER: Again = Again::Later { told: None, shared: false };

    fn failure(again: Again) -> FetchError {
        FetchError { again, ..FetchError::new(FailureKind::ProviderError, "as the test has it") }
    }

    fn told(wait: Duration) -> FetchError {
        failure(Again::Later { told: Some(wait), shared: false })
    }

    /// How long it waits after a failure; `None` where the failure is given back, which must be at once.
    async fn waits(retry: &mut Retry, error: FetchError, budget: &mut Budget) -> Option<Duration> {
        let asked = Instant::now();
        budget.calls += 1;
        let outcome = retry.after(error.clone(), budget).await;
        let waited = asked.elapsed();
        match outcome {
            Ok(()) => Some(waited),
            Err(given) => {
                assert_eq!((given, waited), (error, Duration::ZERO));
                None
            }
        }
    }

    #[test]
    fn waits_double_up_to_ten_seconds_and_any_part_of_them_may_come() {
        let longest: Vec<_> = (0..7).map(|retries| wait(Again::Soon, retries, 1.0).unwrap()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000].map(Duration::from_millis));
        assert_eq!(wait(LATER, 2, 0.25), Some(Duration::from_millis(500)));
        assert_eq!(wait(LATER, u32::MAX, 0.0), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_pass_is_not_tried_again() {
        let mut budget = Budget::new(Duration::from_mins(1), 9);
        assert_eq!(waits(&mut Retry::default(), failure(Again::Never), &mut budget).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_has_so_many_retries_for_all_its_calls() {
        let mut budget = Budget::new(Duration::from_mins(1), 2);
        let (mut first, mut second) = (Retry::default(), Retry::default());
        assert!(waits(&mut first, failure(Again::Soon), &mut budget).await.is_some());
        assert!(waits(&mut second, failure(LATER), &mut budget).await.is_some());
        assert_eq!(waits(&mut second, failure(Again::Soon), &mut budget).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_as_long_as_told_or_the_failure_stands_at_once() {
        let mut budget = Budget::new(Duration::from_secs(10), 9);
        let seven = Duration::from_secs(7);
        let waited = waits(&mut Retry::default(), told(seven), &mut budget).await.expect("it fits");
        assert!((seven..seven + Duration::from_millis(2)).contains(&waited), "{waited:?}");
        assert_eq!(waits(&mut Retry::default(), told(seven), &mut budget).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_without_a_call_gives_back_the_failure_before_it() {
        let mut budget = Budget::new(Duration::from_mins(1), 9);
        let mut retry = Retry::default();
        assert!(waits(&mut retry, failure(Again::Soon), &mut budget).await.is_some());
        assert_eq!(retry.after(FetchError::held(), &mut budget).await, Err(failure(Again::Soon)));
    }
}
