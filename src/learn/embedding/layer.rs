//! A shard's rows on top of an embedding.

use super::super::model::{Delta, Layer, Slot};
use super::vectors::{RowMut, Vectors};
use crate::rng::Seed;

/// Rows that read as the embedding below until they are written.
#[derive(Debug)]
pub(in crate::learn) struct EmbeddingLayer<'a> {
    rows: Layer<'a, 2>,
    seed: Seed,
    deviation: f32,
    clipped: u32,
}

impl<'a> EmbeddingLayer<'a> {
    /// Rows of vectors and of what stands beside them.
    pub(super) const fn new(rows: Layer<'a, 2>, seed: Seed, deviation: f32) -> Self {
        Self { rows, seed, deviation, clipped: 0 }
    }

    fn dimensions(&self) -> usize {
        self.rows.width_of(0)
    }

    /// The slots and biases of the rows that were changed, and the products of their vectors with another one.
    pub(in crate::learn) fn changed(&self, vector: Option<&[f32]>) -> impl Iterator<Item = (Slot, f32, f32)> {
        let (n, products) = (self.dimensions(), vector.map(|vector| self.rows.products(vector)));
        self.rows.changed().enumerate().map(move |(at, (slot, row))| {
            (slot, row[n + super::BIAS], products.as_ref().map_or(0.0, |products| products[at]))
        })
    }

    /// What was changed.
    pub(in crate::learn) fn finish(self) -> Delta {
        self.rows.finish()
    }
}

impl Vectors for EmbeddingLayer<'_> {
    #[inline]
    fn vector(&self, row: Slot) -> &[f32] {
        self.rows.row(0, row)
    }

    #[inline]
    fn side(&self, row: Slot) -> &[f32] {
        self.rows.row(1, row)
    }

    #[inline]
    fn row_mut(&mut self, row: Slot) -> RowMut<'_> {
        let dimensions = self.dimensions();
        let (vector, side) = self.rows.row_mut(row).split_at_mut(dimensions);
        RowMut { vector, side, clipped: &mut self.clipped }
    }

    fn draws(&self) -> (Seed, f32) {
        (self.seed, self.deviation)
    }

    fn take_clipped(&mut self) -> u32 {
        std::mem::replace(&mut self.clipped, 0)
    }
}
