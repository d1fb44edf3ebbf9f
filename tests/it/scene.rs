//! Scenes for the behaviour tests: instances of each of the three session APIs on a simulated cloud, with accounts and keys
//! of their own, and the configuration file that names them. Knows how a file is written, not what is tested.

use dbsession_exporter::demo::Cloud;
use dbsession_exporter::demo::session::SimSession;

use crate::parse::{Page, Samples};

/// One of the session APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    Alibaba,
    HuaweiDas,
    HuaweiDdm,
}

/// A cloud without instances.
pub async fn cloud() -> Cloud {
    Cloud::start().await.expect("a port of the loopback interface can be had")
}

/// Accounts and instances, each an entry of the configuration file.
#[derive(Default)]
pub struct Scene {
    global: String,
    /// Of each account's services; enough for any test unless it is the topic.
    rate: &'static str,
    accounts: Vec<String>,
    instances: Vec<String>,
}

/// More calls than any test makes.
const GENEROUS: &str = "1000/s";

impl Scene {
    /// A scene with these global settings, like `interval: 1s, timeout: 2s`.
    pub fn new(global: &str) -> Self {
        Self { global: global.to_owned(), rate: GENEROUS, ..Self::default() }
    }

    /// The rate limit of the accounts that follow, like `10/s`.
    pub fn rate(&mut self, rate: &'static str) -> &mut Self {
        self.rate = rate;
        self
    }

    /// An account whose key the cloud knows: `NAME-id` with `NAME-secret`.
    pub fn account(&mut self, cloud: &Cloud, api: Api, name: &str) -> &mut Self {
        let (id, secret) = (format!("{name}-id"), format!("{name}-secret"));
        cloud.add_key(&id, &secret, None);
        let credentials = format!("{{access_key_id: {id}, access_key_secret: {secret}}}");
        self.account_with(&cloud.url(), api, name, &credentials)
    }

    /// An account of the cloud at `url` with these credentials, good or bad.
    pub fn account_with(&mut self, url: &str, api: Api, name: &str, credentials: &str) -> &mut Self {
        let (endpoints, rate) = (format!("endpoints: {{das: \"{url}\""), self.rate);
        let place = match api {
            Api::Alibaba => format!("provider: alibaba, {endpoints}}}, rate_limit: {{das: {rate}}}"),
            _ => format!(
                "provider: huawei, region: cn-north-4, project_id: 054e, {endpoints}, ddm: \"{url}\", iam: \"{url}\"}}, \
                 rate_limit: {{das: {rate}, ddm: {rate}}}"
            ),
        };
        self.accounts.push(format!("{{name: {name}, {place}, credentials: {credentials}}}"));
        self
    }

    /// An instance of `account` with so many sessions.
    pub fn instance(
        &mut self,
        cloud: &Cloud,
        api: Api,
        account: &str,
        id: &str,
        sessions: usize,
    ) -> &mut Self {
        cloud.set_sessions(id, rows(sessions));
        let service = match api {
            Api::Alibaba => "",
            Api::HuaweiDas => ", db_user_id: 2c25, users: [app]",
            Api::HuaweiDdm => ", service: ddm",
        };
        self.entry(&format!("account: {account}, id: {id}{service}"))
    }

    /// An instance as this entry has it.
    pub fn entry(&mut self, entry: &str) -> &mut Self {
        self.instances.push(format!("{{{entry}}}"));
        self
    }

    /// The configuration file.
    pub fn file(&self) -> String {
        let list = |entries: &[String]| format!("  - {}\n", entries.join("\n  - "));
        let (accounts, instances) = (list(&self.accounts), list(&self.instances));
        format!("global: {{{}}}\naccounts:\n{accounts}instances:\n{instances}", self.global)
    }
}

/// Sessions of one application, every second one of them with an open transaction.
pub fn rows(sessions: usize) -> Vec<SimSession> {
    let text = |text: &str| Some(text.to_owned());
    let row = |id: u64| SimSession {
        id,
        user: text("app"),
        host: Some(format!("10.0.0.{}:5000", id % 250)),
        database: text("shop"),
        command: text("Query"),
        state: text("Sending data"),
        time: text("7"),
        trx_seconds: text(if id.is_multiple_of(2) { "9" } else { "0" }),
        sql: text("select card from customers"),
        ..SimSession::default()
    };
    (1..=sessions as u64).map(row).collect()
}

/// A number of one target; absent where the page has none.
pub fn of(page: &Page, instance: &str, family: &str) -> Option<f64> {
    page.value(family, &[("instance_id", instance)])
}

/// A counter of one target, by reason.
pub fn counted(page: &Page, instance: &str, family: &str, reason: &str) -> f64 {
    page.value(family, &[("instance_id", instance), ("reason", reason)]).expect("every reason starts at zero")
}

/// Whether the last fetch of a target was good; absent before one has ended.
pub fn is_up(page: &Page, instance: &str) -> Option<bool> {
    of(page, instance, "dbsession_up").map(|up| up > 0.0)
}

/// What a page says of a target's sessions and transactions, without its health.
pub fn data(page: &Page, instance: &str) -> Samples {
    let mut samples = page.with(&[("instance_id", instance)]).samples;
    samples.retain(|series, _| !is_health(&series.name));
    samples
}

/// Names of the series that stay while a target has no data to show.
pub fn is_health(family: &str) -> bool {
    let stays = ["dbsession_up", "dbsession_instance_info", "dbsession_last_success_timestamp_seconds"];
    // The time of the data goes with them, but differs from fetch to fetch.
    stays.contains(&family)
        || family.starts_with("dbsession_fetch")
        || family.starts_with("dbsession_incident")
        || family == "dbsession_snapshot_timestamp_seconds"
}
