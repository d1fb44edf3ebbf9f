//! Life and renewal of what is issued, on the paused clock, with scripted issuers; and that any answer is read or refused in
//! words that repeat nothing of it.

mod answers;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// Issues numbers, as its script has it.
struct Scripted {
    life: Option<Duration>,
    /// Until when issuing fails, and how.
    fails: Mutex<Option<FetchError>>,
    takes: Duration,
    issues: Mutex<Vec<Instant>>,
    /// Whether each of them was a renewal.
    renewals: AtomicU32,
    warnings: AtomicU32,
    serial: AtomicU64,
}

impl Scripted {
    fn new(life: Option<Duration>) -> Self {
        Self {
            life,
            fails: Mutex::default(),
            takes: Duration::from_millis(300),
            issues: Mutex::default(),
            renewals: AtomicU32::new(0),
            warnings: AtomicU32::new(0),
            serial: AtomicU64::new(0),
        }
    }

    fn issues(&self) -> usize {
        self.issues.lock().unwrap().len()
    }

    fn fail(&self, kind: Option<FailureKind>) {
        *self.fails.lock().unwrap() = kind.map(|kind| FetchError::new(kind, "scripted"));
    }
}

/// A number and when its life ends.
type Numbered = (u64, Option<Instant>);

impl Issue for Arc<Scripted> {
    type Value = Numbered;

    async fn issue(
        &self,
        _service: Service,
        renewal: bool,
        budget: &mut Budget,
    ) -> Result<Issued<Numbered>, FetchError> {
        self.issues.lock().unwrap().push(Instant::now());
        self.renewals.fetch_add(u32::from(renewal), Ordering::Relaxed);
        budget.calls += 1;
        budget.run(sleep(self.takes)).await?;
        if let Some(error) = self.fails.lock().unwrap().clone() {
            return Err(error);
        }
        let (now, number) = (Instant::now(), self.serial.fetch_add(1, Ordering::Relaxed));
        let life = self.life.map(|life| (now, life));
        let ends = self.life.map(|life| now + life);
        Ok(Issued { value: (number, ends), life, temporary: true })
    }

    fn patience(&self, timeout: Duration) -> Duration {
        timeout
    }

    fn renewal_failed(&self, _: &FetchError) {
        self.warnings.fetch_add(1, Ordering::Relaxed);
    }
}

fn cache(life: Option<Duration>) -> (Arc<Scripted>, Arc<Cache<Arc<Scripted>>>) {
    cache_of(Provider::Alibaba, life)
}

fn cache_of(provider: Provider, life: Option<Duration>) -> (Arc<Scripted>, Arc<Cache<Arc<Scripted>>>) {
    let issuer = Arc::new(Scripted::new(life));
    (Arc::clone(&issuer), Arc::new(Cache::new(issuer, renews_before(provider))))
}

fn budget() -> Budget {
    Budget::new(20 * SECOND, RETRIES)
}

const RETRIES: u32 = crate::cloud::budget::RETRIES;

async fn get(cache: &Arc<Cache<Arc<Scripted>>>) -> Result<(Arc<Held<Numbered>>, bool), FetchError> {
    cache.get(Service::Das, &mut budget()).await
}

async fn number(cache: &Arc<Cache<Arc<Scripted>>>) -> Option<u64> {
    get(cache).await.ok().map(|(held, _)| held.value.0)
}

/// 100 targets, each once in 10 s, for ten minutes; every identity that was used, and whether anybody had to wait for one.
#[tokio::test(start_paused = true)]
async fn tokens_of_a_minute_are_renewed_once_a_life_and_no_fetch_ever_waits_or_fails() {
    let (issuer, cache) = cache(Some(MINUTE));
    let mut targets = JoinSet::new();
    for target in 0..100_u32 {
        let cache = Arc::clone(&cache);
        targets.spawn(async move {
            sleep(target * Duration::from_millis(100)).await;
            let mut waited = Vec::new();
            for _ in 0..60 {
                let (asked, next) = (Instant::now(), Instant::now() + 10 * SECOND);
                let (held, _) = get(&cache).await.expect("no fetch fails");
                waited.push(asked.elapsed());
                assert!(Instant::now() < held.value.1.unwrap(), "no request with an expired token");
                sleep_until(next).await;
            }
            waited
        });
    }
    let waits: Vec<Vec<Duration>> = targets.join_all().await;
    let first = Duration::from_millis(300);
    let late = waits.iter().flatten().filter(|wait| **wait > Duration::ZERO).count();
    assert!((1..=4).contains(&late), "only the first ones wait: {late}");
    assert!(waits.iter().flatten().all(|wait| *wait <= first + Duration::from_millis(2)));
    let begun = issuer.issues.lock().unwrap().clone();
    // A quarter of the life is left when it is renewed.
    let spans: Vec<f64> = begun.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    assert!(spans.iter().all(|span| (45.0..46.0).contains(span)), "{spans:?}");
    assert_eq!(begun.len(), 14, "600 s and a token each 45 s");
    assert_eq!(issuer.renewals.load(Ordering::Relaxed), 13);
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_at_once_wait_for_the_same_one() {
    let (issuer, cache) = cache(Some(60 * MINUTE));
    let mut targets = JoinSet::new();
    for _ in 0..100 {
        let cache = Arc::clone(&cache);
        targets.spawn(async move {
            let mut budget = budget();
            let got = cache.get(Service::Das, &mut budget).await.expect("it is issued");
            (got.0.value.0, budget.calls)
        });
    }
    let got = targets.join_all().await;
    assert!(got.iter().all(|(number, _)| *number == 0));
    assert_eq!((issuer.issues(), got.iter().map(|(_, calls)| calls).sum::<u64>()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_longer_life_is_what_the_clouds_own_sdks_leave() {
    for (provider, minutes) in [(Provider::Alibaba, 15), (Provider::Huawei, 40)] {
        let (issuer, cache) = cache_of(provider, Some(12 * 60 * MINUTE));
        assert_eq!(number(&cache).await, Some(0));
        sleep((12 * 60 - 1 - minutes) * MINUTE + 59 * SECOND).await;
        assert_eq!((number(&cache).await, issuer.issues()), (Some(0), 1));
        sleep(2 * SECOND).await;
        assert_eq!(number(&cache).await, Some(0), "nobody waits for the new one");
        sleep(SECOND).await;
        assert_eq!((number(&cache).await, issuer.issues()), (Some(1), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_lasts_is_issued_once() {
    let (issuer, cache) = cache(None);
    for _ in 0..10 {
        assert_eq!(number(&cache).await, Some(0));
        sleep(24 * 60 * MINUTE).await;
    }
    assert_eq!(issuer.issues(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_old_one_is_used_to_its_end_while_renewing_fails_and_that_is_not_tried_at_every_call() {
    let (issuer, cache) = cache(Some(60 * MINUTE));
    number(&cache).await;
    issuer.fail(Some(FailureKind::Network));
    sleep(45 * MINUTE).await;
    for _ in 0..89 {
        assert_eq!(number(&cache).await, Some(0));
        sleep(10 * SECOND).await;
    }
    let tried = issuer.issues() - 1;
    assert!((4..=12).contains(&tried), "{tried} renewals in a quarter of an hour");
    assert_eq!(issuer.warnings.load(Ordering::Relaxed) as usize, tried, "each is told");
    sleep(10 * SECOND).await;
    assert_eq!(get(&cache).await.err().map(|error| error.kind), Some(FailureKind::Network), "it has ended");
    issuer.fail(None);
    sleep(31 * SECOND).await;
    assert_eq!(number(&cache).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_tried_no_more_than_three_times_in_five_minutes() {
    let (issuer, cache) = cache(Some(60 * MINUTE));
    number(&cache).await;
    issuer.fail(Some(FailureKind::Auth));
    sleep(46 * MINUTE).await;
    for _ in 0..30 {
        assert_eq!(number(&cache).await, Some(0));
        sleep(10 * SECOND).await;
    }
    assert!((1..=3).contains(&(issuer.issues() - 1)), "{}", issuer.issues() - 1);
    issuer.fail(None);
    cache.try_again();
    number(&cache).await;
    sleep(SECOND).await;
    assert_eq!(number(&cache).await, Some(1), "a reload may have mended it");
}

#[tokio::test(start_paused = true)]
async fn without_any_a_failure_is_the_answer_for_a_while() {
    let (issuer, cache) = cache(Some(MINUTE));
    issuer.fail(Some(FailureKind::Network));
    for _ in 0..100 {
        assert!(get(&cache).await.is_err_and(|error| error.detail == "scripted"));
        sleep(Duration::from_millis(100)).await;
    }
    assert!(issuer.issues() <= 5, "{} in ten seconds", issuer.issues());
    issuer.fail(None);
    cache.try_again();
    assert_eq!(number(&cache).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_not_remembered_after_it_has_ended() {
    let (issuer, cache) = cache(Some(MINUTE));
    *issuer.fails.lock().unwrap() = Some(FetchError::held());
    assert!(get(&cache).await.is_err_and(|error| error.origin == Origin::Hold));
    issuer.fail(None);
    assert_eq!(number(&cache).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_replaced_once_however_many_tell() {
    let (issuer, cache) = cache(Some(60 * MINUTE));
    let (old, kept) = get(&cache).await.expect("it is issued");
    assert!(!kept && get(&cache).await.is_ok_and(|(_, kept)| kept));
    cache.refused(&old);
    let (new, kept) = get(&cache).await.expect("another one is issued");
    assert!(!kept && new.value.0 == 1);
    cache.refused(&old);
    assert_eq!((number(&cache).await, issuer.issues()), (Some(1), 2));
    assert_eq!(cache.freshest(&old).map(|held| held.value.0), Some(1), "for a call that had the old one");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_leaves_it_to_the_next() {
    let (issuer, cache) = cache(Some(60 * MINUTE));
    let impatient = tokio::time::timeout(Duration::from_millis(100), get(&cache)).await;
    assert!(impatient.is_err());
    sleep(Duration::from_millis(250)).await;
    let asked = Instant::now();
    assert_eq!((number(&cache).await, asked.elapsed()), (Some(0), Duration::ZERO));
    assert_eq!(issuer.issues(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_that_end_while_a_call_waits_are_not_sent() {
    let (_, cache) = cache(Some(MINUTE));
    let (held, _) = get(&cache).await.expect("it is issued");
    assert!(cache.freshest(&held).is_some());
    sleep(MINUTE).await;
    assert!(cache.freshest(&held).is_none());
}
