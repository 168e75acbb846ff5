//! Whether arms come as often as the logged propensities say: a test that may be looked at all the time.

use serde::{Deserialize, Serialize};

/// Draws that each arm's suspicion starts with: a bet is small until there is something to bet on.
const CAUTION: f64 = 100.0;

/// A test martingale against "arm i is drawn with the probability that was logged for it". Before each draw it bets on
/// the arms that came too often so far; when the propensities are true its value stays at 1 on average, whatever
/// the propensities do over time, so `P(1 / value <= p) <= p` at every moment at once (Ville). It uses the value of
/// now and not the best one so far: what has passed is forgiven as honest draws follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RatioTest {
    /// Draws of each arm.
    seen: Vec<f64>,
    /// Sum of each arm's propensities.
    expected: Vec<f64>,
    /// Logarithm of the martingale.
    log_value: f64,
}

impl RatioTest {
    /// Takes one draw: the arm, and the distribution it was drawn from (it need not be normalised).
    pub fn draw(&mut self, arm: usize, shares: &[f64]) {
        let sum: f64 = shares.iter().sum();
        let sound = sum.is_finite() && shares.iter().all(|s| *s >= 0.0) && shares.get(arm).is_some_and(|s| *s > 0.0);
        if !sound {
            return;
        }
        let n = shares.len().max(self.seen.len());
        self.seen.resize(n, 0.0);
        self.expected.resize(n, 0.0);
        let bet = |i: usize| (CAUTION + self.seen[i]) / (CAUTION + self.expected[i]);
        let stake: f64 = shares.iter().enumerate().map(|(i, s)| s / sum * bet(i)).sum();
        // libm: this sum is state, and its bits agree on every machine.
        self.log_value += libm::log(bet(arm) / stake);
        for (i, share) in shares.iter().enumerate() {
            self.expected[i] += share / sum;
        }
        self.seen[arm] += 1.0;
    }

    /// A p-value that holds at all times at once; 1 while there is nothing to say.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        libm::exp(-self.log_value).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Seed, unit_interval};

    /// Draws from `truth` while `logged` is what the log says; both may depend on time.
    fn run(seed: u64, n: u64, logged: impl Fn(u64) -> [f64; 3], truth: impl Fn(u64) -> [f64; 3]) -> (f64, f64) {
        let (mut test, mut least) = (RatioTest::default(), 1.0_f64);
        for t in 0..n {
            let mut u = unit_interval(Seed(seed).keyed(u128::from(t)).0);
            let arm = truth(t)
                .iter()
                .position(|p| {
                    u -= p;
                    u < 0.0
                })
                .unwrap_or(2);
            test.draw(arm, &logged(t));
            least = least.min(test.p_value());
        }
        (test.p_value(), least)
    }

    /// Shares as a bandit moves them.
    fn moving(t: u64) -> [f64; 3] {
        let a = 0.1 + 0.7 * (t as f64 / 5_000.0).min(1.0);
        [a, 0.95 - a, 0.05]
    }

    #[test]
    fn honest_draws_are_seldom_suspected_however_often_somebody_looks() {
        let suspected = (0..200).filter(|&seed| run(seed, 5_000, moving, moving).1 < 0.05).count();
        assert!(suspected <= 10, "{suspected} of 200 runs were below 0.05 at some moment");
    }

    #[test]
    fn draws_that_are_lost_are_found() {
        // A tenth of the first arm's decisions never reaches the log.
        let lossy = |t: u64| {
            let [a, b, c] = moving(t);
            let sum = 0.9 * a + b + c;
            [0.9 * a / sum, b / sum, c / sum]
        };
        let found = (0..20).filter(|&seed| run(seed, 60_000, moving, lossy).0 < 0.001).count();
        assert_eq!(found, 20);
    }

    #[test]
    fn what_has_passed_is_forgiven() {
        let logged = |_: u64| [0.5, 0.3, 0.2];
        let short = |t: u64| if t < 60 { [0.0, 0.6, 0.4] } else { [0.5, 0.3, 0.2] };
        let (at_the_end, worst) = run(1, 20_000, logged, short);
        assert!(at_the_end > 0.05, "{at_the_end}");
        assert!(worst < 0.5, "{worst}");
    }

    #[test]
    fn what_cannot_be_a_draw_changes_nothing() {
        let mut test = RatioTest::default();
        for (arm, shares) in [(0, &[0.0, 1.0][..]), (5, &[1.0]), (0, &[f64::NAN, 1.0]), (0, &[-1.0, 2.0]), (0, &[])] {
            test.draw(arm, shares);
        }
        assert_eq!(test, RatioTest::default());
        test.draw(0, &[1.0]);
        assert_eq!(test.p_value(), 1.0, "a certain draw says nothing");
    }
}
