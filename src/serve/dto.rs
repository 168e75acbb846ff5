//! What experiments, arms and models look like on the wire.

use super::decision::time_text;
use super::openapi::{allocation_version, arm_state, experiment_state};
use crate::allocate::{ArmState, Experiment, Lift, Overlay};
use crate::event::AllocationVersion;
use crate::pipeline::{Comparison, Facts, ModelFacts};
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
    /// All that can be said in one plain sentence: the headline, then the notes.
    pub(super) verdict: String,
    pub(super) headline: String,
    pub(super) notes: Vec<String>,
    pub(super) baseline: String,
    /// What an arm earns: `clicks`, `purchase value`, or `reward` where several things count.
    pub(super) earns: String,
    /// Log time since which means and intervals are counted.
    pub(super) counted_since: Option<String>,
    /// The view that all of this comes from; every view has a larger number than the one before.
    pub(super) view: u64,
    pub(super) log_time: Option<String>,
    /// How likely assignments would stray so far from their shares by chance, at whichever time one looks; small where
    /// decisions are lost.
    pub(super) sample_ratio_p: f64,
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
    /// Of the capped reward per assignment that matured since `counted_since`; no interval where rewards have no bound.
    pub(super) mean: f64,
    #[schema(required)]
    pub(super) lower: Option<f64>,
    #[schema(required)]
    pub(super) upper: Option<f64>,
    /// Assignments behind the mean.
    pub(super) counted: u64,
    /// Over the baseline's mean; none for the baseline, and before both have matured assignments.
    pub(super) lift: Option<LiftView>,
    /// Of the posterior that shares come from, as of the newest tick.
    pub(super) posterior_mean: f64,
    pub(super) posterior_stddev: f64,
    pub(super) decisions: u64,
    pub(super) assignments: u64,
    pub(super) rewards: u64,
    pub(super) expired: u64,
    pub(super) pending: u64,
    pub(super) reward_sum: f64,
}

/// How much more an arm earns than the baseline.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Lift)]
pub(super) struct LiftView {
    /// Whether the numbers are parts of the baseline's mean (0.04: 4 % more) or differences in reward units.
    relative: bool,
    value: f64,
    lower: f64,
    /// None where the baseline may earn nothing at all.
    upper: Option<f64>,
}

impl From<Lift> for LiftView {
    fn from(lift: Lift) -> Self {
        Self { relative: lift.relative, value: lift.value, lower: lift.lower, upper: lift.upper }
    }
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
        let verdict = experiment.verdict();
        Self {
            name: name.to_owned(),
            state: if held { "held" } else { "running" },
            verdict: verdict.to_string(),
            headline: verdict.headline,
            notes: verdict.notes,
            earns: experiment.earns(),
            counted_since: experiment.counted_since().and_then(|(since, _)| time_text(since)),
            view: view.version(),
            log_time: time_text(view.log_time()),
            sample_ratio_p: experiment.ratio_p_value(),
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
            counted: summary.counted,
            lift: experiment.lift(arm, experiment.baseline()).map(LiftView::from),
            posterior_mean: summary.posterior_mean,
            posterior_stddev: summary.stddev,
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
    pub(super) model: String,
    bytes: usize,
    examples: u64,
    pub(super) scored: u64,
    pub(super) recall_at_10: f64,
    ndcg_at_10: f64,
    mrr: f64,
    #[schema(required)]
    log_loss: Option<f64>,
    #[schema(required)]
    auc: Option<f64>,
}

/// Two models on the same ranked examples.
#[derive(Serialize, ToSchema)]
#[schema(as = Comparison)]
pub(super) struct ComparisonView {
    first: String,
    second: String,
    /// Examples that both ranked.
    examples: u64,
    /// Of them those that only the first had among its first ten.
    only_first: u64,
    only_second: u64,
    /// Recall@10 of the first minus that of the second.
    difference: f64,
    /// Bounds of the difference: valid at all times, and for all pairs together (95 %).
    lower: f64,
    upper: f64,
    /// McNemar's test that neither is better, for one look at the end.
    mcnemar_p: f64,
}

impl From<Comparison> for ComparisonView {
    fn from(c: Comparison) -> Self {
        Self {
            first: c.first,
            second: c.second,
            examples: c.examples,
            only_first: c.only_first,
            only_second: c.only_second,
            difference: c.difference,
            lower: c.lower,
            upper: c.upper,
            mcnemar_p: c.mcnemar_p,
        }
    }
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
