//! Mean and spread of numbers, one pass.

use serde::{Deserialize, Serialize};

/// Running sums over numbers (Welford 1962).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) n: f64,
    pub(super) mean: f64,
    deviations: f64,
}

impl Spread {
    /// Takes a number.
    pub(super) fn join(&mut self, x: f64) {
        self.n += 1.0;
        let off = x - self.mean;
        self.mean += off / self.n;
        self.deviations += off * (x - self.mean);
    }

    /// Their standard deviation; no number before the first.
    pub(super) fn deviation(&self) -> f64 {
        (self.deviations / self.n).sqrt()
    }
}
