//! The one document that replay, run and demo end with: what was read, learned and decided.

use crate::evaluate::{BucketSummary, Comparison, ProgressiveSummary};
use crate::event::Code;
use crate::pipeline::{EventOutcome, Pipeline};
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts, scores and digests of a pipeline. Field order is that of the documentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// Records read.
    pub events: u64,
    /// Records that count.
    pub accepted: u64,
    /// Valid records that are not for us.
    pub ignored: u64,
    /// Records whose id was read before.
    pub duplicates: u64,
    /// Records that are not valid, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Examples ranked against the full catalogue.
    pub scored: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Digest of all state but positions, 32 hexadecimal digits.
    pub digest: String,
    /// Digest of models and progressive scores.
    pub models_digest: String,
    /// By model.
    pub models: BTreeMap<String, ModelDocument>,
    /// Every model against every other, where more than one is scored.
    pub comparisons: Vec<Comparison>,
    /// By arm; `experiment/arm` where there is more than one experiment.
    pub arms: BTreeMap<String, ArmDocument>,
}

/// One model's part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ModelDocument {
    /// Examples learned.
    pub examples: u64,
    /// Share of ranked examples among the first ten.
    pub recall_at_10: f64,
    /// Discounted gain within the first ten.
    pub ndcg_at_10: f64,
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Share of ranked examples among the first twenty.
    pub recall_at_20: f64,
    /// Mean reciprocal rank within the first twenty.
    pub mrr_at_20: f64,
    /// Recall@10 of about the newest thousand ranks (a rank is worth 0.999 of the one after it).
    pub recall_lately: f64,
    /// Recall@10 by the length of the user's history: fewer than 5 items, than 20, than 60, and more.
    pub by_history: [BucketSummary; 4],
    /// Mean logarithmic loss against drawn negatives (1 : 4).
    pub log_loss: Option<f64>,
    /// Area under the ROC curve against the same.
    pub auc: Option<f64>,
    /// Expected calibration error against the same.
    pub calibration_error: Option<f64>,
    /// Seconds this model scored and learned.
    pub seconds: f64,
}

/// One arm's part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ArmDocument {
    /// Decisions read.
    pub decisions: u64,
    /// Assignments decided.
    pub assignments: u64,
    /// Decisions with a reward.
    pub rewards: u64,
    /// Decisions closed without.
    pub expired: u64,
    /// Share in the newest allocation.
    pub share: f64,
    /// Mean capped reward of matured assignments.
    pub mean: f64,
}

impl Document {
    /// The document of a pipeline as it is now.
    #[must_use]
    pub fn of(pipeline: &Pipeline, seconds: f64) -> Self {
        let state = pipeline.state();
        let counts = state.counts();
        let rejected = Code::ALL.into_iter().map(|c| (c.as_str().to_owned(), counts.rejected_for(c)));
        Self {
            events: counts.records,
            accepted: counts.outcome(EventOutcome::Accepted),
            ignored: counts.outcome(EventOutcome::Ignored),
            duplicates: counts.outcome(EventOutcome::Duplicate),
            rejected: rejected.filter(|(_, n)| *n > 0).collect(),
            scored: counts.ranked,
            seconds,
            digest: format!("{:032x}", state.digest()),
            models_digest: format!("{:032x}", state.models_digest()),
            models: state.scores().map(|(kind, s, nanos)| (kind.to_owned(), model(&s, nanos))).collect(),
            comparisons: state.comparisons(),
            arms: arms(pipeline),
        }
    }
}

fn model(s: &ProgressiveSummary, nanos: u64) -> ModelDocument {
    ModelDocument {
        examples: s.examples,
        recall_at_10: s.recall_at_10,
        ndcg_at_10: s.ndcg_at_10,
        mrr: s.mrr,
        recall_at_20: s.recall_at_20,
        mrr_at_20: s.mrr_at_20,
        recall_lately: s.recall_lately,
        by_history: s.by_history,
        log_loss: s.log_loss,
        auc: s.auc,
        calibration_error: s.calibration_error,
        seconds: nanos as f64 * 1e-9,
    }
}

fn arms(pipeline: &Pipeline) -> BTreeMap<String, ArmDocument> {
    let state = pipeline.state();
    let experiments = state.experiments();
    let mut all = BTreeMap::new();
    for experiment in experiments {
        for (i, arm) in experiment.arms().iter().enumerate() {
            let c =
                state.counts().arms.get(&format!("{}/{}", experiment.name(), arm.name)).copied().unwrap_or_default();
            let name =
                if experiments.len() == 1 { arm.name.clone() } else { format!("{}/{}", experiment.name(), arm.name) };
            let part = ArmDocument {
                decisions: c.decisions,
                assignments: c.assignments,
                rewards: c.rewards,
                expired: c.expired,
                share: experiment.allocation().shares.get(i).copied().unwrap_or(0.0),
                mean: experiment.summary(i).mean,
            };
            all.insert(name, part);
        }
    }
    all
}
