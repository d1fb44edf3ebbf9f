//! Keeps the calls of one account and service under its rate limit: never more than N in any period, first come, first
//! served.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::budget::Budget;

/// The calls of the last period.
#[derive(Debug)]
pub struct Pace {
    calls: usize,
    period: Duration,
    /// When the last calls began, the oldest first. The lock is fair, and held while waiting: it is the queue.
    begun: Mutex<VecDeque<Instant>>,
}

impl Pace {
    /// At most `calls` in any `period`.
    #[must_use]
    pub fn new(calls: u32, period: Duration) -> Self {
        let calls = calls.max(1) as usize;
        Self { calls, period, begun: Mutex::new(VecDeque::with_capacity(calls)) }
    }

    /// Waits until a call may begin; the wait moves the deadline.
    pub async fn wait(&self, budget: &mut Budget) {
        let asked = Instant::now();
        let mut begun = self.begun.lock().await;
        if begun.len() >= self.calls
            && let Some(oldest) = begun.pop_front()
        {
            // tokio's timer ends a sleep up to a millisecond after its time, never before it.
            sleep_until(oldest + self.period).await;
        }
        begun.push_back(Instant::now());
        budget.extend(asked.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_its_calls() {
        let period = Duration::from_secs(1);
        let pace = Arc::new(Pace::new(3, period));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let pace = Arc::clone(&pace);
                tokio::spawn(async move {
                    pace.wait(&mut Budget::new(period)).await;
                    Instant::now()
                })
            })
            .collect();
        let mut begun = Vec::new();
        for task in tasks {
            begun.push(task.await.unwrap());
        }
        begun.sort_unstable();
        assert!(begun.windows(4).all(|w| w[3] - w[0] >= period));
        assert!(begun[19] - begun[0] < period * 7, "no call waits longer than it must");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_moves_the_deadline() {
        let pace = Pace::new(1, Duration::from_mins(1));
        let mut budget = Budget::new(Duration::from_secs(5));
        pace.wait(&mut budget).await;
        pace.wait(&mut budget).await;
        assert!(budget.run(tokio::time::sleep(Duration::from_secs(4))).await.is_ok());
    }
}
