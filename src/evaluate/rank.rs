//! The rank of a target among everything a user has not consumed.

use crate::learn::{Slot, Taught};

/// Against what an example is ranked.
#[derive(Clone, Copy, Debug)]
pub struct Ranking<'a> {
    /// Items that had a positive before this example: the candidates. A target that is not among them is a miss.
    pub taught: &'a Taught,
    /// Candidates left out: what the user consumed, each once.
    pub excluded: &'a [Slot],
}

/// Where a target came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// From 1, ties at half rank; infinite for a miss.
    pub rank: f64,
    /// How many candidates there were.
    pub candidates: usize,
}

impl Rank {
    /// Whether the target is among the first `k`.
    #[must_use]
    pub fn within(&self, k: usize) -> bool {
        self.rank <= k as f64
    }
}

/// The rank of `target`: 1 + (better) + (equal) / 2. Scores are by slot and cover all candidates; NaN ranks nowhere
/// (no model may give it), and a target that is no candidate is a miss.
#[must_use]
pub fn rank_of(scores: &[f32], target: Slot, ranking: &Ranking<'_>) -> Rank {
    let mut candidates = ranking.taught.len();
    candidates -= ranking.excluded.iter().filter(|e| ranking.taught.contains(**e)).count();
    if !ranking.taught.contains(target) {
        return Rank { rank: f64::INFINITY, candidates };
    }
    let mark = scores[target as usize];
    let (mut better, mut equal) = (0u64, 0u64);
    for (word, scores) in ranking.taught.words().iter().zip(scores.chunks(64)) {
        let (b, e) = if *word == u64::MAX { compare(scores, mark) } else { compare_some(*word, scores, mark) };
        better += b;
        equal += e;
    }
    for slot in ranking.excluded.iter().filter(|e| **e != target && ranking.taught.contains(**e)) {
        let score = scores[*slot as usize];
        better -= u64::from(score > mark);
        equal -= u64::from(score == mark);
    }
    // The target equals itself.
    Rank { rank: 1.0 + better as f64 + equal.saturating_sub(1) as f64 / 2.0, candidates }
}

/// All of a whole word's scores: a loop that vectorises.
fn compare(scores: &[f32], mark: f32) -> (u64, u64) {
    let (mut better, mut equal) = (0u32, 0u32);
    for score in scores {
        better += u32::from(*score > mark);
        equal += u32::from(*score == mark);
    }
    (u64::from(better), u64::from(equal))
}

fn compare_some(mut word: u64, scores: &[f32], mark: f32) -> (u64, u64) {
    let (mut better, mut equal) = (0, 0);
    while word != 0 {
        let score = scores[word.trailing_zeros() as usize];
        better += u64::from(score > mark);
        equal += u64::from(score == mark);
        word &= word - 1;
    }
    (better, equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rank(scores: &[f32], target: Slot, taught: &Taught, excluded: &[Slot]) -> f64 {
        rank_of(scores, target, &Ranking { taught, excluded }).rank
    }

    #[test]
    fn counts_better_ones_and_half_of_ties() {
        let scores = [0.5, 0.9, 0.5, 0.1, 0.5];
        let all = Taught::first(5);
        assert_eq!(rank(&scores, 0, &all, &[]), 3.0);
        assert_eq!(rank(&scores, 0, &all, &[1]), 2.0);
        assert_eq!(rank(&scores, 0, &all, &[1, 2, 99]), 1.5);
        assert_eq!(rank(&scores, 3, &all, &[]), 5.0);
        assert_eq!(rank(&scores, 0, &Taught::first(1), &[]), 1.0);
        assert_eq!(rank(&scores, 4, &Taught::first(3), &[]), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(
            scores in proptest::collection::vec(-5i32..5, 1..300),
            taught in proptest::collection::vec(any::<bool>(), 300),
            excluded in proptest::collection::btree_set(0u32..300, 0..40),
            target in 0usize..300,
        ) {
            let target = target % scores.len();
            let mut set = Taught::default();
            for (slot, t) in taught.iter().enumerate().take(scores.len()) {
                if *t || slot == target {
                    set.insert(slot as Slot);
                }
            }
            let excluded: Vec<Slot> = excluded.into_iter().filter(|e| *e as usize != target).collect();
            let floats: Vec<f32> = scores.iter().map(|s| *s as f32).collect();
            let mut others = Vec::new();
            for slot in (0..scores.len()).filter(|s| *s != target) {
                if set.contains(slot as Slot) && !excluded.contains(&(slot as Slot)) {
                    others.push(scores[slot]);
                }
            }
            let better = others.iter().filter(|s| **s > scores[target]).count() as f64;
            let equal = others.iter().filter(|s| **s == scores[target]).count() as f64;
            let found = rank_of(&floats, target as Slot, &Ranking { taught: &set, excluded: &excluded });
            prop_assert_eq!(found, Rank { rank: 1.0 + better + equal / 2.0, candidates: others.len() + 1 });
        }
    }
}
