//! Who the exporter is: every kind of credentials against simulated STS, IAM and metadata, every failure in words that help,
//! renewal while it runs, and no secret in anything that is said.

mod alibaba;
mod chain;
mod failures;
mod huawei;
mod renewal;
mod unanswered;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use dbsession_exporter::demo::{Call, Cloud};
use tempfile::TempDir;

use crate::program::{Finished, Invocation, Program};
use crate::scene::{self, rows};

/// Every secret of these tests has it in it.
const CANARY: &str = "canary";
/// The same, what the cloud issues, and how base64 spells the canary wherever it stands.
const SECRETS: [&str; 6] = [CANARY, "issued-", "metadata-token-", "Y2FuYXJ5", "NhbmFye", "jYW5hcn"];
const KEY: (&str, &str) = ("key-canary-id", "key-canary-secret");
const ROLE: &str = "acs:ram::123456789012:role/reader";
const PROVIDER: &str = "acs:ram::123456789012:oidc-provider/k8s";
const ID_TOKEN: &str = "id-canary-token";
const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// A cloud with a key, an instance at each API, and a home directory.
struct Place {
    cloud: Cloud,
    home: TempDir,
    environment: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Alibaba,
    Huawei,
}

impl Place {
    async fn new() -> Self {
        let cloud = scene::cloud().await;
        cloud.add_key(KEY.0, KEY.1, None);
        cloud.add_project(PROJECT, "cn-north-4");
        for id in ["rm-1", "in01"] {
            cloud.set_sessions(id, rows(3));
        }
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        Self { cloud, home, environment: Vec::new() }
    }

    /// A file below the home directory.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().expect("it is below the home")).expect("directories can be made");
        fs::write(&path, text).expect("files can be written");
        path
    }

    /// The token of another identity provider, in a file.
    fn token_file(&self) -> String {
        self.cloud.set_id_token(ID_TOKEN);
        self.file("token", &format!("{ID_TOKEN}\n")).display().to_string()
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.environment.push((name, value.into()));
        self
    }

    /// A configuration with these credentials and one instance.
    fn yaml(&self, provider: Provider, credentials: &str) -> String {
        let url = self.cloud.url();
        let (account, instance) = match provider {
            Provider::Alibaba => (
                format!(
                    "provider: alibaba, rate_limit: {{das: 1000/s}}, \
                     endpoints: {{das: '{url}', sts: '{url}', metadata: '{url}'}}"
                ),
                "id: rm-1",
            ),
            Provider::Huawei => (
                format!(
                    "provider: huawei, region: cn-north-4, rate_limit: {{das: 1000/s}}, \
                     endpoints: {{das: '{url}', iam: '{url}', metadata: '{url}'}}"
                ),
                "id: in01, db_user_id: 2c25, users: [app]",
            ),
        };
        format!(
            "global: {{interval: 1s, timeout: 5s}}\n\
             accounts: [{{name: a, {account}, credentials: {credentials}}}]\n\
             instances: [{{account: a, {instance}}}]\n"
        )
    }

    /// The same with so many more instances.
    fn with_more(&self, yaml: &str, count: usize) -> String {
        let more = (0..count).map(|number| {
            let id = format!("rm-more-{number}");
            self.cloud.set_sessions(&id, Vec::new());
            format!(", {{account: a, id: {id}}}")
        });
        let open = yaml.trim_end().strip_suffix(']').expect("the list of instances is its end");
        format!("{open}{}]\n", more.collect::<String>())
    }

    fn invocation(&self, yaml: &str, arguments: &[&str]) -> Invocation {
        let arguments = [&["--log.level=debug"], arguments].concat();
        let home = self.home.path().to_str().expect("its path is plain");
        let invocation = Invocation::configured(yaml, &arguments).environment("HOME", home).hiding(&SECRETS);
        self.environment
            .iter()
            .fold(invocation, |invocation, (name, value)| invocation.environment(name, value))
    }

    /// One fetch, at its most talkative.
    async fn fetch(&self, provider: Provider, credentials: &str) -> Finished {
        let id = if provider == Provider::Alibaba { "rm-1" } else { "in01" };
        self.fetch_by(&self.yaml(provider, credentials), id).await
    }

    /// The same by another configuration.
    async fn fetch_by(&self, yaml: &str, id: &str) -> Finished {
        let fetched = self.invocation(yaml, &["fetch", id]).finish().await;
        self.assert_silent(&fetched.stdout);
        self.assert_silent(&fetched.stderr);
        fetched
    }

    /// A fetch that must be good; the calls that it took.
    async fn fetched(&self, provider: Provider, credentials: &str) -> Vec<Call> {
        self.cloud.clear_calls();
        let fetched = self.fetch(provider, credentials).await;
        assert_eq!(fetched.code, Some(0), "{credentials}: {}", fetched.stderr);
        let calls = self.cloud.calls();
        let last = calls.last().expect("there were calls");
        assert_eq!(last.status, Some(200), "{credentials}");
        calls
    }

    /// A fetch that must fail with this reason; what is said.
    async fn fails(&self, provider: Provider, credentials: &str, reason: &str) -> String {
        let fetched = self.fetch(provider, credentials).await;
        assert_eq!(fetched.code, Some(1), "{credentials}: {}", fetched.stderr);
        assert!(fetched.stderr.contains(&format!(": {reason}: ")), "{credentials}: {}", fetched.stderr);
        fetched.stderr
    }

    /// No id of a key and no token that was used; the other secrets are looked for wherever the program says something.
    fn assert_silent(&self, text: &str) {
        for key in self.cloud.calls().into_iter().map(|call| call.key).filter(|key| !key.is_empty()) {
            let line = text.lines().find(|line| line.contains(&key));
            assert!(line.is_none(), "{}", line.unwrap_or_default());
        }
    }

    /// The same of all that a daemon shows and has logged.
    async fn assert_daemon_silent(&self, program: &Program) {
        for path in ["/metrics", "/", "/config", "/api/v1/instances", "/sd"] {
            self.assert_silent(&program.get(path).await.body);
        }
        self.assert_silent(&program.stderr());
    }
}

/// Names of the operations, in the order of the calls.
fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

/// And the wait for them is longer than the fetch may take without.
#[tokio::test]
async fn calls_for_credentials_keep_to_the_rate_limit_together_with_the_fetch() {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.add_agency("reader", "company");
    place.cloud.add_iam_user("company", "reader", "pass-canary");
    let keys = format!("access_key_id: {}, access_key_secret: {}", KEY.0, KEY.1);
    let role = format!("{{{keys}, role_arn: '{ROLE}'}}");
    let agency = "{agency: {name: reader, domain: company}, iam: {domain: company, user: reader, password: pass-canary}}";
    for (provider, credentials, id, calls) in
        [(Provider::Alibaba, role.as_str(), "rm-1", 2), (Provider::Huawei, agency, "in01", 4)]
    {
        place.cloud.clear_calls();
        let yaml = place
            .yaml(provider, credentials)
            .replace("1000/s", "1/s")
            .replace("timeout: 5s", "timeout: 1500ms");
        let fetched = place.invocation(&yaml, &["fetch", id]).finish().await;
        assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
        let made = place.cloud.calls();
        assert_eq!(made.len(), calls, "{:?}", operations(&made));
        // On a busy machine a call may be logged a little late.
        let apart = |pair: &[Call]| pair[1].at - pair[0].at > Duration::from_millis(700);
        assert!(made.windows(2).all(apart), "{:?}", made.iter().map(|call| call.at).collect::<Vec<_>>());
    }
}
