//! Scores that are only ranks become probabilities: a logistic line through the score, learned online.

use crate::learn::kernels::sigmoid;
use serde::{Deserialize, Serialize};

/// p = σ(a + b·z), z the score less a running centre, in running deviations, cut at ±3 (an item that was never seen
/// may score very low and must not bend the line). The line is found by Newton steps on the running curvature, so
/// the scale of scores does not matter; old evidence fades over some 10,000 scores. Predict, then learn, as models do.
///
/// Platt 1999 for the form; the step is that of online logistic regression with second-order information (for
/// example Hazan et al. 2007).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    seen: f64,
    centre: f64,
    variance: f64,
    a: f64,
    b: f64,
    /// Curvature: sums of p(1−p), of the same times z, times z².
    curve: [f64; 3],
}

impl Default for Calibration {
    fn default() -> Self {
        // One positive to four negatives, and a slope of one, before anything is known; worth some twenty scores.
        Self { seen: 10.0, centre: 0.0, variance: 1.0, a: -1.386, b: 1.0, curve: [4.0, 0.0, 4.0] }
    }
}

const CUT: f64 = 3.0;
/// How fast old curvature fades, a score.
const FADE: f64 = 1e-4;
/// How fast centre and deviation follow, once some thousand scores were seen.
const FOLLOW: f64 = 1e-3;
/// Slope and intercept stay within these: a separable stream may not run away.
const STEEPEST: f64 = 20.0;

impl Calibration {
    fn standard(&self, score: f32) -> f64 {
        let score = if score.is_finite() { f64::from(score) } else { self.centre };
        ((score - self.centre) / self.variance.sqrt()).clamp(-CUT, CUT)
    }

    /// The logit that a score stands for; grows with the score.
    #[must_use]
    pub fn logit(&self, score: f32) -> f32 {
        (self.a + self.b * self.standard(score)) as f32
    }

    /// Learns from a score and whether it was a positive's.
    pub fn learn(&mut self, score: f32, positive: bool) {
        let z = self.standard(score);
        let p = f64::from(sigmoid((self.a + self.b * z) as f32));
        let error = p - f64::from(u8::from(positive));
        let spread = p * (1.0 - p);
        for (sum, new) in self.curve.iter_mut().zip([spread, spread * z, spread * z * z]) {
            *sum = *sum * (1.0 - FADE) + new;
        }
        // A touch on the diagonal keeps the two by two system solvable when all scores are equal.
        let (h00, h01, h11) = (self.curve[0] + 1e-3, self.curve[1], self.curve[2] + 1e-3);
        let determinant = h00 * h11 - h01 * h01;
        self.a -= error * (h11 - h01 * z) / determinant;
        self.b -= error * (h00 * z - h01) / determinant;
        self.a = self.a.clamp(-STEEPEST, STEEPEST);
        self.b = self.b.clamp(0.0, STEEPEST);
        self.seen += 1.0;
        let rate = (1.0 / self.seen).max(FOLLOW);
        self.centre += rate * z * self.variance.sqrt();
        self.variance = (self.variance * (1.0 + rate * (z * z - 1.0))).max(1e-12);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Seed, unit_interval};
    use rand::Rng;

    #[test]
    fn finds_the_line_at_any_scale_and_outliers_do_not_bend_it() {
        for (scale, offset) in [(1.0, 0.0), (1e-3, 0.0), (50.0, 300.0)] {
            let mut stream = Seed(4).stream();
            let mut c = Calibration::default();
            for n in 0..60_000 {
                let x = unit_interval(stream.next_u64()) * 6.0 - 3.0;
                let positive = unit_interval(stream.next_u64()) < f64::from(sigmoid((1.5 * x - 1.0) as f32));
                c.learn((x * scale + offset) as f32, positive);
                if n % 100 == 0 {
                    c.learn(-1e9, n % 500 == 0);
                }
            }
            for x in [-1.0, 0.0, 1.5] {
                let found = f64::from(c.logit((x * scale + offset) as f32));
                assert!((found - (1.5 * x - 1.0)).abs() < 0.3, "scale {scale}, {x}: {found}");
            }
        }
    }

    #[test]
    fn stays_finite_and_never_falls_with_the_score() {
        let mut c = Calibration::default();
        for n in 0..20_000 {
            c.learn([f32::MAX, f32::MIN, f32::NAN, f32::INFINITY, 0.0][n % 5], n % 7 > 2);
        }
        for _ in 0..200_000 {
            c.learn(1.0, true);
        }
        let (low, high) = (c.logit(-3.0), c.logit(5.0));
        assert!(low.is_finite() && high.is_finite() && low <= high, "{c:?}");
    }
}
