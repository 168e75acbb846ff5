//! One side of a factorisation: vectors, biases, and their steps by row-wise Adagrad (bpr).

use super::Slot;
use super::kernels::dot;
use crate::event::Id;
use crate::rng::Seed;
use crate::table::Table;
use rand::Rng;

/// Floats of a side row: bias, summed squares of the vector's and of the bias's gradients, 1 once it learned.
const SIDE: usize = 4;
const BIAS: usize = 0;
const SQUARES: usize = 1;
const BIAS_SQUARES: usize = 2;
const LEARNED: usize = 3;
/// Vectors and biases longer than this are pulled back: no stream of one pair may run away.
pub(super) const LONGEST: f32 = 16.0;
/// Keeps the first steps bounded.
pub(super) const DAMPING: f32 = 1e-2;

/// How a step is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Step size.
    pub(super) learning_rate: f32,
    /// L2 regularisation of vectors and biases.
    pub(super) regularisation: f32,
}

/// One side: vectors apart from the rest, so that a pass over the catalogue reads them one after another.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    pub(super) vectors: Table,
    pub(super) side: Table,
    seed: Seed,
}

impl Factors {
    pub(super) fn new(dimensions: usize, seed: Seed) -> Self {
        Self { vectors: Table::new(dimensions), side: Table::new(SIDE), seed }
    }

    pub(super) fn learned(&self, row: Slot) -> bool {
        self.side.floats(row as usize)[LEARNED] > 0.0
    }

    pub(super) fn bias(&self, row: Slot) -> f32 {
        self.side.floats(row as usize)[BIAS]
    }

    pub(super) fn vector(&self, row: Slot) -> &[f32] {
        self.vectors.floats(row as usize)
    }

    /// Draws a row's first vector from its id: sums of four uniforms, near enough to normal and the same everywhere.
    pub(super) fn awaken(&mut self, row: Slot, id: Id, deviation: f32) {
        if self.learned(row) {
            return;
        }
        self.side.floats_mut(row as usize)[LEARNED] = 1.0;
        let mut stream = self.seed.keyed(id.0).stream();
        for w in self.vectors.floats_mut(row as usize) {
            let bits = stream.next_u64();
            let sum: u32 = (0..4).map(|k| (bits >> (16 * k)) as u32 & 0xffff).sum();
            // Four uniforms on [0, 1) have mean 2 and variance 1/3.
            *w = deviation * (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8;
        }
    }

    /// One step of a row's vector, whose gradient is error·other, and of its bias, whose gradient is the error.
    pub(super) fn step(&mut self, row: Slot, other: &[f32], error: f32, rate: Rate) {
        let side = self.side.floats_mut(row as usize);
        descend(self.vectors.floats_mut(row as usize), other, error, rate, &mut side[SQUARES]);
        let slope = error + rate.regularisation * side[BIAS];
        side[BIAS_SQUARES] += slope * slope;
        let bias = side[BIAS] - rate.learning_rate * slope / (side[BIAS_SQUARES] + DAMPING).sqrt();
        side[BIAS] = bias.clamp(-LONGEST, LONGEST);
    }

    /// [`Factors::step`] of the vector alone.
    pub(super) fn turn(&mut self, row: Slot, other: &[f32], error: f32, rate: Rate) {
        let side = self.side.floats_mut(row as usize);
        descend(self.vectors.floats_mut(row as usize), other, error, rate, &mut side[SQUARES]);
    }
}

/// One Adagrad step of a vector on error·(own·other) + reg/2·|own|².
pub(super) fn descend(own: &mut [f32], other: &[f32], error: f32, rate: Rate, squares: &mut f32) {
    let reg = rate.regularisation;
    // The mean square of the gradient error·other + reg·own, without building it.
    let sum = error * error * dot(other, other) + 2.0 * error * reg * dot(other, own) + reg * reg * dot(own, own);
    *squares += sum.max(0.0) / own.len() as f32;
    let size = rate.learning_rate / (*squares + DAMPING).sqrt();
    let (keep, pull) = (1.0 - size * reg, size * error);
    for (w, o) in own.iter_mut().zip(other) {
        *w = keep * *w - pull * o;
    }
    let length = dot(own, own).sqrt();
    if length > LONGEST {
        let shrink = LONGEST / length;
        own.iter_mut().for_each(|w| *w *= shrink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::sigmoid;
    use proptest::prelude::*;

    fn loss(label: f64, own: &[f64], other: &[f32], bias: f64, reg: f64) -> f64 {
        let logit: f64 = bias + own.iter().zip(other).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
        let signed = if label > 0.5 { -logit } else { logit };
        (1.0 + signed.exp()).ln() + 0.5 * reg * own.iter().map(|w| w * w).sum::<f64>()
    }

    proptest! {
        /// The step taken, divided by its rate, is the derivative of the loss.
        #[test]
        fn steps_follow_finite_differences(
            (own, other) in (1usize..40).prop_flat_map(|n| {
                let floats = || proptest::collection::vec(-1f32..1.0, n);
                (floats(), floats())
            }),
            bias in -2f32..2.0,
            positive: bool,
            reg in 0f32..0.5,
        ) {
            let rate = Rate { learning_rate: 0.1, regularisation: reg };
            let label = if positive { 1.0 } else { 0.0 };
            let error = sigmoid(bias + dot(&own, &other)) - label;
            let (mut moved, mut squares) = (own.clone(), 0.0f32);
            descend(&mut moved, &other, error, rate, &mut squares);
            let size = rate.learning_rate / (squares + DAMPING).sqrt();
            let wide: Vec<f64> = own.iter().map(|w| f64::from(*w)).collect();
            let mut sum = 0.0;
            for k in 0..own.len() {
                let at = |h: f64| {
                    let mut nudged = wide.clone();
                    nudged[k] += h;
                    loss(f64::from(label), &nudged, &other, f64::from(bias), f64::from(reg))
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                let taken = f64::from((own[k] - moved[k]) / size);
                prop_assert!((taken - numeric).abs() < 1e-4, "{k}: {taken} for {numeric}");
                sum += numeric * numeric;
            }
            prop_assert!((f64::from(squares) - sum / own.len() as f64).abs() < 1e-4);
        }
    }

    #[test]
    fn first_vectors_have_their_deviation() {
        let mut factors = Factors::new(64, Seed(2));
        let mut sum = 0.0;
        for row in 0..200 {
            factors.awaken(row, Id(u128::from(row)), 0.1);
            sum += dot(factors.vector(row), factors.vector(row));
        }
        assert!((sum / (200.0 * 64.0) - 0.01).abs() < 5e-4, "{sum}");
    }
}
