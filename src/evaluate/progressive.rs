//! Progressive validation: predict, score, then learn. The one place that holds this order (LE-3).

use super::auc::Auc;
use super::calibrate::Calibration;
use super::rank::{Rank, Ranking, rank_of};
use crate::learn::kernels::softplus;
use crate::learn::{Example, Learned, Model, NEGATIVES};
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};

/// Ranks up to this one count as hits.
const DEPTH: usize = 10;

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
    scored: u64,
    hits: u64,
    gain: f64,
    reciprocal: f64,
    predictions: u64,
    loss: f64,
    calibration: Calibration,
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
    /// Mean logarithmic loss in nats over positives and their drawn negatives; `None` before the first.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve over the same.
    pub auc: Option<f64>,
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub struct Scratch {
    scores: Vec<f32>,
}

impl Progressive {
    /// Takes a rank, and the scores of a positive and its negatives, all made before learning.
    pub fn observe(&mut self, model: &dyn Model, rank: Option<Rank>, positive: f32, negatives: &[f32]) {
        if let Some(rank) = rank {
            self.sums.scored += 1;
            self.sums.reciprocal += 1.0 / rank.rank;
            if rank.within(DEPTH) {
                self.sums.hits += 1;
                self.sums.gain += 1.0 / libm::log2(rank.rank + 1.0);
            }
        }
        let scores = std::iter::once((positive, true)).chain(negatives.iter().map(|s| (*s, false)));
        for (score, is_positive) in scores.clone() {
            let logit = model.logit(score).unwrap_or_else(|| self.sums.calibration.logit(score));
            let signed = if is_positive { -f64::from(logit) } else { f64::from(logit) };
            self.sums.predictions += 1;
            self.sums.loss += softplus(signed);
            self.auc.observe(logit, is_positive);
        }
        // Only after all of the example were predicted: the line must not learn from a part of it.
        for (score, is_positive) in scores {
            if model.logit(score).is_none() {
                self.sums.calibration.learn(score, is_positive);
            }
        }
    }

    /// Scores so far.
    #[must_use]
    pub fn summary(&self) -> ProgressiveSummary {
        let s = &self.sums;
        let mean = |sum: f64| if s.scored == 0 { 0.0 } else { sum / s.scored as f64 };
        ProgressiveSummary {
            examples: s.examples,
            scored: s.scored,
            recall_at_10: mean(s.hits as f64),
            ndcg_at_10: mean(s.gain),
            mrr: mean(s.reciprocal),
            log_loss: (s.predictions > 0).then(|| s.loss / s.predictions as f64),
            auc: self.auc.value(),
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

/// Scores an example, then learns it. Only positives are scored; a user without a history (nothing excluded) is not
/// ranked, nor is an item that the user consumed before: it is no candidate.
pub fn run_example(
    model: &mut dyn Model,
    progressive: &mut Progressive,
    example: &Example<'_>,
    ranking: Option<&Ranking<'_>>,
    scratch: &mut Scratch,
) -> Run {
    let mut rank = None;
    if example.label > 0.0 {
        let fits = |r: &&Ranking<'_>| !r.excluded.is_empty() && !r.excluded.contains(&example.item);
        rank = ranking.filter(fits).map(|r| rank_in(model, example, r, &mut scratch.scores));
        let mut items = [example.item; 1 + NEGATIVES];
        let n = example.negatives.len().min(NEGATIVES);
        items[1..=n].copy_from_slice(&example.negatives[..n]);
        let mut scores = [0.0; 1 + NEGATIVES];
        model.score(&example.context, &items[..=n], &mut scores[..=n]);
        progressive.observe(model, rank, scores[0], &scores[1..=n]);
    }
    progressive.sums.examples += 1;
    Run { rank, learned: model.learn(example) }
}

fn rank_in(model: &mut dyn Model, example: &Example<'_>, ranking: &Ranking<'_>, scores: &mut Vec<f32>) -> Rank {
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
