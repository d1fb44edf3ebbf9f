//! What each path answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, delete, get, post};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::api::incidents::{self, Filter};
use super::api::{self, Refusal};
use super::assets::{ICON, STYLE};
use super::discovery::Probe;
use super::gzip::Gzip;
use super::held::until_written;
use super::links::Links;
use super::pages::Frame;
use super::{Control, MaxRequests, discovery, kill_tasks, lifecycle, negotiate, pages, shield};
use crate::clock::Clock;
use crate::config::{Config, Provider};
use crate::exposition::{self, PageInput};
use crate::store::{State, Store};
use crate::telemetry::Instruments;

/// A fleet that has not been fetched once by then is served all the same.
const READY_AFTER: Duration = Duration::from_mins(1);

/// Longest body of a request, in bytes.
pub(super) const MAX_BODY: usize = 64 << 10;

/// Paths that probes ask for.
pub const HEALTH_PATHS: [&str; 2] = ["/-/healthy", "/-/ready"];

/// What is served.
#[derive(Debug)]
pub struct Site {
    /// What is known of the targets.
    pub store: Store,
    /// What is known of the exporter.
    pub instruments: Instruments,
    /// Dates the pages.
    pub clock: Clock,
    /// When fetching began.
    pub started: Instant,
    /// Where it is served, and where browsers find it.
    pub links: Links,
    /// The configuration in force.
    pub configuration: watch::Receiver<Arc<Config>>,
    /// Passes on what is asked of the daemon.
    pub control: Control,
    /// Whether it may be asked over HTTP to read its configuration again.
    pub lifecycle: bool,
    /// Whether kill tasks may be registered and forgotten over HTTP.
    pub admin_api: bool,
    /// How many scrapes may go on at a time.
    pub max_requests: MaxRequests,
}

/// All paths of `site`.
pub fn router(site: Arc<Site>) -> Router {
    let at = |path: &str| site.links.route(path);
    let routes = Router::new()
        .route(&at("/"), get(fleet))
        .route(&at("/instances/{id}"), get(instance))
        .route(&at("/instances/{id}/{node}"), get(node))
        .route(&at("/incidents"), get(incidents_page))
        .route(&at("/incidents/{id}"), get(incident_page))
        .route(&site.links.metrics_route(), get(metrics))
        .route(&at("/probe"), get(probe))
        .route(&at("/sd"), get(discover))
        .route(&at("/config"), get(configuration))
        .route(&at(HEALTH_PATHS[0]), get(async || "dbsession_exporter is healthy.\n"))
        .route(&at(HEALTH_PATHS[1]), get(ready))
        .route(&at("/-/reload"), post(reload))
        .route(&at("/api/v1/instances"), get(list_instances))
        .route(&at("/api/v1/instances/{id}"), get(show_instance))
        .route(&at("/api/v1/instances/{id}/{node}"), get(show_node))
        .route(&at("/api/v1/incidents"), get(list_incidents))
        .route(&at("/api/v1/incidents/{id}"), get(one_incident))
        .route(&at("/api/v1/kill-tasks"), get(list_kill_tasks).post(register_kill_task))
        .route(&at("/api/v1/kill-tasks/{task}"), delete(forget_kill_task))
        .route(&at("/api/v1/{*unknown}"), any(async || Refusal::unknown()))
        .route(&at(STYLE.path), get(async || STYLE.response()))
        .route(&at(ICON.path), get(async || ICON.response()));
    below_root(routes, &site.links)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::map_response(shield::shield))
        .with_state(site)
}

/// Where all is served below a path, whoever asks without it is sent there, as Prometheus does.
fn below_root(routes: Router<Arc<Site>>, links: &Links) -> Router<Arc<Site>> {
    if !links.is_below_root() {
        return routes;
    }
    let home = links.route("/");
    routes.route(&links.route(""), get(fleet)).route("/", get(async move || Redirect::to(&home)))
}

async fn metrics(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    match site.max_requests.enter() {
        Ok(place) => until_written(page(site.page(), &headers), place),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

async fn probe(Shared(site): Shared<Arc<Site>>, Query(probe): Query<Probe>, headers: HeaderMap) -> Response {
    match discovery::find(&site.store.targets(), &probe) {
        Ok(slot) => {
            let targets = vec![slot.view(Instant::now())];
            page(PageInput { targets, ..PageInput::default() }, &headers)
        }
        Err((status, why)) => (status, why + "\n").into_response(),
    }
}

async fn discover(Shared(site): Shared<Arc<Site>>) -> Response {
    discovery::groups(&site.store)
}

fn page(input: PageInput, headers: &HeaderMap) -> Response {
    let format = negotiate::format(headers);
    let frames = exposition::page(input, format);
    let told = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept, accept-encoding")];
    if negotiate::takes_gzip(headers) {
        (told, [(header::CONTENT_ENCODING, "gzip")], body(Gzip::new(frames))).into_response()
    } else {
        (told, body(frames)).into_response()
    }
}

/// Frames are written as the client reads them.
fn body(frames: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(stream::iter(frames.map(Ok::<_, Infallible>)))
}

/// As text, which browsers show instead of saving it.
async fn configuration(Shared(site): Shared<Arc<Site>>) -> Response {
    let config = Arc::clone(&site.configuration.borrow());
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], config.effective.as_str().to_owned())
        .into_response()
}

async fn ready(Shared(site): Shared<Arc<Site>>) -> Response {
    if site.store.is_complete() || site.started.elapsed() >= READY_AFTER {
        return "dbsession_exporter is ready.\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "Some targets have not finished a first fetch.\n").into_response()
}

async fn reload(Shared(site): Shared<Arc<Site>>) -> Response {
    lifecycle::reload(&site.control, site.lifecycle).await
}

async fn list_instances(Shared(site): Shared<Arc<Site>>) -> Response {
    api::list(&site.store)
}

async fn show_instance(
    Shared(site): Shared<Arc<Site>>,
    path: Result<Path<String>, PathRejection>,
) -> Response {
    let wanted = path.map(|Path(id)| Probe::new(id, None));
    api::one(&site.store, wanted.map_err(Refusal::from))
}

async fn show_node(
    Shared(site): Shared<Arc<Site>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let wanted = path.map(|Path((id, node))| Probe::new(id, Some(node)));
    api::one(&site.store, wanted.map_err(Refusal::from))
}

async fn incidents_page(Shared(site): Shared<Arc<Site>>) -> Response {
    pages::incidents(site.frame(), &site.store.incidents().list())
}

async fn incident_page(Shared(site): Shared<Arc<Site>>, Path(id): Path<String>) -> Response {
    let incident = incidents::find(site.store.incidents(), &id);
    pages::incident(site.frame(), &site.store.targets(), incident.as_deref())
}

async fn list_incidents(
    Shared(site): Shared<Arc<Site>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    incidents::list(site.store.incidents(), filter)
}

async fn one_incident(Shared(site): Shared<Arc<Site>>, id: Result<Path<String>, PathRejection>) -> Response {
    incidents::one(site.store.incidents(), id)
}

async fn list_kill_tasks(Shared(site): Shared<Arc<Site>>) -> Response {
    kill_tasks::list(site.store.tasks())
}

async fn register_kill_task(
    Shared(site): Shared<Arc<Site>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match body {
        Ok(body) => kill_tasks::register(&site.control, site.admin_api, &headers, &body).await,
        Err(rejection) => Refusal::from(rejection).into_response(),
    }
}

async fn forget_kill_task(
    Shared(site): Shared<Arc<Site>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match path {
        Ok(Path(task)) => kill_tasks::forget(&site.control, site.admin_api, &headers, task).await,
        Err(rejection) => Refusal::from(rejection).into_response(),
    }
}

async fn fleet(Shared(site): Shared<Arc<Site>>, Query(query): Query<pages::Query>) -> Response {
    pages::fleet(site.frame(), &site.store.targets(), query)
}

async fn instance(Shared(site): Shared<Arc<Site>>, Path(id): Path<String>) -> Response {
    pages::instance(site.frame(), &site.store.targets(), &id, None)
}

async fn node(Shared(site): Shared<Arc<Site>>, Path((id, node)): Path<(String, String)>) -> Response {
    pages::instance(site.frame(), &site.store.targets(), &id, Some(&node))
}

impl Site {
    fn frame(&self) -> Frame<'_> {
        Frame::new(&self.links, self.clock.now())
    }

    fn page(&self) -> PageInput {
        self.count_targets();
        self.instruments.set_series(self.store.series());
        self.instruments.set_lag(self.store.lag());
        let (tasks, task_counters) = self.store.tasks().views();
        PageInput { targets: self.store.target_views(), tasks, task_counters, own: self.instruments.gather() }
    }

    fn count_targets(&self) {
        let statuses = self.store.states();
        for provider in [Provider::Alibaba, Provider::Huawei] {
            for state in State::ALL {
                let targets = statuses.iter().filter(|status| **status == (provider, state)).count();
                self.instruments.set_targets(provider.label(), state.label(), targets);
            }
        }
    }
}
