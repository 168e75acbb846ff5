//! Leave one out: each user's last item against sampled ones, after training on all the others.

use super::rank::Rank;
use crate::learn::{Context, Model, Slot};
use serde::Serialize;

/// Ranks up to this one count.
const DEPTH: usize = 10;

/// One user's question: where does the held-out item come out among the others?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOut {
    /// The held-out item.
    pub item: Slot,
    /// Items the user did not take, without the held-out one.
    pub others: Vec<Slot>,
}

/// Running scores over users (He et al. 2017, "Neural collaborative filtering": 99 negatives; sampled metrics are only to
/// be compared with metrics sampled the same way, Krichene & Rendle 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeaveOneOut {
    users: u64,
    hits: u64,
    gain: f64,
}

/// Scores over all users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LeaveOneOutSummary {
    /// Users asked about.
    pub users: u64,
    /// Share whose held-out item is among the first ten, ties at half rank.
    pub hit_rate_at_10: f64,
    /// Mean of 1/log2(rank + 1) within the first ten.
    pub ndcg_at_10: f64,
}

impl LeaveOneOut {
    /// Asks a model about one user. A score that is no number ranks nowhere.
    pub fn ask(&mut self, model: &dyn Model, context: &Context<'_>, question: &HeldOut) -> Rank {
        let mut items = Vec::with_capacity(1 + question.others.len());
        items.push(question.item);
        items.extend(&question.others);
        let mut scores = vec![0.0; items.len()];
        model.score(context, &items, &mut scores);
        let (mark, others) = (scores[0], &scores[1..]);
        let better = others.iter().filter(|score| **score > mark).count();
        let equal = others.iter().filter(|score| **score == mark).count();
        let rank = if mark.is_nan() { f64::INFINITY } else { 1.0 + better as f64 + equal as f64 / 2.0 };
        let rank = Rank { rank, candidates: items.len() };
        self.users += 1;
        if rank.within(DEPTH) {
            self.hits += 1;
            self.gain += 1.0 / libm::log2(rank.rank + 1.0);
        }
        rank
    }

    /// Scores so far.
    #[must_use]
    pub fn summary(&self) -> LeaveOneOutSummary {
        let mean = |sum: f64| if self.users == 0 { 0.0 } else { sum / self.users as f64 };
        LeaveOneOutSummary { users: self.users, hit_rate_at_10: mean(self.hits as f64), ndcg_at_10: mean(self.gain) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};
    use crate::learn::{Example, Popularity, PopularityConfig};

    #[test]
    fn counts_ranks_among_the_others_alone() {
        let mut model = Popularity::new(PopularityConfig::default());
        let context = Context { user: None, user_id: Id(0), recent: &[], time: Time(0) };
        for item in 0..30 {
            for _ in 0..=item {
                model.learn(&Example { context, item, item_id: Id(1), label: 1.0, weight: 1.0, negatives: &[] });
            }
        }
        let mut scores = LeaveOneOut::default();
        let mut ask = |item, others: Vec<Slot>| scores.ask(&model, &context, &HeldOut { item, others }).rank;
        assert_eq!(ask(5, vec![1, 2, 6]), 2.0);
        assert_eq!(ask(5, vec![5, 5]), 2.0, "half of two ties");
        assert_eq!(ask(0, (1..30).collect()), 30.0);
        let s = scores.summary();
        assert_eq!((s.users, s.hit_rate_at_10), (3, 2.0 / 3.0));
        assert!((s.ndcg_at_10 - 2.0 / libm::log2(3.0) / 3.0).abs() < 1e-12);
    }
}
