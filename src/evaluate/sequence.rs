//! Confidence sequences: intervals that hold at every moment at once, however often somebody looks.

use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

/// Pseudo-observations of the mixing Beta distribution.
const STRENGTH: f64 = 50.0;

/// The interval for a success rate after `n` trials with `s` successes: the set of rates that a Beta-mixture
/// e-process has not refuted at level `alpha` (Robbins 1970; Howard et al. 2021). `guess` must be fixed in advance.
#[must_use]
pub fn bernoulli(n: f64, s: f64, alpha: f64, guess: f64) -> (f64, f64) {
    beta_mixture(n, s, alpha, STRENGTH * guess, STRENGTH * (1.0 - guess))
}

/// The same with the mixing distribution Beta(a, b) given.
#[must_use]
pub fn beta_mixture(n: f64, s: f64, alpha: f64, a: f64, b: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let mixture = ln_beta(a + s, b + n - s) - ln_beta(a, b);
    let evidence = |p: f64| {
        let term = |count: f64, q: f64| if count > 0.0 { count * q.ln() } else { 0.0 };
        mixture - term(s, p) - term(n - s, 1.0 - p)
    };
    let limit = -alpha.ln();
    let mean = (s / n).clamp(1e-12, 1.0 - 1e-12);
    let edge = |mut inside: f64, mut outside: f64| {
        for _ in 0..100 {
            let middle = 0.5 * (inside + outside);
            if evidence(middle) < limit { inside = middle } else { outside = middle }
        }
        inside
    };
    let lower = if s <= 0.0 { 0.0 } else { edge(mean, 1e-15) };
    let upper = if s >= n { 1.0 } else { edge(mean, 1.0 - 1e-15) };
    (lower, upper)
}

/// Empirical-Bernstein confidence sequence with predictable plug-in (Waudby-Smith & Ramdas 2024) for values in
/// [0, 1]: covers the running mean of conditional means, so it survives drift. Additive state, one value at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmpiricalBernstein {
    n: f64,
    sum: f64,
    /// Sum of squared deviations from the running regularised mean.
    deviations: f64,
    lambdas: f64,
    weighted: f64,
    spread: f64,
}

impl EmpiricalBernstein {
    /// Takes the next value in [0, 1] at level `alpha` (two-sided).
    pub fn observe(&mut self, x: f64, alpha: f64) {
        let x = x.clamp(0.0, 1.0);
        let t = self.n + 1.0;
        // libm: these sums are state, and its bits agree on every machine.
        let log = libm::log(2.0 / alpha);
        let variance = (0.25 + self.deviations) / t;
        let lambda = (2.0 * log / (variance * t * libm::log(1.0 + t))).sqrt().min(0.5);
        let centre = if self.n > 0.0 { self.sum / self.n } else { 0.0 };
        let psi = -libm::log1p(-lambda) - lambda;
        self.lambdas += lambda;
        self.weighted += lambda * x;
        self.spread += (x - centre) * (x - centre) * psi;
        self.n = t;
        self.sum += x;
        let mean = (0.5 + self.sum) / (t + 1.0);
        self.deviations += (x - mean) * (x - mean);
    }

    /// The lower bound at level `alpha` (two-sided, so `alpha / 2` on this side).
    #[must_use]
    pub fn lower(&self, alpha: f64) -> f64 {
        if self.lambdas <= 0.0 {
            return 0.0;
        }
        let half = ((2.0 / alpha).ln() + self.spread) / self.lambdas;
        (self.weighted / self.lambdas - half).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_mixture_golden_values() {
        // Reference: ../shared/design/algorithms.md 2.2, computed by an independent implementation.
        for (a, b, lower, upper) in
            [(2.5, 47.5, 0.031_885, 0.073_550), (0.5, 0.5, 0.028_720, 0.079_240), (1.0, 1.0, 0.028_235, 0.080_171)]
        {
            let (l, u) = beta_mixture(1000.0, 50.0, 0.05, a, b);
            assert!((l - lower).abs() < 1e-5 && (u - upper).abs() < 1e-5, "{a} {b}: [{l}, {u}]");
        }
    }

    #[test]
    fn empirical_bernstein_golden_values() {
        for (every, n, lower, upper) in
            [(20, 1000, 0.025_727, 0.074_756), (2, 1000, 0.435_772, 0.564_080), (20, 10_000, 0.041_068, 0.059_065)]
        {
            let (mut low, mut high) = (EmpiricalBernstein::default(), EmpiricalBernstein::default());
            for t in 1..=n {
                let x = f64::from(u8::from(t % every == 0));
                low.observe(x, 0.05);
                high.observe(1.0 - x, 0.05);
            }
            let (l, u) = (low.lower(0.05), 1.0 - high.lower(0.05));
            assert!((l - lower).abs() < 1e-5 && (u - upper).abs() < 1e-5, "{every} {n}: [{l}, {u}]");
        }
    }

    #[test]
    fn no_data_says_nothing() {
        assert_eq!(bernoulli(0.0, 0.0, 0.05, 0.1), (0.0, 1.0));
        assert_eq!(EmpiricalBernstein::default().lower(0.05), 0.0);
    }
}
