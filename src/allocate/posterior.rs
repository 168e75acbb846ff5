//! What is believed of an arm's mean reward, given evidence and what all arms have in common.

use super::evidence::{Evidence, GUESS};
use crate::reward::RewardTable;
use statrs::distribution::{Beta, Continuous, StudentsT};

/// What is believed before any evidence on an arm: the pooled mean and variance of all arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Mean reward of an assignment.
    pub mean: f64,
    /// Variance of one assignment's reward.
    pub variance: f64,
}

/// The prior counts as much as this many assignments.
const STRENGTH: f64 = 20.0;

impl Prior {
    /// The prior from all arms' evidence together, and one pseudo-assignment that keeps it off the edges. It is the
    /// same for all arms, so a new arm starts at the average of the others and twenty assignments outweigh it.
    #[must_use]
    pub fn pooled(all: &[Evidence], table: &RewardTable) -> Self {
        let (least, most) = table.range();
        let (guess, spread) = if table.bounded() {
            (GUESS * most, (most - least) * (most - least) / 16.0)
        } else {
            (0.0, if all.iter().all(|e| e.weight == 0.0) { 1.0 } else { 0.0 })
        };
        let weight: f64 = all.iter().map(|e| e.weight).sum();
        let mean = (all.iter().map(|e| e.sum).sum::<f64>() + guess) / (weight + 1.0);
        let about_mean = |e: &Evidence| {
            let off = if e.weight > 0.0 { e.sum / e.weight - mean } else { 0.0 };
            e.deviations + e.weight * off * off
        };
        let variance = (all.iter().map(about_mean).sum::<f64>() + spread) / (weight + 1.0);
        Self { mean, variance: variance.max(1e-12 * mean * mean).max(1e-18) }
    }
}

/// A distribution over an arm's mean reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Belief {
    /// Rewards of nothing or `cap`: Beta(a, b) over the rate.
    Beta {
        /// Successes, with the prior's.
        a: f64,
        /// Failures, with the prior's.
        b: f64,
        /// Reward of a success.
        cap: f64,
    },
    /// Other rewards: the Student t of a normal-inverse-gamma posterior.
    Student {
        /// Its centre.
        location: f64,
        /// Its scale.
        scale: f64,
        /// Degrees of freedom, above 2.
        freedom: f64,
    },
}

impl Belief {
    /// The posterior of an arm under a reward table.
    #[must_use]
    pub fn of(evidence: &Evidence, prior: &Prior, table: &RewardTable) -> Self {
        if table.binary() { Self::bernoulli(evidence, prior, table.cap()) } else { Self::normal(evidence, prior) }
    }

    /// The posterior of a binary arm (Thompson 1933): Beta with the pooled rate as its prior mean.
    #[must_use]
    pub fn bernoulli(evidence: &Evidence, prior: &Prior, cap: f64) -> Self {
        let rate = (prior.mean / cap).clamp(1e-4, 1.0 - 1e-4);
        let successes = (evidence.sum / cap).max(0.0);
        let failures = (evidence.weight - successes).max(0.0);
        Self::beta(rate * STRENGTH + successes, (1.0 - rate) * STRENGTH + failures, cap)
    }

    /// A Beta(a, b) belief about the rate of a reward `cap`. Shapes below 0.001 are taken as that.
    #[must_use]
    pub fn beta(a: f64, b: f64, cap: f64) -> Self {
        Self::Beta { a: a.max(1e-3), b: b.max(1e-3), cap }
    }

    /// The posterior of an arm with any rewards: normal-inverse-gamma with the pooled mean and variance (Murphy 2007).
    #[must_use]
    pub fn normal(evidence: &Evidence, prior: &Prior) -> Self {
        let n = evidence.weight;
        let average = if n > 0.0 { evidence.sum / n } else { prior.mean };
        let kappa = STRENGTH + n;
        let location = prior.mean + n * (average - prior.mean) / kappa;
        let alpha0 = STRENGTH / 2.0 + 1.0;
        let alpha = alpha0 + n / 2.0;
        let off = average - prior.mean;
        let beta = prior.variance * (alpha0 - 1.0)
            + evidence.deviations.max(0.0) / 2.0
            + STRENGTH * n * off * off / (2.0 * kappa);
        Self::student(location, (beta / (alpha * kappa)).sqrt(), 2.0 * alpha)
    }

    /// A Student t belief. A scale too small to be told from zero beside the location is taken as the smallest that is
    /// not; freedom is held between 2.1 and 1e9.
    #[must_use]
    pub fn student(location: f64, scale: f64, freedom: f64) -> Self {
        Self::Student {
            location,
            scale: scale.max(1e-12 * location.abs()).max(1e-100),
            freedom: freedom.clamp(2.1, 1e9),
        }
    }

    /// The belief that has these moments: a Beta over a rate worth `cap` each, else a Student t behind which stand
    /// `weight` assignments. It undoes [`Belief::mean`] and [`Belief::stddev`].
    #[must_use]
    pub fn of_moments(mean: f64, stddev: f64, cap: Option<f64>, weight: f64) -> Self {
        match cap {
            Some(cap) => {
                let (m, v) = ((mean / cap).clamp(1e-9, 1.0 - 1e-9), (stddev / cap).powi(2).max(1e-18));
                let strength = (m * (1.0 - m) / v - 1.0).max(1e-6);
                Self::beta(m * strength, (1.0 - m) * strength, cap)
            }
            None => {
                let freedom = STRENGTH + 2.0 + weight.max(0.0);
                Self::student(mean, stddev * ((freedom - 2.0) / freedom).sqrt(), freedom)
            }
        }
    }

    /// Its density at a reward; 0 where it gives none.
    #[must_use]
    pub fn density(&self, reward: f64) -> f64 {
        let density = match *self {
            Self::Beta { a, b, cap } => Beta::new(a, b).map_or(0.0, |d| d.pdf(reward / cap) / cap),
            Self::Student { location, scale, freedom } => {
                StudentsT::new(location, scale, freedom).map_or(0.0, |d| d.pdf(reward))
            }
        };
        if density.is_finite() { density } else { 0.0 }
    }

    /// Mean in reward units.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Beta { a, b, cap } => a / (a + b) * cap,
            Self::Student { location, .. } => location,
        }
    }

    /// Standard deviation in reward units.
    #[must_use]
    pub fn stddev(&self) -> f64 {
        match *self {
            Self::Beta { a, b, cap } => cap / (a + b) * (a * b / (a + b + 1.0)).sqrt(),
            Self::Student { scale, freedom, .. } => scale * (freedom / (freedom - 2.0)).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reward::RewardValue;
    use std::collections::BTreeMap;

    fn values() -> RewardTable {
        RewardTable::parse(&BTreeMap::from([("buy".to_owned(), RewardValue::Value)])).expect("valid")
    }

    #[test]
    fn the_normal_posterior_matches_its_closed_form() {
        // 1, 2, 3 against prior mean 0 and variance 1 worth 20: kappa 23, alpha 11 + 1.5, beta by hand.
        let mut e = Evidence::default();
        for x in [1.0, 2.0, 3.0] {
            e.credit(x, &values());
        }
        let b = Belief::normal(&e, &Prior { mean: 0.0, variance: 1.0 });
        let beta: f64 = 10.0 + 1.0 + 20.0 * 3.0 * 4.0 / 46.0;
        let scale = (beta / (12.5 * 23.0)).sqrt();
        assert!((b.mean() - 6.0 / 23.0).abs() < 1e-12);
        assert!((b.stddev() - scale * (25.0f64 / 23.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_bernoulli_posterior_counts_the_prior_as_twenty() {
        let table = RewardTable::clicks();
        let mut e = Evidence::default();
        for i in 0..100 {
            e.credit(f64::from(u8::from(i % 4 == 0)), &table);
        }
        let belief = Belief::bernoulli(&e, &Prior { mean: 0.5, variance: 0.25 }, 1.0);
        assert_eq!(belief, Belief::Beta { a: 35.0, b: 85.0, cap: 1.0 });
    }

    #[test]
    fn a_belief_comes_back_from_its_moments() {
        let beta = Belief::beta(35.0, 85.0, 2.0);
        let student = Belief::student(3.0, 0.2, 122.0);
        for (belief, cap) in [(beta, Some(2.0)), (student, None)] {
            let back = Belief::of_moments(belief.mean(), belief.stddev(), cap, 100.0);
            assert!((back.mean() - belief.mean()).abs() < 1e-12 && (back.stddev() - belief.stddev()).abs() < 1e-12);
            // A density sums to one.
            let (from, to, n) = (belief.mean() - 8.0 * belief.stddev(), belief.mean() + 8.0 * belief.stddev(), 4000);
            let step = (to - from) / f64::from(n);
            let sum: f64 = (0..n).map(|i| back.density(from + (f64::from(i) + 0.5) * step) * step).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        }
        assert_eq!(beta.density(-1.0), 0.0);
    }

    /// The stated prior: without evidence every arm has the pooled mean of the others.
    #[test]
    fn a_new_arm_starts_at_the_average() {
        for table in [RewardTable::clicks(), values()] {
            let mut known = Evidence::default();
            for i in 0..10_000 {
                known.credit(f64::from(u8::from(i % 5 == 0)), &table);
            }
            let all = [known, Evidence::default()];
            let prior = Prior::pooled(&all, &table);
            assert!((prior.mean - 0.2).abs() < 1e-3 && (prior.variance - 0.16).abs() < 1e-3, "{prior:?}");
            let fresh = Belief::of(&all[1], &prior, &table);
            assert!((fresh.mean() - prior.mean).abs() < 1e-12);
            assert!((fresh.stddev() - 0.4 / 20f64.sqrt()).abs() < 0.02, "{fresh:?}");
        }
    }
}
