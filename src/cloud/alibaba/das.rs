//! The sessions of an Alibaba Cloud instance: DAS `GetMySQLAllSessionAsync`, for RDS for MySQL, PolarDB for MySQL and
//! `PolarDB-X` 2.0. Rows are folded straight out of the answer; their SQL text is skipped.

use jiff::Timestamp;
use serde::de::MapAccess;

use super::client::{Client, read_body};
use super::poll::{Poll, Progress};
use crate::cloud::budget::Budget;
use crate::cloud::json::{Count, Fields, Flag, Id, Object, Rows, Seconds, Text, skip};
use crate::cloud::source::thresholds;
use crate::config::Target;
use crate::error::{FailureKind, FetchError};
use crate::model::label::present;
use crate::model::{Fetched, Group, Groups, Reported, Session, Tally, Thresholds, Transaction, host};

const ACTION: &str = "GetMySQLAllSessionAsync";

/// Where one target's sessions come from.
#[derive(Debug)]
pub struct Source {
    client: Client,
    target: Target,
}

impl Source {
    /// The sessions of `target`, asked for by `client`.
    #[must_use]
    pub fn new(client: Client, target: Target) -> Self {
        Self { client, target }
    }

    /// Whether the account is held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.client.is_held()
    }

    /// One fetch: asks, then polls until the result is there.
    ///
    /// # Errors
    /// Of any call, or [`FailureKind::TaskFailed`] where the query fails.
    pub async fn fetch(&self, budget: &mut Budget) -> Result<Fetched, FetchError> {
        let thresholds = thresholds(&self.target.settings);
        let mut poll = Poll::default();
        loop {
            budget.pause(poll.wait()).await?;
            let answer = match self.call(poll.result_id(), thresholds, budget).await {
                Ok(answer) => answer,
                Err(error) => {
                    poll.failed(error)?;
                    continue;
                }
            };
            if poll.answered(&answer.progress)? {
                return answer.into_fetched(thresholds);
            }
        }
    }

    async fn call(
        &self,
        result_id: Option<&str>,
        thresholds: Thresholds,
        budget: &mut Budget,
    ) -> Result<Answer, FetchError> {
        let mut parameters = vec![("InstanceId", self.target.instance_id.as_str())];
        parameters.extend(self.target.node_id.as_deref().map(|node| ("NodeId", node)));
        parameters.extend(result_id.map(|id| ("ResultId", id)));
        let max_bytes = self.target.settings.max_response_bytes;
        let mut answer = Answer::new(thresholds);
        self.client.call(ACTION, &parameters, &mut answer, max_bytes, budget).await?;
        Ok(answer)
    }
}

/// Folds the body of a finished answer, as the last step of a fetch does.
///
/// # Errors
/// Where it is not the documented answer.
pub fn fold(body: &[u8], thresholds: Thresholds) -> Result<Fetched, FetchError> {
    let mut answer = Answer::new(thresholds);
    read_body(ACTION, body, &mut answer)?;
    answer.into_fetched(thresholds)
}

/// `Data` of an answer.
struct Answer {
    progress: Progress,
    session_data: SessionData,
    has_session_data: bool,
}

impl Answer {
    fn new(thresholds: Thresholds) -> Self {
        let session_data =
            SessionData { tally: Tally::new(thresholds), listed: false, reported: Reported::default() };
        Self { progress: Progress::default(), session_data, has_session_data: false }
    }

    fn into_fetched(self, thresholds: Thresholds) -> Result<Fetched, FetchError> {
        if !self.has_session_data {
            return Err(FetchError::new(
                FailureKind::BadResponse,
                format!("{ACTION}: finished without SessionData"),
            ));
        }
        Ok(self.session_data.into_fetched(thresholds))
    }
}

impl<'de> Fields<'de> for Answer {
    fn field<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
        match name {
            b"ResultId" => self.progress.result_id = text(map)?,
            b"IsFinish" => self.progress.finished = map.next_value::<Flag>()?.0 == Some(true),
            b"Fail" => self.progress.failed |= map.next_value::<Flag>()?.0 == Some(true),
            b"State" => {
                self.progress.failed |= text(map)?.is_some_and(|state| state.eq_ignore_ascii_case("FAIL"));
            }
            b"SessionData" => self.has_session_data = map.next_value_seed(Object(&mut self.session_data))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    Ok(value(&map.next_value::<Text<'de>>()?).map(str::to_owned))
}

/// `SessionData` of a finished answer.
struct SessionData {
    tally: Tally,
    listed: bool,
    reported: Reported,
}

impl<'de> Fields<'de> for SessionData {
    fn field<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
        let Self { tally, listed, reported } = self;
        match name {
            b"TotalSessionCount" => reported.total = map.next_value::<Count>()?.0,
            b"ActiveSessionCount" => reported.active = map.next_value::<Count>()?.0,
            b"MaxActiveTime" => reported.longest_active = map.next_value::<Seconds>()?.0,
            b"TimeStamp" => reported.taken_at = map.next_value::<Count>()?.0.and_then(timestamp),
            b"SessionList" => {
                *listed = map.next_value_seed(Rows::new(|row: &Row<'de>| tally.add(&row.session())))?;
            }
            b"UserStats" => reported.users = stats(map, |key| key)?,
            b"ClientStats" => reported.clients = stats(map, host::without_port)?,
            b"DbStats" => reported.databases = stats(map, |key| key)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl SessionData {
    fn into_fetched(self, thresholds: Thresholds) -> Fetched {
        let Self { tally, listed, mut reported } = self;
        let rows = tally.listed();
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
}

impl<'de> Fields<'de> for Row<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
        match name {
            b"SessionId" => self.id = map.next_value()?,
            b"User" => self.user = map.next_value()?,
            b"Client" => self.client = map.next_value()?,
            b"DbName" => self.database = map.next_value()?,
            b"Command" => self.command = map.next_value()?,
            b"State" => self.state = map.next_value()?,
            b"Time" => self.time = map.next_value()?,
            b"TrxId" => self.trx_id = map.next_value()?,
            b"TrxDuration" => self.trx_duration = map.next_value()?,
            b"SqlTemplateId" => self.template = map.next_value()?,
            _ => skip(map)?,
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

impl<'de> Fields<'de> for Stat<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
        match name {
            b"Key" => self.key = map.next_value()?,
            b"TotalCount" => self.total = map.next_value()?,
            b"ActiveCount" => self.active = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn stats<'de, A: MapAccess<'de>>(map: &mut A, name: fn(&str) -> &str) -> Result<Option<Groups>, A::Error> {
    let mut groups = Groups::default();
    let given = map.next_value_seed(Rows::new(|stat: &Stat<'de>| {
        let (total, active) = (stat.total.0.unwrap_or_default(), stat.active.0.unwrap_or_default());
        let group = Group { total, active, ..Group::default() };
        groups.add(value(&stat.key).map(name), group);
    }))?;
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
