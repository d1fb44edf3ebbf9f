//! A cloud inside the process: one HTTP server on the loopback interface that speaks the session APIs of Alibaba Cloud DAS,
//! Huawei Cloud DAS and DDM, and what issues identities (STS, IAM, instance metadata), as documented, signatures checked. The tests run the exporter against it, and
//! `dbsession_exporter demo` shows it; the exporter itself sees no more of it than a URL.

mod alibaba;
mod auth;
mod fault;
pub mod fleet;
mod huawei;
mod identity;
mod refusal;
mod row;
mod server;
pub mod session;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod workload;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::alibaba::kill::KillTask;
pub use self::alibaba::stats::{AlibabaStats, Group, Reported};
pub use self::fault::Fault;
pub use self::identity::{CREDENTIALS_URI, METADATA, Metadata, STS};
pub use self::refusal::{Dialect, Refusal};
use self::session::SimSession;
pub use self::state::Call;
use self::state::{Instance, Key, Shared};

/// The name under which IAM's token call has its faults and its place in the log.
pub const IAM: &str = "iam";

/// A handle of the simulated cloud. Instances are named `ID` or `ID/NODE`; they may be set and changed at any time.
/// The server stops with the last handle.
#[derive(Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: Arc<Server>,
}

struct Server(Mutex<Option<JoinHandle<()>>>);

impl Server {
    fn take(&self) -> Option<JoinHandle<()>> {
        let server = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        server.inspect(JoinHandle::abort)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.take();
    }
}

impl Cloud {
    /// Starts an empty cloud on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (shared, address) = (Arc::new(Shared::new()), listener.local_addr()?);
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(Self { shared, address, server: Arc::new(Server(Mutex::new(Some(server)))) })
    }

    /// Closes port and connections; later calls are refused.
    pub async fn shutdown(&self) {
        if let Some(server) = self.server.take() {
            // It was aborted: there is nothing to learn from how it ended.
            let _ = server.await;
        }
    }

    /// The endpoint of every API, like `http://127.0.0.1:40321`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets an access key call, at both clouds; with a token these are temporary keys. A second time replaces the first.
    pub fn add_key(&self, id: &str, secret: &str, token: Option<&str>) {
        let key = Key { secret: secret.to_owned(), token: token.map(str::to_owned), ends_at: None };
        self.shared.state().keys.insert(id.to_owned(), key);
    }

    /// Takes an access key away.
    pub fn remove_key(&self, id: &str) {
        self.shared.state().keys.remove(id);
    }

    /// Whoever fails to authenticate is told so only after this time.
    pub fn delay_refusals(&self, delay: Option<Duration>) {
        self.shared.state().refusals_take = delay;
    }

    /// Lets an IAM user fetch tokens.
    pub fn add_iam_user(&self, domain: &str, user: &str, password: &str) {
        let user = [domain, user, password].map(str::to_owned);
        self.shared.state().iam_users.insert(user.into());
    }

    /// Ends the life of every token and every temporary key that was issued: calls with them are refused.
    pub fn expire_tokens(&self) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        state.tokens.values_mut().for_each(|expires| *expires = now);
        state.keys.values_mut().filter_map(|key| key.ends_at.as_mut()).for_each(|expires| *expires = now);
    }

    /// Life of the temporary keys and tokens that are issued from now on.
    pub fn set_life(&self, life: Duration) {
        self.shared.state().identities.life = Some(life);
    }

    /// Lets a role be assumed by whoever has a key, or a token of another identity provider; with this external id, if any.
    pub fn add_role(&self, arn: &str, external_id: Option<&str>) {
        let role = (arn.to_owned(), external_id.map(str::to_owned));
        self.shared.state().identities.roles.push(role);
    }

    /// No role can be assumed any more.
    pub fn remove_roles(&self) {
        self.shared.state().identities.roles.clear();
    }

    /// Takes a token of another identity provider for proof, at both clouds; the only one from now on.
    pub fn set_id_token(&self, token: &str) {
        self.shared.state().identities.id_tokens = vec![token.to_owned()];
    }

    /// Lets an agency that an account created be assumed by whoever has a key.
    pub fn add_agency(&self, name: &str, domain: &str) {
        self.shared.state().identities.agencies.push((name.to_owned(), domain.to_owned()));
    }

    /// Lists a project.
    pub fn add_project(&self, id: &str, name: &str) {
        self.shared.state().identities.projects.push((id.to_owned(), name.to_owned()));
    }

    /// Serves instance metadata of both clouds, with this role or agency of the instance.
    pub fn set_metadata(&self, metadata: Metadata, role: Option<&str>) {
        let mut state = self.shared.state();
        state.identities.metadata = metadata;
        state.identities.instance_role = role.map(str::to_owned);
    }

    /// Moves the cloud's clock this far ahead of the caller's.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.shared.state().clock_offset = offset;
    }

    /// The instance has these rows.
    pub fn set_sessions(&self, instance: &str, sessions: Vec<SimSession>) {
        let sessions: Arc<[_]> = sessions.into();
        self.change(instance, |instance| instance.sessions = Some(Arc::new(move |_| Arc::clone(&sessions))));
    }

    /// The instance has the rows that `sessions` gives for the time since the cloud started.
    pub fn play_sessions<F>(&self, instance: &str, sessions: F)
    where
        F: Fn(Duration) -> Vec<SimSession> + Send + Sync + 'static,
    {
        self.change(instance, |instance| instance.sessions = Some(Arc::new(move |now| sessions(now).into())));
    }

    /// The instance does not exist any more, nor do its nodes.
    pub fn remove_instance(&self, instance: &str) {
        let nodes = format!("{instance}/");
        self.shared.state().instances.retain(|name, _| name != instance && !name.starts_with(&nodes));
    }

    /// What Alibaba's answers say beside the rows.
    pub fn set_alibaba_stats(&self, instance: &str, stats: AlibabaStats) {
        self.change(instance, |instance| instance.stats = Arc::new(stats));
    }

    /// How many of Alibaba's answers say RUNNING before one has the result; 0: the first has it.
    pub fn set_polls(&self, instance: &str, polls: u32) {
        self.change(instance, |instance| instance.polls = polls);
    }

    /// Every call about the instance (or [`IAM`]) ends in this fault, until it is changed.
    pub fn set_fault(&self, instance: &str, fault: Option<Fault>) {
        self.shared.state().refused_polls.remove(instance);
        self.play_fault(instance, move |_| fault.clone());
    }

    /// Every call about the instance ends in the fault that `fault` gives for the time since the cloud started.
    pub fn play_fault<F>(&self, instance: &str, fault: F)
    where
        F: Fn(Duration) -> Option<Fault> + Send + Sync + 'static,
    {
        self.change(instance, |instance| instance.fault = Some(Arc::new(fault)));
    }

    /// The next calls about the instance end in these faults, one each; then the standing fault, if any, goes on.
    pub fn fail_next(&self, instance: &str, faults: impl IntoIterator<Item = Fault>) {
        let faults: Vec<_> = faults.into_iter().collect();
        self.shared.state().next_faults.entry(instance.to_owned()).or_default().extend(faults);
    }

    /// The instance has this kill task.
    pub fn set_kill_task(&self, instance: &str, task: &str, state: KillTask) {
        self.play_kill_task(instance, task, move |_| state.clone());
    }

    /// The instance has this kill task, as it is at the time since the cloud started.
    pub fn play_kill_task<F>(&self, instance: &str, task: &str, state: F)
    where
        F: Fn(Duration) -> KillTask + Send + Sync + 'static,
    {
        self.change(instance, |instance| {
            instance.kill_tasks.insert(task.to_owned(), Arc::new(state));
        });
    }

    /// The calls received, in order; the latest 100,000 of them.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.iter().cloned().collect()
    }

    /// Forgets the calls received so far.
    pub fn clear_calls(&self) {
        self.shared.state().calls.clear();
    }

    fn change(&self, instance: &str, change: impl FnOnce(&mut Instance)) {
        change(self.shared.state().instance(instance));
    }
}
