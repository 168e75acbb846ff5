//! What one step did, as plain counts: logs and counters are made from it, in one place, above.

use super::facts::EventOutcome;
use super::invariant::Violation;
use crate::allocate::FixedVector;
use crate::event::{Kind, Rejection, Span};
use std::collections::BTreeMap;

/// What became of a reward that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackOutcome {
    /// Credited to an open decision.
    Credited,
    /// Its decision has closed.
    Late,
    /// Its decision was not read within the grace.
    Unmatched,
    /// Its event time lies outside the decision's window.
    OutsideWindow,
    /// The experiment's reward table does not name it.
    Unrewarded,
}

impl FeedbackOutcome {
    /// All outcomes.
    pub const ALL: [Self; 5] = [Self::Credited, Self::Late, Self::Unmatched, Self::OutsideWindow, Self::Unrewarded];

    /// The label in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credited => "credited",
            Self::Late => "late",
            Self::Unmatched => "unmatched",
            Self::OutsideWindow => "outside_window",
            Self::Unrewarded => "unrewarded",
        }
    }
}

/// What one step did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Records handled.
    pub records: u64,
    /// Records by type (`None`: rejected before its type was known) and outcome.
    pub events: BTreeMap<(Option<Kind>, EventOutcome), u64>,
    /// Rejected arrivals: their index in the cut, and why.
    pub rejections: Vec<(usize, Rejection)>,
    /// Fields that no schema names.
    pub unknown_fields: u64,
    /// Rewards by experiment (empty: its decision is unknown) and outcome.
    pub feedback: BTreeMap<(String, FeedbackOutcome), u64>,
    /// Per (experiment, arm): decisions, first rewards, expiries, matured assignments, reward sum.
    pub arms: BTreeMap<(u16, u16), ArmReport>,
    /// Delays between a decision and its rewards.
    pub reward_delays: Vec<(u16, Span)>,
    /// Nanoseconds the step took; 0 where nobody measures.
    pub nanos: u64,
    /// Examples learned by every model.
    pub examples: u64,
    /// Examples ranked against the full catalogue.
    pub ranked: u64,
    /// Users or items that were not taken: the directory was crowded and they are seldom seen.
    pub not_admitted: u64,
    /// Users whose slot was given back.
    pub forgotten_users: u64,
    /// Items whose slot was given back.
    pub forgotten_items: u64,
    /// Updates skipped because they were not finite, by model.
    pub non_finite: BTreeMap<String, u64>,
    /// Delay between event time and log time, per accepted event.
    pub delays: Vec<(Kind, Span)>,
    /// Vectors that were fixed, by experiment.
    pub fixed: Vec<(String, FixedVector)>,
    /// Whether an allocation tick fired.
    pub ticked: bool,
    /// A command that was refused, with the reason.
    pub refused: Option<String>,
    /// Broken invariants: none, unless something is very wrong.
    pub violations: Vec<Violation>,
}

/// One arm's part of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArmReport {
    /// Decisions read.
    pub decisions: u64,
    /// Decisions rewarded for the first time.
    pub rewards: u64,
    /// Decisions that closed without a reward.
    pub expired: u64,
    /// Decisions that found the table of open ones full.
    pub left_out: u64,
    /// Decisions of a unit that had another arm.
    pub overrides: u64,
    /// Sum of credited rewards.
    pub reward_sum: f64,
}

impl Report {
    /// Counts a record.
    pub(super) fn count(&mut self, kind: Option<Kind>, outcome: EventOutcome) {
        *self.events.entry((kind, outcome)).or_default() += 1;
    }

    /// Counts a reward.
    pub(super) fn fed(&mut self, experiment: &str, outcome: FeedbackOutcome) {
        *self.feedback.entry((experiment.to_owned(), outcome)).or_default() += 1;
    }

    /// One arm's part.
    pub(super) fn arm(&mut self, experiment: u16, arm: u16) -> &mut ArmReport {
        self.arms.entry((experiment, arm)).or_default()
    }
}
