//! A day of a fleet on the paused clock: scripted sources that take calls of real paces, fetched by the real tasks.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::lane::Lane;
use super::plan::Ask;
use super::recorder::Recorder;
use super::rhythm::Rhythm;
use super::task::{Fetcher, Surroundings, Work};
use super::{NewKillTasks, Scheduler};
use crate::clock::Clock;
use crate::cloud::budget::Budget;
use crate::cloud::pace::Pace;
use crate::cloud::source::{SessionSource, Standing};
use crate::config::{self, Config, Factor, Rate, Spike, Target};
use crate::demo::{Cloud, KillTask};
use crate::error::{FailureKind, FetchError};
use crate::model::{Fetched, Reported, Thresholds};
use crate::store::{Publisher, Slot, Store};
use crate::telemetry::Instruments;

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// One account and service: its limit, and when its calls began.
struct Service {
    name: &'static str,
    pace: Pace,
    lane: Arc<Lane>,
    calls: Mutex<Vec<Instant>>,
}

/// What a fetch does, by the number of fetches before it.
type Script = Box<dyn Fn(u64) -> Deed + Send + Sync>;

struct Deed {
    calls: u64,
    active: u64,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Good,
    Fails(FailureKind),
    Hangs,
    Panics,
}

/// The sessions of one target, and what was seen of its fetches.
struct Scripted {
    service: Arc<Service>,
    script: Script,
    /// Shows this target alone.
    store: Store,
    log: Mutex<Vec<Start>>,
    running: AtomicBool,
    /// Fetches that began while another one was under way.
    overlaps: AtomicU32,
}

/// When a fetch's first call began, and the interval that was announced then.
#[derive(Clone, Copy)]
struct Start {
    at: Instant,
    announced: Duration,
}

impl Scripted {
    fn announced(&self) -> Duration {
        self.store.target_views()[0].health.interval
    }

    async fn calls(&self, deed: &Deed, budget: &mut Budget) -> Result<(), FetchError> {
        for call in 0..deed.calls {
            let began = self.service.pace.turn(budget).await?.begin();
            budget.calls += 1;
            self.service.calls.lock().unwrap().push(began);
            if call == 0 {
                self.log.lock().unwrap().push(Start { at: began, announced: self.announced() });
            }
            if call == 0 && deed.ending == Ending::Good {
                budget.foresee(deed.calls - 1);
            }
            let latency = if deed.ending == Ending::Hangs { DAY } else { Duration::from_millis(80) };
            budget.run(sleep(latency)).await?;
        }
        Ok(())
    }
}

/// Ends a fetch, however it ends.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl SessionSource for Arc<Scripted> {
    async fn fetch(&self, budget: &mut Budget) -> Result<Fetched, FetchError> {
        // A panic would be one failed fetch.
        self.overlaps.fetch_add(u32::from(self.running.swap(true, Ordering::Relaxed)), Ordering::Relaxed);
        let _ended = Ended(&self.running);
        let number = self.log.lock().unwrap().len() as u64;
        let deed = (self.script)(number);
        self.calls(&deed, budget).await?;
        match deed.ending {
            Ending::Fails(kind) => Err(FetchError::new(kind, "scripted")),
            Ending::Panics => panic!("scripted"),
            Ending::Good | Ending::Hangs => Ok(fetched(deed.active)),
        }
    }

    fn standing(&self) -> Standing {
        Standing::Open
    }
}

fn fetched(active: u64) -> Fetched {
    let reported = Reported { total: Some(active), active: Some(active), ..Reported::default() };
    Fetched { tally: None, reported, thresholds: Thresholds { slow: 3.0, long: 60.0 } }
}

/// Fetchers of scripted sources; they stop when it is dropped.
#[derive(Default)]
struct Fleet {
    instruments: Arc<Instruments>,
    sources: Vec<(Arc<Target>, Arc<Scripted>)>,
    orders: Vec<watch::Sender<Arc<Work<Arc<Scripted>>>>>,
    tasks: JoinSet<()>,
}

impl Fleet {
    fn service(&self, name: &'static str, calls: u32, per: Duration) -> Arc<Service> {
        let rate = Rate { calls, per };
        let lane = Lane::new(rate, self.instruments.lane("scripted", name, "das"));
        Arc::new(Service { name, pace: Pace::new(rate), lane, calls: Mutex::default() })
    }

    fn add(&mut self, service: &Arc<Service>, settings: &str, script: Script) {
        let id = format!("{}-{}", service.name, self.sources.len());
        let target = Arc::clone(&target(&id, settings).targets[0]);
        let (publisher, store) = (Publisher::default(), Store::default());
        store.show(vec![Slot::new(&target, publisher.record())]);
        let rhythm = Rhythm::new(1.0);
        let around = Surroundings {
            publisher,
            recorder: Recorder::new(store.incidents().clone()),
            seat: service.lane.seat(rhythm.ask(&target.settings)),
            clock: Clock,
            instruments: self.instruments.clone(),
        };
        let source = Arc::new(Scripted {
            service: Arc::clone(service),
            script,
            store,
            log: Mutex::default(),
            running: AtomicBool::default(),
            overlaps: AtomicU32::default(),
        });
        let work = Work { source: Arc::clone(&source), target: Arc::clone(&target), top: 20, hurry: false };
        let (orders, receiver) = watch::channel(Arc::new(work));
        self.tasks.spawn(Box::new(Fetcher::new(receiver, around, rhythm)).run());
        self.sources.push((target, source));
        self.orders.push(orders);
    }
}

fn target(id: &str, settings: &str) -> Config {
    let text = format!(
        "accounts: [{{name: a, provider: alibaba, credentials: {{access_key_id: i, access_key_secret: s}}}}]\n\
         instances: [{{account: a, id: {id}, {settings}}}]"
    );
    config::parse(&text, "test".as_ref(), &|_| None).unwrap()
}

fn good(calls: u64) -> Deed {
    Deed { calls, active: 5, ending: Ending::Good }
}

/// A target that is fetched with so many calls, and has each trouble there is now and then.
fn with_trouble(calls: u64, seed: u64) -> Script {
    Box::new(move |fetch| {
        let ending = match (fetch + seed) % 97 {
            3 => Ending::Fails(FailureKind::Network),
            17 => Ending::Fails(FailureKind::Throttled),
            40 => Ending::Hangs,
            60 => Ending::Fails(FailureKind::Permission),
            _ => Ending::Good,
        };
        Deed { ending, ..good(calls) }
    })
}

/// 200 targets of three services, whose limits allow enough, not quite enough, and far too little.
fn day() -> (Fleet, Vec<Arc<Service>>) {
    let mut fleet = Fleet::default();
    let enough = fleet.service("enough", 10, SECOND);
    let scarce = fleet.service("scarce", 60, MINUTE);
    let starved = fleet.service("starved", 50, MINUTE);
    for number in 0..200 {
        let (service, settings, calls) = match number % 5 {
            0..=2 => (&enough, "interval: 2m", 2 + number % 3),
            3 => (&scarce, "interval: 60s", 1 + number % 4),
            _ if number % 20 == 4 => (&starved, "interval: 60s", 40),
            _ => (&starved, "interval: 30s", 1),
        };
        fleet.add(service, settings, with_trouble(calls, number));
    }
    (fleet, vec![enough, scarce, starved])
}

/// Of the calls of a service no window holds more than its limit.
fn no_window_is_too_full(service: &Service) {
    let mut calls = service.calls.lock().unwrap().clone();
    calls.sort_unstable();
    let Rate { calls: limit, per } = service.pace.rate();
    let shortest = calls.windows(limit as usize + 1).map(|w| w[limit as usize] - w[0]).min();
    assert!(shortest.is_some_and(|shortest| shortest >= per), "{}: {shortest:?}", service.name);
}

/// From one fetch to the next it takes one and a half of the interval at most, from the first on.
fn nobody_waits_much_longer_than_announced(id: &str, starts: &[Start]) {
    for pair in starts.windows(2) {
        let announced = pair[0].announced.max(pair[1].announced);
        let gap = pair[1].at - pair[0].at;
        let after = pair[0].at - starts[0].at;
        assert!(
            gap <= announced.mul_f64(1.5),
            "{id}: {gap:?} between two fetches, {announced:?} announced, {after:?} after the first"
        );
    }
}

/// The 99.9 % quantile of chi-squared with 19 degrees of freedom.
const CHI_SQUARED: f64 = 43.8;

#[tokio::test(start_paused = true)]
async fn a_day_of_a_fleet() {
    let began = Instant::now();
    let (fleet, services) = day();
    sleep(DAY).await;
    drop(fleet.tasks);

    for service in &services {
        no_window_is_too_full(service);
        let calls = service.calls.lock().unwrap().len();
        let possible =
            f64::from(service.pace.rate().calls) * DAY.as_secs_f64() / service.pace.rate().per.as_secs_f64();
        if service.name != "enough" {
            #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
            let used = calls as f64 / possible;
            assert!(
                used > 0.85,
                "{}: a limit that is too small is used, but only {used:.2} was",
                service.name
            );
        }
    }
    let mut bins = [0_u32; 20];
    for (target, source) in &fleet.sources {
        let starts = source.log.lock().unwrap();
        assert!(starts.len() > 20, "{}: {} fetches", target.instance_id, starts.len());
        assert_eq!(
            source.overlaps.load(Ordering::Relaxed),
            0,
            "two fetches of {} at once",
            target.instance_id
        );
        nobody_waits_much_longer_than_announced(&target.instance_id, &starts);
        if source.service.name == "enough" {
            let offset = (starts[starts.len() / 2].at - began).as_millis() % 120_000;
            bins[usize::try_from(offset / 6_000).unwrap()] += 1;
        }
    }
    let expected = f64::from(bins.iter().sum::<u32>()) / 20.0;
    let chi_squared: f64 = bins.iter().map(|bin| (f64::from(*bin) - expected).powi(2) / expected).sum();
    assert!(chi_squared < CHI_SQUARED, "starts are bunched: {bins:?}");
}

#[tokio::test(start_paused = true)]
async fn fetches_that_fail_after_many_calls_are_planned_for() {
    let mut fleet = Fleet::default();
    let service = fleet.service("a", 60, MINUTE);
    let fails = |_| Deed { ending: Ending::Fails(FailureKind::Timeout), ..good(20) };
    for number in 0..20 {
        let script: Script = if number < 4 { Box::new(fails) } else { Box::new(|_| good(1)) };
        fleet.add(&service, "interval: 30s", script);
    }
    sleep(Duration::from_hours(1)).await;
    no_window_is_too_full(&service);
    for (target, source) in &fleet.sources {
        nobody_waits_much_longer_than_announced(&target.instance_id, &source.log.lock().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_failed_fetch() {
    let mut fleet = Fleet::default();
    let service = fleet.service("a", 10, SECOND);
    let panics_once =
        |fetch| Deed { ending: if fetch == 1 { Ending::Panics } else { Ending::Good }, ..good(1) };
    fleet.add(&service, "interval: 10s", Box::new(panics_once));
    sleep(MINUTE).await;
    let health = fleet.sources[0].1.store.target_views().remove(0).health;
    assert_eq!((health.up, health.failures[FailureKind::Internal as usize]), (Some(true), 1));
    assert_eq!(health.fetches, 6);
}

#[tokio::test(start_paused = true)]
async fn a_spike_is_fetched_more_often_inside_the_limit_and_costs_nobody() {
    let mut fleet = Fleet::default();
    let service = fleet.service("a", 60, MINUTE);
    let spike = "interval: 60s, spike: {interval: 5s, above: 2x, min_active: 10}";
    let spikes = |fetch| Deed { active: if (5..25).contains(&fetch) { 100 } else { 10 }, ..good(1) };
    for _ in 0..2 {
        fleet.add(&service, spike, Box::new(spikes));
    }
    for _ in 0..40 {
        fleet.add(&service, "interval: 60s", Box::new(|_| good(1)));
    }
    sleep(Duration::from_mins(20)).await;
    no_window_is_too_full(&service);
    let gaps = |source: &Scripted| {
        let starts = source.log.lock().unwrap();
        let gaps = starts.windows(2).map(|pair| pair[1].at - pair[0].at);
        gaps.map(|gap| gap.as_secs_f64().round()).collect::<Vec<_>>()
    };
    for (_, spiking) in &fleet.sources[..2] {
        let gaps = gaps(spiking);
        // 54 calls a minute are planned: 42 are everybody's own, and 12 are left for two that would like 22 more.
        assert!(gaps[..5].iter().all(|gap| *gap >= 59.0), "{gaps:?}");
        assert!(gaps[6..25].iter().all(|gap| (5.0..=12.0).contains(gap)), "{gaps:?}");
        assert!(gaps[26..].iter().all(|gap| *gap >= 59.0), "{gaps:?}");
    }
    for (_, calm) in &fleet.sources[2..] {
        assert!(gaps(calm).iter().all(|gap| (54.0..=66.0).contains(gap)), "{:?}", gaps(calm));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_process_goes_on_without_a_burst() {
    let mut fleet = Fleet::default();
    let service = fleet.service("a", 5, SECOND);
    for _ in 0..30 {
        fleet.add(&service, "interval: 10s", Box::new(|_| good(1)));
    }
    sleep(MINUTE).await;
    // As if nothing had run meanwhile: the clock goes on, no task does.
    tokio::time::advance(MINUTE).await;
    let views = |fleet: &Fleet| fleet.sources.iter().map(|(_, source)| source.store.lag()).max();
    assert!(views(&fleet) > Some(Duration::from_secs(49)), "the lag is visible at once");
    sleep(MINUTE).await;
    no_window_is_too_full(&service);
    assert!(views(&fleet) < Some(SECOND), "and it is made up for");
}

#[tokio::test(start_paused = true)]
async fn new_work_is_adopted_without_a_fetch_unless_it_hurries() {
    let mut fleet = Fleet::default();
    let service = fleet.service("a", 10, SECOND);
    fleet.add(&service, "interval: 100s", Box::new(|_| good(1)));
    let (target_before, source) = fleet.sources[0].clone();
    let fetches = || source.log.lock().unwrap().len();
    while fetches() == 0 {
        sleep(SECOND).await;
    }
    assert_eq!(fetches(), 1);
    let work = |settings: &str, hurry| {
        let target = Arc::clone(&target(&target_before.instance_id, settings).targets[0]);
        Arc::new(Work { source: Arc::clone(&source), target, top: 20, hurry })
    };
    fleet.orders[0].send_replace(work("interval: 100s, name: other", false));
    sleep(Duration::from_secs(90)).await;
    assert_eq!(fetches(), 1, "another name costs no fetch");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(fetches(), 2, "the timer has gone on");
    fleet.orders[0].send_replace(work("interval: 100s", true));
    sleep(Duration::from_secs(6)).await;
    assert_eq!(fetches(), 3, "a hold was lifted");
    fleet.orders[0].send_replace(work("interval: 20s", false));
    sleep(Duration::from_secs(19)).await;
    assert_eq!(fetches(), 4, "a shorter interval counts from the last fetch");
}

#[tokio::test]
async fn a_kill_task_whose_time_is_over_leaves_nothing_behind() {
    let cloud = Cloud::start().await.unwrap();
    cloud.add_key("i", "s", None);
    let text = format!(
        "global: {{kill_task_retention: 1ms}}\n\
         accounts: [{{name: a, provider: alibaba, credentials: {{access_key_id: i, access_key_secret: s}}, endpoints: {{das: '{}'}}}}]",
        cloud.url()
    );
    let config = config::parse(&text, "test".as_ref(), &|_| None).unwrap();
    let store = Store::default();
    let mut scheduler = Scheduler::start(config.into(), store.clone(), Clock, Instruments::new()).unwrap();
    for number in 0..5 {
        let id = format!("t-{number}");
        let ended = KillTask { state: "SUCCESS".to_owned(), ..KillTask::default() };
        cloud.set_sessions("rm-1", Vec::new());
        cloud.set_kill_task("rm-1", &id, ended);
        let (account, instance) = ("a".to_owned(), "rm-1".to_owned());
        let new = NewKillTasks { account, instance, node: None, tasks: vec![id] };
        assert!(scheduler.watch(&new).await.unwrap().0);
        assert_eq!((scheduler.kill_tasks.len(), scheduler.tasks.len()), (1, 1), "the earlier ones are gone");
        while scheduler.kill_tasks.values().any(|following| !following.task.is_finished()) {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(store.tasks().list().is_empty());
    }
    assert_eq!(store.tasks().views().1[0].tasks, [5, 0, 0], "the counters stay");
}

#[test]
fn an_ask_is_no_more_than_the_interval() {
    let factor = Factor::TWICE;
    let spike = Spike { interval: MINUTE, above: factor, min_active: 0 };
    let mut rhythm = Rhythm::new(1.0);
    rhythm.fetched(1, Some(1), SECOND, Some(&spike));
    rhythm.fetched(1, Some(10), SECOND, Some(&spike));
    let settings = config::Settings { spike: Some(spike), ..config::Settings::DEFAULT };
    assert_eq!(
        rhythm.ask(&settings),
        Ask { calls: 1.0, interval: settings.interval, wish: None },
        "a spike is never looked at less often"
    );
}
