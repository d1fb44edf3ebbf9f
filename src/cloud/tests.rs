//! What a reload keeps of the clients, and what it changes.

use std::path::Path;

use jiff::SignedDuration;

use super::*;
use crate::cloud::budget::Budget;
use crate::cloud::source::{SessionSource as _, Standing};
use crate::config::Rate;
use crate::error::FailureKind;

const BEFORE: [&str; 3] = [
    "name: ali, provider: alibaba, credentials: {access_key_id: a, access_key_secret: s}, rate_limit: {das: 1/min}",
    "name: hw, provider: huawei, region: cn-north-4, project_id: p, credentials: {access_key_id: h, access_key_secret: s}",
    "name: other, provider: huawei, region: cn-north-4, project_id: q, credentials: {access_key_id: h, access_key_secret: s}",
];

fn config(accounts: &[&str]) -> Config {
    let accounts = accounts.join("}, {");
    let text = format!("accounts: [{{{accounts}}}]\ninstances: [{{account: ali, id: rm-1}}]");
    config::parse(&text, Path::new("test"), &|_| None).unwrap()
}

fn clouds(accounts: &[&str]) -> Clouds {
    Clouds::new(&config(accounts), Clock, &Instruments::new()).unwrap()
}

fn pace<'c>(clouds: &'c Clouds, account: &str) -> &'c Arc<Pace> {
    &clouds.paces[&(account.to_owned(), Service::Das)]
}

fn standing(clouds: &Clouds, accounts: &[&str]) -> Standing {
    clouds.source(&config(accounts).targets[0]).expect("its account is there").standing()
}

/// The accounts, one of them changed.
fn with<'a>(change: &str, to: &str, changed: &'a mut String) -> [&'a str; 3] {
    *changed = BEFORE[0].replace(change, to);
    assert_ne!(changed, BEFORE[0]);
    [changed, BEFORE[1], BEFORE[2]]
}

#[tokio::test]
async fn an_account_with_the_same_access_keeps_its_client() {
    let (before, mut changed) = (clouds(&BEFORE), String::new());
    for (what, to) in [
        ("1/min", "2/min"),
        ("rate_limit: {das: 1/min}", "interval: 7s, kill_task_retention: 5m, tls: {system_roots: true}"),
    ] {
        let after = before.renewed(&config(&with(what, to, &mut changed))).unwrap();
        assert!(["ali", "hw", "other"].iter().all(|account| after.has_same_client(&before, account)), "{to}");
    }
    for (what, to) in [
        ("access_key_id: a", "access_key_id: b"),
        ("access_key_secret: s", "access_key_secret: t"),
        ("provider: alibaba", "provider: alibaba, region: cn-north-2-gov-1"),
        ("provider: alibaba", "provider: alibaba, endpoints: {das: 'https://das.aliyuncs.com'}"),
        ("provider: alibaba", "provider: alibaba, proxy: 'http://proxy.example.com'"),
    ] {
        let after = before.renewed(&config(&with(what, to, &mut changed))).unwrap();
        assert!(!after.has_same_client(&before, "ali"), "{to}");
        assert!(after.has_same_client(&before, "hw"), "{to}");
    }
    let renamed = before.renewed(&config(&with("name: ali", "name: ali, region: r", &mut changed))).unwrap();
    assert!(!renamed.has_same_client(&before, "nobody"));
}

#[tokio::test(start_paused = true)]
async fn windows_hold_across_a_reload_and_limits_change_in_place() {
    let (before, mut changed) = (clouds(&BEFORE), String::new());
    let budget = || Budget::new(Duration::from_mins(2), 0);
    let _ = pace(&before, "ali").turn(&mut budget()).await.expect("no pause").begin();
    let accounts = with("access_key_id: a", "access_key_id: b", &mut changed);
    let after = before.renewed(&config(&accounts)).unwrap();
    let asked = tokio::time::Instant::now();
    let _ = pace(&after, "ali").turn(&mut budget()).await.expect("no pause").begin();
    assert!(asked.elapsed() >= Duration::from_mins(1), "the key is another one, the account is not");

    let mut changed = String::new();
    let last = after.renewed(&config(&with("1/min", "9/s", &mut changed))).unwrap();
    let faster = Rate { calls: 9, per: Duration::from_secs(1) };
    assert_eq!([&before, &after, &last].map(|clouds| pace(clouds, "ali").rate()), [faster; 3]);
}

#[tokio::test]
async fn a_clock_that_is_off_is_known_to_the_next_client_of_an_account() {
    let (before, mut changed) = (clouds(&BEFORE), String::new());
    let hour = SignedDuration::from_hours(1);
    before.clients["ali"].account().skew.observe(hour);
    let after =
        before.renewed(&config(&with("access_key_secret: s", "access_key_secret: t", &mut changed))).unwrap();
    assert!(!after.has_same_client(&before, "ali"));
    let corrections = ["ali", "hw"].map(|name| after.clients[name].account().skew.correction());
    assert_eq!(corrections, [hour, SignedDuration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_lifts_holds_and_keeps_pauses() {
    let before = clouds(&BEFORE);
    let gate = &before.gates[&KeyName::Key(Provider::Alibaba, "a".to_owned())];
    let pass = gate.pass(&mut Budget::new(Duration::from_secs(1), 0)).await.expect("no hold");
    let failed = Err::<(), _>(FetchError::new(FailureKind::Auth, "as the test has it"));
    assert!(pass.settle(&failed).is_some());
    pace(&before, "ali").throttled(tokio::time::Instant::now(), Some(Duration::from_secs(9)));
    assert_eq!(standing(&before, &BEFORE), Standing::Held);
    let after = before.renewed(&config(&BEFORE)).unwrap();
    assert_eq!(standing(&after, &BEFORE), Standing::Throttled);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(standing(&after, &BEFORE), Standing::Open);
}

#[tokio::test(start_paused = true)]
async fn what_an_account_did_before_it_was_taken_out_counts_when_it_is_put_back() {
    let (before, mut clouds) = (config(&BEFORE), clouds(&BEFORE));
    let key = KeyName::Key(Provider::Huawei, "h".to_owned());
    let budget = || Budget::new(Duration::from_mins(2), 0);
    let first = Arc::clone(pace(&clouds, "hw"));
    let _ = first.turn(&mut budget()).await.expect("no pause").begin();
    for tries_left in [true, true, false] {
        let pass = clouds.gates[&key].pass(&mut budget()).await.expect("a try is left");
        assert!(
            pass.settle(&Err::<(), _>(FetchError::new(FailureKind::Auth, "as the test has it"))).is_some()
        );
        clouds = clouds.renewed(&config(&BEFORE[..1])).unwrap().renewed(&before).unwrap();
        assert_eq!(clouds.is_held("hw"), !tries_left);
        assert!(Arc::ptr_eq(pace(&clouds, "hw"), &first), "its calls of the last minute count");
    }
    let other_secret = BEFORE.map(|account| account.replace("access_key_secret: s", "access_key_secret: t"));
    let renewed = clouds.renewed(&config(&other_secret.each_ref().map(String::as_str))).unwrap();
    assert!(!renewed.is_held("hw"), "another secret is tried at once");

    tokio::time::sleep(Duration::from_mins(6)).await;
    let without = clouds.renewed(&config(&BEFORE[..1])).unwrap();
    assert_eq!((without.gates.len(), without.paces.len(), without.gone.len()), (1, 2, 0), "all is forgotten");
}

#[tokio::test]
async fn accounts_of_the_same_key_share_its_gate_and_nothing_else() {
    let clouds = clouds(&BEFORE);
    assert_eq!((clouds.clients.len(), clouds.gates.len()), (3, 2));
    assert!(!Arc::ptr_eq(pace(&clouds, "hw"), pace(&clouds, "other")));
    let text =
        |family: &prometheus::proto::MetricFamily| family.name().ends_with("rate_limiter_wait_seconds_total");
    let families = clouds.instruments.gather();
    let waits = families.iter().find(|family| text(family)).expect("it is there from the start");
    assert_eq!(waits.get_metric().len(), 5, "das of each, ddm of those of Huawei Cloud");
}

#[tokio::test]
async fn accounts_of_the_same_network_share_its_connections_across_reloads() {
    let same = |one: (&Clouds, usize), other: (&Clouds, usize)| {
        let network =
            |(clouds, account): (&Clouds, usize)| std::ptr::from_ref(clouds.transports[account].network());
        network(one) == network(other)
    };
    let (before, mut changed) = (clouds(&BEFORE), String::new());
    assert!(same((&before, 0), (&before, 1)) && same((&before, 1), (&before, 2)));
    let proxy = "provider: alibaba, proxy: 'http://proxy.example.com'";
    let after = before.renewed(&config(&with("provider: alibaba", proxy, &mut changed))).unwrap();
    assert!(!same((&after, 0), (&before, 0)) && same((&after, 1), (&before, 1)));
    let direct = "provider: alibaba, proxy: none";
    let last = after.renewed(&config(&with("provider: alibaba", direct, &mut changed))).unwrap();
    assert!(same((&last, 0), (&before, 0)), "that is what the environment says, too");
}

/// A role that cannot be assumed says nothing of the key that asks for it; but Huawei Cloud locks the key that asks.
#[test]
fn who_asks_for_an_identity_passes_the_gate_of_what_a_cloud_may_lock() {
    let of = |rest: &str| KeyName::of(&config(&[BEFORE[0], &format!("name: x, {rest}")]).accounts[1]);
    let (keys, own) = ("access_key_id: h, access_key_secret: s", KeyName::Found("x".to_owned()));
    let role = "role_arn: 'acs:ram::1:role/r'";
    assert_eq!(of(&format!("provider: alibaba, credentials: {{{role}, {keys}}}")), own);
    let huawei = "provider: huawei, region: r, project_id: p, credentials: ";
    let key = KeyName::Key(Provider::Huawei, "h".to_owned());
    assert_eq!(of(&format!("{huawei}{{agency: {{name: n, domain: d}}, {keys}}}")), key);
    assert_eq!(of(&format!("{huawei}{{ecs_agency: true}}")), own);
    assert_eq!(of("provider: alibaba"), own, "what a chain finds may change");
}
