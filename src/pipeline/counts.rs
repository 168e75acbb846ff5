//! Exact totals and the clockwork of a pipeline.

use super::facts::EventOutcome;
use super::report::{FeedbackOutcome, Report};
use crate::event::{Code, Kind};
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Exact totals and the clockwork: everything that is neither table, model nor experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Log time, milliseconds.
    pub log_time: i64,
    /// Newest generation.
    pub generation: u64,
    /// Log time of the last allocation tick, milliseconds.
    pub last_tick: Option<i64>,
    /// Records handled.
    pub records: u64,
    /// Records by "type/outcome".
    pub events: BTreeMap<String, u64>,
    /// Rejected records by code.
    pub rejected: BTreeMap<String, u64>,
    /// Rewards by "experiment/outcome".
    pub feedback: BTreeMap<String, u64>,
    /// Per "experiment/arm": exact counts.
    pub arms: BTreeMap<String, ArmCounts>,
    /// Examples learned.
    pub examples: u64,
    /// Examples ranked.
    pub ranked: u64,
    /// Users or items that were not taken.
    pub not_admitted: u64,
    /// Users whose slot was given back.
    pub forgotten_users: u64,
    /// Items whose slot was given back.
    pub forgotten_items: u64,
    /// Ids of the newest commands that were applied or refused.
    pub commands: VecDeque<String>,
}

/// Exact counts of one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmCounts {
    /// Decisions read.
    pub decisions: u64,
    /// Assignments decided: first decisions that were drawn.
    pub assignments: u64,
    /// Decisions with a reward.
    pub rewards: u64,
    /// Decisions closed without.
    pub expired: u64,
    /// Decisions left out because the table of open ones was full.
    pub left_out: u64,
    /// Decisions whose unit had another arm in the same epoch.
    pub overrides: u64,
    /// Sum of credited rewards.
    pub reward_sum: f64,
}

impl Counts {
    /// Commands remembered, to recognise one that was appended twice.
    pub(super) const COMMANDS: usize = 10_000;

    /// Exact counts of an arm, to be changed.
    pub(super) fn arm(&mut self, experiment: &str, arm: &str) -> &mut ArmCounts {
        self.arms.entry(format!("{experiment}/{arm}")).or_default()
    }

    /// Adds what a step counted.
    pub(super) fn add(&mut self, report: &Report) {
        self.records += report.records;
        for (&(kind, outcome), n) in &report.events {
            *self.events.entry(event_key(kind, outcome)).or_default() += n;
        }
        for (_, rejection) in &report.rejections {
            *self.rejected.entry(rejection.code.as_str().to_owned()).or_default() += 1;
        }
        for ((experiment, outcome), n) in &report.feedback {
            *self.feedback.entry(format!("{experiment}/{}", outcome.as_str())).or_default() += n;
        }
        self.examples += report.examples;
        self.ranked += report.ranked;
        self.not_admitted += report.not_admitted;
        self.forgotten_users += report.forgotten_users;
        self.forgotten_items += report.forgotten_items;
    }

    /// How many records of a type had an outcome.
    #[must_use]
    pub fn events_of(&self, kind: Option<Kind>, outcome: EventOutcome) -> u64 {
        self.events.get(&event_key(kind, outcome)).copied().unwrap_or(0)
    }

    /// How many records had an outcome, over all types.
    #[must_use]
    pub fn outcome(&self, outcome: EventOutcome) -> u64 {
        Kind::ALL.iter().map(|&k| self.events_of(Some(k), outcome)).sum::<u64>() + self.events_of(None, outcome)
    }

    /// How many records were rejected for a reason.
    #[must_use]
    pub fn rejected_for(&self, code: Code) -> u64 {
        self.rejected.get(code.as_str()).copied().unwrap_or(0)
    }

    /// How many rewards of an experiment had an outcome.
    #[must_use]
    pub fn feedback_of(&self, experiment: &str, outcome: FeedbackOutcome) -> u64 {
        self.feedback.get(&format!("{experiment}/{}", outcome.as_str())).copied().unwrap_or(0)
    }
}

fn event_key(kind: Option<Kind>, outcome: EventOutcome) -> String {
    format!("{}/{}", kind.map_or("unknown", Kind::as_str), outcome.as_str())
}

impl Part for Counts {
    fn tables(&self) -> Vec<(String, &Table)> {
        Vec::new()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        Vec::new()
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("counts have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        *self = serde_json::from_slice(blob).map_err(|e| PartError(format!("counts: {e}")))?;
        Ok(())
    }
}
