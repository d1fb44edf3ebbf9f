//! The course of an asynchronous query, without I/O: ask, then poll with the id of the result until it is finished;
//! a result that the cloud does not know any more is asked for anew, once.

use std::time::Duration;

use crate::error::{FailureKind, FetchError, Origin};

/// Wait before the first poll: a finished result was seen 356 ms after its request.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Wait before the second and third poll.
const NEXT_WAIT: Duration = Duration::from_secs(1);
/// Wait before each further one.
const LATER_WAIT: Duration = Duration::from_secs(2);

/// How far one query has come.
#[derive(Debug, Default)]
pub struct Poll {
    result_id: Option<String>,
    polls: u32,
    refused: bool,
}

/// What an answer says of the query.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Progress {
    /// `ResultId`.
    pub result_id: Option<String>,
    /// `IsFinish`.
    pub finished: bool,
    /// `Fail`, or `State` FAIL.
    pub failed: bool,
}

impl Poll {
    /// Wait before the next call.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match (&self.result_id, self.polls) {
            (None, _) => Duration::ZERO,
            (Some(_), 0) => FIRST_WAIT,
            (Some(_), 1 | 2) => NEXT_WAIT,
            (Some(_), _) => LATER_WAIT,
        }
    }

    /// The id to send with the next call; `None` asks for a new result.
    #[must_use]
    pub fn result_id(&self) -> Option<&str> {
        self.result_id.as_deref()
    }

    /// Takes an answer in: `true` when the result is there.
    ///
    /// # Errors
    /// [`FailureKind::TaskFailed`] where the query failed, [`FailureKind::BadResponse`] where it is neither finished nor
    /// can be asked for again.
    pub fn answered(&mut self, progress: &Progress) -> Result<bool, FetchError> {
        if progress.failed {
            return Err(FetchError::new(
                FailureKind::TaskFailed,
                "the provider's query of the sessions failed",
            ));
        }
        if progress.finished {
            return Ok(true);
        }
        match self.result_id {
            Some(_) => self.polls += 1,
            None => self.result_id.clone_from(&progress.result_id),
        }
        if self.result_id.is_none() {
            return Err(FetchError::new(
                FailureKind::BadResponse,
                "the answer is not finished and has no ResultId",
            ));
        }
        Ok(false)
    }

    /// Takes a failed call in. A result that is refused is dropped and asked for anew, once.
    ///
    /// # Errors
    /// The failure, where it is none of a result's id; [`FailureKind::TaskFailed`] for the second refusal.
    pub fn failed(&mut self, error: FetchError) -> Result<(), FetchError> {
        if self.result_id.is_none() || error.origin != Origin::Refusal {
            return Err(error);
        }
        if self.refused {
            let detail = format!("the provider refused its own ResultId twice; {}", error.detail);
            return Err(FetchError::new(FailureKind::TaskFailed, detail));
        }
        *self = Self { refused: true, ..Self::default() };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(id: &str) -> Progress {
        Progress { result_id: Some(id.to_owned()), ..Progress::default() }
    }

    fn refusal() -> FetchError {
        FetchError {
            origin: Origin::Refusal,
            ..FetchError::new(FailureKind::ProviderError, "HTTP status 400")
        }
    }

    #[test]
    fn waits_grow_and_the_id_stays() {
        let mut poll = Poll::default();
        let mut waits = vec![poll.wait()];
        for answer in ["first", "second", "third", "fourth", "fifth"] {
            assert_eq!(poll.answered(&running(answer)), Ok(false));
            assert_eq!(poll.result_id(), Some("first"));
            waits.push(poll.wait());
        }
        assert_eq!(
            waits.iter().map(Duration::as_millis).collect::<Vec<_>>(),
            [0, 500, 1000, 1000, 2000, 2000]
        );
        assert_eq!(poll.answered(&Progress { finished: true, ..Progress::default() }), Ok(true));
    }

    #[test]
    fn the_first_answer_may_be_the_last() {
        assert_eq!(Poll::default().answered(&Progress { finished: true, ..running("id") }), Ok(true));
    }

    #[test]
    fn a_failed_query_is_a_failed_task_even_if_finished() {
        let failed = Progress { finished: true, failed: true, ..running("id") };
        assert_eq!(Poll::default().answered(&failed).unwrap_err().kind, FailureKind::TaskFailed);
    }

    #[test]
    fn a_running_answer_without_id_is_no_documented_answer() {
        assert_eq!(
            Poll::default().answered(&Progress::default()).unwrap_err().kind,
            FailureKind::BadResponse
        );
    }

    #[test]
    fn a_refused_result_is_asked_for_anew_once() {
        let mut poll = Poll::default();
        assert_eq!(
            poll.failed(refusal()).unwrap_err().kind,
            FailureKind::ProviderError,
            "the ask itself was refused"
        );
        poll.answered(&running("old")).unwrap();
        poll.failed(refusal()).unwrap();
        assert_eq!((poll.result_id(), poll.wait()), (None, Duration::ZERO));
        poll.answered(&running("new")).unwrap();
        assert_eq!(poll.result_id(), Some("new"));
        assert_eq!(poll.failed(refusal()).unwrap_err().kind, FailureKind::TaskFailed);
    }

    #[test]
    fn other_failures_of_a_poll_stay_what_they_are() {
        let mut poll = Poll::default();
        poll.answered(&running("id")).unwrap();
        let throttled = FetchError::new(FailureKind::Throttled, "HTTP status 429");
        assert_eq!(poll.failed(throttled.clone()), Err(throttled));
    }
}
