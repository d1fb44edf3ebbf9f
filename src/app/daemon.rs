//! The daemon: fetches and serves until a signal ends it, and takes a new configuration up whenever it is told to or finds
//! that a file has changed.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tracing::{debug, error, info, warn};

use super::origin::{Fingerprint, Sources};
use super::{Failure, service};
use crate::cli::Web;
use crate::clock::Clock;
use crate::config::web::WebConfig;
use crate::config::{Config, ConfigError};
use crate::schedule::Scheduler;
use crate::store::{Incidents, Storage, StorageError, Store, Tasks};
use crate::telemetry::Instruments;
use crate::web::{self, Control, ControlRequest, HEALTH_PATHS, MaxRequests, Security, Server, Site};

/// Open requests have this long to finish, so that all is over within 5 seconds of the signal.
const DRAIN: Duration = Duration::from_secs(4);

/// A file that has changed is read this much later: of files that belong together, like the two of a key, one is replaced after
/// the other.
const REST: Duration = Duration::from_secs(2);

/// The last incidents have this long to be written.
const LAST_SAVE: Duration = Duration::from_millis(500);

/// The configurations, where they came from, and what was in their files then.
pub(super) struct Loaded {
    sources: Sources,
    config: Config,
    web: WebConfig,
    files: Fingerprint,
}

impl Loaded {
    /// Reads the configurations.
    ///
    /// # Errors
    /// All its problems.
    pub(super) fn from(sources: Sources) -> Result<Self, ConfigError> {
        let (read, files) = sources.read_with_files(&Fingerprint::default());
        let (config, web) = read?;
        Ok(Self { sources, config, web, files })
    }

    /// The scheme of the URLs of the endpoints.
    pub(super) const fn scheme(&self) -> &'static str {
        if self.web.tls.is_some() { "https" } else { "http" }
    }
}

/// Runs until a signal ends it.
pub(super) async fn run(loaded: Loaded, server: Server, web: &Web) -> Result<(), Failure> {
    let Loaded { sources, config, web: web_config, files } = loaded;
    let config = Arc::new(config);
    let store = store(web.storage_path.as_deref())
        .map_err(|error| Failure::runtime("--storage.path cannot be used", &error))?;
    let (clock, instruments) = (Clock, Instruments::new());
    let (stop, hangup) = (stop_signal()?, listen(SignalKind::hangup())?);
    warn_of(&config);
    let scheduler = Scheduler::start(Arc::clone(&config), store.clone(), clock, instruments.clone())
        .map_err(|error| Failure::runtime("no connection can be made", &error))?;
    instruments.set_shard(sources.shard.index(), sources.shard.total());
    instruments.configuration_read(clock.now());
    info!(targets = config.targets.len(), kill_tasks = config.kill_tasks.len(), "fetching");

    let (links, open_paths) = (web.links(), if web.health_no_auth { &HEALTH_PATHS[..] } else { &[] });
    let open_paths = open_paths.iter().map(|path| links.route(path)).collect();
    let security = Arc::new(Security::new(web_config, open_paths));
    let (control, requests) = Control::new();
    let incidents = store.incidents().clone();
    let (configuration, in_force) = watch::channel(config);
    let site = Site {
        store,
        instruments: instruments.clone(),
        clock,
        started: Instant::now(),
        links,
        configuration: in_force,
        control: control.clone(),
        lifecycle: web.enable_lifecycle,
        admin_api: web.enable_admin_api,
        max_requests: MaxRequests::new(web.max_requests),
    };
    let daemon = Daemon {
        sources,
        configuration,
        scheduler,
        security: Arc::clone(&security),
        clock,
        instruments,
        files,
    };
    service::ready();
    tokio::select! {
        () = server.serve(web::router(Arc::new(site)), security, stop, DRAIN) => {}
        never = daemon.serve_for_ever(requests, hangup, ticks(web.auto_reload_interval)) => match never {},
        never = incidents.keep_saved() => match never {},
    }
    match timeout(LAST_SAVE, incidents.save()).await {
        Ok(Err(error)) => warn!(%error, "incidents could not be kept"),
        Err(_) => warn!("incidents could not be kept in time"),
        Ok(Ok(())) => {}
    }
    drop(control);
    info!("stopped");
    Ok(())
}

/// What is known, with what a directory keeps, if there is one.
fn store(directory: Option<&Path>) -> Result<Store, StorageError> {
    let Some(directory) = directory else { return Ok(Store::default()) };
    let storage = Storage::open(directory)?;
    Ok(Store::new(Tasks::open(&storage)?, Incidents::open(&storage)?))
}

/// What a reload changes.
struct Daemon {
    sources: Sources,
    /// The configuration in force, for whoever shows it.
    configuration: watch::Sender<Arc<Config>>,
    scheduler: Scheduler,
    security: Arc<Security>,
    clock: Clock,
    instruments: Instruments,
    /// The files that the configuration was last read from, good or bad.
    files: Fingerprint,
}

impl Daemon {
    async fn serve_for_ever(
        mut self,
        mut requests: mpsc::Receiver<ControlRequest>,
        mut hangup: Signal,
        mut look: Option<Interval>,
    ) -> Infallible {
        let mut watchdog = ticks(service::watchdog().unwrap_or_default());
        let mut resting = false;
        loop {
            tokio::select! {
                Some(request) = requests.recv() => self.answer(request).await,
                Some(()) = hangup.recv() => drop(self.reload("SIGHUP").await),
                () = tick(&mut watchdog) => service::alive(),
                () = tick(&mut look) => {
                    let files = self.files.clone();
                    let changed = blocking(move || files.again() != files).await;
                    if changed && resting {
                        drop(self.reload("a file has changed").await);
                    } else if changed && let Some(look) = &mut look {
                        debug!("a file has changed, and is read when it has rested");
                        look.reset_after(REST.min(look.period()));
                    }
                    resting = changed && !resting;
                }
            }
        }
    }

    /// Does what is asked, whether or not somebody still waits for the answer.
    async fn answer(&mut self, request: ControlRequest) {
        match request {
            ControlRequest::Reload(answer) => {
                let _ = answer.send(self.reload("POST /-/reload").await);
            }
            ControlRequest::Watch(new, answer) => {
                let _ = answer.send(self.scheduler.watch(&new).await);
            }
            ControlRequest::Forget(task_id, answer) => {
                let _ = answer.send(self.scheduler.forget(&task_id).await);
            }
        }
    }

    /// All or nothing: a configuration with any problem changes nothing.
    async fn reload(&mut self, why: &'static str) -> Result<(), Vec<String>> {
        service::reloading();
        let outcome = self.read().await.and_then(|(config, web)| {
            let config = Arc::new(config);
            self.scheduler.reload(Arc::clone(&config)).map_err(|error| vec![error.to_string()])?;
            self.security.replace(web);
            Ok(config)
        });
        let outcome = match outcome {
            Ok(config) => {
                warn_of(&config);
                self.instruments.configuration_read(self.clock.now());
                info!(why, targets = config.targets.len(), "configuration reloaded");
                self.configuration.send_replace(config);
                Ok(())
            }
            Err(problems) => {
                self.instruments.configuration_refused();
                for problem in &problems {
                    error!(why, error = problem, "the configuration is kept as it was");
                }
                Err(problems)
            }
        };
        service::ready();
        outcome
    }

    /// Files may be on a disk that does not answer: no other task has to wait for it.
    async fn read(&mut self) -> Result<(Config, WebConfig), Vec<String>> {
        let (sources, files) = (self.sources.clone(), self.files.clone());
        let (read, files) = blocking(move || sources.read_with_files(&files)).await;
        self.files = files;
        read.map_err(|error| error.problems().to_vec())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

async fn tick(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

/// One at once, and then one `every` so often; none where that is zero.
fn ticks(every: Duration) -> Option<Interval> {
    (!every.is_zero()).then(|| {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    })
}

fn warn_of(config: &Config) {
    for warning in &config.warnings {
        warn!(warning, "the configuration is probably not as it is meant");
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::runtime("signals cannot be received", &error))
}

fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("stopping on SIGTERM"),
            _ = interrupt.recv() => info!("stopping on SIGINT"),
        }
        service::stopping();
    })
}
