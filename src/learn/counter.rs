//! Counts that halve: one number a row, in the log domain, so that nothing is swept and nothing overflows.

use crate::event::{Span, Time};
use crate::table::{Table, words};

/// Exponentially decayed counts by row. A row holds log2 of Σ w·2^(t/H): the count at any time is one subtraction
/// away, whatever order events came in, and sums of two counters merge exactly.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    rows: Table,
    half_life: f64,
}

const VALUE: usize = 0;
const SEEN: usize = 2;

/// log2 of the count of what was never seen: below anything that was within three years of half-lives of a month. Not
/// lower, or the calibration of scores would see little else.
pub(super) const UNSEEN: f32 = -40.0;

impl Counter {
    pub(super) fn new(half_life: Span) -> Self {
        Self { rows: Table::new(3), half_life: half_life.0.max(1) as f64 }
    }

    /// Adds a weight that happened at `time`.
    pub(super) fn add(&mut self, row: u32, time: Time, weight: f32) {
        if !(weight > 0.0 && weight.is_finite()) {
            return;
        }
        let new = libm::log2(f64::from(weight)) + time.0 as f64 / self.half_life;
        self.rows.grow_to(row as usize + 1);
        let w = self.rows.row_mut(row as usize);
        let value = if w[SEEN] == 0 {
            new
        } else {
            let old = words::get_f64(w, VALUE);
            let (high, low) = if old > new { (old, new) } else { (new, old) };
            high + libm::log2(1.0 + libm::exp2(low - high))
        };
        words::put_f64(w, VALUE, value);
        w[SEEN] = 1;
    }

    /// log2 of the count at `time`; [`UNSEEN`] or above.
    pub(super) fn log2_at(&self, row: u32, time: Time) -> f32 {
        self.log2(self.rows.row(row as usize), time.0 as f64 / self.half_life)
    }

    /// log2 of the counts of rows `0..out.len()` at `time`.
    pub(super) fn log2_all(&self, time: Time, out: &mut [f32]) {
        let now = time.0 as f64 / self.half_life;
        for (row, value) in out.iter_mut().enumerate() {
            *value = self.log2(self.rows.row(row), now);
        }
    }

    fn log2(&self, w: &[u32], now: f64) -> f32 {
        if w[SEEN] == 0 {
            return UNSEEN;
        }
        ((words::get_f64(w, VALUE) - now) as f32).clamp(UNSEEN, 1000.0)
    }

    pub(super) const fn table(&self) -> &Table {
        &self.rows
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table {
        &mut self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(a.log2_at(7, Time(0)), UNSEEN);
    }
}
