//! The sessions of a Huawei Cloud instance: DAS "Querying Instance Sessions" and DDM "Querying Physical Sessions". Both list
//! rows in pages and report a total; they differ in names, in the largest page, and in how they write "no value".

use std::sync::Arc;

use super::client::{Client, Read};
use super::pages::{Sweep, Sweeps};
use crate::cloud::budget::Budget;
use crate::cloud::json::{Count, Error, Fields, Id, Reader, Seconds, Spelled, Text};
use crate::cloud::source::{Standing, tally};
use crate::config::{Service, Target};
use crate::error::{FailureKind, FetchError};
use crate::model::label::present;
use crate::model::{Fetched, Reported, Session, Tally, Transaction};

/// What is different between the two listings.
#[derive(Debug)]
struct Listing {
    operation: &'static str,
    service: Service,
    resource: &'static str,
    rows: &'static str,
    total: &'static str,
    /// The largest page, always asked for: the defaults are 20 or 100, and 10.
    limit: u64,
    /// A text that stands for no value, beside the empty one and `--`.
    nothing: Option<&'static str>,
}

const DAS: Listing = Listing {
    operation: "ListProcesses",
    service: Service::Das,
    resource: "processes",
    rows: "processes",
    total: "count",
    limit: 100,
    nothing: None,
};

const DDM: Listing = Listing {
    operation: "ShowPhysicalProcesses",
    service: Service::Ddm,
    resource: "physical-processes",
    rows: "physical_processes",
    total: "total_count",
    limit: 128,
    nothing: Some("None"),
};

/// Where one target's sessions come from.
#[derive(Debug)]
pub struct Source {
    client: Client,
    target: Arc<Target>,
    listing: &'static Listing,
}

impl Source {
    /// The sessions of `target`, read by `client`.
    #[must_use]
    pub fn new(client: Client, target: Arc<Target>) -> Self {
        let listing = match target.service {
            Service::Das => &DAS,
            Service::Ddm => &DDM,
        };
        Self { client, target, listing }
    }

    /// Whether a fetch would be refused at present.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.client.standing(self.target.service)
    }

    /// One fetch: a sweep for each filter, united by session id.
    ///
    /// # Errors
    /// Of any call.
    pub async fn fetch(&self, budget: &mut Budget) -> Result<Fetched, FetchError> {
        let mut sweeps = Sweeps::new(self.listing.limit, self.target.settings.max_pages);
        let mut tally = tally(&self.target.settings);
        for filter in self.filters() {
            let mut sweep = sweeps.begin();
            while let Some(offset) = sweep.next_offset() {
                if !self.page(offset, filter, &mut sweep, &mut tally, budget).await? {
                    break;
                }
                budget.foresee(sweep.pages_to_come());
            }
            sweep.end();
        }
        let reported = Reported { total: sweeps.total(), unlisted: sweeps.unlisted(), ..Reported::default() };
        let thresholds = tally.thresholds();
        Ok(Fetched { tally: Some(tally), reported, thresholds })
    }

    fn filters(&self) -> Vec<Option<(&str, &str)>> {
        let users = self.target.users.iter().map(|user| ("user", user.as_str()));
        let databases = self.target.databases.iter().map(|database| ("database", database.as_str()));
        let filters: Vec<_> = users.chain(databases).map(Some).collect();
        if filters.is_empty() { vec![None] } else { filters }
    }

    /// Reads one page; `true` where another one has to be asked for.
    async fn page(
        &self,
        offset: u64,
        filter: Option<(&str, &str)>,
        sweep: &mut Sweep<'_>,
        tally: &mut Tally,
        budget: &mut Budget,
    ) -> Result<bool, FetchError> {
        let Self { target, listing, .. } = self;
        let (limit, offset) = (listing.limit.to_string(), offset.to_string());
        let mut query = vec![("limit", limit.as_str()), ("offset", offset.as_str())];
        query.extend(target.db_user_id.as_deref().map(|id| ("db_user_id", id)));
        query.extend(target.node_id.as_deref().map(|id| ("node_id", id)));
        query.extend(filter);
        let path = format!("instances/{}/{}", target.instance_id, listing.resource);
        let read = Read {
            operation: listing.operation,
            service: listing.service,
            path: &path,
            query: &query,
            max_bytes: target.settings.max_response_bytes,
        };
        let mut page = Page { listing, sweep, tally, listed: false, total: None };
        self.client.read(&read, &mut page, budget).await?;
        page.end()
    }
}

/// One page: its rows go straight into the tally.
struct Page<'p, 's> {
    listing: &'static Listing,
    sweep: &'p mut Sweep<'s>,
    tally: &'p mut Tally,
    listed: bool,
    total: Option<u64>,
}

impl<'a> Fields<'a> for Page<'_, '_> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        let Self { listing, sweep, tally, .. } = self;
        if name == listing.total.as_bytes() {
            self.total = reader.value::<Count>()?.0;
        } else if name == listing.rows.as_bytes() {
            self.listed = reader.rows(|row: &Row<'a>| {
                if sweep.row(row.id.clone()) {
                    tally.add(&row.session(listing.nothing));
                }
            })?;
        } else {
            reader.skip()?;
        }
        Ok(())
    }
}

impl Page<'_, '_> {
    fn end(self) -> Result<bool, FetchError> {
        if !self.listed && self.total != Some(0) {
            let detail = format!("{}: the answer has no {}", self.listing.operation, self.listing.rows);
            return Err(FetchError::new(FailureKind::BadResponse, detail));
        }
        Ok(self.sweep.page_ends(self.total))
    }
}

/// One session. DAS sends texts only, DDM numbers where they are numbers.
#[derive(Default)]
struct Row<'a> {
    id: Id,
    user: Text<'a>,
    host: Text<'a>,
    database: Text<'a>,
    command: Text<'a>,
    state: Text<'a>,
    time: Seconds,
    trx_executed_time: Seconds,
    statement: Spelled<'a>,
}

impl<'a> Fields<'a> for Row<'a> {
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), Error> {
        match name {
            b"id" => self.id = reader.value()?,
            b"user" => self.user = reader.value()?,
            b"host" => self.host = reader.value()?,
            b"database" | b"db" => self.database = reader.value()?,
            b"command" => self.command = reader.value()?,
            b"state" => self.state = reader.value()?,
            b"time" => self.time = reader.value()?,
            b"trx_executed_time" => self.trx_executed_time = reader.value()?,
            b"sql" | b"info" => self.statement = reader.value()?,
            _ => reader.skip()?,
        }
        Ok(())
    }
}

impl Row<'_> {
    fn session(&self, nothing: Option<&str>) -> Session<'_> {
        Session {
            id: self.id.as_session_id(),
            user: value(&self.user, nothing),
            client: value(&self.host, nothing),
            database: value(&self.database, nothing),
            command: value(&self.command, nothing),
            state: value(&self.state, nothing),
            template: None,
            seconds: self.time.0,
            transaction: Transaction::of(self.trx_executed_time.0, None),
            statement: self.statement.statement().filter(|it| Some(it.spelled) != nothing.map(str::as_bytes)),
        }
    }
}

fn value<'a>(text: &'a Text<'_>, nothing: Option<&str>) -> Option<&'a str> {
    text.as_deref().and_then(present).filter(|text| nothing != Some(*text))
}
