//! What the arms' lists are truly worth lately: which arm is best is read off the lists, never assumed.

use crate::event::{Span, Time};
use std::collections::BTreeMap;

/// One arm's true value.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmValue {
    /// The arm.
    pub arm: String,
    /// Mean probability of a rewarded click per list, over the lists seen lately.
    pub value: f64,
    /// How many lists that mean rests on (older ones count less).
    pub lists: f64,
}

/// A fading mean of exact list values per arm. Arms are drawn independently of shoppers (`stick = "none"`), so that
/// means are comparable.
#[derive(Clone, Debug)]
pub struct TruthBoard {
    half_life: Span,
    /// Sum of values, number of lists, and when both were last touched.
    arms: BTreeMap<String, (f64, f64, Time)>,
}

impl TruthBoard {
    /// A board that forgets half of what it saw in every `half_life`.
    #[must_use]
    pub fn new(half_life: Span) -> Self {
        Self { half_life, arms: BTreeMap::new() }
    }

    /// An arm served a list of this exact value.
    pub fn saw(&mut self, arm: &str, value: f64, now: Time) {
        let keep = |since: Time| libm::exp2(-((now - since).0.max(0) as f64) / self.half_life.0.max(1) as f64);
        match self.arms.get_mut(arm) {
            Some((sum, lists, touched)) => {
                let kept = keep(*touched);
                *sum = *sum * kept + value;
                *lists = *lists * kept + 1.0;
                *touched = (*touched).max(now);
            }
            None => {
                self.arms.insert(arm.to_owned(), (value, 1.0, now));
            }
        }
    }

    /// Forgets all: the truth changed.
    pub fn clear(&mut self) {
        self.arms.clear();
    }

    /// All arms, the best first.
    #[must_use]
    pub fn arms(&self) -> Vec<ArmValue> {
        let mut all: Vec<ArmValue> = self
            .arms
            .iter()
            .map(|(arm, (sum, lists, _))| ArmValue { arm: arm.clone(), value: sum / lists, lists: *lists })
            .collect();
        all.sort_by(|a, b| b.value.total_cmp(&a.value));
        all
    }

    /// The best arm, once every one of `arms` arms has been seen at least `lists` times lately.
    #[must_use]
    pub fn best(&self, arms: usize, lists: f64) -> Option<String> {
        let all = self.arms();
        let enough = all.len() >= arms && all.iter().all(|a| a.lists >= lists);
        enough.then(|| all.into_iter().next().map(|a| a.arm)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_read_off_the_lists() {
        let mut board = TruthBoard::new(Span::seconds(5));
        for n in 0..100 {
            board.saw("a", 0.5, Time(n * 10));
            board.saw("b", 0.4, Time(n * 10));
        }
        assert_eq!(board.best(2, 10.0).as_deref(), Some("a"));
        assert_eq!(board.best(3, 10.0), None);
        for n in 0..2000 {
            board.saw("a", 0.1, Time(1000 + n * 10));
            board.saw("b", 0.4, Time(1000 + n * 10));
        }
        assert_eq!(board.best(2, 10.0).as_deref(), Some("b"));
    }
}
