//! Ranks of scores: exact for the best, one mean rank for all the rest.

use super::Slot;

/// Ranks up to about this one are exact; further down a reciprocal rank hardly moves, and sorting would cost most.
const EXACT: usize = 1000;

/// The ranks that scores have within a pool of (slot, score). Equal scores share their mean rank, so that slots never
/// show.
#[derive(Debug)]
pub(super) struct Ranks {
    /// Key and slot of those better than the mark, best first.
    head: Vec<u64>,
    /// The key at which exact ranks end, how many of the pool have it, and how many are worse.
    mark: Option<(u32, usize, usize)>,
}

/// A key that is the smaller the better the score.
#[inline]
fn key(score: f32) -> u32 {
    // Minus zero equals zero.
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 1 { bits } else { !(bits | 1 << 31) }
}

const fn place(better: usize, equal: usize) -> f32 {
    1.0 + better as f32 + equal.saturating_sub(1) as f32 / 2.0
}

impl Ranks {
    pub(super) fn new(pool: impl Iterator<Item = (Slot, f32)>) -> Self {
        let mut head: Vec<u64> = pool.map(|(slot, score)| u64::from(key(score)) << 32 | u64::from(slot)).collect();
        let mut mark = None;
        if head.len() > EXACT {
            let at = (*head.select_nth_unstable(EXACT - 1).1 >> 32) as u32;
            let worse = head.iter().filter(|k| (**k >> 32) as u32 > at).count();
            let ties = head.iter().filter(|k| (**k >> 32) as u32 == at).count();
            head.truncate(EXACT);
            head.retain(|k| ((*k >> 32) as u32) < at);
            mark = Some((at, ties, worse));
        }
        head.sort_unstable();
        Self { head, mark }
    }

    /// The rank of a score, from 1, whether or not it is one of the pool.
    pub(super) fn of(&self, score: f32) -> f32 {
        let key = key(score);
        match self.mark {
            Some((at, ties, _)) if key == at => place(self.head.len(), ties),
            Some((at, ties, worse)) if key > at => place(self.head.len() + ties, worse),
            _ => {
                let better = self.head.partition_point(|k| ((*k >> 32) as u32) < key);
                let through = self.head.partition_point(|k| ((*k >> 32) as u32) <= key);
                place(better, through - better)
            }
        }
    }

    /// One more than the size of the pool.
    pub(super) fn last(&self) -> f32 {
        let (ties, worse) = self.mark.map_or((0, 0), |(_, ties, worse)| (ties, worse));
        place(self.head.len() + ties + worse, 0)
    }

    /// Calls `each` with slot and rank of those better than the mark, best first.
    pub(super) fn best(&self, mut each: impl FnMut(Slot, f32)) {
        let mut better = 0;
        for group in self.head.chunk_by(|a, b| a >> 32 == b >> 32) {
            let rank = place(better, group.len());
            group.iter().for_each(|k| each(*k as Slot, rank));
            better += group.len();
        }
    }

    /// Whether [`Ranks::best`] tells the rank of a score of the pool.
    pub(super) fn is_best(&self, score: f32) -> bool {
        self.mark.is_none_or(|(at, ..)| key(score) < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn agree_with_counting(
            scores in proptest::collection::vec(-60i32..60, 1..3000),
            spread in prop_oneof![Just(1.0f32), Just(0.37)],
        ) {
            // Either many ties, or hardly any.
            let scores: Vec<f32> = if spread == 1.0 {
                scores.iter().map(|s| *s as f32).collect()
            } else {
                scores.iter().enumerate().map(|(n, s)| *s as f32 + n as f32 * 1e-4).collect()
            };
            let ranks = Ranks::new((0..).zip(scores.iter().copied()));
            let mut told = vec![None; scores.len()];
            ranks.best(|slot, rank| told[slot as usize] = Some(rank));
            let mut last = f32::INFINITY;
            for (slot, score) in scores.iter().enumerate() {
                let better = scores.iter().filter(|s| *s > score).count();
                let equal = scores.iter().filter(|s| *s == score).count();
                let rank = ranks.of(*score);
                if better < EXACT {
                    prop_assert_eq!(rank, place(better, equal));
                } else {
                    // One rank for all of them, behind the others.
                    prop_assert!(rank > EXACT as f32 && (last == f32::INFINITY || last == rank));
                    last = rank;
                }
                prop_assert_eq!(told[slot].is_some(), ranks.is_best(*score));
                prop_assert!(told[slot].is_none_or(|r| r == rank));
            }
            prop_assert_eq!((ranks.of(f32::MAX), ranks.last()), (1.0, scores.len() as f32 + 1.0));
        }
    }
}
