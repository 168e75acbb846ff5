//! What is believed of an arm's mean reward, from evidence that fades.

use crate::evaluate::{EmpiricalBernstein, sequence};
use crate::event::Span;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, Continuous, ContinuousCDF, StudentsT};

/// Evidence on one arm: matured assignments with their capped rewards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Discounted number of assignments.
    pub weight: f64,
    /// Discounted sum of rewards.
    pub sum: f64,
    /// Discounted sum of squared rewards.
    pub squares: f64,
    /// All matured assignments, never discounted.
    pub count: u64,
    /// Sum of all their rewards.
    pub total: f64,
    low: EmpiricalBernstein,
    high: EmpiricalBernstein,
}

/// Level of all intervals shown.
pub(super) const ALPHA: f64 = 0.05;
/// The rate that intervals for 0/1 rewards expect, fixed in advance for all experiments.
const GUESS: f64 = 0.1;

impl Evidence {
    /// Takes one matured assignment; `cap` scales bounded rewards to [0, 1].
    pub fn credit(&mut self, reward: f64, cap: f64) {
        self.weight += 1.0;
        self.sum += reward;
        self.squares += reward * reward;
        self.count += 1;
        self.total += reward;
        self.low.observe(reward / cap, ALPHA);
        self.high.observe(1.0 - reward / cap, ALPHA);
    }

    /// Lets evidence fade over a span of log time.
    pub fn forget(&mut self, elapsed: Span, half_life: Option<Span>) {
        let Some(half_life) = half_life else { return };
        let keep = libm::exp2(-(elapsed.0.max(0) as f64) / half_life.0 as f64);
        self.weight *= keep;
        self.sum *= keep;
        self.squares *= keep;
    }

    /// Mean of all matured assignments; 0 before the first.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total / self.count as f64 }
    }

    /// The interval around [`Evidence::mean`] that holds at all times at once; `None` where rewards have no bound.
    #[must_use]
    pub fn interval(&self, binary: bool, cap: f64, bounded: bool) -> Option<(f64, f64)> {
        if binary {
            let (low, high) = sequence::bernoulli(self.count as f64, self.total / cap, ALPHA, GUESS);
            return Some((low * cap, high * cap));
        }
        bounded.then(|| (self.low.lower(ALPHA) * cap, (1.0 - self.high.lower(ALPHA)) * cap))
    }
}

/// What is believed before any evidence on an arm: the pooled mean and variance, worth a few assignments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    mean: f64,
    variance: f64,
}

/// Pseudo-assignments of the Bernoulli prior.
const BETA_STRENGTH: f64 = 20.0;
/// Pseudo-assignments of the normal prior's mean, and twice its shape.
const NORMAL_STRENGTH: f64 = 5.0;

impl Prior {
    /// The prior from all arms' evidence together, and one pseudo-assignment that keeps it off the edges.
    #[must_use]
    pub fn pooled(all: &[Evidence], cap: f64) -> Self {
        let pseudo = if cap < 1e6 { GUESS * cap } else { 0.0 };
        let weight: f64 = all.iter().map(|e| e.weight).sum::<f64>() + 1.0;
        let mean = (all.iter().map(|e| e.sum).sum::<f64>() + pseudo) / weight;
        let squares = (all.iter().map(|e| e.squares).sum::<f64>() + pseudo * pseudo) / weight;
        let variance = if weight > 2.0 { squares - mean * mean } else { 1.0 };
        Self { mean, variance: variance.max(1e-12).max(1e-6 * mean * mean) }
    }
}

/// A distribution over an arm's mean reward.
#[derive(Clone, Debug)]
pub enum Belief {
    /// Bernoulli rewards of size `cap`: Beta, on the scale of the rate.
    Beta {
        /// The distribution of the rate.
        of_rate: Beta,
        /// Mean of the rate.
        mean: f64,
        /// Standard deviation of the rate.
        stddev: f64,
        /// Reward of a success.
        cap: f64,
    },
    /// Other rewards: the Student t of a normal-inverse-gamma posterior.
    Student {
        /// The distribution of the mean.
        of_mean: StudentsT,
        /// Its location.
        mean: f64,
        /// Its scale times √(ν/(ν−2)).
        stddev: f64,
    },
}

impl Belief {
    /// The posterior of a binary arm (Thompson 1933): Beta with the pooled rate as its prior mean.
    #[must_use]
    pub fn bernoulli(evidence: &Evidence, prior: &Prior, cap: f64) -> Self {
        let m0 = (prior.mean / cap).clamp(1e-4, 1.0 - 1e-4);
        let successes = (evidence.sum / cap).max(0.0);
        Self::beta(
            m0 * BETA_STRENGTH + successes,
            (1.0 - m0) * BETA_STRENGTH + (evidence.weight - successes).max(0.0),
            cap,
        )
    }

    /// A Beta(a, b) belief about a rate.
    #[must_use]
    pub fn beta(a: f64, b: f64, cap: f64) -> Self {
        let (a, b) = (a.max(1e-3), b.max(1e-3));
        let sum = a + b;
        Self::Beta {
            of_rate: Beta::new(a, b).expect("both shapes are at least 0.001"),
            mean: a / sum,
            stddev: (a * b / (sum * sum * (sum + 1.0))).sqrt(),
            cap,
        }
    }

    /// The posterior of an arm with any rewards: normal-inverse-gamma (algorithms as in Murphy 2007).
    #[must_use]
    pub fn normal(evidence: &Evidence, prior: &Prior) -> Self {
        let (n, k0) = (evidence.weight, NORMAL_STRENGTH);
        let alpha0 = NORMAL_STRENGTH / 2.0 + 1.0;
        let beta0 = prior.variance * (alpha0 - 1.0);
        let average = if n > 0.0 { evidence.sum / n } else { prior.mean };
        let within = (evidence.squares - n * average * average).max(0.0);
        let kappa = k0 + n;
        let mean = (k0 * prior.mean + n * average) / kappa;
        let alpha = alpha0 + n / 2.0;
        let beta = beta0 + within / 2.0 + k0 * n * (average - prior.mean).powi(2) / (2.0 * kappa);
        let scale = (beta / (alpha * kappa)).sqrt().max(1e-12);
        let freedom = (2.0 * alpha).min(1e9);
        Self::Student {
            of_mean: StudentsT::new(mean, scale, freedom).expect("scale and freedom are above zero"),
            mean,
            stddev: scale * (freedom / (freedom - 2.0)).sqrt(),
        }
    }

    /// Mean in reward units.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        match self {
            Self::Beta { mean, cap, .. } => *mean * *cap,
            Self::Student { mean, .. } => *mean,
        }
    }

    /// Standard deviation in reward units.
    #[must_use]
    pub const fn stddev(&self) -> f64 {
        match self {
            Self::Beta { stddev, cap, .. } => *stddev * *cap,
            Self::Student { stddev, .. } => *stddev,
        }
    }

    /// Density at a mean reward.
    #[must_use]
    pub fn density(&self, x: f64) -> f64 {
        match self {
            Self::Beta { of_rate, cap, .. } => of_rate.pdf(x / cap) / cap,
            Self::Student { of_mean, .. } => of_mean.pdf(x),
        }
    }

    /// Probability of a mean reward of at most `x`.
    #[must_use]
    pub fn below(&self, x: f64) -> f64 {
        match self {
            Self::Beta { of_rate, cap, .. } => of_rate.cdf((x / cap).clamp(0.0, 1.0)),
            Self::Student { of_mean, .. } => of_mean.cdf(x),
        }
    }

    /// The interval outside which next to nothing lies.
    pub(super) fn range(&self) -> (f64, f64) {
        let (mean, reach) = (self.mean(), 9.0 * self.stddev());
        match self {
            Self::Beta { cap, .. } => ((mean - reach).max(0.0), (mean + reach).min(*cap)),
            // Student's tails are heavier: 40 deviations leave less than 1e-9 at five degrees of freedom and more.
            Self::Student { .. } => (mean - 4.5 * reach, mean + 4.5 * reach),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_halves_in_a_half_life_and_counts_stay() {
        let mut e = Evidence::default();
        for _ in 0..100 {
            e.credit(1.0, 1.0);
        }
        e.forget(Span::seconds(20), Some(Span::seconds(20)));
        assert!((e.weight - 50.0).abs() < 1e-9 && (e.sum - 50.0).abs() < 1e-9);
        assert_eq!((e.count, e.total), (100, 100.0));
        e.forget(Span::seconds(9999), None);
        assert!((e.weight - 50.0).abs() < 1e-9);
    }

    #[test]
    fn the_normal_posterior_matches_its_closed_form() {
        // Three values 1, 2, 3 against prior mean 0, variance 1: kappa 8, mean 6/8, alpha 5, beta computed by hand.
        let mut e = Evidence::default();
        for x in [1.0, 2.0, 3.0] {
            e.credit(x, 10.0);
        }
        let b = Belief::normal(&e, &Prior { mean: 0.0, variance: 1.0 });
        let beta: f64 = 2.5 + 1.0 + 5.0 * 3.0 * 4.0 / 16.0;
        let scale = (beta / (5.0 * 8.0)).sqrt();
        assert!((b.mean() - 0.75).abs() < 1e-12);
        assert!((b.stddev() - scale * (10.0f64 / 8.0).sqrt()).abs() < 1e-12);
    }
}
