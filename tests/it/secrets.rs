//! No output holds a secret or a statement: the program meets every trouble at its most talkative, with clouds that repeat
//! all they know, and everything that it says is searched.

use dbsession_exporter::demo::session::SimSession;
use dbsession_exporter::demo::{Cloud, Dialect, Fault, IAM, Refusal};

use crate::parse::Page;
use crate::program::{Invocation, Program};
use crate::scene::{self, Api, Scene, counted, rows};
use crate::trouble::table::{Trouble, troubles};

/// What must not be seen anywhere; no two begin alike.
const KEY_ID: &str = "LTAI-canary-of-key-id";
const KEY_SECRET: &str = "canary-of-key-secret";
const TOKEN: &str = "canary-of-security-token";
const PASSWORD: &str = "canary-of-password";
const STATEMENT: &str = "select canary_of_statement";
const CANARY: &str = "canary";

/// What the program sends for the canaries, or what a cloud would echo of it.
const ECHO: &str = "server string to sign is: ACS3-HMAC-SHA256 LTAI-canary-of-key-id canary-of-key-secret \
                    canary-of-security-token canary-of-password select canary_of_statement";

fn sessions() -> Vec<SimSession> {
    let told = |row: SimSession| SimSession { sql: Some(format!("{STATEMENT} from t")), ..row };
    rows(3).into_iter().map(told).collect()
}

/// Refusals of every class, with an echo of the request, and answers that repeat it where no message is expected.
fn echoes() -> Vec<Fault> {
    let refusals = [
        Refusal::NO_PERMISSION,
        Refusal::INTERNAL_ERROR,
        Refusal::THROTTLING_USER,
        Refusal::INSTANCE_NOT_FOUND,
        Refusal::OVER_RATELIMIT,
        Refusal::IAM_FORBIDDEN,
        Refusal::DAS_PARAMETER,
        Refusal::new(Dialect::Alibaba, 400, "canary of a code that is none", "Odd."),
        Refusal::new(Dialect::Huawei, 400, "canary of a code that is none", "Odd."),
    ];
    let body = |body: String| Fault::Status { status: 200, headers: Vec::new(), body };
    let refusals = refusals.map(|refusal| Fault::Refuse(refusal.echoing(ECHO)));
    let answers = [
        Fault::Redirect(format!("http://127.0.0.1:9/?{CANARY}")),
        body(ECHO.to_owned()),
        body(format!("\"{ECHO}\"")),
        body(format!(r#"{{"Code":200,"Success":true,"Data":"{ECHO}"}}"#)),
        body(format!(r#"{{"Code":200,"Success":"{ECHO}","processes":"{ECHO}","count":"{ECHO}"}}"#)),
        body(format!(r#"{{"Code":"{ECHO}","Success":false,"Message":"{ECHO}","error_msg":"{ECHO}"}}"#)),
        body(format!(
            r#"{{"Code":200,"Success":true,"Data":{{"IsFinish":"{ECHO}","SessionData":"{ECHO}"}}}}"#
        )),
    ];
    refusals.into_iter().chain(answers).collect()
}

/// Accounts of both clouds, their keys all canaries; a target for each echo and each trouble, and good ones.
struct Cast {
    _cloud: Cloud,
    file: String,
    /// Targets that fail, by something else than their key.
    failing: Vec<String>,
    /// Targets that are held in the end.
    held: Vec<String>,
}

impl Cast {
    async fn new() -> Self {
        let cloud = scene::cloud().await;
        let mut scene = Scene::new("interval: 1s, timeout: 2s, max_response_bytes: 64KiB");
        let (mut failing, mut held) = (Vec::new(), Vec::new());
        for (api, name) in [(Api::Alibaba, "ali"), (Api::HuaweiDas, "das"), (Api::HuaweiDdm, "ddm")] {
            let mut add = |id: String, fault: Option<Fault>| {
                let keys = keys(&cloud, &id, &format!("{KEY_SECRET}-{id}"));
                scene.account_with(&cloud.url(), api, &id, &keys).instance(&cloud, api, &id, &id, 3);
                cloud.set_sessions(&id, sessions());
                cloud.set_fault(&id, fault);
                id
            };
            add(format!("{name}-well"), None);
            for (number, fault) in echoes().into_iter().enumerate() {
                failing.push(add(format!("{name}-echo-{number}"), Some(fault)));
            }
            for Trouble { id, fault, reason } in troubles(api, &cloud) {
                let id = format!("{name}-{id}");
                // Only who polls has a result to be refused.
                cloud.set_polls(&id, u32::from(matches!(fault, Fault::RefuseResultId(_))));
                let kept = if reason == "auth" { &mut held } else { &mut failing };
                kept.push(add(id, Some(fault)));
            }
        }
        held.extend(refused(&cloud, &mut scene));
        Self { file: scene.file(), _cloud: cloud, failing, held }
    }

    async fn is_over(&self, program: &Program) {
        let failures =
            |page: &Page, id: &str| page.with(&[("instance_id", id)]).sum("dbsession_fetch_failures_total");
        let skips = |page: &Page, id: &str| counted(page, id, "dbsession_fetches_skipped_total", "auth_hold");
        let is_over = |page: &Page| {
            self.failing.iter().all(|id| failures(page, id) > 0.0)
                && self.held.iter().all(|id| skips(page, id) > 0.0)
        };
        program.scrape_until("every trouble to be met", is_over).await;
    }
}

/// The credentials of an account, its key known to the cloud with this secret.
fn keys(cloud: &Cloud, account: &str, secret: &str) -> String {
    let id = format!("{KEY_ID}-{account}");
    cloud.add_key(&id, secret, Some(TOKEN));
    format!("{{access_key_id: {id}, access_key_secret: {KEY_SECRET}-{account}, security_token: {TOKEN}}}")
}

/// Accounts that the cloud refuses: it repeats the whole canonical request, token included.
fn refused(cloud: &Cloud, scene: &mut Scene) -> Vec<String> {
    let mut ids = Vec::new();
    for (api, account) in [(Api::Alibaba, "ali-refused"), (Api::HuaweiDas, "hw-refused")] {
        let keys = keys(cloud, account, "another-secret");
        scene.account_with(&cloud.url(), api, account, &keys).instance(cloud, api, account, account, 3);
        ids.push(account.to_owned());
    }
    let iam = format!("{{iam: {{domain: d, user: u, password: {PASSWORD}}}}}");
    scene.account_with(&cloud.url(), Api::HuaweiDas, "iam", &iam);
    scene.instance(cloud, Api::HuaweiDas, "iam", "iam-refused", 3);
    cloud.set_fault(IAM, Some(Fault::Refuse(Refusal::IAM_UNAUTHORIZED.echoing(ECHO))));
    ids.push("iam-refused".to_owned());
    ids
}

fn assert_silent(what: &str, text: &str) {
    let line = text.lines().find(|line| line.contains(CANARY));
    assert!(line.is_none(), "{what}: {}", line.unwrap_or_default());
    assert!(!text.is_empty(), "{what} says nothing at all");
}

#[tokio::test]
async fn nothing_that_the_daemon_says_holds_a_secret_or_a_statement() {
    let cast = Cast::new().await;
    let mut programs = Vec::new();
    for format in ["--log.format=logfmt", "--log.format=json"] {
        programs.push(Invocation::configured(&cast.file, &["--log.level=debug", format]).start().await);
    }
    for program in programs {
        cast.is_over(&program).await;
        for path in ["/metrics", "/", "/config", "/api/v1/instances", "/-/ready", "/-/healthy"] {
            assert_silent(path, &program.get(path).await.body);
        }
        assert_silent("standard error", &program.stderr());
    }
}

#[tokio::test]
async fn nothing_that_check_and_fetch_print_holds_a_secret_or_a_statement() {
    let cast = Cast::new().await;
    let said = async |arguments: &[&str]| {
        let command = [&["--log.level=debug"], arguments].concat();
        let ended = Invocation::configured(&cast.file, &command).finish().await;
        assert_silent(&arguments.join(" "), &(ended.stdout + &ended.stderr));
    };
    said(&["check"]).await;
    for id in ["ali-well", "das-well", "ddm-well"] {
        for output in ["--output=table", "--output=json", "--output=metrics"] {
            said(&["fetch", id, output]).await;
        }
    }
    for id in
        ["ali-refused", "hw-refused", "iam-refused", "ali-echo-0", "das-echo-4", "ddm-echo-15", "nobody"]
    {
        said(&["fetch", id]).await;
    }
}
