//! Area under the ROC curve of a stream, from a histogram of logits: bounded, mergeable, deterministic.

use crate::table::{Table, words};

/// Bins over logits from −16 to 16; beyond lie the outermost.
const BINS: usize = 8192;
const REACH: f32 = 16.0;

/// Counts of positives and negatives by logit. Within a bin (0.004 wide) pairs count half.
#[derive(Clone, Debug)]
pub struct Auc {
    bins: Table,
}

impl Default for Auc {
    fn default() -> Self {
        Self { bins: Table::new(4) }
    }
}

impl Auc {
    /// Takes a logit and whether it was a positive's.
    pub fn observe(&mut self, logit: f32, positive: bool) {
        let place = (logit.clamp(-REACH, REACH) + REACH) / (2.0 * REACH) * BINS as f32;
        let bin = (place as usize).min(BINS - 1);
        self.bins.grow_to(bin + 1);
        let row = self.bins.row_mut(bin);
        let at = if positive { 0 } else { 2 };
        let n = words::get_u64(row, at) + 1;
        words::put_u64(row, at, n);
    }

    /// P(a positive's logit is above a negative's), ties half; `None` before there is one of each.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let (mut below, mut wins, mut positives) = (0.0, 0.0, 0.0);
        for bin in 0..self.bins.len() {
            let row = self.bins.row(bin);
            let (p, n) = (words::get_u64(row, 0) as f64, words::get_u64(row, 2) as f64);
            wins += p * (below + n / 2.0);
            below += n;
            positives += p;
        }
        (positives > 0.0 && below > 0.0).then(|| wins / (positives * below))
    }

    pub(super) const fn table(&self) -> &Table {
        &self.bins
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table {
        &mut self.bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_counting_pairs() {
        let mut auc = Auc::default();
        assert_eq!(auc.value(), None);
        for (logit, positive) in [(2.0, true), (1.0, false), (0.0, true), (-1.0, false), (99.0, true)] {
            auc.observe(logit, positive);
        }
        assert_eq!(auc.value(), Some(5.0 / 6.0));
    }
}
