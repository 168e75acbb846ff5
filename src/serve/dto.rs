//! What experiments, arms and models look like on the wire.

use super::openapi::{allocation_version, arm_state, experiment_state};
use crate::allocate::{ArmState, Experiment, Overlay};
use crate::event::AllocationVersion;
use crate::pipeline::{Facts, ModelFacts};
use serde::Serialize;
use utoipa::ToSchema;

/// One experiment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Experiment)]
pub(super) struct ExperimentView {
    pub(super) name: String,
    /// `running`, or `held` when every arm but the baseline is out of traffic.
    #[schema(schema_with = experiment_state)]
    pub(super) state: &'static str,
    pub(super) verdict: String,
    pub(super) baseline: String,
    #[schema(schema_with = allocation_version)]
    pub(super) allocation: AllocationVersion,
    pub(super) arms: Vec<ArmView>,
    pub(super) scopes: Vec<ScopeView>,
}

/// One arm of an experiment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Arm)]
pub(super) struct ArmView {
    pub(super) arm: String,
    #[schema(schema_with = arm_state)]
    pub(super) state: &'static str,
    /// In the newest allocation.
    pub(super) share: f64,
    pub(super) probability_best: f64,
    /// Of the capped reward per matured assignment; no interval where rewards have no bound.
    pub(super) mean: f64,
    #[schema(required)]
    pub(super) lower: Option<f64>,
    #[schema(required)]
    pub(super) upper: Option<f64>,
    pub(super) decisions: u64,
    pub(super) assignments: u64,
    pub(super) rewards: u64,
    pub(super) expired: u64,
    pub(super) pending: u64,
    pub(super) reward_sum: f64,
}

/// One part of traffic with an allocation of its own.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Scope)]
pub(super) struct ScopeView {
    scope: &'static str,
    #[schema(schema_with = allocation_version)]
    allocation: AllocationVersion,
    shares: Vec<ScopeShare>,
}

/// One arm's share of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ScopeShare {
    arm: String,
    share: f64,
}

impl ExperimentView {
    /// An experiment as the view has it, with the states that changes to arms give at once.
    pub(super) fn of(view: &dyn Facts, experiment: &Experiment, overlay: &Overlay) -> Self {
        let name = experiment.name();
        let allocation = experiment.allocation();
        let arms: Vec<ArmView> =
            (0..experiment.arms().len()).map(|arm| ArmView::of(view, experiment, overlay, arm)).collect();
        let baseline = experiment.arms()[experiment.baseline()].name.clone();
        let held = !arms.iter().any(|a| a.state == "live" && a.arm != baseline);
        let shares = arms.iter().map(|a| ScopeShare { arm: a.arm.clone(), share: a.share }).collect();
        Self {
            name: name.to_owned(),
            state: if held { "held" } else { "running" },
            verdict: experiment.verdict(),
            baseline,
            allocation: allocation.version,
            scopes: vec![ScopeView { scope: "all", allocation: allocation.version, shares }],
            arms,
        }
    }
}

impl ArmView {
    fn of(view: &dyn Facts, experiment: &Experiment, overlay: &Overlay, arm: usize) -> Self {
        let info = &experiment.arms()[arm];
        let summary = experiment.summary(arm);
        let tally = view.tally(experiment.name(), &info.name);
        Self {
            arm: info.name.clone(),
            state: state_of(experiment, overlay, arm).as_str(),
            share: experiment.allocation().shares.get(arm).copied().unwrap_or(0.0),
            probability_best: summary.probability_best,
            mean: summary.mean,
            lower: summary.lower,
            upper: summary.upper,
            decisions: tally.decisions,
            assignments: tally.assignments,
            rewards: tally.rewards,
            expired: tally.expired,
            pending: tally.pending,
            reward_sum: tally.reward_sum,
        }
    }
}

/// The state of an arm, with changes that the view does not know yet. Who has left does not come back.
pub(super) fn state_of(experiment: &Experiment, overlay: &Overlay, arm: usize) -> ArmState {
    let info = &experiment.arms()[arm];
    match info.state {
        ArmState::Retired => ArmState::Retired,
        state => overlay.state(experiment.name(), &info.name).unwrap_or(state),
    }
}

/// One model.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ModelView {
    model: String,
    bytes: usize,
    examples: u64,
    scored: u64,
    recall_at_10: f64,
    ndcg_at_10: f64,
    mrr: f64,
    #[schema(required)]
    log_loss: Option<f64>,
    #[schema(required)]
    auc: Option<f64>,
}

impl From<ModelFacts> for ModelView {
    fn from(m: ModelFacts) -> Self {
        Self {
            model: m.kind,
            bytes: m.bytes,
            examples: m.examples,
            scored: m.scored,
            recall_at_10: m.recall_at_10,
            ndcg_at_10: m.ndcg_at_10,
            mrr: m.mrr,
            log_loss: m.log_loss,
            auc: m.auc,
        }
    }
}
