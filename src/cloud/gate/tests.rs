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
    Budget::new(LONG, 0)
}

/// A gate of a key of a cloud that locks none.
fn gate() -> Arc<Gate> {
    Arc::new(Gate::new(false, tries(1)))
}

/// A pass that must be there without waiting.
async fn pass_now(gate: &Arc<Gate>) -> Pass {
    timeout(Duration::ZERO, gate.pass(&mut budget())).await.expect("no wait").expect("no hold")
}

async fn prove(gate: &Arc<Gate>) {
    assert_eq!(pass_now(gate).await.settle(&Outcome::Ok(())), None);
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
    let gate = gate();
    let first = pass_now(&gate).await;
    let second = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { wait_of(&gate).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished(), "the first call has not ended");
    assert_eq!(first.settle(&Outcome::Ok(())), None);
    let (waited, _second) = second.await.unwrap();
    assert_eq!(waited, Duration::from_millis(300));
    let _many = [pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await];
}

#[tokio::test(start_paused = true)]
async fn a_call_that_proves_nothing_delays_the_next_by_two_seconds_and_three_are_under_way_at_most() {
    let gate = gate();
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
    let gate = gate();
    drop(pass_now(&gate).await);
    assert_eq!(pass_now(&gate).await.settle(&failed(FailureKind::Timeout)), None);
    drop(pass_now(&gate).await);
}

#[tokio::test(start_paused = true)]
async fn an_authentication_failure_holds_the_key_for_five_minutes_and_then_it_is_tried_anew() {
    let gate = gate();
    prove(&gate).await;
    let late = pass_now(&gate).await;
    assert_eq!(
        pass_now(&gate).await.settle(&failed(FailureKind::Auth)),
        Some(HOLD),
        "this one begins the hold"
    );
    assert!(gate.is_held() && is_refused(&gate).await);
    assert_eq!(late.settle(&Outcome::Ok(())), None, "a call from before the hold");
    assert!(is_refused(&gate).await, "and it does not end the hold");

    tokio::time::sleep(Duration::from_mins(5) - Duration::from_millis(10)).await;
    assert!(is_refused(&gate).await);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!gate.is_held());
    let first = pass_now(&gate).await;
    assert!(timeout(PATIENCE / 2, gate.pass(&mut budget())).await.is_err(), "the key is unproven again");
    assert_eq!(first.settle(&failed(FailureKind::Auth)), Some(HOLD * 2), "the next hold is twice as long");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_refused_when_the_hold_begins() {
    let gate = gate();
    let first = pass_now(&gate).await;
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.pass(&mut budget()).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let began = Instant::now();
    assert!(first.settle(&failed(FailureKind::Auth)).is_some());
    assert_eq!(waiting.await.unwrap(), Err(FetchError::held()));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn only_one_of_several_failures_begins_the_hold() {
    let gate = gate();
    prove(&gate).await;
    let (first, second) = (pass_now(&gate).await, pass_now(&gate).await);
    assert!(first.settle(&failed(FailureKind::Auth)).is_some());
    assert_eq!(second.settle(&failed(FailureKind::Auth)), None);
}

#[tokio::test(start_paused = true)]
async fn only_answers_from_behind_the_check_of_the_key_prove_it() {
    use FailureKind::{
        BadResponse, Internal, Network, NotFound, Permission, ProviderError, TaskFailed, Throttled, Timeout,
    };
    let proves = async |kind| {
        let gate = gate();
        assert_eq!(pass_now(&gate).await.settle(&failed(kind)), None);
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
    let gate = gate();
    let _first = pass_now(&gate).await;
    let mut budget = Budget::new(Duration::from_secs(1), 0);
    let _second = gate.pass(&mut budget).await.expect("no hold");
    let work = tokio::time::sleep(Duration::from_millis(900));
    assert!(budget.run(work).await.is_ok(), "two seconds of waiting are not the call's");
}

/// Tries a key that fails once the hold is over, until there are so many holds; how long each is.
async fn holds(gate: &Arc<Gate>, count: usize) -> Vec<u64> {
    let mut minutes = Vec::new();
    for _ in 0..count {
        let span = pass_now(gate).await.settle(&failed(FailureKind::Auth)).expect("a hold begins");
        minutes.push(span.as_secs() / 60);
        tokio::time::sleep(span).await;
    }
    minutes
}

#[tokio::test(start_paused = true)]
async fn holds_in_a_row_double_to_an_hour_until_the_key_is_proven_or_the_hold_is_lifted() {
    let gate = gate();
    assert_eq!(holds(&gate, 6).await, [5, 10, 20, 40, 60, 60]);
    prove(&gate).await;
    assert_eq!(holds(&gate, 2).await, [5, 10]);
    drop(pass_now(&gate).await);
    assert_eq!(holds(&gate, 1).await, [20], "a call that proves nothing changes nothing");
    gate.lift();
    assert_eq!(holds(&gate, 2).await, [5, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_lifted_is_over_at_once_and_what_was_under_way_says_nothing_any_more() {
    let gate = gate();
    prove(&gate).await;
    let (first, late, later) = (pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await);
    assert!(first.settle(&failed(FailureKind::Auth)).is_some());
    gate.lift();
    assert!(!gate.is_held());
    assert_eq!(late.settle(&failed(FailureKind::Auth)), None);
    assert!(!gate.is_held(), "that was the old key");
    assert_eq!(later.settle(&Outcome::Ok(())), None);
    let _first = pass_now(&gate).await;
    assert!(timeout(PATIENCE / 2, gate.pass(&mut budget())).await.is_err(), "the new key is unproven");
}

/// A key that is proven, of a cloud that locks keys.
#[tokio::test(start_paused = true)]
async fn three_calls_are_under_way_at_most_and_those_that_hang_do_not_count() {
    let gate = Arc::new(Gate::new(true, tries(1)));
    prove(&gate).await;
    let began = Instant::now();
    let mut under_way = vec![pass_now(&gate).await, pass_now(&gate).await, pass_now(&gate).await];
    for round in 1..4 {
        let (waited, pass) = wait_of(&gate).await;
        assert!((PATIENCE..PATIENCE + Duration::from_millis(2)).contains(&waited), "{round}: {waited:?}");
        under_way.extend([pass, pass_now(&gate).await, pass_now(&gate).await]);
    }
    assert!(began.elapsed() >= PATIENCE * 3);
    assert_eq!(under_way.pop().expect("twelve").settle(&Outcome::Ok(())), None);
    drop(pass_now(&gate).await);
}

/// Fifty targets whose key is revoked while each answer takes so long, in one of so many processes.
async fn calls_until_held(answers_take: Duration, processes: u32) -> usize {
    let gate = Arc::new(Gate::new(true, tries(processes)));
    prove(&gate).await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                let Ok(pass) = gate.pass(&mut budget()).await else { return false };
                tokio::time::sleep(answers_take).await;
                let _ = pass.settle(&failed(FailureKind::Auth));
                true
            })
        })
        .collect();
    let mut calls = 0;
    for task in tasks {
        calls += usize::from(task.await.unwrap());
    }
    calls
}

#[tokio::test(start_paused = true)]
async fn a_proven_key_that_is_revoked_costs_three_calls_at_most() {
    for answers_take in [0, 100, 1999].map(Duration::from_millis) {
        let calls = calls_until_held(answers_take, 1).await;
        assert!((1..=tries(1)).contains(&calls), "{calls} calls whose answers take {answers_take:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_costs_all_processes_together_no_more_than_is_forgiven() {
    for (processes, each) in [(1, 3), (2, 2), (3, 1), (4, 1), (5, 1)] {
        let calls = calls_until_held(Duration::from_millis(100), processes).await;
        assert_eq!(calls, each, "{processes} processes");
        let tried = tries_in_two_hours(Duration::from_secs(3), processes, false).await;
        let most = tried
            .iter()
            .map(|first| tried.iter().filter(|at| (*first..*first + HOLD).contains(at)).count())
            .max();
        assert!(most.is_some_and(|most| most <= each), "{most:?} tries in a span, {processes} processes");
        assert!(each * usize::try_from(processes).unwrap() <= FORGIVEN as usize);
    }
    assert_eq!(tries(6), 1, "a process has to try");
}

#[tokio::test(start_paused = true)]
async fn another_bound_holds_at_once_and_a_lift_keeps_it() {
    let gate = Arc::new(Gate::new(true, tries(5)));
    gate.lift();
    prove(&gate).await;
    let _only = pass_now(&gate).await;
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { wait_of(&gate).await.0 }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "one at a time");
    gate.set_tries(tries(2));
    assert_eq!(waiting.await.unwrap(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn who_waits_elsewhere_learns_of_a_hold_at_once() {
    let gate = gate();
    let pass = pass_now(&gate).await;
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.until_held().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    let began = Instant::now();
    assert!(pass.settle(&failed(FailureKind::Auth)).is_some());
    waiting.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hold_of_the_same_key_ends_as_often_as_tries_are_left() {
    let gate = gate();
    let began = Instant::now();
    for _ in 0..2 {
        assert!(pass_now(&gate).await.settle(&failed(FailureKind::Auth)).is_some());
        assert_eq!(gate.relent(), None);
        assert!(!gate.is_held());
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert!(pass_now(&gate).await.settle(&failed(FailureKind::Auth)).is_some());
    let left = HOLD.saturating_sub(began.elapsed());
    assert_eq!(gate.relent(), Some(left), "until the first refusal is as old as a hold");
    assert!(is_refused(&gate).await);
    tokio::time::sleep(left).await;
    drop(pass_now(&gate).await);
    assert_eq!(gate.relent(), None);
    gate.lift();
    assert_eq!(holds(&gate, 1).await, [5]);
}

/// When calls begin of fifty targets with a bad key, each due each 30 seconds, whose answers take so long, in one of so many
/// processes, which is told each minute to read its configuration again.
async fn tries_in_two_hours(answers_take: Duration, processes: u32, reloads: bool) -> Vec<Instant> {
    let (gate, tries) = (Arc::new(Gate::new(true, tries(processes))), Arc::new(Mutex::new(Vec::new())));
    let reload = async {
        loop {
            tokio::time::sleep(if reloads { Duration::from_mins(1) } else { Duration::MAX }).await;
            let _ = gate.relent();
        }
    };
    let target = |number: u32| {
        let (gate, tries) = (Arc::clone(&gate), Arc::clone(&tries));
        async move {
            tokio::time::sleep(Duration::from_millis(600) * number).await;
            loop {
                if let Ok(pass) = gate.pass(&mut budget()).await {
                    tries.lock().unwrap().push(Instant::now());
                    tokio::time::sleep(answers_take).await;
                    let _ = pass.settle(&failed(FailureKind::Auth));
                }
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    };
    let targets = futures_util::future::join_all((0..50).map(target));
    let both = futures_util::future::join(targets, reload);
    assert!(timeout(Duration::from_hours(2), both).await.is_err());
    std::mem::take(&mut tries.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_of_fifty_targets_is_tried_three_times_at_most_in_any_five_minutes() {
    for answers_take in [0, 1500, 3000, 10_000].map(Duration::from_millis) {
        for reloads in [false, true] {
            let (tries, most) = (tries_in_two_hours(answers_take, 1, reloads).await, tries(1));
            let soonest = tries.windows(most + 1).map(|tries| tries[most] - tries[0]).min();
            assert!(
                soonest.is_none_or(|span| span >= HOLD),
                "{soonest:?} when answers take {answers_take:?}"
            );
            assert!(tries.len() >= 4 && (reloads || tries.len() <= 5 * most), "{} tries", tries.len());
        }
    }
}
