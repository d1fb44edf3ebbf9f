//! The pace on a paused clock: whatever arrives, no window holds more than its calls, and none waits longer than it must.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::{Again, FailureKind};

/// What tokio's timer may be late.
const TICK: Duration = Duration::from_millis(2);

const SECOND: Duration = Duration::from_secs(1);

fn pace(calls: u32, per: Duration) -> Arc<Pace> {
    Arc::new(Pace::new(Rate { calls, per }))
}

fn budget(seconds: u64) -> Budget {
    Budget::new(Duration::from_secs(seconds), 0)
}

/// A call that goes; when it began.
async fn call(pace: &Pace) -> Instant {
    pace.turn(&mut budget(60)).await.expect("no pause beyond a minute").begin()
}

/// When each of the calls began that arrive after these waits, each after the one before.
async fn begun(pace: &Arc<Pace>, arrivals: Vec<Duration>) -> (Vec<Instant>, Vec<Instant>) {
    let (mut arrived, mut tasks) = (Vec::new(), Vec::new());
    for wait in arrivals {
        tokio::time::sleep(wait).await;
        arrived.push(Instant::now());
        let pace = Arc::clone(pace);
        tasks.push(tokio::spawn(async move { call(&pace).await }));
        // In the order of arrival.
        tokio::task::yield_now().await;
    }
    let mut begun = Vec::new();
    for task in tasks {
        begun.push(task.await.unwrap());
    }
    (arrived, begun)
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(work)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_its_calls_and_no_call_waits_longer_than_it_must(
        calls in 1u32..12,
        per in prop_oneof![Just(1_000u64), Just(60_000)],
        arrivals in prop::collection::vec(prop_oneof![4 => Just(0u64), 2 => 0u64..300, 1 => 0u64..70_000], 1..60),
    ) {
        let per = Duration::from_millis(per);
        let arrivals = arrivals.into_iter().map(Duration::from_millis).collect();
        let (arrived, begun) = paused(async { begun(&pace(calls, per), arrivals).await });
        let window = per + MARGIN;
        for (at, began) in begun.iter().enumerate() {
            let full = at.checked_sub(calls as usize).map(|nth| begun[nth] + window);
            if let Some(full) = full {
                prop_assert!(*began >= full, "{calls} calls and one more within {per:?}");
            }
            // Beyond half of the limit calls are spaced.
            let before = at.checked_sub(1).map(|before| {
                let half = at.checked_sub(calls as usize / 2 + 1);
                let busy = half.is_some_and(|half| begun[half] + window > begun[before]);
                begun[before] + if busy { per / calls } else { Duration::ZERO }
            });
            let due = [full, before, Some(arrived[at])].into_iter().flatten().max().unwrap();
            prop_assert!(*began >= arrived[at] && *began <= due + TICK, "{:?} late", *began - due);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_goes_first() {
    let (_, begun) = begun(&pace(2, SECOND), vec![Duration::ZERO; 9]).await;
    assert!(begun.is_sorted(), "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_nearly_used_up_is_not_used_up_at_once() {
    let calls = 60;
    let (_, begun) = begun(&pace(calls, SECOND * 60), vec![Duration::ZERO; 600]).await;
    let blackout = begun[120..].windows(2).map(|w| w[1] - w[0]).max();
    assert!(blackout < Some(SECOND * 15), "nobody goes for {blackout:?}");
    assert!(begun[599] - begun[0] < SECOND * 60 * 10, "and all of the limit is used");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_limit_moves_the_deadline() {
    let pace = pace(1, Duration::from_mins(1));
    call(&pace).await;
    let mut budget = budget(5);
    let _ = pace.turn(&mut budget).await.expect("no pause").begin();
    assert!(budget.run(tokio::time::sleep(Duration::from_secs(4))).await.is_ok());
    assert!(budget.run(tokio::time::sleep(Duration::from_secs(2))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_not_taken_is_the_next_ones() {
    let pace = pace(1, Duration::from_mins(1));
    drop(pace.turn(&mut budget(1)).await);
    let asked = Instant::now();
    call(&pace).await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_change_while_calls_wait_for_it() {
    let pace = pace(1, Duration::from_mins(1));
    let first = call(&pace).await;
    let waiting = tokio::spawn({
        let pace = Arc::clone(&pace);
        async move { call(&pace).await }
    });
    tokio::time::sleep(SECOND * 3).await;
    let faster = Rate { calls: 2, per: SECOND * 10 };
    pace.set_rate(faster);
    assert_eq!(pace.rate(), faster);
    assert!(waiting.await.unwrap() - first <= SECOND * 3 + TICK);
    assert!(call(&pace).await - first >= SECOND * 10 + MARGIN, "the calls before count");
}

/// How long after `from` a call goes, in milliseconds.
async fn next(pace: &Pace, from: Instant) -> u128 {
    (call(pace).await - from).as_millis()
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_told_and_then_calls_are_spaced_until_one_is_answered() {
    let pace = pace(10, SECOND);
    let began = call(&pace).await;
    assert_eq!(pace.throttled(began, Some(SECOND * 7)), Some(SECOND * 7));
    assert!(pace.is_paused());
    let now = Instant::now();
    assert!((7000..7002).contains(&next(&pace, now).await));
    assert!(!pace.is_paused());
    for spaced in [7100..7102, 7200..7203, 7300..7304] {
        assert!(spaced.contains(&next(&pace, now).await), "{spaced:?}");
    }
    pace.answered(began);
    assert!((7400..7405).contains(&next(&pace, now).await), "that call was from before the pause");
    pace.answered(Instant::now());
    assert!((7400..7405).contains(&next(&pace, now).await), "all is well again");
}

#[tokio::test(start_paused = true)]
async fn without_a_word_pauses_double_up_to_a_minute_with_each_throttling_in_a_row() {
    let pace = pace(100, SECOND);
    for longest in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
        let pause = pace.throttled(call(&pace).await, None).expect("a pause begins");
        assert!((longest / 2..=longest).contains(&pause), "{pause:?}, not about {longest:?}");
        tokio::time::sleep(pause).await;
    }
    pace.answered(call(&pace).await);
    assert!(
        pace.throttled(call(&pace).await, None).expect("a pause begins") <= SECOND,
        "all was well between"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_under_way_make_the_pause_neither_longer_nor_the_next_one() {
    let pace = pace(100, SECOND);
    let (first, second, third) = (call(&pace).await, call(&pace).await, call(&pace).await);
    tokio::time::sleep(SECOND / 10).await;
    let pause = pace.throttled(first, None).expect("a pause begins");
    assert_eq!(pace.throttled(second, None), None);
    tokio::time::sleep(pause).await;
    assert!(!pace.is_paused());
    assert_eq!(pace.throttled(third, Some(SECOND * 9)), None, "it is known");
    assert!(pace.is_paused(), "but how long is not");
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_is_told_at_once_and_any_other_moves_it() {
    let pace = pace(1, SECOND);
    let began = call(&pace).await;
    pace.throttled(began, Some(SECOND * 7));
    let asked = Instant::now();
    let error = pace.turn(&mut budget(6)).await.expect_err("it ends past the deadline");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    let again = Again::Later { told: Some(SECOND * 7), shared: true };
    assert_eq!((error.kind, error.again), (FailureKind::Throttled, again));

    let mut budget = budget(8);
    let _ = pace.turn(&mut budget).await.expect("it ends before the deadline").begin();
    assert!(asked.elapsed() >= SECOND * 7);
    assert!(budget.run(tokio::time::sleep(SECOND * 7)).await.is_ok(), "the whole time is left");
    assert!(budget.run(tokio::time::sleep(SECOND * 2)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_the_limit_learn_of_a_pause_at_once() {
    let pace = pace(1, Duration::from_mins(1));
    let began = call(&pace).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move { pace.turn(&mut budget(20)).await.map(Turn::begin) })
        })
        .collect();
    tokio::time::sleep(SECOND * 30).await;
    let throttled = Instant::now();
    pace.throttled(began, Some(SECOND * 25));
    for task in waiting {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!(throttled.elapsed(), Duration::ZERO);
}
