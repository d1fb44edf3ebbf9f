//! Not only the sessions are asked for over the network: so are STS and IAM, and what holds of the one way holds of theirs.

use dbsession_exporter::demo::Cloud;

use super::certificate::{Authority, Validity};
use super::proxies::{Company, PASSWORD, USER};
use super::server::{LOCAL, Server};
use super::{assert_silent, assert_told, invocation, lacks_network};
use crate::program::Program;
use crate::scene::{self, is_up, rows};

const ROLE: &str = "acs:ram::123456789012:role/reader";

/// Accounts whose identity comes from elsewhere than their sessions, each of one instance with its name.
struct Legs<'a> {
    cloud: &'a Cloud,
    accounts: Vec<String>,
    instances: Vec<String>,
}

impl<'a> Legs<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        cloud.add_key("key-canary-id", "key-canary-secret", None);
        cloud.add_role(ROLE, None);
        cloud.add_agency("n", "d");
        cloud.add_iam_user("d", "u", "pass-canary");
        Self { cloud, accounts: Vec::new(), instances: Vec::new() }
    }

    /// A role, a password and an agency, named like this, to be had at `url`, with these further keys of the account.
    fn add(&mut self, name: &str, url: &str, network: &str) {
        let keys = "access_key_id: key-canary-id, access_key_secret: key-canary-secret";
        let das = self.cloud.url();
        let alibaba = format!("provider: alibaba, endpoints: {{das: '{das}', sts: '{url}'}}");
        let huawei = format!(
            "provider: huawei, region: cn-north-4, project_id: p, endpoints: {{das: '{das}', iam: '{url}'}}"
        );
        for (of, account, credentials, more) in [
            ("role", &alibaba, format!("role_arn: '{ROLE}', {keys}"), ""),
            ("pass", &huawei, "iam: {domain: d, user: u, password: pass-canary}".to_owned(), USERS),
            ("agency", &huawei, format!("agency: {{name: n, domain: d}}, {keys}"), USERS),
        ] {
            let id = format!("{of}-{name}");
            self.accounts.push(format!("  - {{name: {id}, {account}, credentials: {{{credentials}}}, tls: {{ca_file: ours.pem}}{network}}}\n"));
            self.instances.push(format!("  - {{account: {id}, id: {id}{more}}}\n"));
            self.cloud.set_sessions(&id, rows(2));
        }
    }

    async fn start(&self, authority: &Authority) -> Program {
        let (accounts, instances) = (self.accounts.concat(), self.instances.concat());
        let yaml =
            format!("global: {{interval: 1s, timeout: 20s}}\naccounts:\n{accounts}instances:\n{instances}");
        invocation(&yaml, &[]).file("ours.pem", &authority.pem()).start().await
    }
}

const USERS: &str = ", db_user_id: 2c25, users: [app]";

/// What each of the three asks for first.
const ASKED: [(&str, &str); 3] = [
    ("role", "AssumeRole of acs:ram::123456789012:role/reader at https://"),
    ("pass", "KeystoneCreateUserTokenByPassword at https://"),
    ("agency", "CreateTemporaryAccessKeyByAgency of n at https://"),
];

/// Waits until those of these names are up, and those of the others are not for want of a good network.
async fn settled(program: &Program, up: &[&str], down: &[&str]) {
    let all = |names: &[&str], is: &dyn Fn(&str) -> bool| {
        names.iter().all(|name| ASKED.iter().all(|(of, _)| is(&format!("{of}-{name}"))))
    };
    let what = format!("{up:?} to be up, and {down:?} to be down");
    let wanted = |page: &_| {
        all(up, &|name| is_up(page, name) == Some(true)) && all(down, &|name| lacks_network(page, name))
    };
    program.scrape_until(&what, wanted).await;
}

/// That the log says of each of the three what was asked for, and these words.
fn assert_all_told(program: &Program, name: &str, words: &str) {
    for (of, asked) in ASKED {
        assert_told(&program.stderr(), &format!("{of}-{name}"), asked);
        assert_told(&program.stderr(), &format!("{of}-{name}"), words);
    }
}

#[tokio::test]
async fn the_certificates_of_sts_and_iam_are_verified_as_well() {
    let (cloud, ours, others) = (scene::cloud().await, Authority::new("ours"), Authority::new("others"));
    let here = ["127.0.0.1"];
    let (mut legs, mut running) = (Legs::new(&cloud), Vec::new());
    for (name, acceptor, words) in [
        ("good", ours.acceptor(&here, Validity::Present), ""),
        ("old", ours.acceptor(&here, Validity::Past), "has expired"),
        ("strange", ours.acceptor(&["sts.aliyuncs.com"], Validity::Present), "is for another host"),
        ("unknown", others.acceptor(&here, Validity::Present), "is of an authority that is not trusted"),
    ] {
        let server = Server::tls(LOCAL, acceptor, &cloud).await;
        legs.add(name, &server.https(), "");
        running.push((name, server, words));
    }
    let program = legs.start(&ours).await;
    settled(&program, &["good"], &["old", "strange", "unknown"]).await;
    for (name, server, words) in &running[1..] {
        assert_all_told(&program, name, &format!("the certificate of {} {words}", server.address));
    }
    assert!(
        cloud.calls().iter().all(|call| call.status == Some(200) || call.status == Some(201)),
        "nobody is asked where nobody vouches: {:?}",
        cloud.calls()
    );
    assert_silent(&program).await;
}

#[tokio::test]
async fn sts_and_iam_are_reached_by_the_proxy_of_their_account() {
    let company = Company::new().await;
    let mut legs = Legs::new(&company.cloud);
    let url = "https://id.test.invalid";
    legs.add("good", url, &format!(", proxy: '{}'", company.proxy(&format!("{USER}:{PASSWORD}@"))));
    legs.add("bad", url, &format!(", proxy: '{}'", company.proxy(&format!("{USER}:canary-of-another@"))));
    legs.add("none", url, &format!(", proxy: '{}'", company.proxy("")));
    let program = legs.start(&company.authority).await;
    settled(&program, &["good"], &["bad", "none"]).await;
    assert!(company.inner.was_asked("CONNECT id.test.invalid:443 "), "{}", company.inner.heads());
    assert_all_told(&program, "bad", "it may refuse the credentials of its URL");
    assert_all_told(&program, "none", "demands credentials");
    assert_silent(&program).await;
}
