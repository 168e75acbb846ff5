//! What is done to vectors, whoever holds them.

use super::super::model::Slot;
use super::{AWAKE, BIAS, BIAS_SQUARES, DAMPING, LONGEST, Pace, SQUARES, descend, meet};
use crate::event::Id;
use crate::rng::Seed;
use rand::Rng;

/// A row for writing: the vector, what stands beside it, and where vectors that were cut back are counted.
pub(in crate::learn) struct RowMut<'a> {
    pub(super) vector: &'a mut [f32],
    pub(super) side: &'a mut [f32],
    pub(super) clipped: &'a mut u32,
}

/// Rows of vectors with a bias and accumulators.
pub(in crate::learn) trait Vectors {
    /// A row's vector.
    fn vector(&self, row: Slot) -> &[f32];

    /// What stands beside a row's vector.
    fn side(&self, row: Slot) -> &[f32];

    /// A row for writing.
    fn row_mut(&mut self, row: Slot) -> RowMut<'_>;

    /// What first vectors are drawn from, and their standard deviation; 0 draws nothing and leaves zeros.
    fn draws(&self) -> (Seed, f32);

    /// How many vectors were cut back since the last time somebody asked.
    fn take_clipped(&mut self) -> u32;

    /// Whether a row has a vector.
    #[inline]
    fn awake(&self, row: Slot) -> bool {
        self.side(row)[AWAKE] > 0.0
    }

    /// A row's bias.
    #[inline]
    fn bias(&self, row: Slot) -> f32 {
        self.side(row)[BIAS]
    }

    /// Draws a row's first vector from its id, once: sums of four uniforms, near enough to normal and the same
    /// everywhere, whatever came before.
    fn awaken(&mut self, row: Slot, id: Id) {
        if self.awake(row) {
            return;
        }
        let (seed, deviation) = self.draws();
        let RowMut { vector, side, .. } = self.row_mut(row);
        side[AWAKE] = 1.0;
        if deviation == 0.0 {
            return;
        }
        let mut stream = seed.keyed(id.0).stream();
        for w in vector {
            let bits = stream.next_u64();
            let sum: u32 = (0..4).map(|k| (bits >> (16 * k)) as u32 & 0xffff).sum();
            // Four uniforms on [0, 1) have mean 2 and variance 1/3.
            *w = deviation * (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8;
        }
    }

    /// One Adagrad step of a row's vector on scale·(own·other) + reg/2·|own|².
    #[inline]
    fn step(&mut self, row: Slot, other: &[f32], scale: f32, pace: Pace) {
        let RowMut { vector, side, clipped } = self.row_mut(row);
        *clipped += u32::from(descend(vector, other, scale, pace, &mut side[SQUARES]));
    }

    /// Draws σ(source·vector) of a row to the label, and the row to that; adds to `pull` how the source is to move.
    /// Returns whether the error was a number.
    #[inline]
    fn meet(&mut self, row: Slot, source: &[f32], label: f32, weight: f32, pace: Pace, pull: &mut [f32]) -> bool {
        let RowMut { vector, side, clipped } = self.row_mut(row);
        let met = meet(vector, source, label, weight, pace, &mut side[SQUARES], pull);
        *clipped += u32::from(met == Some(true));
        met.is_some()
    }

    /// One Adagrad step of a row's bias along `slope`.
    #[inline]
    fn step_bias(&mut self, row: Slot, slope: f32, pace: Pace) {
        let side = self.row_mut(row).side;
        let slope = slope + pace.regularisation * side[BIAS];
        side[BIAS_SQUARES] += slope * slope;
        let bias = side[BIAS] - pace.rate * slope / (side[BIAS_SQUARES] + DAMPING).sqrt();
        side[BIAS] = bias.clamp(-LONGEST, LONGEST);
    }
}
