//! The accounts of the tests: keys and users that the simulated cloud knows, and a configuration file that uses them.

use dbsession_exporter::demo::Cloud;

use crate::oracle::SourceKind;
use crate::parse::{Page, parse};
use crate::program::Invocation;

/// Project of both Huawei accounts.
pub const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// Access key id and secret of the accounts `ali` and `hw`.
pub const KEY: (&str, &str) = ("test-key", "test-secret");

/// An empty cloud that knows the accounts.
pub async fn cloud() -> Cloud {
    let cloud = Cloud::start().await.expect("loopback has a free port");
    cloud.add_key(KEY.0, KEY.1, None);
    cloud.add_iam_user("test-domain", "test-user", "test-password");
    cloud
}

/// A configuration file: accounts `ali`, `hw` and `token` (Huawei, by IAM user), all with their endpoints at one address.
#[derive(Debug)]
pub struct Configuration {
    /// Interval in seconds.
    pub interval: u32,
    /// More entries of `global`.
    pub global: String,
    /// More entries of each account.
    pub accounts: &'static str,
    /// Limit of the calls to DAS of each account; by default more than any test makes, as for DDM.
    pub rate: &'static str,
    /// Entries of one instance each.
    pub instances: Vec<String>,
    /// Entries of one kill task each.
    pub kill_tasks: Vec<String>,
}

impl Configuration {
    /// These instances, fetched each second.
    pub fn of(instances: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            interval: 1,
            global: String::new(),
            accounts: "",
            rate: "1000/s",
            instances: instances.into_iter().map(Into::into).collect(),
            kill_tasks: Vec::new(),
        }
    }

    /// The file, with every endpoint at `url`.
    pub fn yaml(&self, url: &str) -> String {
        let Self { interval, global, accounts, rate, instances, kill_tasks } = self;
        let list = |entries: &[String]| {
            entries.iter().fold(String::new(), |list, entry| list + "\n  - {" + entry + "}")
        };
        let keys = format!("credentials: {{access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1);
        let (das, ddm) = (format!("das: {rate}"), "ddm: 1000/s");
        let huawei = format!(
            "provider: huawei, region: cn-north-4, project_id: {PROJECT}, rate_limit: {{{das}, {ddm}}}"
        );
        let accounts = list(&[
            format!(
                r#"name: ali, provider: alibaba, rate_limit: {{{das}}}, endpoints: {{das: "{url}"}}, {keys}, {accounts}"#
            ),
            format!(r#"name: hw, {huawei}, endpoints: {{das: "{url}", ddm: "{url}"}}, {keys}, {accounts}"#),
            format!(
                "name: token, {huawei}, endpoints: {{das: \"{url}\", iam: \"{url}\"}},
     credentials: {{iam: {{domain: test-domain, user: test-user, password: test-password}}}}, {accounts}"
            ),
        ]);
        let (instances, kill_tasks) = (list(instances), list(kill_tasks));
        format!(
            "global: {{interval: {interval}s, timeout: 20s, {global}}}\naccounts:{accounts}\n\
             instances:{instances}\nkill_tasks:{kill_tasks}\n"
        )
    }

    /// The metrics of one fetch of `target`, by the command `fetch`.
    pub async fn fetch(&self, cloud: &Cloud, target: &str) -> Page {
        let arguments = ["fetch", target, "--output=metrics"];
        let fetched = Invocation::configured(&self.yaml(&cloud.url()), &arguments).finish().await;
        assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
        parse(&fetched.stdout).unwrap_or_else(|problem| panic!("{problem}"))
    }
}

/// The entry of an instance that is fetched through this API.
pub fn instance(source: SourceKind, id: &str) -> String {
    match source {
        SourceKind::AlibabaRds | SourceKind::AlibabaPolarX => format!("account: ali, id: {id}"),
        SourceKind::HuaweiDas => format!("account: hw, service: das, db_user_id: 2c250598, id: {id}"),
        SourceKind::HuaweiDdm => format!("account: hw, service: ddm, id: {id}"),
    }
}
