//! The sessions of an Alibaba Cloud instance: DAS `GetMySQLAllSessionAsync`, for RDS for MySQL, PolarDB for MySQL and
//! `PolarDB-X` 2.0. Rows are folded straight out of the answer; their SQL text is gone over.

use super::client::{Client, read_body};
use super::poll::{Poll, Progress};
use crate::cloud::budget::Budget;
use crate::cloud::json::{Count, Error, Fields, Flag, Id, Reader, Seconds, Spelled, Text};
use crate::cloud::source::{Standing, tally};
use crate::cloud::told::Told;
use crate::config::Target;
use crate::error::{FailureKind, FetchError};
use crate::model::label::present;
use crate::model::{Fetched, Group, Groups, Reported, Session, Tally, Thresholds, Transaction, host};
use std::sync::Arc;

use jiff::Timestamp;

const ACTION: &str = "GetMySQLAllSessionAsync";

/// Where one target's sessions come from.
#[derive(Debug)]
pub struct Source {
    client: Client,
    target: Arc<Target>,
}

impl Source {
    /// The sessions of `target`, asked for by `client`.
    #[must_use]
    pub fn new(client: Client, target: Arc<Target>) -> Self {
        Self { client, target }
    }

    /// Whether a fetch would be refused at present.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.client.standing()
    }

    /// One fetch: asks, then polls until the result is there.
    ///
    /// # Errors
    /// Of any call, or [`FailureKind::TaskFailed`] where the query fails.
    pub async fn fetch(&self, budget: &mut Budget) -> Result<Fetched, FetchError> {
        let mut poll = Poll::default();
        loop {
            budget.pause(poll.wait()).await?;
            let answer = match self.call(poll.result_id(), budget).await {
                Ok(answer) => answer,
                Err(error) => {
                    poll.failed(error)?;
                    continue;
                }
            };
            if poll.answered(&answer.progress)? {
                return answer.into_fetched();
            }
        }
    }

    async fn call(&self, result_id: Option<&str>, budget: &mut Budget) -> Result<Answer, FetchError> {
        let mut parameters = vec![("InstanceId", self.target.instance_id.as_str())];
        parameters.extend(self.target.node_id.as_deref().map(|node| ("NodeId", node)));
        parameters.extend(result_id.map(|id| ("ResultId", id)));
        let settings = &self.target.settings;
        let answer = || Answer::new(tally(settings));
        self.client.call(ACTION, &parameters, answer, settings.max_response_bytes, budget).await
    }
}

/// Folds the body of a finished answer, as the last step of a fetch does.
///
/// # Errors
/// Where it is not the documented answer.
pub fn fold(body: &[u8], thresholds: Thresholds) -> Result<Fetched, FetchError> {
    let mut answer = Answer::new(Tally::new(thresholds));
    read_body(ACTION, Told::default(), body, &mut answer)?;
    answer.into_fetched()
}

/// `Data` of an answer.
struct Answer {
    progress: Progress,
    session_data: SessionData,
    has_session_data: bool,
}

impl Answer {
    fn new(tally: Tally) -> Self {
        let session_data = SessionData { tally, listed: false, reported: Reported::default() };
        Self { progress: Progress::default(), session_data, has_session_data: false }
    }

    fn into_fetched(self) -> Result<Fetched, FetchError> {
        if !self.has_session_data {
            return Err(FetchError::new(
                FailureKind::BadResponse,
                format!("{ACTION}: finished without SessionData"),
            ));
        }
        Ok(self.session_data.into_fetched())
    }
}

impl<'a> Fields<'a> for Answer {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"ResultId" => self.progress.result_id = text(reader)?,
            b"IsFinish" => self.progress.finished = reader.value::<Flag>()?.0 == Some(true),
            b"Fail" => self.progress.failed |= reader.value::<Flag>()?.0 == Some(true),
            b"State" => {
                self.progress.failed |= text(reader)?.is_some_and(|state| state.eq_ignore_ascii_case("FAIL"));
            }
            b"SessionData" => self.has_session_data = reader.object(&mut self.session_data)?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

fn text(reader: &mut Reader<'_>) -> Result<Option<String>, Error> {
    Ok(value(&reader.value()?).map(str::to_owned))
}

/// `SessionData` of a finished answer.
struct SessionData {
    tally: Tally,
    listed: bool,
    reported: Reported,
}

impl<'a> Fields<'a> for SessionData {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        let Self { tally, listed, reported } = self;
        match name {
            b"TotalSessionCount" => reported.total = reader.value::<Count>()?.0,
            b"ActiveSessionCount" => reported.active = reader.value::<Count>()?.0,
            b"MaxActiveTime" => reported.longest_active = reader.value::<Seconds>()?.0,
            b"TimeStamp" => reported.taken_at = reader.value::<Count>()?.0.and_then(timestamp),
            b"SessionList" => {
                *listed = reader.rows(|row: &Row<'a>| tally.add(&row.session()))?;
            }
            b"UserStats" => reported.users = stats(reader, |key| key)?,
            b"ClientStats" => reported.clients = stats(reader, host::without_port)?,
            b"DbStats" => reported.databases = stats(reader, |key| key)?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

impl SessionData {
    fn into_fetched(self) -> Fetched {
        let Self { tally, listed, mut reported } = self;
        let (rows, thresholds) = (tally.listed(), tally.thresholds());
        reported.unlisted = reported.total.unwrap_or_default().saturating_sub(rows);
        // Without a list nothing is known of the rows, unless there are none.
        let tally = (listed || reported.total.unwrap_or_default() == 0).then_some(tally);
        // An empty statistic beside rows tells nothing; the rows do.
        for groups in [&mut reported.users, &mut reported.clients, &mut reported.databases] {
            groups.take_if(|groups| groups.is_empty() && rows > 0);
        }
        Fetched { tally, reported, thresholds }
    }
}

/// One session of `SessionList`.
#[derive(Default)]
struct Row<'a> {
    id: Id,
    user: Text<'a>,
    client: Text<'a>,
    database: Text<'a>,
    command: Text<'a>,
    state: Text<'a>,
    time: Seconds,
    trx_id: Text<'a>,
    trx_duration: Seconds,
    template: Text<'a>,
    statement: Spelled<'a>,
}

impl<'a> Fields<'a> for Row<'a> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"SessionId" => self.id = reader.value()?,
            b"User" => self.user = reader.value()?,
            b"Client" => self.client = reader.value()?,
            b"DbName" => self.database = reader.value()?,
            b"Command" => self.command = reader.value()?,
            b"State" => self.state = reader.value()?,
            b"Time" => self.time = reader.value()?,
            b"TrxId" => self.trx_id = reader.value()?,
            b"TrxDuration" => self.trx_duration = reader.value()?,
            b"SqlTemplateId" => self.template = reader.value()?,
            b"SqlText" => self.statement = reader.value()?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

impl Row<'_> {
    fn session(&self) -> Session<'_> {
        Session {
            id: self.id.as_session_id(),
            user: value(&self.user),
            client: value(&self.client),
            database: value(&self.database),
            command: value(&self.command),
            state: value(&self.state),
            template: value(&self.template),
            seconds: self.time.0,
            transaction: Transaction::of(self.trx_duration.0, value(&self.trx_id)),
            statement: self.statement.statement(),
        }
    }
}

fn value<'a>(text: &'a Text<'_>) -> Option<&'a str> {
    text.as_deref().and_then(present)
}

/// One element of `UserStats`, `ClientStats` or `DbStats`.
#[derive(Default)]
struct Stat<'a> {
    key: Text<'a>,
    total: Count,
    active: Count,
}

impl<'a> Fields<'a> for Stat<'a> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"Key" => self.key = reader.value()?,
            b"TotalCount" => self.total = reader.value()?,
            b"ActiveCount" => self.active = reader.value()?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

fn stats(reader: &mut Reader<'_>, name: fn(&str) -> &str) -> Result<Option<Groups>, Error> {
    let mut groups = Groups::default();
    let given = reader.rows(|stat: &Stat<'_>| {
        let (total, active) = (stat.total.0.unwrap_or_default(), stat.active.0.unwrap_or_default());
        let group = Group { total, active, ..Group::default() };
        groups.add(value(&stat.key).map(name), group);
    })?;
    Ok(given.then_some(groups))
}

/// `TimeStamp` is documented in milliseconds, given there in microseconds, and seen in milliseconds: told apart by size.
fn timestamp(number: u64) -> Option<Timestamp> {
    let nanoseconds_each = match number {
        0 => return None,
        1..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Timestamp::from_nanosecond(i128::from(number) * nanoseconds_each).ok()
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn a_timestamp_is_told_by_its_size() {
        let seen = "2022-08-04T02:51:54Z".parse().ok();
        assert_eq!(timestamp(1_659_581_514), seen);
        assert_eq!(timestamp(1_659_581_514_000), seen);
        assert_eq!(timestamp(1_659_581_514_000_000), seen);
        assert_eq!(timestamp(1_659_581_514_000_000_000), seen);
        assert_eq!(timestamp(0), None);
    }
}
