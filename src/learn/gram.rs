//! Sums over all rows of one side, exact: however long a stream is, they neither drift nor depend on any order.

use super::normal::Normal;
use super::{Kind, Layout, Rows};
use crate::table::{Table, words};

/// Σ v and Σ v·vᵀ over the rows of a side, as 64-bit whole numbers of 2⁻³². A row's share is a function of the row
/// alone, so taking it out again leaves nothing behind: floats would drift with every event, and would have to be
/// summed anew from time to time.
///
/// With entries up to 16 a row's share is at most 2⁸: eight million rows fit. Above that sums wrap, as whole numbers
/// do, and come back.
#[derive(Clone, Debug)]
pub(super) struct Gram {
    n: usize,
    /// Row 0: number of rows; Σ v; then the upper half of Σ v·vᵀ, row by row.
    pub(super) sums: Table,
}

/// Largest entry of a row that keeps its promise above.
pub(super) const LARGEST: f32 = 16.0;
/// Units of a sum in 1.
const UNITS: f64 = 4_294_967_296.0;
/// Adding 1.5·2⁵² brings a number to a place where its bits count units; taking it away again gives them.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// A product in units, rounded to the nearest. Exact before that: 24 bits times 24 fit in 53.
#[inline]
fn units(x: f32, y: f32) -> i64 {
    let shifted = f64::from(x) * f64::from(y) * UNITS + SHIFT;
    (shifted.to_bits() as i64).wrapping_sub(SHIFT.to_bits() as i64)
}

impl Gram {
    /// Of a side without rows.
    pub(super) fn new(n: usize) -> Self {
        let mut sums = Table::new(2 * (1 + n + n * (n + 1) / 2));
        sums.grow_to(1);
        Self { n, sums }
    }

    /// Of the rows of a table that are not all zeros.
    pub(super) fn of(n: usize, vectors: &Table) -> Self {
        let mut gram = Self::new(n);
        for row in 0..vectors.len() {
            let vector = vectors.floats(row);
            if vector.iter().any(|x| *x != 0.0) {
                gram.replace(None, vector);
            }
        }
        gram
    }

    /// What the words of its table are.
    pub(super) fn layout(&self, name: &str) -> Layout {
        Layout::single(name, Rows::Own, self.sums.width() / 2, Kind::Long)
    }

    /// A row that was `old` (`None`: there was none) is `new`.
    pub(super) fn replace(&mut self, old: Option<&[f32]>, new: &[f32]) {
        let zeros = vec![0.0; if old.is_none() { self.n } else { 0 }];
        let before = old.unwrap_or(&zeros);
        let (count, rest) = self.sums.row_mut(0).split_at_mut(2);
        add(count, i64::from(old.is_none()));
        let (sum, mut rest) = rest.split_at_mut(2 * self.n);
        for ((sum, x), y) in sum.as_chunks_mut::<2>().0.iter_mut().zip(new).zip(before) {
            add(sum, units(*x, 1.0).wrapping_sub(units(*y, 1.0)));
        }
        for (a, (x, y)) in new.iter().zip(before).enumerate() {
            let (row, next) = rest.split_at_mut(2 * (self.n - a));
            for ((sum, p), q) in row.as_chunks_mut::<2>().0.iter_mut().zip(&new[a..]).zip(&before[a..]) {
                add(sum, units(*x, *p).wrapping_sub(units(*y, *q)));
            }
            rest = next;
        }
    }

    /// A row is not there any more.
    pub(super) fn remove(&mut self, old: &[f32]) {
        self.replace(Some(old), &vec![0.0; self.n]);
        add(&mut self.sums.row_mut(0)[..2], -1);
    }

    /// Rows summed.
    pub(super) fn count(&self) -> u64 {
        words::get_u64(self.sums.row(0), 0)
    }

    /// The mean row; zeros of no rows.
    pub(super) fn mean(&self) -> Vec<f32> {
        let per_row = 1.0 / (UNITS * self.count().max(1) as f64);
        let sum = &self.sums.row(0)[2..2 + 2 * self.n];
        sum.as_chunks::<2>().0.iter().map(|sum| (words::get_i64(sum, 0) as f64 * per_row) as f32).collect()
    }

    /// Adds weight · Σ v·vᵀ to a matrix.
    pub(super) fn add_to(&self, weight: f32, normal: &mut Normal) {
        let scale = f64::from(weight) / UNITS;
        let mut rest = &self.sums.row(0)[2 + 2 * self.n..];
        for row in normal.rows_mut() {
            let (sums, next) = rest.split_at(2 * row.len());
            for (m, sum) in row.iter_mut().zip(sums.as_chunks::<2>().0) {
                *m += (words::get_i64(sum, 0) as f64 * scale) as f32;
            }
            rest = next;
        }
    }

    /// Whether a restored table has the shape of these sums.
    pub(super) fn fits(&self) -> bool {
        (self.sums.width(), self.sums.len()) == (2 * (1 + self.n + self.n * (self.n + 1) / 2), 1)
    }
}

#[inline]
fn add(words: &mut [u32], more: i64) {
    let sum = words::get_i64(words, 0).wrapping_add(more);
    words::put_i64(words, 0, sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// After any number of replacements, in any order, the sums are those of the rows that are left.
        #[test]
        fn nothing_drifts_and_no_order_shows(
            rows in proptest::collection::vec(proptest::collection::vec(-LARGEST..LARGEST, 5), 1..40),
            changes in proptest::collection::vec((0usize..40, proptest::collection::vec(-LARGEST..LARGEST, 5)), 0..80),
        ) {
            let mut moved = Gram::new(5);
            let mut now = rows.clone();
            rows.iter().for_each(|row| moved.replace(None, row));
            for (at, row) in changes {
                let at = at % now.len();
                moved.replace(Some(&now[at]), &row);
                now[at] = row;
            }
            let mut anew = Gram::new(5);
            now.iter().rev().for_each(|row| anew.replace(None, row));
            prop_assert_eq!(moved.sums.row(0), anew.sums.row(0));
            prop_assert_eq!(moved.count(), now.len() as u64);
            let column = |k: usize| now.iter().map(move |row| f64::from(row[k]));
            let mean = column(2).sum::<f64>() / now.len() as f64;
            prop_assert!((f64::from(moved.mean()[2]) - mean).abs() < 1e-5);
            let mut normal = Normal::new(5);
            moved.add_to(0.5, &mut normal);
            let product = 0.5 * column(1).zip(column(4)).map(|(x, y)| x * y).sum::<f64>();
            let found = normal.rows_mut().nth(1).map(|row| f64::from(row[3])).expect("five rows");
            prop_assert!((found - product).abs() < 1e-2, "{found} for {product}");
        }
    }
}
