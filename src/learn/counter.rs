//! Counts that halve: one number a row, in the log domain, so that nothing is swept and nothing overflows.

use super::kernels::exp2;
use super::{Kind, Layout, Rows};
use crate::event::{Span, Time};
use crate::table::{Table, words};

/// Exponentially decayed counts by row. A row holds log2 of Σ w·2^(t/H): the count at any time is one subtraction
/// away, whatever order events came in, and sums of two counters merge.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    rows: Table,
    half_life: f64,
}

/// log2 of the count of what was never seen.
pub(super) const UNSEEN: f32 = -1e6;
/// log2 of a count that was seen stays within this: above [`UNSEEN`] at any two times.
const REACH: f32 = 9e5;

impl Counter {
    pub(super) fn new(half_life: Span) -> Self {
        Self { rows: Table::new(2), half_life: half_life.0.max(1) as f64 }
    }

    /// Adds a weight, above zero and finite, that happened at `time`.
    pub(super) fn add(&mut self, row: u32, time: Time, weight: f32) {
        let new = libm::log2(f64::from(weight)) + self.half_lives(time);
        let words = self.rows.row_mut(row as usize);
        let old = words::get_f64(words, 0);
        let value = if old == 0.0 {
            new
        } else {
            let (high, low) = if old > new { (old, new) } else { (new, old) };
            high + libm::log2(1.0 + libm::exp2(low - high))
        };
        // A row of zeros was never seen, so the one value that looks like it moves by a hair.
        words::put_f64(words, 0, if value == 0.0 { f64::MIN_POSITIVE } else { value });
    }

    fn half_lives(&self, time: Time) -> f64 {
        time.0 as f64 / self.half_life
    }

    /// log2 of the count at `time`; [`UNSEEN`] if there is none.
    pub(super) fn log2_at(&self, row: u32, time: Time) -> f32 {
        log2(self.rows.row(row as usize), self.half_lives(time))
    }

    /// log2 of the counts of rows `0..out.len()` at `time`.
    pub(super) fn log2_all(&self, time: Time, out: &mut [f32]) {
        let now = self.half_lives(time);
        out.fill(UNSEEN);
        for (first, block) in self.rows.blocks() {
            let Some(out) = out.get_mut(first..) else { break };
            for (value, words) in out.iter_mut().zip(block.as_chunks::<2>().0) {
                *value = log2(words, now);
            }
        }
    }

    /// The count at `time`, within some 10⁻⁷; 0 if there is none, at most 2^126.
    pub(super) fn count_at(&self, row: u32, time: Time) -> f32 {
        count(self.rows.row(row as usize), self.half_lives(time))
    }

    /// Calls `each` with every place of `out` and the count of its row at `time`.
    pub(super) fn for_each_count(&self, time: Time, out: &mut [f32], each: impl Fn(&mut f32, f32)) {
        let now = self.half_lives(time);
        for (first, block) in self.rows.blocks() {
            let Some(out) = out.get_mut(first..) else { return };
            for (value, words) in out.iter_mut().zip(block.as_chunks::<2>().0) {
                each(value, count(words, now));
            }
        }
        if let Some(rest) = out.get_mut(self.rows.len()..) {
            rest.iter_mut().for_each(|value| each(value, 0.0));
        }
    }

    /// What its table's words are.
    pub(super) fn layout(name: &str, rows: Rows) -> Layout {
        Layout::single(name, rows, 1, Kind::Double)
    }

    pub(super) const fn table(&self) -> &Table {
        &self.rows
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table {
        &mut self.rows
    }
}

#[inline]
fn log2(words: &[u32], now: f64) -> f32 {
    let value = words::get_f64(words, 0);
    if value == 0.0 { UNSEEN } else { ((value - now) as f32).clamp(-REACH, REACH) }
}

#[inline]
fn count(words: &[u32], now: f64) -> f32 {
    let value = words::get_f64(words, 0);
    if value == 0.0 { 0.0 } else { exp2((value - now) as f32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_in_a_half_life_in_any_order() {
        let half_life = Span::seconds(100);
        let (mut a, mut b) = (Counter::new(half_life), Counter::new(half_life));
        for t in [0, 100_000, 50_000] {
            a.add(0, Time(t), 1.0);
        }
        for t in [100_000, 50_000, 0] {
            b.add(0, Time(t), 1.0);
        }
        let expected = (1.0 + 0.5 + 0.5f64.sqrt()).log2() as f32;
        assert!((a.log2_at(0, Time(100_000)) - expected).abs() < 1e-5);
        assert!((b.log2_at(0, Time(100_000)) - expected).abs() < 1e-5);
        assert!((a.log2_at(0, Time(200_000)) - (expected - 1.0)).abs() < 1e-5);
        assert_eq!((a.log2_at(7, Time(0)), a.count_at(7, Time(0))), (UNSEEN, 0.0));
        // One event of weight 1 at time 0 is the value zero, and still seen.
        a.add(3, Time(0), 1.0);
        assert_eq!((a.log2_at(3, Time(0)), a.count_at(3, Time(0))), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn one_row_and_all_rows_agree_and_are_finite(
            events in proptest::collection::vec((0u32..700, any::<i64>(), 1e-3f32..1e6), 0..60),
            now: i64,
        ) {
            let mut counter = Counter::new(Span::seconds(3600));
            for (row, time, weight) in events {
                counter.add(row, Time(time), weight);
            }
            let (mut logs, mut counts) = (vec![0.0; 650], vec![0.0; 650]);
            counter.log2_all(Time(now), &mut logs);
            counter.for_each_count(Time(now), &mut counts, |c, n| *c = n);
            for row in 0..650 {
                prop_assert_eq!(logs[row], counter.log2_at(row as u32, Time(now)));
                prop_assert_eq!(counts[row], counter.count_at(row as u32, Time(now)));
                prop_assert!(logs[row].is_finite() && counts[row].is_finite());
            }
        }
    }
}
