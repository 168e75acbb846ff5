//! Rows of vectors that are drawn from ids and move by row-wise Adagrad: what models of pairs are made of. The rows of a
//! table, and embedding/layer: those of a shard on top of it; embedding/vectors: what is done to either.

mod layer;
mod vectors;

pub(super) use layer::EmbeddingLayer;
use vectors::RowMut;
pub(super) use vectors::Vectors;

use super::kernels::{product, sigmoid};
use super::model::{Delta, Layer, Slot, settle};
use super::{Forgotten, Kind, Layout, Rows};
use crate::rng::Seed;
use crate::table::{PartError, Table};
use multiversion::multiversion;

/// Floats of a side row: bias, summed squares of the vector's and of the bias's gradients, 1 once it is awake.
const SIDE: usize = 4;
const BIAS: usize = 0;
const SQUARES: usize = 1;
const BIAS_SQUARES: usize = 2;
const AWAKE: usize = 3;
/// Vectors and biases longer than this are pulled back: no stream of one pair may run away.
const LONGEST: f32 = 16.0;
/// Keeps the first steps bounded.
const DAMPING: f32 = 1e-2;

/// Summed squares of a row that was learned elsewhere: its steps begin at a tenth of a new one's.
const ADOPTED: f32 = 1.0;

/// How rows move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Step size.
    pub(super) rate: f32,
    /// L2 regularisation.
    pub(super) regularisation: f32,
}

/// Vectors with a bias and accumulators, one row a thing. Vectors lie apart from the rest, so that a pass over all of
/// them reads them one after another.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    vectors: Table,
    side: Table,
    seed: Seed,
    deviation: f32,
    /// Vectors cut back since somebody asked; told, and no part of the state.
    clipped: u32,
}

impl Vectors for Embedding {
    #[inline]
    fn vector(&self, row: Slot) -> &[f32] {
        self.vectors.floats(row as usize)
    }

    #[inline]
    fn side(&self, row: Slot) -> &[f32] {
        self.side.floats(row as usize)
    }

    #[inline]
    fn row_mut(&mut self, row: Slot) -> RowMut<'_> {
        let vector = self.vectors.floats_mut(row as usize);
        RowMut { vector, side: self.side.floats_mut(row as usize), clipped: &mut self.clipped }
    }

    fn draws(&self) -> (Seed, f32) {
        (self.seed, self.deviation)
    }

    fn take_clipped(&mut self) -> u32 {
        std::mem::replace(&mut self.clipped, 0)
    }
}

impl Embedding {
    /// No rows yet. First vectors are drawn with this standard deviation; 0 draws nothing and leaves zeros.
    pub(super) fn new(dimensions: usize, seed: Seed, deviation: f32) -> Self {
        Self { vectors: Table::new(dimensions), side: Table::new(SIDE), seed, deviation, clipped: 0 }
    }

    /// A shard's rows on top of these.
    pub(super) fn layer(&self, old: Delta) -> EmbeddingLayer<'_> {
        EmbeddingLayer::new(Layer::new([&self.vectors, &self.side], old), self.seed, self.deviation)
    }

    /// Takes what shards did to their rows.
    pub(super) fn settle<'d>(&mut self, deltas: impl Iterator<Item = &'d mut Delta>) {
        let dimensions = self.vectors.width();
        settle([&mut self.vectors, &mut self.side], deltas, |row| {
            let (vector, side) = row.split_at_mut(dimensions);
            shorten(vector);
            side[BIAS] = side[BIAS].clamp(-LONGEST, LONGEST);
        });
    }

    /// The vectors, for passes over all of them.
    pub(super) const fn vectors(&self) -> &Table {
        &self.vectors
    }

    /// Rows of users who are gone become zero.
    pub(super) fn forget_users(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.vectors, &mut self.side]);
    }

    /// Rows of items that are gone become zero.
    pub(super) fn forget_items(&mut self, forgotten: &Forgotten) {
        forgotten.zero_items(&mut [&mut self.vectors, &mut self.side]);
    }

    /// Fills a row with what somebody else learned; it moves as one that has learned for a while.
    pub(super) fn adopt(&mut self, row: Slot, vector: &[f32], bias: f32) -> bool {
        let own = self.vectors.floats_mut(row as usize);
        if own.len() != vector.len() {
            return false;
        }
        own.copy_from_slice(vector);
        self.side.floats_mut(row as usize).copy_from_slice(&[bias, ADOPTED, ADOPTED, 1.0]);
        true
    }

    /// Its tables, to be moved as one.
    pub(super) const fn rows_mut(&mut self) -> [&mut Table; 2] {
        [&mut self.vectors, &mut self.side]
    }

    /// What the words of its tables are.
    pub(super) fn layout(&self, name: &str, rows: Rows) -> [Layout; 2] {
        let called = |what: &str| format!("{name}.{what}");
        let side = [
            (&*called("bias"), 1, Kind::Weight),
            (&*called("squares"), 1, Kind::Amount),
            (&*called("bias_squares"), 1, Kind::Amount),
            (&*called("awake"), 1, Kind::Amount),
        ];
        let vectors = [(&*called("vectors"), self.vectors.width(), Kind::Weight)];
        [Layout::new(name, rows, &vectors), Layout::new(&called("side"), rows, &side)]
    }

    /// The tables for a part, under names that begin with `name`.
    pub(super) fn tables(&self, name: &str) -> [(String, &Table); 2] {
        [(name.to_owned(), &self.vectors), (format!("{name}.side"), &self.side)]
    }

    /// The same, to be filled by a restore; call [`Embedding::check`] afterwards.
    pub(super) fn tables_mut(&mut self, name: &str) -> [(String, &mut Table); 2] {
        [(name.to_owned(), &mut self.vectors), (format!("{name}.side"), &mut self.side)]
    }

    /// Whether restored tables have the shape they must.
    pub(super) fn check(&self, dimensions: usize) -> Result<(), PartError> {
        if self.vectors.width() == dimensions && self.side.width() == SIDE {
            return Ok(());
        }
        Err(PartError(format!("vectors of {} numbers where {dimensions} are set", self.vectors.width())))
    }
}

/// One Adagrad step (Duchi et al. 2011, with one accumulator a row): rate·g/√(s + 0.01), g = scale·other + reg·own and
/// s the row's sum of mean squared gradients, with the mean square found without building g. Returns whether the
/// vector had grown too long and was cut back.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn descend(own: &mut [f32], other: &[f32], scale: f32, pace: Pace, squares: &mut f32) -> bool {
    step_along(own, other, scale, pace, squares)
}

/// See [`Embedding::meet`]; whether the vector was cut back.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn meet(
    own: &mut [f32],
    source: &[f32],
    label: f32,
    weight: f32,
    pace: Pace,
    squares: &mut f32,
    pull: &mut [f32],
) -> Option<bool> {
    let error = weight * (sigmoid(product(source, own)) - label);
    if !error.is_finite() {
        return None;
    }
    pull.iter_mut().zip(&*own).for_each(|(p, o)| *p += error * o);
    Some(step_along(own, source, error, pace, squares))
}

#[inline(always)]
fn step_along(own: &mut [f32], other: &[f32], scale: f32, pace: Pace, squares: &mut f32) -> bool {
    let reg = pace.regularisation;
    let mut sum = scale * scale * product(other, other);
    if reg != 0.0 {
        sum = sum + 2.0 * scale * reg * product(other, own) + reg * reg * product(own, own);
    }
    *squares += sum.max(0.0) / own.len() as f32;
    let rate = pace.rate / (*squares + DAMPING).sqrt();
    let (keep, pull) = (1.0 - rate * reg, rate * scale);
    for (w, o) in own.iter_mut().zip(other) {
        *w = keep * *w - pull * o;
    }
    shorten(own)
}

/// Cuts a vector back that is too long; whether it was.
#[inline(always)]
fn shorten(own: &mut [f32]) -> bool {
    let length = product(own, own).sqrt();
    if length > LONGEST {
        let shrink = LONGEST / length;
        own.iter_mut().for_each(|w| *w *= shrink);
    }
    length > LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Id;
    use crate::learn::kernels::dot;
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
            let pace = Pace { rate: 0.1, regularisation: reg };
            let label = if positive { 1.0 } else { 0.0 };
            let error = sigmoid(bias + dot(&own, &other)) - label;
            let (mut moved, mut squares) = (own.clone(), 0.0f32);
            descend(&mut moved, &other, error, pace, &mut squares);
            let size = pace.rate / (squares + DAMPING).sqrt();
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
        let mut rows = Embedding::new(64, Seed(2), 0.1);
        let mut sum = 0.0;
        for row in 0..200 {
            rows.awaken(row, Id(u128::from(row)));
            sum += dot(rows.vector(row), rows.vector(row));
        }
        assert!((sum / (200.0 * 64.0) - 0.01).abs() < 5e-4, "{sum}");
    }

    #[test]
    fn what_grows_too_long_is_cut_back_and_counted() {
        let mut rows = Embedding::new(4, Seed(1), 0.1);
        rows.awaken(0, Id(1));
        let pace = Pace { rate: 1.0, regularisation: 0.0 };
        (0..2_000).for_each(|_| rows.step(0, &[1e3, 1e3, 1e3, 1e3], -1.0, pace));
        let length = dot(rows.vector(0), rows.vector(0)).sqrt();
        assert!(length <= LONGEST * 1.001, "{length}");
        assert!(rows.take_clipped() > 0);
        assert_eq!(rows.take_clipped(), 0, "told once");
    }
}
