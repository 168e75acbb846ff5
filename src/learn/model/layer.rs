//! Rows on top of tables: reads see the table until a row is written, and then the copy.

use super::super::kernels::dots;
use super::Slot;
use crate::table::{RowsMut, Table};
use rustc_hash::FxHashMap;

/// Rows of `N` tables that belong together, with changes that the tables do not have yet. A changed row lies in one run
/// of memory, the rows of all tables one after another.
#[derive(Debug)]
pub(in crate::learn) struct Layer<'a, const N: usize> {
    below: [&'a Table; N],
    changes: Delta,
}

/// The rows that a layer changed, in the order in which they were first written.
#[derive(Debug, Default)]
pub(in crate::learn) struct Delta {
    /// Where a changed row begins in `rows`.
    begins: FxHashMap<Slot, usize>,
    slots: Vec<Slot>,
    rows: Vec<f32>,
}

impl<'a, const N: usize> Layer<'a, N> {
    /// Nothing changed yet. An old delta lends its memory, which would be new to the system in every round otherwise.
    pub(in crate::learn) fn new(below: [&'a Table; N], mut old: Delta) -> Self {
        old.begins.clear();
        old.slots.clear();
        old.rows.clear();
        Self { below, changes: old }
    }

    /// A row of the table of that number.
    #[inline]
    pub(in crate::learn) fn row(&self, table: usize, slot: Slot) -> &[f32] {
        match self.changes.begins.get(&slot) {
            Some(begin) => {
                let begin = begin + self.below[..table].iter().map(|t| t.width()).sum::<usize>();
                &self.changes.rows[begin..begin + self.below[table].width()]
            }
            None => self.below[table].floats(slot as usize),
        }
    }

    /// A row of all tables for writing.
    #[inline]
    pub(in crate::learn) fn row_mut(&mut self, slot: Slot) -> &mut [f32] {
        let width = self.width();
        let Self { below, changes: Delta { begins, slots, rows } } = self;
        let begin = *begins.entry(slot).or_insert_with(|| {
            slots.push(slot);
            let begin = rows.len();
            below.iter().for_each(|table| rows.extend_from_slice(table.floats(slot as usize)));
            begin
        });
        &mut rows[begin..begin + width]
    }

    /// Numbers in a row of the table of that number.
    pub(in crate::learn) const fn width_of(&self, table: usize) -> usize {
        self.below[table].width()
    }

    /// Numbers in a row of all tables.
    fn width(&self) -> usize {
        self.below.iter().map(|table| table.width()).sum()
    }

    /// The rows that were changed.
    pub(in crate::learn) fn changed(&self) -> impl Iterator<Item = (Slot, &[f32])> {
        self.changes.slots.iter().copied().zip(self.changes.rows.chunks_exact(self.width()))
    }

    /// The product of every changed row's first floats with a vector, in the order of [`Layer::changed`].
    pub(in crate::learn) fn products(&self, vector: &[f32]) -> Vec<f32> {
        let mut products = vec![0.0; self.changes.slots.len()];
        dots(&self.changes.rows, self.width(), vector, &mut products);
        products
    }

    /// What was changed, without the tables.
    pub(in crate::learn) fn finish(self) -> Delta {
        self.changes
    }
}

impl RowsMut for Layer<'_, 1> {
    #[inline]
    fn floats_at(&mut self, row: usize) -> Option<&mut [f32]> {
        Slot::try_from(row).ok().map(|slot| self.row_mut(slot))
    }
}

/// Adds up what several layers over the same tables changed, and writes it: a row that one layer changed is that layer's,
/// bit for bit; one that several changed moves by the sum, which is made in the first layer's, and `mend` puts it back
/// into its bounds.
pub(in crate::learn) fn settle<'d, const N: usize>(
    mut tables: [&mut Table; N],
    deltas: impl Iterator<Item = &'d mut Delta>,
    mend: impl Fn(&mut [f32]),
) {
    let mut deltas: Vec<&mut Delta> = deltas.collect();
    let width: usize = tables.iter().map(|table| table.width()).sum();
    let mut first: FxHashMap<Slot, usize> = FxHashMap::default();
    let mut summed = Vec::new();
    for n in 0..deltas.len() {
        let (before, after) = deltas.split_at_mut(n);
        let Some(Delta { slots, rows, .. }) = after.first() else { break };
        for (slot, row) in slots.iter().zip(rows.chunks_exact(width)) {
            let of = *first.entry(*slot).or_insert(n);
            let Some(Delta { begins, rows, .. }) = before.get_mut(of) else { continue };
            let Some(begin) = begins.get(slot) else { continue };
            let Some(sum) = rows.get_mut(*begin..begin + width) else { continue };
            summed.push((of, *begin));
            // The tables still have what all layers began from.
            let mut at = 0;
            for table in &tables {
                add(&mut sum[at..], &row[at..], table.floats(*slot as usize));
                at += table.width();
            }
        }
    }
    summed.sort_unstable();
    summed.dedup();
    for (of, begin) in summed {
        mend(&mut deltas[of].rows[begin..begin + width]);
    }
    for (n, Delta { slots, rows, .. }) in deltas.iter().enumerate() {
        for (slot, row) in slots.iter().zip(rows.chunks_exact(width)).filter(|(slot, _)| first.get(slot) == Some(&n)) {
            let mut rest = row;
            for table in &mut tables {
                let own = table.floats_mut(*slot as usize);
                let (now, others) = rest.split_at(own.len());
                own.copy_from_slice(now);
                rest = others;
            }
        }
    }
}

/// sum += now − before.
fn add(sum: &mut [f32], now: &[f32], before: &[f32]) {
    for ((sum, now), before) in sum.iter_mut().zip(now).zip(before) {
        *sum += now - before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Layers read what is below until they write; settled, every row has moved by the sum of all changes, and one
        /// that a single layer changed has that layer's bits.
        #[test]
        fn rows_move_by_the_sum_of_all_changes(
            first in proptest::collection::vec((0u32..40, -4i8..4), 0..30),
            writes in proptest::collection::vec(proptest::collection::vec((0u32..40, -4i8..4), 0..30), 1..5),
        ) {
            let (mut a, mut b) = (Table::new(2), Table::new(3));
            for (slot, x) in first {
                a.floats_mut(slot as usize)[1] += f32::from(x);
                b.floats_mut(slot as usize)[2] -= f32::from(x) * 0.1;
            }
            let before = [a.clone(), b.clone()];
            let mut deltas = Vec::new();
            for write in &writes {
                let mut layer = Layer::new([&a, &b], Delta::default());
                for (slot, x) in write {
                    let row = layer.row_mut(*slot);
                    row[1] += f32::from(*x);
                    row[4] -= f32::from(*x) * 0.1;
                }
                for slot in 0..45 {
                    let sum: f32 = write.iter().filter(|w| w.0 == slot).map(|w| f32::from(w.1)).sum();
                    prop_assert_eq!(layer.row(0, slot), &[0.0, a.floats(slot as usize)[1] + sum][..]);
                    prop_assert!((layer.row(1, slot)[2] - (b.floats(slot as usize)[2] - sum * 0.1)).abs() < 1e-4);
                }
                let mut touched: Vec<u32> = write.iter().map(|w| w.0).collect();
                touched.sort_unstable();
                touched.dedup();
                let mut changed: Vec<u32> = layer.changed().map(|c| c.0).collect();
                changed.sort_unstable();
                prop_assert_eq!(changed, touched);
                deltas.push(layer.finish());
            }
            let mended = std::cell::Cell::new(0);
            settle([&mut a, &mut b], deltas.iter_mut(), |row| {
                assert_eq!(row.len(), 5);
                mended.set(mended.get() + 1);
            });
            let all = writes.concat();
            let layers = |slot| writes.iter().filter(|write| write.iter().any(|w| w.0 == slot)).count();
            prop_assert_eq!(mended.get(), (0..40).filter(|slot| layers(*slot) > 1).count());
            for slot in 0..40u32 {
                let sum: f32 = all.iter().filter(|w| w.0 == slot).map(|w| f32::from(w.1)).sum();
                let row = slot as usize;
                prop_assert_eq!(a.floats(row), &[0.0, before[0].floats(row)[1] + sum][..]);
                prop_assert!((b.floats(row)[2] - (before[1].floats(row)[2] - sum * 0.1)).abs() < 1e-4);
            }
        }
    }
}
