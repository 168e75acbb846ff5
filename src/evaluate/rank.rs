//! The rank of a target among everything a user has not consumed.

use crate::learn::Slot;

/// Against what an example is ranked.
#[derive(Clone, Copy, Debug)]
pub struct Ranking<'a> {
    /// Slots `0..catalogue` were known before the example.
    pub catalogue: usize,
    /// Slots left out: what the user consumed, each once.
    pub excluded: &'a [Slot],
    /// Whether the target was known; an unknown one is a miss.
    pub target_known: bool,
}

/// The rank of `target` from 1, with ties at half rank: 1 + (better) + (equal) / 2.
#[must_use]
pub fn rank_of(scores: &[f32], target: Slot, excluded: &[Slot]) -> f64 {
    let mark = scores[target as usize];
    let mut better = 0i64;
    let mut equal = -1i64;
    for s in scores {
        better += i64::from(*s > mark);
        equal += i64::from(*s == mark);
    }
    for &slot in excluded {
        if let Some(s) = scores.get(slot as usize) {
            better -= i64::from(*s > mark);
            equal -= i64::from(*s == mark);
        }
    }
    1.0 + better as f64 + equal.max(0) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_better_ones_and_half_of_ties() {
        let scores = [0.5, 0.9, 0.5, 0.1, 0.5];
        assert_eq!(rank_of(&scores, 0, &[]), 3.0);
        assert_eq!(rank_of(&scores, 0, &[1]), 2.0);
        assert_eq!(rank_of(&scores, 0, &[1, 2, 99]), 1.5);
        assert_eq!(rank_of(&scores, 3, &[]), 5.0);
    }
}
