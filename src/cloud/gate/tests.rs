//! The gate on a paused clock: who goes, who waits and for how long.

use super::*;
use crate::error::Origin;

/// Longer than any wait of the gate.
const LONG: Duration = Duration::from_hours(1);

type Outcome = Result<(), FetchError>;

fn failed(kind: FailureKind) -> Outcome {
    Err(FetchError::new(kind, "as the test has it"))
}

fn budget() -> Budget {
    Budget::new(LONG)
}

/// A pass that must be there without waiting.
async fn pass_now(gate: &Arc<Gate>) -> Pass {
    timeout(Duration::ZERO, gate.pass(&mut budget())).await.expect("no wait").expect("no hold")
}

async fn prove(gate: &Arc<Gate>) {
    assert!(!pass_now(gate).await.settle(&Outcome::Ok(())));
}

/// How long a pass takes to come.
async fn wait_of(gate: &Arc<Gate>) -> (Duration, Pass) {
    let asked = Instant::now();
    let pass = gate.pass(&mut budget()).await.expect("no hold");
    (asked.elapsed(), pass)
}

async fn is_refused(gate: &Arc<Gate>) -> bool {
    let passed = timeout(Duration::ZERO, gate.pass(&mut budget())).await.expect("a hold is told at once");
    passed.is_err_and(|error| error.origin == Origin::Hold && error.kind == FailureKind::Auth)
}

#[tokio::test(start_paused = true)]
async fn calls_go_one_at_a_time_until_one_has_proven_the_key() {
    let gate = Arc::new(Gate::default());
    let first = pass_now(&gate).await;
    let second = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { wait_of(&gate).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished(), "the first call has not ended");
    assert!(!first.settle(&Outcome::Ok(())));
    let (waited, _second) = second.await.unwrap();
    assert_eq!(waited, Duration::from_millis(300));
    let _many = [pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await];
}

#[tokio::test(start_paused = true)]
async fn a_call_that_proves_nothing_delays_the_next_by_two_seconds_and_three_are_under_way_at_most() {
    let gate = Arc::new(Gate::default());
    let mut under_way = vec![pass_now(&gate).await];
    for _ in 0..2 {
        let (waited, pass) = wait_of(&gate).await;
        assert!((PATIENCE..PATIENCE + Duration::from_millis(2)).contains(&waited), "{waited:?}");
        under_way.push(pass);
    }
    assert!(timeout(HOLD * 3, gate.pass(&mut budget())).await.is_err(), "a fourth call has to wait");
    drop(under_way.pop());
    assert!(wait_of(&gate).await.0 <= PATIENCE, "a place has become free");
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_dropped_gives_its_turn_back() {
    let gate = Arc::new(Gate::default());
    drop(pass_now(&gate).await);
    assert!(!pass_now(&gate).await.settle(&failed(FailureKind::Timeout)));
    drop(pass_now(&gate).await);
}

#[tokio::test(start_paused = true)]
async fn an_authentication_failure_holds_the_key_for_five_minutes_and_then_it_is_tried_anew() {
    let gate = Arc::new(Gate::default());
    prove(&gate).await;
    let late = pass_now(&gate).await;
    assert!(pass_now(&gate).await.settle(&failed(FailureKind::Auth)), "this one begins the hold");
    assert!(gate.is_held() && is_refused(&gate).await);
    assert!(!late.settle(&Outcome::Ok(())), "a call from before the hold");
    assert!(is_refused(&gate).await, "and it does not end the hold");

    tokio::time::sleep(Duration::from_mins(5) - Duration::from_millis(10)).await;
    assert!(is_refused(&gate).await);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!gate.is_held());
    let first = pass_now(&gate).await;
    assert!(timeout(PATIENCE / 2, gate.pass(&mut budget())).await.is_err(), "the key is unproven again");
    assert!(first.settle(&failed(FailureKind::Auth)), "the next hold");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_refused_when_the_hold_begins() {
    let gate = Arc::new(Gate::default());
    let first = pass_now(&gate).await;
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.pass(&mut budget()).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let began = Instant::now();
    assert!(first.settle(&failed(FailureKind::Auth)));
    assert_eq!(waiting.await.unwrap(), Err(FetchError::held()));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn only_one_of_several_failures_begins_the_hold() {
    let gate = Arc::new(Gate::default());
    prove(&gate).await;
    let (first, second) = (pass_now(&gate).await, pass_now(&gate).await);
    assert!(first.settle(&failed(FailureKind::Auth)));
    assert!(!second.settle(&failed(FailureKind::Auth)));
}

#[tokio::test(start_paused = true)]
async fn only_answers_from_behind_the_check_of_the_key_prove_it() {
    use FailureKind::{
        BadResponse, Internal, Network, NotFound, Permission, ProviderError, TaskFailed, Throttled, Timeout,
    };
    let proves = async |kind| {
        let gate = Arc::new(Gate::default());
        assert!(!pass_now(&gate).await.settle(&failed(kind)));
        let _first = pass_now(&gate).await;
        timeout(Duration::ZERO, gate.pass(&mut budget())).await.is_ok()
    };
    for kind in [Permission, NotFound, TaskFailed] {
        assert!(proves(kind).await, "{kind}");
    }
    for kind in [Throttled, Timeout, Network, ProviderError, BadResponse, Internal] {
        assert!(!proves(kind).await, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_turn_moves_the_deadline() {
    let gate = Arc::new(Gate::default());
    let _first = pass_now(&gate).await;
    let mut budget = Budget::new(Duration::from_secs(1));
    let _second = gate.pass(&mut budget).await.expect("no hold");
    let work = tokio::time::sleep(Duration::from_millis(900));
    assert!(budget.run(work).await.is_ok(), "two seconds of waiting are not the call's");
}
