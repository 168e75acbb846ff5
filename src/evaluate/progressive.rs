//! Progressive validation: predict, score, then learn. The one place that holds this order (LE-3).

use super::auc::Auc;
use super::calibrate::Calibration;
use super::rank::{Rank, Ranking, rank_of};
use super::ranks::{BucketSummary, Ranks, Reliability};
use crate::learn::kernels::{sigmoid, softplus};
use crate::learn::{Example, Learned, Learns, NEGATIVES};
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};

/// Running scores of one model (Vinagre et al. 2014 for the protocol; Krichene & Rendle 2020 for why ranks are
/// taken against the full catalogue). Loss and AUC are over each positive and its drawn negatives, 1 : 4: compare
/// them only with scores taken the same way.
#[derive(Clone, Debug, Default)]
pub struct Progressive {
    sums: Sums,
    auc: Auc,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    examples: u64,
    #[serde(flatten)]
    ranks: Ranks,
    predictions: u64,
    loss: f64,
    calibration: Calibration,
    #[serde(default)]
    reliability: Reliability,
}

/// Scores so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ProgressiveSummary {
    /// Examples learned.
    pub examples: u64,
    /// Examples ranked against the full catalogue.
    pub scored: u64,
    /// Share of them ranked among the first ten.
    pub recall_at_10: f64,
    /// Mean of 1/log2(rank + 1) within the first ten.
    pub ndcg_at_10: f64,
    /// Mean of 1/rank.
    pub mrr: f64,
    /// Share of ranked examples among the first twenty.
    pub recall_at_20: f64,
    /// Mean of 1/rank within the first twenty, as sessions are scored (Hidasi et al. 2016).
    pub mrr_at_20: f64,
    /// Share among the first ten where a rank is worth 0.999 of the one after it: about the newest thousand.
    pub recall_lately: f64,
    /// By how much the user's history held: fewer than 5 items, than 20, than 60, and more.
    pub by_history: [BucketSummary; 4],
    /// Mean logarithmic loss in nats over positives and their drawn negatives; `None` before the first.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve over the same.
    pub auc: Option<f64>,
    /// Expected calibration error over the same, in ten bins of probability.
    pub calibration_error: Option<f64>,
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub struct Scratch {
    scores: Vec<f32>,
}

impl Progressive {
    /// Takes a rank with the length of the user's history, and the scores of a positive and its negatives, all made
    /// before learning.
    pub fn observe<L: Learns + ?Sized>(
        &mut self,
        model: &L,
        rank: Option<(Rank, usize)>,
        positive: f32,
        negatives: &[f32],
    ) {
        if let Some((rank, history)) = rank {
            self.sums.ranks.add(rank, history);
        }
        let scores = std::iter::once((positive, true)).chain(negatives.iter().map(|s| (*s, false)));
        for (score, is_positive) in scores.clone() {
            let logit = model.logit(score).unwrap_or_else(|| self.sums.calibration.logit(score));
            let signed = if is_positive { -f64::from(logit) } else { f64::from(logit) };
            self.sums.predictions += 1;
            self.sums.loss += softplus(signed);
            self.sums.reliability.add(f64::from(sigmoid(logit)), is_positive);
            self.auc.observe(logit, is_positive);
        }
        // Only after all of the example were predicted: the line must not learn from a part of it.
        for (score, is_positive) in scores {
            if model.logit(score).is_none() {
                self.sums.calibration.learn(score, is_positive);
            }
        }
    }

    /// Takes what was seen of an example before it was learned.
    pub fn take<L: Learns + ?Sized>(&mut self, model: &L, measured: &Measured) {
        if let Some((positive, negatives)) = measured.scores[..measured.scored].split_first() {
            self.observe(model, measured.rank, *positive, negatives);
        }
        self.sums.examples += 1;
    }

    /// Scores so far.
    #[must_use]
    pub fn summary(&self) -> ProgressiveSummary {
        let (s, ranks) = (&self.sums, self.sums.ranks.summary());
        ProgressiveSummary {
            examples: s.examples,
            scored: ranks.scored,
            recall_at_10: ranks.recall_at_10,
            ndcg_at_10: ranks.ndcg_at_10,
            mrr: ranks.mrr,
            recall_at_20: ranks.recall_at_20,
            mrr_at_20: ranks.mrr_at_20,
            recall_lately: ranks.recall_lately,
            by_history: ranks.by_history,
            log_loss: (s.predictions > 0).then(|| s.loss / s.predictions as f64),
            auc: self.auc.value(),
            calibration_error: s.reliability.error(),
        }
    }
}

/// What came of an example.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Run {
    /// Where the target came out before learning, if the example was ranked.
    pub rank: Option<Rank>,
    /// What learning did.
    pub learned: Learned,
}

/// What was seen of an example before it was learned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Where the target came out, and how long the user's history was; if the example was ranked.
    pub rank: Option<(Rank, usize)>,
    /// Scores of the item and of its negatives; none of an example that is no positive.
    scores: [f32; 1 + NEGATIVES],
    scored: usize,
}

/// Scores an example. Only positives are scored; a user without a history (nothing excluded) is not ranked, nor is an
/// item that the user consumed before: it is no candidate.
pub fn measure<L: Learns + ?Sized>(
    model: &mut L,
    example: &Example<'_>,
    ranking: Option<&Ranking<'_>>,
    scratch: &mut Scratch,
) -> Measured {
    let mut measured = Measured::default();
    if example.label > 0.0 {
        let fits = |r: &&Ranking<'_>| !r.excluded.is_empty() && !r.excluded.contains(&example.item);
        let ranked = ranking.filter(fits);
        measured.rank = ranked.map(|r| (rank_in(model, example, r, &mut scratch.scores), r.excluded.len()));
        let mut items = [example.item; 1 + NEGATIVES];
        let n = example.negatives.len().min(NEGATIVES);
        items[1..=n].copy_from_slice(&example.negatives[..n]);
        model.score(&example.context, &items[..=n], &mut measured.scores[..=n]);
        measured.scored = 1 + n;
    }
    measured
}

/// Scores an example, then learns it.
pub fn run_example<L: Learns + ?Sized>(
    model: &mut L,
    progressive: &mut Progressive,
    example: &Example<'_>,
    ranking: Option<&Ranking<'_>>,
    scratch: &mut Scratch,
) -> Run {
    let measured = measure(model, example, ranking, scratch);
    progressive.take(model, &measured);
    Run { rank: measured.rank.map(|(rank, _)| rank), learned: model.learn(example) }
}

fn rank_in<L: Learns + ?Sized>(
    model: &mut L,
    example: &Example<'_>,
    ranking: &Ranking<'_>,
    scores: &mut Vec<f32>,
) -> Rank {
    scores.clear();
    if ranking.taught.contains(example.item) {
        let slots = ranking.taught.slots();
        scores.resize(slots, 0.0);
        model.prepare(slots);
        model.score_all(&example.context, scores);
    }
    rank_of(scores, example.item, ranking)
}

impl Part for Progressive {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("auc".into(), self.auc.table())]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("auc".into(), self.auc.table_mut())]
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(&self.sums).expect("finite sums have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        self.sums = serde_json::from_slice(blob).map_err(|e| PartError(format!("scores: {e}")))?;
        Ok(())
    }
}
