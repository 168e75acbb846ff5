//! Sparse linear weights learned by FTRL-proximal, for features that are numbered.

use super::{Kind, Layout, Rows};
use crate::table::Table;

/// Step size, its offset, and the pulls to zero (L1 holds a weight at exactly 0 until the evidence is worth it).
const ALPHA: f32 = 0.1;
const BETA: f32 = 1.0;
const L1: f32 = 1.0;
const L2: f32 = 1.0;
/// Weights stay within this.
const LARGEST: f32 = 8.0;

/// One row a feature: z, the sum of squared gradients, and the weight that follows from them (McMahan et al. 2013, "Ad
/// click prediction: a view from the trenches", algorithm 1).
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) rows: Table,
}

impl Linear {
    /// All weights zero.
    pub(super) fn new(features: usize) -> Self {
        let mut rows = Table::new(3);
        rows.grow_to(features);
        Self { rows }
    }

    /// What its table's words are.
    pub(super) fn layout(name: &str) -> Layout {
        let called = |what: &str| format!("{name}.{what}");
        let columns = [
            (&*called("z"), 1, Kind::Float),
            (&*called("squares"), 1, Kind::Amount),
            (&*called("weight"), 1, Kind::Weight),
        ];
        Layout::new(name, Rows::Own, &columns)
    }

    /// A feature's weight.
    #[inline]
    pub(super) fn weight(&self, feature: usize) -> f32 {
        self.rows.floats(feature)[2]
    }

    /// A step on the derivative of the loss by this feature's weight.
    #[inline]
    pub(super) fn learn(&mut self, feature: usize, gradient: f32) {
        if let [z, squares, weight] = self.rows.floats_mut(feature) {
            let after = *squares + gradient * gradient;
            let sigma = (after.sqrt() - squares.sqrt()) / ALPHA;
            *z += gradient - sigma * *weight;
            *squares = after;
            let beyond = z.abs() - L1;
            let size = if beyond > 0.0 { beyond / ((BETA + after.sqrt()) / ALPHA + L2) } else { 0.0 };
            *weight = -size.copysign(*z).clamp(-LARGEST, LARGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::sigmoid;

    #[test]
    fn noise_stays_at_zero_and_a_rate_is_found() {
        let mut linear = Linear::new(3);
        for n in 0..20_000 {
            // Feature 0 says nothing; feature 1 stands for odds of 3 : 1.
            linear.learn(0, if n % 2 == 0 { 0.4 } else { -0.4 });
            let label = if n % 4 == 3 { 0.0 } else { 1.0 };
            let gradient = sigmoid(linear.weight(1)) - label;
            linear.learn(1, gradient);
        }
        assert_eq!((linear.weight(0), linear.weight(2)), (0.0, 0.0));
        assert!((linear.weight(1) - 3f32.ln()).abs() < 0.1, "{}", linear.weight(1));
    }

    /// The closed form minimises what it stands for: z·w + L1·|w| + ½·((β + √n)/α + L2)·w².
    #[test]
    fn the_weight_is_the_proximal_minimum() {
        let mut linear = Linear::new(1);
        for gradient in [0.9, -0.2, 0.7, 0.6, -0.9, 0.5] {
            linear.learn(0, gradient);
            let row = linear.rows.floats(0);
            let cost = |w: f32| row[0] * w + L1 * w.abs() + 0.5 * ((BETA + row[1].sqrt()) / ALPHA + L2) * w * w;
            let best = cost(row[2]);
            for step in -100..100 {
                assert!(best <= cost(step as f32 * 1e-3) + 1e-6, "{step}");
            }
        }
    }
}
