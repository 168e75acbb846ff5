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
/// [0, 1]. It covers the conditional means' average *weighted by its bets*, in which early values weigh more: under drift
/// that lags behind the plain mean (see [`RunningMean`]). Additive state, one value at a time.
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

/// Confidence sequence for the plain mean of everything so far, whatever drifts: values in [0, 1], empirical variance,
/// and a stitched boundary (Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence
/// sequences", theorem 4 with equation 10). Wider than [`EmpiricalBernstein`] by about a third where nothing drifts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunningMean {
    n: f64,
    sum: f64,
    /// Sum of squared deviations from the mean of all values before each.
    deviations: f64,
}

impl RunningMean {
    /// Takes the next value in [0, 1].
    pub fn observe(&mut self, x: f64) {
        let x = x.clamp(0.0, 1.0);
        let before = if self.n > 0.0 { self.sum / self.n } else { 0.5 };
        self.deviations += (x - before) * (x - before);
        self.n += 1.0;
        self.sum += x;
    }

    /// The interval at level `alpha`, two-sided: it holds at all times at once.
    #[must_use]
    pub fn bounds(&self, alpha: f64) -> (f64, f64) {
        if self.n <= 0.0 {
            return (0.0, 1.0);
        }
        let (mean, half) = (self.sum / self.n, stitched(self.deviations, alpha / 2.0, 1.0) / self.n);
        ((mean - half).max(0.0), (mean + half).min(1.0))
    }
}

/// How far a sum of differences with variance process `v` strays above zero, ever, with probability `alpha`: the
/// polynomial stitched boundary (η = 2, s = 1.4, from variance 1 on), sub-gamma with scale `c`.
fn stitched(v: f64, alpha: f64, c: f64) -> f64 {
    const S: f64 = 1.4;
    /// ζ(1.4).
    const ZETA: f64 = 3.105_547_3;
    let v = v.max(1.0);
    let l = S * (2.0 * v).ln().ln() + (ZETA / (alpha * 2_f64.ln().powf(S))).ln();
    let (k1, k2) = ((2_f64.powf(0.25) + 2_f64.powf(-0.25)) / 2_f64.sqrt(), (2_f64.sqrt() + 1.0) / 2.0);
    k1 * (v * l).sqrt() + k2 * c * l
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
    fn the_stitched_boundary_is_that_of_its_authors() {
        // poly_stitching_bound(v = 1000, alpha = .05, v_min = 1, c = 0, s = 1.4, eta = 2) of the `confseq` package.
        assert!((stitched(1000.0, 0.05, 0.0) - 124.165_471).abs() < 1e-4, "{}", stitched(1000.0, 0.05, 0.0));
    }

    #[test]
    fn the_running_mean_is_covered_while_it_drifts() {
        use crate::rng::{Seed, unit_interval};
        let mut wrong = 0;
        for seed in 0..100 {
            let (mut sequence, mut sum, mut missed) = (RunningMean::default(), 0.0, false);
            for t in 0..4_000 {
                let rate = if t < 1_000 { 0.3 } else { 0.05 };
                sum += rate;
                sequence.observe(f64::from(u8::from(unit_interval(Seed(seed).keyed(t).0) < rate)));
                let (low, high) = sequence.bounds(0.05);
                let mean = sum / (t + 1) as f64;
                missed |= mean < low || mean > high;
            }
            wrong += u32::from(missed);
        }
        assert!(wrong <= 5, "{wrong} of 100");
    }

    #[test]
    fn no_data_says_nothing() {
        assert_eq!(RunningMean::default().bounds(0.05), (0.0, 1.0));
        assert_eq!(bernoulli(0.0, 0.0, 0.05, 0.1), (0.0, 1.0));
        assert_eq!(EmpiricalBernstein::default().lower(0.05), 0.0);
    }
}
