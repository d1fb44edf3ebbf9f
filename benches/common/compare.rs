//! Contenders measured in turn within one run, so that a machine whose speed drifts is fair to all. (criterion and divan time one
//! function after the other, and print no ratio.)

#![expect(clippy::cast_precision_loss, reason = "figures for people stay far below 2^53")]

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One who takes part: a name, and the work.
pub type Contender<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Runs all contenders in turn, `rounds` times after a warm-up, and prints for each its median time per unit and how many times
/// as fast as the first it was, by the median of the rounds' ratios.
pub fn compare(title: &str, unit: &str, units: usize, rounds: usize, mut contenders: Vec<Contender<'_>>) {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for ((_, work), times) in contenders.iter_mut().zip(&mut times) {
            let time = time(work);
            if round > 0 {
                times.push(time.as_secs_f64());
            }
        }
    }
    println!("\n{title} ({units} × 1 {unit}, median of {rounds} rounds)");
    for (index, (name, _)) in contenders.iter().enumerate() {
        let ratios = times[0].iter().zip(&times[index]).map(|(first, own)| first / own).collect();
        let nanoseconds = 1e9 * median(times[index].clone()) / units as f64;
        println!("  {name:<58}{nanoseconds:>10.1} ns/{unit} {:>8.2} x", median(ratios));
    }
}

/// How long some work takes.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub fn time(work: &mut dyn FnMut()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The middle one of some numbers.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Keeps a result from being optimized away.
pub fn keep<T>(value: T) {
    black_box(value);
}
