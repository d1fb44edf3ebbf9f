//! Leave to call, on a paused clock: the limit and the key together.

use std::path::Path;

use super::*;
use crate::cloud::gate;
use crate::config::Rate;

/// An account of Huawei Cloud whose key nothing has proven.
fn account() -> Account {
    let text = "accounts: [{name: hw, provider: huawei, region: cn-north-4, project_id: p, \
                credentials: {access_key_id: i, access_key_secret: s}}]";
    let config = Arc::clone(&config::parse(text, Path::new("test"), &|_| None).unwrap().accounts[0]);
    let pace = || Arc::new(Pace::new(Rate { calls: 100, per: Duration::from_secs(1) }));
    let lanes = [Service::Das, Service::Ddm].map(|service| (service, pace()));
    let (gate, transport) = (Gate::new(true, gate::tries(1)), Transport::new(&config.network).unwrap());
    Account::new(config, Arc::new(gate), lanes, transport, (Clock, Arc::default()), Instruments::new())
}

async fn begin(account: &Account) -> Ticket<'_> {
    let errand = Errand { operation: "Op", service: Service::Das, proof: Proof::Signature, max_bytes: 1 };
    account
        .begin(errand, &mut Budget::new(Duration::from_mins(1), 0))
        .await
        .expect("no hold, nor a longer pause")
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_key_to_be_proven_keeps_to_a_pause_that_begins_meanwhile() {
    const TOLD: Duration = Duration::from_secs(7);
    let account = account();
    let first = begin(&account).await;
    let throttled = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = Again::Later { told: Some(TOLD), shared: true };
        first.end(&Err::<(), _>(FetchError { again, ..FetchError::new(FailureKind::Throttled, "scripted") }));
        Instant::now()
    };
    let others = async { [begin(&account).await.began, begin(&account).await.began] };
    let (throttled, others) = futures_util::future::join(throttled, others).await;
    assert!(others.iter().all(|began| *began - throttled >= TOLD), "{others:?} after {throttled:?}");
}
