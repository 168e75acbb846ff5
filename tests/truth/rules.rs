//! What the account needs to know of an experiment.

use std::collections::BTreeMap;

/// What one action or metric is worth.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worth {
    /// Always this much.
    Fixed(f64),
}

/// The rules of one experiment. Times in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The experiment.
    pub(crate) experiment: String,
    /// Attribution window.
    pub(crate) window: i64,
    /// How long after the window an outcome stays open.
    pub(crate) grace: i64,
    /// The longest grace of all experiments: how long a reward waits for its decision.
    pub(crate) wait: i64,
    /// Rewards by action or metric.
    pub(crate) reward: BTreeMap<String, Worth>,
}

/// How far before its decision a reward may lie, because clocks differ.
pub(crate) const SKEW: i64 = 10_000;

impl Rules {
    /// The reward of an action; `None` where it is not rewarded.
    pub(crate) fn worth(&self, metric: &str) -> Option<f64> {
        match self.reward.get(metric)? {
            Worth::Fixed(amount) => Some(*amount),
        }
    }
}
