//! The settings that may stand on every level of the file, and how a level inherits those of the level above.

use std::time::Duration;

use super::place::Place;
use super::raw::{Leaf, RawIncidents, RawSettings, RawSpike, WordOr};
use super::units::{self, Factor};
use crate::model::series;

/// How one target is fetched, after all levels of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// From the start of one fetch to the start of the next; at least 1 s.
    pub interval: Duration,
    /// One fetch, all its calls together, without waits for the rate limit. May exceed the interval.
    pub timeout: Duration,
    /// How long after its end a good fetch is shown, where that is configured; see [`Settings::stale_after`].
    pub stale_after: Option<Duration>,
    /// From this duration on an executing session is slow.
    pub slow_session_threshold: Duration,
    /// From this duration on a transaction is long.
    pub long_transaction_threshold: Duration,
    /// A larger answer, after decompression, is refused. Bytes.
    pub max_response_bytes: usize,
    /// Pages of one fetch, 1 to 10,000.
    pub max_pages: usize,
    /// Series of one target, [`series::least`] to 1,000,000; beyond it more label values go to `other`.
    pub max_series: usize,
    /// When to fetch more often; `None`: never.
    pub spike: Option<Spike>,
    /// What is shown of statements.
    pub expose_sql: ExposeSql,
    /// What is kept of spikes; `None`: nothing.
    pub incidents: Option<Incidents>,
    /// Whether the target is shown under the names of `mysqld_exporter`, too.
    pub mysqld_names: bool,
    /// How long the series of an ended kill task stay.
    pub kill_task_retention: Duration,
}

impl Settings {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Level::DEFAULT.settings();

    /// How long after its end a good fetch is shown while the interval is stretched to `interval`: as configured, else long
    /// enough for the next fetch to end, and a minute at least.
    #[must_use]
    pub fn stale_after(&self, interval: Duration) -> Duration {
        let default = || Duration::from_mins(1).max(2 * interval).max(interval + self.timeout);
        self.stale_after.unwrap_or_else(default)
    }
}

/// What pages and the JSON API show of the statements of the oldest sessions; metrics and logs never show any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExposeSql {
    /// Nothing; they are not even decoded.
    None,
    /// Digests: every literal replaced.
    Digest,
}

/// When active sessions are a spike, and how often they are then looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike {
    /// Interval while the spike lasts; at least 1 s.
    pub interval: Duration,
    /// Active sessions are a spike above this many times their own recent level.
    pub above: Factor,
    /// Fewer active sessions are never a spike.
    pub min_active: u64,
}

impl Spike {
    /// What holds for the keys that are left out.
    const DEFAULT: Self = Self { interval: Duration::from_secs(5), above: Factor::TWICE, min_active: 10 };
}

/// When more active sessions than usual are an incident, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incidents {
    /// No more active sessions than these are never an incident.
    pub active_above: u64,
    /// Active sessions are an incident above this many times their own recent level.
    pub factor: Factor,
    /// What comes this soon after an incident belongs to it.
    pub cooldown: Duration,
    /// Incidents of one target that are kept, 1 to 10,000.
    pub keep: usize,
}

impl Incidents {
    /// What holds for the keys that are left out, and where the file says nothing.
    const DEFAULT: Self =
        Self { active_above: 50, factor: Factor::THRICE, cooldown: Duration::from_mins(5), keep: 100 };
}

/// What a level of the file hands down. `stale_after` stays open until it is known which interval and timeout it follows.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub interval: Duration,
    pub timeout: Duration,
    pub stale_after: Option<Duration>,
    pub slow_session_threshold: Duration,
    pub long_transaction_threshold: Duration,
    pub max_response_bytes: usize,
    pub max_pages: usize,
    pub max_series: usize,
    pub spike: Option<Spike>,
    pub expose_sql: ExposeSql,
    pub incidents: Option<Incidents>,
    pub mysqld_names: bool,
    pub kill_task_retention: Duration,
}

impl Level {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Self {
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(20),
        stale_after: None,
        slow_session_threshold: Duration::from_secs(3),
        long_transaction_threshold: Duration::from_mins(1),
        max_response_bytes: 64 << 20,
        max_pages: 200,
        max_series: 1000,
        spike: None,
        expose_sql: ExposeSql::None,
        incidents: Some(Incidents::DEFAULT),
        mysqld_names: false,
        kill_task_retention: Duration::from_hours(1),
    };

    /// The level below, with what it sets itself. Warns only where this level made things so, not once for each that inherits.
    pub fn overridden(self, at: &Place, raw: &RawSettings) -> Self {
        let duration = |key: &str, leaf: &Leaf| at.key(key).parsed(leaf, units::duration);
        let level = Self {
            interval: at.key("interval").parsed(raw.interval, interval).unwrap_or(self.interval),
            timeout: duration("timeout", raw.timeout).unwrap_or(self.timeout),
            stale_after: duration("stale_after", raw.stale_after).or(self.stale_after),
            slow_session_threshold: duration("slow_session_threshold", raw.slow_session_threshold)
                .unwrap_or(self.slow_session_threshold),
            long_transaction_threshold: duration(
                "long_transaction_threshold",
                raw.long_transaction_threshold,
            )
            .unwrap_or(self.long_transaction_threshold),
            max_response_bytes: at
                .key("max_response_bytes")
                .parsed(raw.max_response_bytes, units::size)
                .unwrap_or(self.max_response_bytes),
            max_pages: at
                .key("max_pages")
                .parsed(raw.max_pages, |text| whole(text, 10_000, "must be a whole number from 1 to 10000"))
                .unwrap_or(self.max_pages),
            max_series: at.key("max_series").parsed(raw.max_series, max_series).unwrap_or(self.max_series),
            spike: raw.spike.map_or(self.spike, |raw| spike(&at.key("spike"), raw, self.spike)),
            expose_sql: expose_sql(&at.key("expose_sql"), raw.expose_sql).unwrap_or(self.expose_sql),
            incidents: raw
                .incidents
                .map_or(self.incidents, |raw| incidents(&at.key("incidents"), raw, self.incidents)),
            mysqld_names: raw.compat.map_or(self.mysqld_names, |raw| compat(&at.key("compat"), raw)),
            kill_task_retention: duration("kill_task_retention", raw.kill_task_retention)
                .unwrap_or(self.kill_task_retention),
        };
        let shown = |level: &Self| (level.max_series, level.mysqld_names);
        let least = series::least(level.mysqld_names);
        at.key("max_series").refuse(
            level.max_series < least && shown(&level) != shown(&self),
            &format!("must be at least {least} where compat has mysqld"),
        );
        let timing = |level: &Self| (level.interval, level.timeout, level.stale_after);
        if timing(&level) != timing(&self) {
            level.warn(at);
        }
        if let Some(spike) =
            level.spike.filter(|spike| spike.interval >= level.interval && raw.spike.is_some())
        {
            at.key("spike.interval").warn(format_args!(
                "{:?} is no shorter than the interval of {:?}; it changes nothing",
                spike.interval, level.interval
            ));
        }
        level
    }

    /// The settings of a target on this level.
    pub const fn settings(self) -> Settings {
        Settings {
            interval: self.interval,
            timeout: self.timeout,
            stale_after: self.stale_after,
            slow_session_threshold: self.slow_session_threshold,
            long_transaction_threshold: self.long_transaction_threshold,
            max_response_bytes: self.max_response_bytes,
            max_pages: self.max_pages,
            max_series: self.max_series,
            spike: self.spike,
            expose_sql: self.expose_sql,
            incidents: self.incidents,
            mysqld_names: self.mysqld_names,
            kill_task_retention: self.kill_task_retention,
        }
    }

    fn warn(&self, at: &Place) {
        let Self { interval, timeout, stale_after, .. } = *self;
        if timeout > interval {
            at.key("timeout").warn(format_args!(
                "{timeout:?} is longer than the interval of {interval:?}; after a slow fetch the next one starts late"
            ));
        }
        if let Some(stale_after) = stale_after.filter(|&stale_after| stale_after < interval + timeout) {
            at.key("stale_after").warn(format_args!(
                "{stale_after:?} is shorter than interval and timeout together, {:?}; a slow fetch leaves a gap in the series",
                interval + timeout
            ));
        }
    }
}

/// The keys that are given, upon what the level above says.
fn spike(at: &Place, raw: &WordOr<RawSpike>, above: Option<Spike>) -> Option<Spike> {
    match raw {
        WordOr::Word(word) => off(at, word),
        WordOr::Keys(raw) => {
            let above = above.unwrap_or(Spike::DEFAULT);
            Some(Spike {
                interval: at.key("interval").parsed(&raw.interval, interval).unwrap_or(above.interval),
                above: at.key("above").parsed(&raw.above, units::factor).unwrap_or(above.above),
                min_active: at.key("min_active").parsed(&raw.min_active, count).unwrap_or(above.min_active),
            })
        }
    }
}

fn expose_sql(at: &Place, leaf: &Leaf) -> Option<ExposeSql> {
    at.pick(leaf, "way to show SQL", &[("none", ExposeSql::None), ("digest", ExposeSql::Digest)])
}

/// The keys that are given, upon what the level above says.
fn incidents(at: &Place, raw: &WordOr<RawIncidents>, above: Option<Incidents>) -> Option<Incidents> {
    match raw {
        WordOr::Word(word) => off(at, word),
        WordOr::Keys(raw) => {
            let above = above.unwrap_or(Incidents::DEFAULT);
            let active_above = at.key("active_above").parsed(&raw.active_above, count);
            let keep = at
                .key("keep")
                .parsed(&raw.keep, |text| whole(text, 10_000, "must be a whole number from 1 to 10000"));
            Some(Incidents {
                active_above: active_above.unwrap_or(above.active_above),
                factor: at.key("factor").parsed(&raw.factor, units::times).unwrap_or(above.factor),
                cooldown: at.key("cooldown").parsed(&raw.cooldown, units::duration).unwrap_or(above.cooldown),
                keep: keep.unwrap_or(above.keep),
            })
        }
    }
}

/// The one word that may stand instead of keys.
fn off<T>(at: &Place, word: &Leaf) -> Option<T> {
    at.parsed(word, |text| if text == "off" { Ok(()) } else { Err("must be off or a map of keys") });
    None
}

/// Whether the names of `mysqld_exporter` are in the list; there are no others to be had.
fn compat(at: &Place, raw: &[Leaf]) -> bool {
    for (index, leaf) in raw.iter().enumerate() {
        at.item(index).refuse(leaf.0.is_none(), "remove the item or give it a value");
        at.item(index).pick(leaf, "exporter", &[("mysqld", ())]);
    }
    !raw.is_empty()
}

fn count(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "must be a whole number")
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    let interval = units::duration(text)?;
    if interval < Duration::from_secs(1) { Err("must be at least 1s") } else { Ok(interval) }
}

fn max_series(text: &str) -> Result<usize, String> {
    let least = series::least(false);
    let number = text.parse().ok().filter(|number| (least..=1_000_000).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to 1000000"))
}

/// A whole number from 1 to `max`, or the rule that it breaks.
pub(super) fn whole(text: &str, max: usize, rule: &'static str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or(rule)
}
