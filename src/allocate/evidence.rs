//! What is known of an arm: matured assignments, fading with log time.

use super::stretch::{Earned, Turn};
use crate::evaluate::sequence;
use crate::event::Span;
use crate::reward::RewardTable;
use serde::{Deserialize, Serialize};

/// Evidence on one arm: matured assignments with what they earned. Plain sums: two parts of it are added field by
/// field, apart from `deviations`, which add as those of any two samples do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Discounted number of assignments.
    pub weight: f64,
    /// Sum of squared discounts: `weight² / weight_squares` is the effective number of assignments.
    pub weight_squares: f64,
    /// Discounted sum of rewards.
    pub sum: f64,
    /// Discounted sum of squared deviations from their mean (not of squares: those lose a small spread around a large
    /// mean).
    pub deviations: f64,
    /// All matured assignments, never discounted.
    pub count: u64,
    /// Sum of all their rewards.
    pub total: f64,
    /// Over the stretch that is shown.
    #[serde(default)]
    pub(super) shown: Earned,
    /// Over the stretch that will be shown next.
    #[serde(default)]
    pub(super) next: Earned,
}

/// Level of all intervals shown.
pub(super) const ALPHA: f64 = 0.05;
/// The rate that intervals and priors for 0/1 rewards expect, fixed in advance for all experiments.
pub(super) const GUESS: f64 = 0.1;
/// Evidence that weighs less than this is none.
const FORGOTTEN: f64 = 1e-9;

impl Evidence {
    /// Takes one matured assignment, whose reward lies within the table's range.
    pub fn credit(&mut self, reward: f64, table: &RewardTable) {
        let before = if self.weight > 0.0 { self.sum / self.weight } else { reward };
        self.weight += 1.0;
        self.weight_squares += 1.0;
        self.sum += reward;
        self.deviations += (reward - before) * (reward - self.sum / self.weight);
        self.count += 1;
        self.total += reward;
        for earned in [&mut self.shown, &mut self.next] {
            earned.count += 1;
            earned.total += reward;
            if table.bounded() && !table.binary() {
                let (least, most) = table.range();
                let x = (reward - least) / (most - least);
                earned.low.observe(x, ALPHA);
                earned.high.observe(1.0 - x, ALPHA);
            }
        }
    }

    /// Lets the stretches behind means and intervals move on.
    pub(super) fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Stay => {}
            Turn::Begin => self.next = Earned::default(),
            Turn::Swap => (self.shown, self.next) = (self.next, Earned::default()),
            Turn::Both => (self.shown, self.next) = (Earned::default(), Earned::default()),
        }
    }

    /// Lets evidence fade over a span of log time. Counts and totals do not fade; what means and intervals are
    /// over moves on in steps.
    pub fn forget(&mut self, elapsed: Span, half_life: Option<Span>) {
        let Some(half_life) = half_life else { return };
        let keep = libm::exp2(-(elapsed.0.max(0) as f64) / half_life.0.max(1) as f64);
        self.weight *= keep;
        self.weight_squares *= keep * keep;
        self.sum *= keep;
        self.deviations *= keep;
        if self.weight < FORGOTTEN {
            (self.weight, self.weight_squares, self.sum, self.deviations) = (0.0, 0.0, 0.0, 0.0);
        }
    }

    /// Mean reward of the assignments that matured over the stretch shown; 0 before the first.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.shown.mean()
    }

    /// Effective number of assignments behind the posterior: `(Σ w)² / Σ w²`.
    #[must_use]
    pub fn effective(&self) -> f64 {
        if self.weight_squares > 0.0 { self.weight * self.weight / self.weight_squares } else { 0.0 }
    }

    /// The interval around [`Evidence::mean`] that holds at all times at once at level `alpha`; `None` where rewards
    /// have no stated bound. With 0/1 rewards it is for a constant rate, otherwise for the running mean of the
    /// conditional means, which may drift.
    #[must_use]
    pub fn interval(&self, table: &RewardTable, alpha: f64) -> Option<(f64, f64)> {
        let (least, most) = table.range();
        let earned = &self.shown;
        if table.binary() {
            let (low, high) = sequence::bernoulli(earned.count as f64, earned.total / most, alpha, GUESS);
            return Some((low * most, high * most));
        }
        let scale = most - least;
        table.bounded().then(|| (least + earned.low.lower(alpha) * scale, most - earned.high.lower(alpha) * scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reward::RewardValue;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn values(cap: Option<f64>) -> RewardTable {
        RewardTable::new(BTreeMap::from([("buy".to_owned(), RewardValue::Value)]), cap).expect("valid")
    }

    #[test]
    fn evidence_halves_in_a_half_life_and_counts_stay() {
        let mut e = Evidence::default();
        for _ in 0..100 {
            e.credit(1.0, &RewardTable::clicks());
        }
        e.forget(Span::seconds(20), Some(Span::seconds(20)));
        assert!((e.weight - 50.0).abs() < 1e-9 && (e.sum - 50.0).abs() < 1e-9);
        assert!((e.effective() - 100.0).abs() < 1e-9, "all have the same weight");
        assert_eq!((e.count, e.total), (100, 100.0));
        e.forget(Span::seconds(9999), None);
        assert!((e.weight - 50.0).abs() < 1e-9);
        e.forget(Span(i64::MAX), Some(Span::seconds(1)));
        assert_eq!((e.weight, e.sum, e.count), (0.0, 0.0, 100));
        e.credit(1.0, &RewardTable::clicks());
        assert_eq!((e.weight, e.sum, e.deviations), (1.0, 1.0, 0.0));
    }

    #[test]
    fn a_small_spread_around_a_large_mean_is_not_lost() {
        let mut e = Evidence::default();
        for i in 0..1000 {
            e.credit(9e8 + f64::from(i % 2), &values(None));
        }
        assert!((e.deviations - 250.0).abs() < 1e-3, "{}", e.deviations);
    }

    #[test]
    fn intervals_of_signed_values_hold_their_mean() {
        let table = values(Some(10.0));
        let mut e = Evidence::default();
        for i in 0..2000 {
            e.credit(if i % 4 == 0 { 8.0 } else { -4.0 }, &table);
        }
        let (low, high) = e.interval(&table, ALPHA).expect("bounded");
        assert!(low < -1.0 && -1.0 < high && high - low < 2.0, "[{low}, {high}]");
        assert_eq!(Evidence::default().interval(&values(None), ALPHA), None);
        assert_eq!(Evidence::default().interval(&table, ALPHA), Some((-10.0, 10.0)));
    }

    proptest! {
        /// Discounted deviations equal their definition, computed afresh.
        #[test]
        fn deviations_are_those_of_the_weighted_sample(
            rewards in proptest::collection::vec((-50f64..50.0, 0i64..20_000), 1..60),
        ) {
            let (mut e, half) = (Evidence::default(), Some(Span::seconds(10)));
            let mut sample: Vec<(f64, f64)> = Vec::new();
            for &(reward, elapsed) in &rewards {
                e.forget(Span(elapsed), half);
                let keep = libm::exp2(-(elapsed as f64) / 10_000.0);
                sample.iter_mut().for_each(|s| s.0 *= keep);
                e.credit(reward, &values(Some(50.0)));
                sample.push((1.0, reward));
            }
            let weight: f64 = sample.iter().map(|s| s.0).sum();
            let mean = sample.iter().map(|s| s.0 * s.1).sum::<f64>() / weight;
            let deviations: f64 = sample.iter().map(|s| s.0 * (s.1 - mean).powi(2)).sum();
            prop_assert!((e.weight - weight).abs() < 1e-9 * weight);
            prop_assert!((e.deviations - deviations).abs() < 1e-8 * deviations.max(1.0));
        }
    }
}
