//! What the exporter says of itself: its logs and its own instruments.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};
use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Least severe level that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator wants to see of a healthy exporter.
    Info,
    /// What needs attention.
    Warn,
    /// What keeps the exporter from working.
    Error,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}

/// Sends logs to standard error from now on. Libraries are heard from level warn on: below it they may print requests.
pub fn log_to_stderr(level: LogLevel, format: LogFormat) {
    let level = LevelFilter::from(level);
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("dbsession_exporter", level);
    let logfmt = tracing_logfmt::builder().with_target(false).with_span_name(false).with_span_path(false);
    let lines = match format {
        LogFormat::Logfmt => logfmt.layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}

/// Panics become log lines of their own, without the message: it may hold what a provider sent.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "a fault of the exporter: please report it");
    }));
}

/// What a call is counted under.
#[derive(Debug, Clone, Copy)]
pub struct CallLabels<'a> {
    /// `alibaba` or `huawei`.
    pub provider: &'a str,
    /// Name of the account.
    pub account: &'a str,
    /// Operation of the provider's API.
    pub operation: &'a str,
}

/// The exporter's own instruments, in a registry of their own; cheap to clone.
#[derive(Debug, Clone)]
pub struct Instruments {
    registry: Registry,
    requests: IntCounterVec,
    request_failures: IntCounterVec,
    requests_throttled: IntCounterVec,
    request_seconds: HistogramVec,
    wait_seconds: CounterVec,
    publish_seconds: Histogram,
    credentials_expiry: GaugeVec,
    targets: IntGaugeVec,
    series: IntGauge,
    reload_successful: IntGauge,
    reload_success_time: Gauge,
    lag: Gauge,
    shard: IntGauge,
    total_shards: IntGauge,
    quota_calls: GaugeVec,
    planned_calls: GaugeVec,
    wanted_calls: GaugeVec,
}

/// What is told of the plan of one account and service, in calls a second.
#[derive(Debug, Clone)]
pub struct LaneGauges {
    quota: Gauge,
    wanted: Gauge,
    planned: Gauge,
}

impl LaneGauges {
    /// Calls a second that the rate limit allows, that are wanted, and that are planned.
    pub fn set(&self, quota: f64, wanted: f64, planned: f64) {
        self.quota.set(quota);
        self.wanted.set(wanted);
        self.planned.set(planned);
    }
}

/// Labels of what is told of an account's service.
const LANE: [&str; 3] = ["provider", "account", "service"];

/// Upper bounds of request durations in seconds: from a cached answer to the longest sensible timeout.
const REQUEST_SECONDS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Upper bounds of the time from the last byte to the page, in seconds.
const PUBLISH_SECONDS: [f64; 10] = [0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.1];

impl Instruments {
    /// New instruments, all at zero.
    ///
    /// # Panics
    /// Never: names are fixed and distinct.
    #[must_use]
    pub fn new() -> Self {
        let call = ["provider", "account", "operation"];
        let lane = |name: &str, help: &str| made(GaugeVec::new(opts(name, help), &LANE));
        let counter =
            |name: &str, help: &str, labels: &[&str]| made(IntCounterVec::new(opts(name, help), labels));
        let instruments = Self {
            registry: Registry::new(),
            requests: counter("api_requests_total", "Calls sent to the clouds.", &call),
            request_failures: counter(
                "api_request_failures_total",
                "Calls to the clouds that failed, by reason.",
                &["provider", "account", "operation", "reason"],
            ),
            requests_throttled: counter(
                "api_requests_throttled_total",
                "Calls that a cloud throttled.",
                &call,
            ),
            request_seconds: made(HistogramVec::new(
                HistogramOpts::from(opts("api_request_duration_seconds", "Duration of calls to the clouds."))
                    .buckets(REQUEST_SECONDS.to_vec()),
                &["provider", "operation"],
            )),
            wait_seconds: made(CounterVec::new(
                opts(
                    "rate_limiter_wait_seconds_total",
                    "Time in which calls to the clouds waited for the rate limit or for a pause that a cloud asked for.",
                ),
                &LANE,
            )),
            publish_seconds: made(Histogram::with_opts(
                HistogramOpts::from(opts(
                    "publish_duration_seconds",
                    "From the last byte of a fetch to its data being on this page.",
                ))
                .buckets(PUBLISH_SECONDS.to_vec()),
            )),
            credentials_expiry: made(GaugeVec::new(
                opts("credentials_expiry_timestamp_seconds", "When an account's temporary credentials end."),
                &["provider", "account"],
            )),
            targets: made(IntGaugeVec::new(opts("targets", "Targets by state."), &["provider", "state"])),
            series: made(IntGauge::with_opts(opts(
                "series",
                "Series of all targets and kill tasks on this page.",
            ))),
            reload_successful: made(IntGauge::with_opts(opts(
                "config_last_reload_successful",
                "Whether the configuration was good when it was last read.",
            ))),
            reload_success_time: made(Gauge::with_opts(opts(
                "config_last_reload_success_timestamp_seconds",
                "When a good configuration was last read.",
            ))),
            lag: made(Gauge::with_opts(opts(
                "schedule_lag_seconds",
                "How far the target that is furthest behind its schedule is behind it.",
            ))),
            shard: made(IntGauge::with_opts(opts(
                "shard",
                "Which of the processes that share the configuration this one is, counted from 0.",
            ))),
            total_shards: made(IntGauge::with_opts(opts(
                "total_shards",
                "How many processes share the configuration, as this one was told.",
            ))),
            quota_calls: lane("api_quota_calls_per_second", "Calls a second that the rate limit allows."),
            planned_calls: lane(
                "api_planned_calls_per_second",
                "Calls a second that are planned, after stretching intervals to the rate limit.",
            ),
            wanted_calls: lane(
                "api_wanted_calls_per_second",
                "Calls a second that the configured intervals would take.",
            ),
        };
        for collector in instruments.collectors() {
            made(instruments.registry.register(collector));
        }
        instruments
    }

    /// Everything that is registered, whether it has samples or not.
    pub(crate) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let build_info = made(IntGaugeVec::new(
            opts("build_info", "What this exporter was built from; always 1."),
            &["version", "revision", "rustversion"],
        ));
        let built = [env!("CARGO_PKG_VERSION"), env!("DBSESSION_REVISION"), env!("DBSESSION_RUSTVERSION")];
        build_info.with_label_values(&built).set(1);
        vec![
            Box::new(build_info),
            Box::new(self.requests.clone()),
            Box::new(self.request_failures.clone()),
            Box::new(self.requests_throttled.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.wait_seconds.clone()),
            Box::new(self.publish_seconds.clone()),
            Box::new(self.credentials_expiry.clone()),
            Box::new(self.targets.clone()),
            Box::new(self.series.clone()),
            Box::new(self.reload_successful.clone()),
            Box::new(self.reload_success_time.clone()),
            Box::new(self.lag.clone()),
            Box::new(self.shard.clone()),
            Box::new(self.total_shards.clone()),
            Box::new(self.quota_calls.clone()),
            Box::new(self.planned_calls.clone()),
            Box::new(self.wanted_calls.clone()),
            Box::new(ProcessCollector::for_self()),
        ]
    }

    /// Counts one call that ended; `failure` is why it failed, if it did.
    pub fn count_call(&self, call: CallLabels<'_>, took: Duration, failure: Option<&str>, throttled: bool) {
        let CallLabels { provider, account, operation } = call;
        self.requests.with_label_values(&[provider, account, operation]).inc();
        self.request_seconds.with_label_values(&[provider, operation]).observe(took.as_secs_f64());
        let throttlings = self.requests_throttled.with_label_values(&[provider, account, operation]);
        throttlings.inc_by(u64::from(throttled));
        if let Some(reason) = failure {
            self.request_failures.with_label_values(&[provider, account, operation, reason]).inc();
        }
    }

    /// Counts what a call waited for the rate limit of an account's service; nothing makes the counter begin at 0.
    pub fn waited(&self, provider: &str, account: &str, service: &str, wait: Duration) {
        self.wait_seconds.with_label_values(&[provider, account, service]).inc_by(wait.as_secs_f64());
    }

    /// Tells how long it took from the last byte of a fetch to its data being on the page.
    pub fn published(&self, after: Duration) {
        self.publish_seconds.observe(after.as_secs_f64());
    }

    /// Tells when an account's credentials end; none: they last.
    pub fn credentials_expire_at(&self, provider: &str, account: &str, at: Option<Timestamp>) {
        match at {
            Some(at) => self.credentials_expiry.with_label_values(&[provider, account]).set(seconds(at)),
            // There may have been none.
            None => drop(self.credentials_expiry.remove_label_values(&[provider, account])),
        }
    }

    /// Tells how many targets of a provider are in a state.
    pub fn set_targets(&self, provider: &str, state: &str, targets: usize) {
        self.targets.with_label_values(&[provider, state]).set(i64::try_from(targets).unwrap_or(i64::MAX));
    }

    /// Tells how many series all targets and kill tasks have.
    pub fn set_series(&self, series: usize) {
        self.series.set(i64::try_from(series).unwrap_or(i64::MAX));
    }

    /// The gauges of one account and service.
    #[must_use]
    pub fn lane(&self, provider: &str, account: &str, service: &str) -> LaneGauges {
        let of_lane = |gauges: &GaugeVec| gauges.with_label_values(&[provider, account, service]);
        LaneGauges {
            quota: of_lane(&self.quota_calls),
            wanted: of_lane(&self.wanted_calls),
            planned: of_lane(&self.planned_calls),
        }
    }

    /// Takes away what is told of other accounts than `accounts`, and of the plan of other lanes than `lanes`: names of an
    /// account and a service.
    pub fn keep(&self, accounts: &HashSet<&str>, lanes: &HashSet<(&str, &str)>) {
        let of_account = |labels: &HashMap<&str, &str>| accounts.contains(labels["account"]);
        prune(&self.requests, of_account);
        prune(&self.request_failures, of_account);
        prune(&self.requests_throttled, of_account);
        prune(&self.wait_seconds, of_account);
        prune(&self.credentials_expiry, of_account);
        for gauges in [&self.quota_calls, &self.wanted_calls, &self.planned_calls] {
            prune(gauges, |labels| lanes.contains(&(labels["account"], labels["service"])));
        }
    }

    /// Tells how far the schedule is behind.
    pub fn set_lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }

    /// Tells which of how many processes this one is.
    pub fn set_shard(&self, shard: u32, total: u32) {
        self.shard.set(shard.into());
        self.total_shards.set(total.into());
    }

    /// Tells that a configuration was bad, and the one before is still used.
    pub fn configuration_refused(&self) {
        self.reload_successful.set(0);
    }

    /// Tells that a good configuration was read.
    pub fn configuration_read(&self, at: Timestamp) {
        self.reload_successful.set(1);
        self.reload_success_time.set(seconds(at));
    }

    /// All families as they are now.
    #[must_use]
    pub fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }
}

impl Default for Instruments {
    fn default() -> Self {
        Self::new()
    }
}

/// Removes the series whose labels are not to be kept.
fn prune<T: MetricVecBuilder>(metrics: &MetricVec<T>, keep: impl Fn(&HashMap<&str, &str>) -> bool) {
    for family in metrics.collect() {
        for metric in family.get_metric() {
            let labels: HashMap<&str, &str> =
                metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
            if !keep(&labels) {
                // It has just been listed, and only a reload, of which there is one at a time, removes any.
                let _ = metrics.remove(&labels);
            }
        }
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("dbsession_exporter")
}

fn made<T>(made: prometheus::Result<T>) -> T {
    made.expect("names and labels are fixed, valid and distinct")
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
