//! The real program as a child process: its configuration in a directory of its own, its pages over loopback HTTP, its logs,
//! its end. Nothing here outlives the test: a child that still runs when its handle is dropped is killed by its id.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::parse::{Page, parse};

/// No condition that a test waits for takes longer than this, even on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(25);

/// A command line of the program, and the files that it finds. Neither proxies nor keys of the surroundings reach it.
#[derive(Debug)]
pub struct Invocation {
    files: TempDir,
    command: Command,
    secrets: &'static [&'static str],
}

impl Invocation {
    /// `dbsession_exporter ARGUMENTS…`, without a configuration.
    pub fn new(arguments: &[&str]) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbsession_exporter"));
        command.args(arguments).env_clear().current_dir(files.path()).stdin(Stdio::null());
        Self { files, command, secrets: &[] }
    }

    /// `dbsession_exporter ARGUMENTS… --config.file=…` with this YAML.
    pub fn configured(yaml: &str, arguments: &[&str]) -> Self {
        let mut invocation = Self::new(arguments).file("dbsession.yml", yaml);
        let file = invocation.files.path().join("dbsession.yml");
        invocation.command.arg(format!("--config.file={}", file.display()));
        invocation
    }

    /// Another file, in the directory of the configuration, which is also the working directory.
    pub fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.files.path().join(name), text).expect("files can be written there");
        self
    }

    /// An environment variable; there are no others.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Nothing that it says may hold one of these: neither its logs and output to their end, nor an answer.
    pub fn hiding(self, secrets: &'static [&'static str]) -> Self {
        Self { secrets, ..self }
    }

    /// Runs it to its end, which must come.
    pub async fn finish(self) -> Finished {
        self.spawn().finished().await
    }

    /// Starts the daemon on a free port, and waits until it listens.
    pub async fn start(mut self) -> Program {
        self.command.arg("--web.listen-address=127.0.0.1:0");
        let mut running = self.spawn();
        let (logs, mut listening) = (running.log("stderr"), None);
        wait_until("the address that it listens on", async || {
            let status = running.ended();
            let log = read(&logs);
            assert!(status.is_none(), "it ended early, {status:?}: {log}");
            listening = address(&log);
            listening.is_some()
        })
        .await;
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.build().expect("the test's own client needs nothing but loopback");
        Program { running, address: listening.expect("it was waited for"), client }
    }

    fn spawn(mut self) -> Running {
        // Files rather than pipes: they cannot fill up, and need no one to read along.
        let log = |name| File::create(self.files.path().join(name)).expect("files can be created there");
        self.command.stdout(log("stdout")).stderr(log("stderr"));
        let child = self.command.spawn().expect("the program was built with the tests");
        Running { child, files: self.files, secrets: self.secrets }
    }
}

/// The `address=` of the first line of a log in either format that has one.
fn address(log: &str) -> Option<SocketAddr> {
    // The last line may still be growing.
    let whole = &log[..=log.rfind('\n')?];
    let after = ["address=", "\"address\":\""].into_iter().find_map(|key| Some(whole.split_once(key)?.1))?;
    after.split(['"', ' ', '\n']).next()?.parse().ok()
}

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit status; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A child that is killed with its handle.
#[derive(Debug)]
struct Running {
    child: Child,
    files: TempDir,
    secrets: &'static [&'static str],
}

impl Running {
    fn log(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    fn assert_silent(&self, text: &str) {
        let line = text.lines().find(|line| self.secrets.iter().any(|secret| line.contains(secret)));
        assert!(line.is_none(), "a secret is told: {}", line.unwrap_or_default());
    }

    async fn finished(mut self) -> Finished {
        let mut status = None;
        wait_until("its end", async || {
            status = self.ended();
            status.is_some()
        })
        .await;
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| read(&self.log(name)));
        Finished { code: status.and_then(|status| status.code()), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and nothing wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            for name in ["stdout", "stderr"] {
                self.assert_silent(&read(&self.log(name)));
            }
        }
    }
}

/// The daemon, listening.
#[derive(Debug)]
pub struct Program {
    running: Running,
    address: SocketAddr,
    client: reqwest::Client,
}

/// An answer of the daemon.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are plain"))
    }
}

impl Program {
    /// Starts `run` with this configuration, and waits until it listens.
    pub async fn start(yaml: &str) -> Self {
        Invocation::configured(yaml, &[]).start().await
    }

    /// The first address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory of its configuration.
    pub fn directory(&self) -> &Path {
        self.running.files.path()
    }

    /// Replaces a file in that directory at one stroke, as an editor does.
    pub fn replace(&self, name: &str, text: &str) {
        let (new, path) = (self.directory().join(format!("{name}.new")), self.directory().join(name));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).expect("files can be replaced there");
    }

    /// Replaces the configuration.
    pub fn configure(&self, yaml: &str) {
        self.replace("dbsession.yml", yaml);
    }

    /// Sends this JSON, with these headers more.
    pub async fn post_json(&self, path: &str, json: &str, headers: &[(&'static str, &str)]) -> Answer {
        let request = self.client.post(format!("http://{}{path}", self.address));
        let request = request.header("content-type", "application/json").body(json.to_owned());
        self.request(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
            .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(self.client.delete(format!("http://{}{path}", self.address))).await
    }

    /// Asks for a reload, and returns the answer.
    pub async fn reload(&self) -> Answer {
        self.request(self.client.post(format!("http://{}/-/reload", self.address))).await
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// What it has logged so far.
    pub fn stderr(&self) -> String {
        read(&self.running.log("stderr"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(self.client.get(format!("http://{}{path}", self.address))).await
    }

    /// Sends a request that was made with `client`.
    pub async fn request(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.timeout(PATIENCE).send().await.expect("the program answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.text().await.expect("an answer arrives whole");
        self.running.assert_silent(&body);
        Answer { status, headers, body }
    }

    /// `/metrics`, which must be without a fault in its format.
    pub async fn scrape(&self) -> Page {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        parse(&answer.body).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The first scrape that is as wanted; `what` tells what was waited for in vain.
    pub async fn scrape_until(&self, what: &str, wanted: impl Fn(&Page) -> bool) -> Page {
        let until = Instant::now() + PATIENCE;
        loop {
            let page = self.scrape().await;
            if wanted(&page) {
                return page;
            }
            assert!(
                Instant::now() < until,
                "{what} was waited for in vain; {:#?}\n{}",
                page.samples,
                self.stderr()
            );
            sleep(PAUSE).await;
        }
    }

    /// The first scrape in which each of these instances, or nodes as `ID/NODE`, has ended a fetch, good or bad.
    pub async fn scrape_fetched(&self, targets: &[&str]) -> Page {
        let ended = |page: &Page, target: &str| page.value("dbsession_up", &labels_of(target)).is_some();
        let all_ended = |page: &Page| targets.iter().all(|target| ended(page, target));
        self.scrape_until("a fetch of every target", all_ended).await
    }

    /// Sends a signal by its name, like `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(kill.is_ok_and(|status| status.success()), "the process takes a {name}");
    }

    /// Sends SIGTERM, and waits for the end.
    pub async fn stop(self) -> Finished {
        self.signal("TERM");
        self.finished().await
    }

    /// Waits for the end.
    pub async fn finished(self) -> Finished {
        self.running.finished().await
    }
}

/// Resident memory of the process, in kilobytes.
pub fn resident(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux tells it");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
}

/// The labels by which the series of `ID` or `ID/NODE` are found.
pub fn labels_of(target: &str) -> Vec<(&str, &str)> {
    let (instance, node) = target.split_once('/').map_or((target, None), |(id, node)| (id, Some(node)));
    std::iter::once(("instance_id", instance)).chain(node.map(|node| ("node_id", node))).collect()
}

/// Waits until `condition` holds, looking again and again; `what` tells what was waited for in vain.
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < until, "{what} was waited for in vain");
        sleep(PAUSE).await;
    }
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).expect("the program writes text")
}
