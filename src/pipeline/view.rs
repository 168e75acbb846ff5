//! What readers get: clones that share pages with the learner and never change.

use super::counts::Counts;
use super::facts::{ArmTally, DecisionState, DecisionTrace, EventOutcome, Facts, ModelFacts, RecommendRequest, Totals};
use super::recommend;
use super::step::Pipeline;
use crate::allocate::Experiment;
use crate::evaluate::{Comparison, Comparisons, ProgressiveSummary};
use crate::event::{Code, DecisionKey, Kind, ListedItem, Time};
use crate::join::{Journal, Pending, TraceState};
use crate::learn::{Directory, Model};
use std::sync::Arc;

/// A model as readers see it.
pub(super) struct ModelView {
    pub(super) kind: String,
    pub(super) model: Arc<dyn Model>,
    bytes: usize,
    scores: ProgressiveSummary,
}

/// An immutable picture of the pipeline between two cuts.
pub struct View {
    version: u64,
    published: Time,
    pub(super) counts: Counts,
    pub(super) directory: Directory,
    pub(super) models: Vec<ModelView>,
    comparisons: Comparisons,
    experiments: Vec<Experiment>,
    pending: Pending,
    journal: Journal,
}

impl Pipeline {
    /// A view of now. `version` must grow (VW-1); `published` is the driver's clock.
    #[must_use]
    pub fn view(&self, version: u64, published: Time) -> View {
        let models = self.state.models.iter().map(|t| ModelView {
            kind: t.kind.clone(),
            model: t.model.view(),
            bytes: t.model.bytes(),
            scores: t.scores.summary(),
        });
        View {
            version,
            published,
            counts: self.state.counts.clone(),
            directory: self.state.directory.clone(),
            models: models.collect(),
            comparisons: self.state.comparisons.clone(),
            experiments: self.state.experiments.clone(),
            pending: self.state.pending.clone(),
            journal: self.state.journal.clone(),
        }
    }
}

impl View {
    /// Exact counts behind this view.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The newest decisions, newest first.
    #[must_use]
    pub fn newest_decisions(&self, n: usize) -> Vec<DecisionKey> {
        self.journal.newest(n)
    }
}

impl Facts for View {
    fn version(&self) -> u64 {
        self.version
    }

    fn log_time(&self) -> Time {
        Time(self.counts.log_time)
    }

    fn published(&self) -> Time {
        self.published
    }

    fn generation(&self) -> u64 {
        self.counts.generation
    }

    fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    fn tally(&self, experiment: &str, arm: &str) -> ArmTally {
        let c = self.counts.arms.get(&format!("{experiment}/{arm}")).copied().unwrap_or_default();
        ArmTally {
            decisions: c.decisions,
            assignments: c.assignments,
            rewards: c.rewards,
            expired: c.expired,
            pending: c.decisions.saturating_sub(c.rewards + c.expired),
            reward_sum: c.reward_sum,
        }
    }

    fn totals(&self) -> Totals {
        let kinds = Kind::ALL.into_iter().map(Some).chain([None]);
        let pairs = kinds.flat_map(|k| EventOutcome::ALL.into_iter().map(move |o| (k, o)));
        Totals {
            events: pairs.map(|(k, o)| (k, o, self.counts.events_of(k, o))).filter(|(_, _, n)| *n > 0).collect(),
            rejected: Code::ALL.into_iter().map(|c| (c, self.counts.rejected_for(c))).filter(|(_, n)| *n > 0).collect(),
            users: self.directory.users_known(),
            items: self.directory.items_known(),
        }
    }

    fn models(&self) -> Vec<ModelFacts> {
        let facts = |m: &ModelView| ModelFacts {
            kind: m.kind.clone(),
            bytes: m.bytes,
            examples: m.scores.examples,
            scored: m.scores.scored,
            recall_at_10: m.scores.recall_at_10,
            ndcg_at_10: m.scores.ndcg_at_10,
            mrr: m.scores.mrr,
            log_loss: m.scores.log_loss,
            auc: m.scores.auc,
        };
        self.models.iter().map(facts).collect()
    }

    fn comparisons(&self) -> Vec<Comparison> {
        self.comparisons.all()
    }

    fn recommend(&self, request: &RecommendRequest<'_>) -> Vec<ListedItem> {
        recommend::recommend(self, request)
    }

    fn newest(&self, n: usize) -> Vec<DecisionKey> {
        self.newest_decisions(n)
    }

    fn decision(&self, key: DecisionKey) -> Option<DecisionTrace> {
        let trace = self.journal.find(key)?;
        let open = self.pending.find(key).map(|row| self.pending.get(row));
        let state = match (&open, trace.state) {
            (Some(d), _) if d.rewarded => DecisionState::Rewarded,
            (_, TraceState::Rewarded) => DecisionState::Rewarded,
            (_, TraceState::Expired) => DecisionState::Expired,
            (_, TraceState::LeftOut) => DecisionState::LeftOut,
            (_, TraceState::Pending) => DecisionState::Pending,
        };
        Some(DecisionTrace {
            logged: trace.logged.unwrap_or_default(),
            state,
            reward: open.map_or(trace.reward, |d| d.reward),
            closes: open.map(|d| d.closes).or((trace.closed != Time::NEVER).then_some(trace.closed)),
        })
    }
}
