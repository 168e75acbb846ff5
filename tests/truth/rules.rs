//! What the account needs to know of an experiment.

use serde_json::Value;
use std::collections::BTreeMap;

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
    /// Rewards by action or metric: a constant, or `None` for the event's own `value`.
    pub(crate) reward: BTreeMap<String, Option<f64>>,
}

/// How far before its decision a reward may lie, because clocks differ.
pub(crate) const SKEW: i64 = 10_000;

impl Rules {
    /// The reward of an action with a value; `None` where it is not rewarded.
    pub(crate) fn worth(&self, metric: &str, value: Option<&Value>) -> Option<f64> {
        self.reward.get(metric)?.or_else(|| value.and_then(Value::as_f64))
    }
}
