//! The best of a catalogue: one pass over rows of vectors, with a bounded selection.

use super::Slot;
use super::kernels::dots;
use std::cmp::Ordering;

/// Rows whose products are taken before any is looked at: looking is then one comparison a row.
const BLOCK: usize = 64;

/// The highest scores so far, at most a fixed number of them; ties go to the lower slot.
///
/// Candidates that beat the bar are collected in a buffer of twice the size; when it is full the better half stays and
/// raises the bar. After the first few thousand rows hardly any does, so that choosing costs next to nothing.
///
/// ```
/// use reiver::learn::Best;
/// let rows = [1.0f32, 0.0, 0.0, 1.0, 3.0, 4.0];
/// let mut best = Best::new(2);
/// best.scan(0, &rows, 2, &[1.0, 1.0]);
/// assert_eq!(best.finish(), [(2, 7.0), (0, 1.0)]);
/// ```
#[derive(Clone, Debug)]
pub struct Best {
    wanted: usize,
    bar: f32,
    kept: Vec<(Slot, f32)>,
}

/// Higher scores first, then lower slots. Scores are never NaN here.
fn order(a: &(Slot, f32), b: &(Slot, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl Best {
    /// Will keep this many.
    #[must_use]
    pub fn new(wanted: usize) -> Self {
        Self { wanted, bar: f32::NEG_INFINITY, kept: Vec::with_capacity(2 * wanted) }
    }

    /// Scores rows of `width` floats, the first of them slot `first`, by their product with `query`, whose length says
    /// how many of a row's floats count. Slots must not fall from one call to the next.
    pub fn scan(&mut self, first: usize, rows: &[f32], width: usize, query: &[f32]) {
        let (width, used) = (width.max(1), query.len().min(width));
        let mut products = [0.0f32; BLOCK];
        for (block, rows) in rows.chunks(BLOCK * width).enumerate() {
            let products = &mut products[..rows.len() / width];
            dots(rows, width, &query[..used], products);
            let highest = products.iter().fold(f32::NEG_INFINITY, |h, p| if *p > h { *p } else { h });
            if highest > self.bar {
                self.offer(first + block * BLOCK, products);
            }
        }
    }

    /// Takes scores of slots that follow each other.
    pub fn offer(&mut self, first: usize, scores: &[f32]) {
        for (n, &score) in scores.iter().enumerate() {
            // What ties with the bar comes from a higher slot, and loses; NaN beats nothing.
            if score > self.bar && self.wanted > 0 {
                self.kept.push(((first + n) as Slot, score));
                if self.kept.len() == 2 * self.wanted {
                    self.kept.select_nth_unstable_by(self.wanted - 1, order);
                    self.kept.truncate(self.wanted);
                    self.bar = self.kept[self.wanted - 1].1;
                }
            }
        }
    }

    /// The best, highest first.
    #[must_use]
    pub fn finish(mut self) -> Vec<(Slot, f32)> {
        self.kept.sort_unstable_by(order);
        self.kept.truncate(self.wanted);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_sorting_everything(
            width in 1usize..20,
            less in 0usize..4,
            wanted in 0usize..30,
            values in proptest::collection::vec(-3i8..3, 0..4000),
            cut in 0usize..200,
        ) {
            // Whole numbers: many ties, and sums without rounding.
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let query: Vec<f32> = (0..width.saturating_sub(less).max(1)).map(|n| n as f32 - 2.0).collect();
            let rows = values.len() / width;
            let mut all: Vec<(Slot, f32)> = values.chunks_exact(width).zip(0..)
                .map(|(row, slot)| (slot, row.iter().zip(&query).map(|(a, b)| a * b).sum()))
                .collect();
            all.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("numbers").then(a.0.cmp(&b.0)));
            all.truncate(wanted);
            let mut best = Best::new(wanted);
            let cut = cut.min(rows);
            best.scan(0, &values[..cut * width], width, &query);
            best.scan(cut, &values[cut * width..rows * width], width, &query);
            prop_assert_eq!(best.finish(), all);
        }
    }

    #[test]
    fn no_number_beats_nothing() {
        let mut best = Best::new(2);
        best.scan(5, &[f32::NAN, 1.0, f32::NEG_INFINITY], 1, &[1.0]);
        assert_eq!(best.finish(), [(6, 1.0)]);
    }
}
