//! What ranks add up to: over all time, lately, and by how much was known of the user.

use super::rank::Rank;
use serde::{Deserialize, Serialize};

/// Ranks up to these count as hits.
const DEPTHS: [usize; 2] = [10, 20];
/// What a rank is worth after the next one, in what is shown as lately: the newest thousand or so.
const FADE: f64 = 0.999;
/// Users whose history holds fewer items than this lie in the bucket of the same number; the others in the last.
pub const HISTORY_BUCKETS: [usize; 3] = [5, 20, 60];

/// Sums over ranks. A rank adds one to what is scored, and what it is worth to the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ranks {
    scored: u64,
    hits: u64,
    gain: f64,
    reciprocal: f64,
    // What came later is zero in a checkpoint of before.
    #[serde(default)]
    hits_20: u64,
    #[serde(default)]
    reciprocal_20: f64,
    /// Faded hits, and faded ranks.
    #[serde(default)]
    fading: [f64; 2],
    /// Ranks and hits by bucket.
    #[serde(default)]
    buckets: [[u64; 2]; 4],
}

/// A share of ranks within a bucket of histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BucketSummary {
    /// Examples ranked for users with such a history.
    pub scored: u64,
    /// Share of them among the first ten; 0 where there are none.
    pub recall_at_10: f64,
}

/// Means over ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RanksSummary {
    pub(super) scored: u64,
    pub(super) recall_at_10: f64,
    pub(super) ndcg_at_10: f64,
    pub(super) mrr: f64,
    pub(super) recall_at_20: f64,
    pub(super) mrr_at_20: f64,
    pub(super) recall_lately: f64,
    pub(super) by_history: [BucketSummary; 4],
}

impl Ranks {
    /// Takes a rank of a user whose history held `history` items.
    pub(super) fn add(&mut self, rank: Rank, history: usize) {
        let hit = rank.within(DEPTHS[0]);
        self.scored += 1;
        self.reciprocal += 1.0 / rank.rank;
        if hit {
            self.hits += 1;
            self.gain += 1.0 / libm::log2(rank.rank + 1.0);
        }
        if rank.within(DEPTHS[1]) {
            self.hits_20 += 1;
            self.reciprocal_20 += 1.0 / rank.rank;
        }
        let worth = f64::from(u8::from(hit));
        self.fading = [FADE * self.fading[0] + worth, FADE * self.fading[1] + 1.0];
        let bucket = &mut self.buckets[HISTORY_BUCKETS.partition_point(|edge| *edge <= history)];
        *bucket = [bucket[0] + 1, bucket[1] + u64::from(hit)];
    }

    pub(super) fn summary(&self) -> RanksSummary {
        let share = |sum: f64, of: f64| if of > 0.0 { sum / of } else { 0.0 };
        let mean = |sum: f64| share(sum, self.scored as f64);
        RanksSummary {
            scored: self.scored,
            recall_at_10: mean(self.hits as f64),
            ndcg_at_10: mean(self.gain),
            mrr: mean(self.reciprocal),
            recall_at_20: mean(self.hits_20 as f64),
            mrr_at_20: mean(self.reciprocal_20),
            recall_lately: share(self.fading[0], self.fading[1]),
            by_history: self
                .buckets
                .map(|[scored, hits]| BucketSummary { scored, recall_at_10: share(hits as f64, scored as f64) }),
        }
    }
}

/// Whether what is said to happen with probability p does: counts in ten bins of p (Naeini et al. 2015, "Obtaining well
/// calibrated probabilities using Bayesian binning", for the error).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reliability {
    /// By bin: predictions, their sum, and how many came true.
    bins: [[f64; 3]; 10],
}

impl Reliability {
    pub(super) fn add(&mut self, probability: f64, came: bool) {
        let bin = &mut self.bins[((probability * 10.0) as usize).min(9)];
        *bin = [bin[0] + 1.0, bin[1] + probability, bin[2] + f64::from(u8::from(came))];
    }

    /// The mean over predictions of |what was said − what came| of their bin; `None` before the first.
    pub(super) fn error(&self) -> Option<f64> {
        let all: f64 = self.bins.iter().map(|bin| bin[0]).sum();
        let off: f64 = self.bins.iter().map(|bin| (bin[1] - bin[2]).abs()).sum();
        (all > 0.0).then(|| off / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(rank: f64) -> Rank {
        Rank { rank, candidates: 100 }
    }

    #[test]
    fn depths_buckets_and_the_newest_are_told_apart() {
        let mut ranks = Ranks::default();
        for (r, history) in [(1.0, 1), (15.0, 4), (4.0, 5), (f64::INFINITY, 59), (10.5, 60)] {
            ranks.add(rank(r), history);
        }
        let s = ranks.summary();
        assert_eq!((s.scored, s.recall_at_10, s.recall_at_20), (5, 0.4, 0.8));
        assert!((s.mrr_at_20 - (1.0 + 1.0 / 15.0 + 0.25 + 1.0 / 10.5) / 5.0).abs() < 1e-12);
        assert!((s.mrr - s.mrr_at_20).abs() < 1e-12, "a miss adds nothing");
        let expected = [(2, 0.5), (1, 1.0), (1, 0.0), (1, 0.0)];
        assert_eq!(s.by_history.map(|b| (b.scored, b.recall_at_10)), expected);
        for _ in 0..5_000 {
            ranks.add(rank(2.0), 1);
        }
        assert!(ranks.summary().recall_lately > 0.995);
        for _ in 0..693 {
            ranks.add(rank(99.0), 1);
        }
        assert!((ranks.summary().recall_lately - 0.5).abs() < 0.01, "half of it is the newest 693");
    }

    #[test]
    fn the_error_is_how_far_off_the_bins_are() {
        let mut right = Reliability::default();
        let mut wrong = Reliability::default();
        assert_eq!(right.error(), None);
        for n in 0..1_000 {
            right.add(0.25, n % 4 == 0);
            wrong.add(0.25, n % 2 == 0);
            wrong.add(1.0, true);
        }
        assert!(right.error().is_some_and(|e| e < 1e-12));
        assert!(wrong.error().is_some_and(|e| (e - 0.125).abs() < 1e-12));
    }
}
