//! The HTTP server of the simulated cloud: connections, and the way of one call from its route over signature, answer and
//! fault to the log.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;

use http::header::DATE;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::fault::{Delivery, Fault};
use super::identity::Ask;
use super::refusal::Refusal;
use super::state::{Call, Shared};
use super::wire::{Answer, Payload, Received};
use super::{alibaba, auth, huawei};

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("reset")]
struct Reset;

/// Serves until it is aborted; its connections end with it.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
            else => tokio::task::yield_now().await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| Box::pin(serve(&shared, request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let cause = end.as_ref().err().and_then(Error::source);
    if cause.is_some_and(<dyn Error>::is::<Reset>) {
        // Where the platform has no such option the caller sees an early end instead of a reset.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn serve(shared: &Shared, request: Request<Incoming>) -> Result<Response<Payload>, Reset> {
    let at = tokio::time::Instant::now();
    let request = Received::read(request).await.ok_or(Reset)?;
    let route = Route::of(&request);
    let delivery = route.delivery(shared, &request);
    let status = match &delivery {
        Delivery::Answer(answer) | Delivery::Late(_, answer) => Some(answer.status),
        Delivery::Hang | Delivery::Reset => None,
    };
    let key = auth::named_key(&request);
    let Route { operation, instance, .. } = route;
    shared.state().log(Call { at, operation, instance, status, query: request.query, key });
    let mut response = deliver(delivery).await?;
    let date = shared.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let date = HeaderValue::try_from(date).expect("a date is plain text");
    response.headers_mut().entry(DATE).or_insert(date);
    Ok(response)
}

async fn deliver(delivery: Delivery) -> Result<Response<Payload>, Reset> {
    match delivery {
        Delivery::Answer(answer) => Ok(answer.into_response()),
        Delivery::Late(delay, answer) => {
            tokio::time::sleep(delay).await;
            Ok(answer.into_response())
        }
        Delivery::Hang => std::future::pending().await,
        Delivery::Reset => Err(Reset),
    }
}

/// What a request asks for.
struct Route {
    api: Api,
    operation: String,
    /// `ID` or `ID/NODE`.
    instance: String,
}

enum Api {
    Alibaba,
    HuaweiDas { project: String },
    HuaweiDdm,
    IamToken,
    Identity(Ask),
    Nothing,
}

impl Route {
    fn of(request: &Received) -> Self {
        let parameter = |name| request.parameter(name).unwrap_or_default();
        if let Some((ask, operation)) = Ask::of(request) {
            return Self { api: Api::Identity(ask), operation, instance: ask.service().to_owned() };
        }
        let (action, get) = (request.header("x-acs-action"), request.method == Method::GET);
        if !action.is_empty() {
            let instance = target(parameter("InstanceId"), parameter("NodeId"));
            return Self { api: Api::Alibaba, operation: action.to_owned(), instance };
        }
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        let (api, instance) = match segments[..] {
            ["v3", project, "instances", id, "processes"] if get => {
                (Api::HuaweiDas { project: project.to_owned() }, target(id, parameter("node_id")))
            }
            ["v3", _, "instances", id, "physical-processes"] if get => (Api::HuaweiDdm, id.to_owned()),
            ["v3", "auth", "tokens"] if request.method == Method::POST => {
                (Api::IamToken, super::IAM.to_owned())
            }
            _ => (Api::Nothing, String::new()),
        };
        let operation = segments.last().copied().unwrap_or_default().to_owned();
        Self { api, operation, instance }
    }

    /// How the call ends: refused, answered, or as the instance's fault has it.
    fn delivery(&self, shared: &Shared, request: &Received) -> Delivery {
        let request_id = shared.request_id();
        if let Err(refusal) = self.authorize(shared, request) {
            let answer = refusal.answer(&request_id);
            return match shared.state().refusals_take {
                Some(delay) => Delivery::Late(delay, answer),
                None => Delivery::Answer(answer),
            };
        }
        let fault = shared.take_fault(&self.instance);
        let answer = self.answer(shared, request, fault.as_ref());
        let answer = answer.unwrap_or_else(|refusal| refusal.answer(&request_id));
        match fault {
            Some(fault) => fault.deliver(answer, &request_id),
            None => Delivery::Answer(answer),
        }
    }

    fn authorize(&self, shared: &Shared, request: &Received) -> Result<(), Refusal> {
        match self.api {
            Api::Alibaba => auth::alibaba(shared, request),
            Api::HuaweiDas { .. } | Api::HuaweiDdm => auth::huawei(shared, request),
            // The password is the proof, identities have several, and what is not there needs none.
            Api::IamToken | Api::Identity(_) | Api::Nothing => Ok(()),
        }
    }

    fn answer(&self, shared: &Shared, request: &Received, fault: Option<&Fault>) -> Result<Answer, Refusal> {
        let instance = self.instance.as_str();
        let body = match &self.api {
            Api::Alibaba => self.alibaba(shared, request, fault)?,
            Api::HuaweiDas { project } => huawei::das(shared, request, project, instance)?,
            Api::HuaweiDdm => huawei::ddm(shared, request, instance)?,
            Api::IamToken => return huawei::token(shared, request),
            Api::Identity(ask) => return ask.answer(shared, request),
            Api::Nothing => return Err(Refusal::API_NOT_FOUND),
        };
        Ok(Answer::json(200, body))
    }

    fn alibaba(
        &self,
        shared: &Shared,
        request: &Received,
        fault: Option<&Fault>,
    ) -> Result<Vec<u8>, Refusal> {
        if request.path != "/" || request.header("x-acs-version") != "2020-01-16" {
            return Err(Refusal::ACTION_NOT_FOUND);
        }
        match self.operation.as_str() {
            _ if self.instance.is_empty() => Err(Refusal::INVALID_PARAMS),
            "GetMySQLAllSessionAsync" => alibaba::sessions(shared, request, &self.instance, fault),
            "GetKillInstanceSessionTaskResult" => alibaba::kill::result(shared, request, &self.instance),
            _ => Err(Refusal::ACTION_NOT_FOUND),
        }
    }
}

fn target(id: &str, node: &str) -> String {
    if node.is_empty() { id.to_owned() } else { format!("{id}/{node}") }
}
