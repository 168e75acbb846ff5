//! What bandits lose on worlds with known truth, against figures that an independent implementation measured.
//!
//! Expected regret sums the gap of every draw to the best arm. Tolerances are three standard errors of the reference
//! and of this run together: one run's standard deviation is about 43 (ten arms) and 14 (Kaufmann's arms).

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use reiver::allocate::{Belief, Experiment, ExperimentConfig, probability_best};
use reiver::event::{Span, Time};
use reiver::rng::Seed;

/// Draws an arm from shares.
fn draw(rng: &mut Pcg64Mcg, shares: &[f64]) -> usize {
    let mut left: f64 = rng.random();
    for (arm, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return arm;
        }
    }
    shares.len() - 1
}

/// Regret of Beta-Bernoulli probability matching with prior Beta(1, 1) and a new allocation every `tick` events.
fn thompson(rates: &[f64], events: usize, tick: usize, seed: Seed) -> f64 {
    let mut rng = seed.stream();
    let best = rates.iter().copied().fold(0.0, f64::max);
    let mut counts = vec![(1.0, 1.0); rates.len()];
    let mut regret = 0.0;
    for _ in 0..events / tick {
        let beliefs: Vec<Belief> = counts.iter().map(|&(a, b)| Belief::beta(a, b, 1.0)).collect();
        let shares = probability_best(&beliefs);
        for _ in 0..tick {
            let arm = draw(&mut rng, &shares);
            regret += best - rates[arm];
            if rng.random::<f64>() < rates[arm] { counts[arm].0 += 1.0 } else { counts[arm].1 += 1.0 }
        }
    }
    regret
}

fn mean(runs: u128, name: &str, one: impl Fn(Seed) -> f64) -> f64 {
    let sum: f64 = (0..runs).map(|run| one(Seed(1).named(name).keyed(run))).sum();
    sum / runs as f64
}

fn ten_arms() -> Vec<f64> {
    let mut rates = vec![0.4; 10];
    rates[0] = 0.5;
    rates
}

/// T1. References: 247.1 with ticks of 100 events, 278.8 with ticks of 1,000 (60 runs each); Lai and Robbins' bound is
/// 514.6 asymptotically.
#[test]
fn ten_arms_with_ticks_lose_little_more_than_deciding_each_event_anew() {
    let runs = 24;
    let often = mean(runs, "tick 100", |seed| thompson(&ten_arms(), 100_000, 100, seed));
    // 3 · 43 · √(1/24 + 1/60) = 31.
    assert!((often - 247.1).abs() < 31.0, "ticks of 100: {often}");
    let seldom = mean(runs, "tick 1000", |seed| thompson(&ten_arms(), 100_000, 1000, seed));
    assert!((seldom - 278.8).abs() < 31.0, "ticks of 1000: {seldom}");
    assert!(often < 514.6 && seldom < 514.6);
}

/// T2. Reference: 91.9 ± 1.4 per event (100 runs); ticks of 20 events add a little.
#[test]
fn kaufmanns_arms() {
    let rates = [0.1, 0.05, 0.05, 0.05, 0.02, 0.02, 0.02, 0.01, 0.01, 0.01];
    let regret = mean(40, "kaufmann", |seed| thompson(&rates, 20_000, 20, seed));
    // 3 · √(1.4² + 14²/40) = 7.9.
    assert!((84.0..100.0).contains(&regret), "{regret}");
    assert!(regret < 172.8);
}

/// T1 through an experiment as it runs: pooled prior worth twenty, no floor, no ramp. Reference: 272 at this prior.
#[test]
fn a_whole_experiment_loses_as_much() {
    let names: Vec<String> = (0..10).map(|i| format!("arm {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rates = ten_arms();
    let one = |seed: Seed| {
        let mut config = ExperimentConfig::new("ten", &names, names[9]);
        (config.stick, config.half_life, config.ramp) = (None, None, None);
        (config.floor, config.baseline_share) = (0.0, 0.0);
        let mut e = Experiment::new(config);
        let mut rng = seed.stream();
        let mut regret = 0.0;
        for t in 0..1000 {
            e.tick(Time(1000 * t), Span::seconds(1), 1);
            assert_eq!(e.breaches(), []);
            let shares = e.allocation().shares.clone();
            for _ in 0..100 {
                let arm = draw(&mut rng, &shares);
                regret += 0.5 - rates[arm];
                e.credit(arm, f64::from(u8::from(rng.random::<f64>() < rates[arm])));
            }
        }
        regret
    };
    let regret = mean(16, "experiment", one);
    // 3 · 43 · √(1/16 + 1/60) = 36.
    assert!((regret - 272.0).abs() < 36.0, "{regret}");
}
