//! Every kind of credentials meets every trouble of whoever issues them: what is said names who was asked, where, and what to do.

use std::time::Duration;

use dbsession_exporter::demo::{CREDENTIALS_URI, Fault, IAM, METADATA, Metadata, STS};
use jiff::SignedDuration;
use tokio::task::{JoinSet, LocalSet};

use super::Provider::{Alibaba, Huawei};
use super::{CANARY, KEY, PROVIDER, Place, Provider, ROLE};

/// Nobody listens there.
const CLOSED: &str = "http://127.0.0.1:9";

/// One kind, and what has to be said of it.
struct Kind {
    provider: Provider,
    /// `URL` stands for that of the cloud.
    credentials: String,
    /// Who issues: its faults, and its endpoint.
    service: &'static str,
    /// What is asked, with `URL` where it is said.
    who: String,
    /// What to look at where it does not answer, and where it refuses.
    remedies: [&'static str; 2],
    /// More than it may answer.
    too_large: usize,
}

impl Kind {
    fn new(provider: Provider, service: &'static str, who: &str, credentials: &str) -> Self {
        let remedies = match service {
            STS => ["check endpoints.sts", "trust policy of the role"],
            IAM => ["check endpoints.iam", "check "],
            _ if who.starts_with("CredentialsUri") => ["check credentials_uri"; 2],
            _ => ["is this an instance of the cloud?", "check endpoints.metadata"],
        };
        let too_large = if who.contains("Token") { 1_100_000 } else { 70_000 };
        Self {
            provider,
            credentials: credentials.to_owned(),
            service,
            who: who.to_owned(),
            remedies,
            too_large,
        }
    }

    /// A fetch with these credentials that begins at `url`; what is said, and what was to be said of the one who issues.
    async fn said(&self, place: &Place, url: &str, reason: &str) -> (String, String) {
        let cloud = place.cloud.url();
        let id = if self.provider == Alibaba { "rm-1" } else { "in01" };
        let endpoint = |url: &str| format!("{}: '{url}'", self.service);
        let yaml = place.yaml(self.provider, &self.credentials.replace("URL", url));
        let fetched = place.fetch_by(&yaml.replace(&endpoint(&cloud), &endpoint(url)), id).await;
        assert_eq!(fetched.code, Some(1), "{}: {}", self.who, fetched.stderr);
        assert!(fetched.stderr.contains(&format!(": {reason}: ")), "{}: {}", self.who, fetched.stderr);
        (fetched.stderr, self.who.replace("URL", url))
    }
}

/// All kinds that have to be asked for, and a place where they are to be had.
async fn kinds() -> (Place, Vec<Kind>) {
    let place = Place::new().await;
    place.cloud.add_role(ROLE, None);
    place.cloud.add_agency("n", "d");
    place.cloud.add_iam_user("d", "u", "pass-canary");
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    let (id, secret, token) = (KEY.0, KEY.1, place.token_file());
    let keys = format!("access_key_id: {id}, access_key_secret: {secret}");
    let of_role = format!("role_arn: '{ROLE}', provider_arn: '{PROVIDER}', token_file: {token}");
    let kinds = [
        (Alibaba, STS, format!("AssumeRole of {ROLE} at URL"), format!("{{role_arn: '{ROLE}', {keys}}}")),
        (Alibaba, STS, format!("AssumeRoleWithOIDC of {ROLE} at URL"), format!("{{oidc: {{{of_role}}}}}")),
        (Alibaba, METADATA, "EcsMetadata URL/latest/".to_owned(), "{ecs_role: node}".to_owned()),
        (
            Alibaba,
            METADATA,
            "CredentialsUri URL/…".to_owned(),
            format!("{{credentials_uri: 'URL{CREDENTIALS_URI}?{CANARY}'}}"),
        ),
        (
            Huawei,
            IAM,
            "KeystoneCreateUserTokenByPassword at URL".to_owned(),
            "{iam: {domain: d, user: u, password: pass-canary}}".to_owned(),
        ),
        (
            Huawei,
            IAM,
            "CreateTokenWithIdToken at URL".to_owned(),
            format!("{{oidc: {{idp_id: idp, token_file: {token}}}}}"),
        ),
        (
            Huawei,
            IAM,
            "CreateTemporaryAccessKeyByAgency of n at URL".to_owned(),
            format!("{{agency: {{name: n, domain: d}}, {keys}}}"),
        ),
        (Huawei, METADATA, "EcsMetadata URL/".to_owned(), "{ecs_agency: true}".to_owned()),
    ];
    let kinds = kinds.into_iter().map(|(provider, service, who, of)| Kind::new(provider, service, &who, &of));
    (place, kinds.collect())
}

/// Runs `test` for every kind, each at a place of its own, all at once.
async fn for_each_kind<F: Future<Output = ()> + 'static>(test: impl Fn(Place, Kind) -> F) {
    let (local, mut running) = (LocalSet::new(), JoinSet::new());
    for number in 0..kinds().await.1.len() {
        let (place, mut kinds) = kinds().await;
        running.spawn_local_on(test(place, kinds.swap_remove(number)), &local);
    }
    local.run_until(running.join_all()).await;
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in {said}");
    }
}

#[tokio::test]
async fn every_trouble_of_every_issuer_names_it_with_its_url_and_the_remedy() {
    for_each_kind(async |place: Place, kind: Kind| {
        let (url, [unanswered, refused]) = (place.cloud.url(), kind.remedies);
        let host = url.trim_start_matches("http://");
        let (said, who) = kind.said(&place, CLOSED, "network").await;
        assert_says(&said, &[&who, "no connection to 127.0.0.1:9: ", unanswered]);
        let refusal = Fault::Status { status: 403, headers: Vec::new(), body: CANARY.to_owned() };
        for (fault, reason, words) in [
            (Fault::Hang, "timeout", unanswered),
            (Fault::Reset, "network", unanswered),
            (refusal, "auth", refused),
            (Fault::Garbage, "bad_response", "check that the endpoint is one of the provider"),
            (Fault::Redirect(format!("{url}/?{CANARY}")), "bad_response", "HTTP status 302"),
        ] {
            place.cloud.set_fault(kind.service, Some(fault));
            let (said, who) = kind.said(&place, &url, reason).await;
            assert_says(&said, &[&who, words]);
        }
        place.cloud.set_fault(kind.service, Some(Fault::Huge(kind.too_large)));
        let (said, _) = kind.said(&place, &url, "bad_response").await;
        assert_says(&said, &[&format!("the answer of {host} is larger than ")]);
        place.cloud.set_fault(kind.service, None);
        place.cloud.set_life(Duration::ZERO);
        let (said, who) = kind.said(&place, &url, "auth").await;
        assert_says(&said, &[&who, "what it gave ended", "clocks"]);
    })
    .await;
}

/// What is signed is dated by the cloud's clock as soon as that is known, and life is counted by it.
#[tokio::test]
async fn a_clock_that_is_off_keeps_no_kind_from_being_had() {
    for_each_kind(async |place: Place, kind: Kind| {
        for hours in [-3, 3] {
            place.cloud.set_clock_offset(SignedDuration::from_hours(hours));
            let credentials = kind.credentials.replace("URL", &place.cloud.url());
            let fetched = place.fetch(kind.provider, &credentials).await;
            assert_eq!(fetched.code, Some(0), "{}: {}", kind.who, fetched.stderr);
            let told = "the clock of this machine is not that of the cloud";
            assert_says(&fetched.stderr, &[told, "set the clock of this machine, best by NTP"]);
        }
    })
    .await;
}
