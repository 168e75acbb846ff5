//! Adam (Kingma & Ba 2015), for dense layers and, lazily, for rows of embeddings.

use super::{Kind, Layout, Rows, Slot};
use crate::event::Id;
use crate::rng::{Seed, unit_interval};
use crate::table::Table;
use multiversion::multiversion;
use rand::Rng;
use std::sync::LazyLock;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-7;
/// Each entry of a gradient is cut to this: one event never throws a row far.
const CLIP: f32 = 10.0;
/// Parameters stay within this, so that no stream, however one-sided, makes a score infinite.
const LARGEST: f32 = 16.0;

/// One step along `share` times the gradient. `step` counts from 1 and corrects the moments' start at zero.
pub(super) fn adam(weights: &mut [f32], gradient: &[f32], share: f32, moments: [&mut [f32]; 2], rate: f32, step: f64) {
    descend(weights, gradient, share, moments, rate * correction(step));
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn descend(weights: &mut [f32], gradient: &[f32], share: f32, moments: [&mut [f32]; 2], rate: f32) {
    let [first, second] = moments;
    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = cut(share * *g, CLIP);
        *m = BETA1 * *m + (1.0 - BETA1) * g;
        *v = BETA2 * *v + (1.0 - BETA2) * g * g;
        *w = cut(*w - rate * *m / (v.sqrt() + EPSILON), LARGEST);
    }
}

/// Steps whose correction is kept; a later one's is within 1e-7 of 1.
const CORRECTED: usize = 1 << 14;

/// √(1 − β₂^step) / (1 − β₁^step).
fn correction(step: f64) -> f32 {
    static KEPT: LazyLock<Vec<f32>> = LazyLock::new(|| {
        let at = |step: usize| libm::sqrt(1.0 - power(BETA2, step as f64)) / (1.0 - power(BETA1, step as f64));
        // There is no step 0.
        (0..CORRECTED).map(|step| at(step.max(1)) as f32).collect()
    });
    KEPT.get(step as usize).copied().unwrap_or(1.0)
}

fn power(base: f32, step: f64) -> f64 {
    libm::exp(step * libm::log(f64::from(base)))
}

/// Cuts to ±reach in a way that vectorises.
#[inline]
const fn cut(x: f32, reach: f32) -> f32 {
    if x > reach {
        reach
    } else if x < -reach {
        -reach
    } else {
        x
    }
}

/// Rows of embeddings. A row's moments and step count move only when the row does (lazy Adam), and lie in a table of
/// their own, which readers do not need.
#[derive(Clone, Debug)]
pub(super) struct Embeddings {
    pub(super) vectors: Table,
    /// Row: steps, first moments, second moments. No steps: the row never learned.
    pub(super) moments: Table,
    seed: Seed,
    reach: f32,
}

/// Steps are counted exactly up to here; the correction is 1 long before.
const MOST_STEPS: f32 = 16_777_216.0;

impl Embeddings {
    /// No rows. First vectors will be uniform within ± `reach`.
    pub(super) fn new(dimensions: usize, reach: f32, seed: Seed) -> Self {
        Self { vectors: Table::new(dimensions), moments: Table::new(1 + 2 * dimensions), seed, reach }
    }

    /// What the words of its tables are.
    pub(super) fn layout(&self, name: &str, rows: Rows) -> [Layout; 2] {
        let called = |what: &str| format!("{name}.{what}");
        let width = self.vectors.width();
        let moments = [
            (&*called("steps"), 1, Kind::Amount),
            (&*called("first_moments"), width, Kind::Float),
            (&*called("second_moments"), width, Kind::Amount),
        ];
        let vectors = [(&*called("vectors"), width, Kind::Weight)];
        [Layout::new(name, rows, &vectors), Layout::new(&called("moments"), rows, &moments)]
    }

    /// A row's vector; zeros if it never learned.
    pub(super) fn vector(&self, row: Slot) -> &[f32] {
        self.vectors.floats(row as usize)
    }

    pub(super) fn learned(&self, row: Slot) -> bool {
        self.moments.floats(row as usize)[0] > 0.0
    }

    /// Draws a row's first vector from its id, so that slots and the order of appearance do not matter.
    pub(super) fn awaken(&mut self, row: Slot, id: Id) {
        if self.learned(row) {
            return;
        }
        let mut stream = self.seed.keyed(id.0).stream();
        for w in self.vectors.floats_mut(row as usize) {
            *w = self.reach * (2.0 * unit_interval(stream.next_u64()) - 1.0) as f32;
        }
    }

    /// One step of a row.
    pub(super) fn step(&mut self, row: Slot, gradient: &[f32], rate: f32) {
        let moments = self.moments.floats_mut(row as usize);
        moments[0] = (moments[0] + 1.0).min(MOST_STEPS);
        let step = f64::from(moments[0]);
        let (first, second) = moments[1..].split_at_mut(gradient.len());
        adam(self.vectors.floats_mut(row as usize), gradient, 1.0, [first, second], rate, step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_rate_and_extremes_stay_finite() {
        let (mut w, mut m, mut v) = ([1.0f32, 1.0, -1.0], [0.0; 3], [0.0; 3]);
        adam(&mut w, &[6.0, -0.02, 1e30], 0.5, [&mut m, &mut v], 0.1, 1.0);
        for (found, expected) in w.iter().zip([0.9, 1.1, -1.1]) {
            assert!((found - expected).abs() < 1e-4, "{w:?}");
        }
        for step in 2..3000 {
            adam(&mut w, &[f32::MAX, f32::MIN, 0.0], 1.0, [&mut m, &mut v], 0.1, f64::from(step));
        }
        assert_eq!(w[..2], [-LARGEST, LARGEST]);
    }

    #[test]
    fn first_vectors_depend_on_the_id_alone() {
        let (mut a, mut b) = (Embeddings::new(5, 0.05, Seed(1)), Embeddings::new(5, 0.05, Seed(1)));
        a.awaken(0, Id(7));
        a.awaken(9, Id(8));
        b.awaken(3, Id(8));
        b.awaken(1, Id(7));
        assert_eq!((a.vector(0), a.vector(9)), (b.vector(1), b.vector(3)));
        assert_ne!(a.vector(0), a.vector(9));
        assert!(a.vector(0).iter().all(|w| w.abs() <= 0.05));
    }
}
