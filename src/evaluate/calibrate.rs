//! Scores that are only ranks become probabilities: a logistic line through the standardised score, learned online.

use crate::learn::kernels::sigmoid;
use serde::{Deserialize, Serialize};

/// p = σ(a + b·z), z the score standardised by its running mean and deviation; a and b by Adagrad. Predict, then
/// learn, as models do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    n: f64,
    mean: f64,
    squares: f64,
    a: f64,
    b: f64,
    sum_a: f64,
    sum_b: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        // One positive to four negatives, and a slope of one, before anything is known.
        Self { n: 0.0, mean: 0.0, squares: 0.0, a: -1.386, b: 1.0, sum_a: 0.0, sum_b: 0.0 }
    }
}

const RATE: f64 = 0.1;

impl Calibration {
    fn standard(&self, score: f32) -> f64 {
        let deviation = if self.n > 1.0 { (self.squares / self.n).sqrt().max(1e-9) } else { 1.0 };
        ((f64::from(score) - self.mean) / deviation).clamp(-8.0, 8.0)
    }

    /// The logit that a score stands for.
    #[must_use]
    pub fn logit(&self, score: f32) -> f32 {
        (self.a + self.b * self.standard(score)) as f32
    }

    /// Learns from a score and whether it was a positive's.
    pub fn learn(&mut self, score: f32, positive: bool) {
        let z = self.standard(score);
        let error = f64::from(sigmoid((self.a + self.b * z) as f32)) - f64::from(u8::from(positive));
        self.sum_a += error * error;
        self.sum_b += (error * z).powi(2);
        self.a -= RATE * error / (self.sum_a + 1e-2).sqrt();
        self.b -= RATE * error * z / (self.sum_b + 1e-2).sqrt();
        self.n += 1.0;
        let off = f64::from(score) - self.mean;
        self.mean += off / self.n;
        self.squares += off * (f64::from(score) - self.mean);
    }
}
