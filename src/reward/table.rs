//! The reward table of an experiment.

use std::collections::BTreeMap;

/// What one metric or action is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RewardValue {
    /// Always this much.
    Constant(f64),
    /// As much as the event's `value` (nothing when it has none).
    Value,
}

/// Why a reward table cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RewardError {
    /// No entry at all.
    #[error("the reward table is empty: name at least one action, as in {{ click = 1.0 }}")]
    Empty,
    /// A constant that is not finite or too large.
    #[error("the reward of {0} is {1}; it must be a number between -1e9 and 1e9")]
    OutOfRange(String, f64),
}

/// What each metric or action is worth in one experiment, and the cap on an assignment's sum.
#[derive(Clone, Debug, PartialEq)]
pub struct RewardTable {
    entries: BTreeMap<String, RewardValue>,
    cap: f64,
}

/// RE-1: no reward is larger than this, whatever an event says.
const LIMIT: f64 = 1e9;

impl RewardTable {
    /// A table. Without an explicit cap an assignment earns at most the largest constant, or a thousand million where values
    /// count.
    ///
    /// # Errors
    /// See [`RewardError`].
    pub fn new(entries: BTreeMap<String, RewardValue>, cap: Option<f64>) -> Result<Self, RewardError> {
        if entries.is_empty() {
            return Err(RewardError::Empty);
        }
        let mut largest: f64 = 0.0;
        for (name, value) in &entries {
            match *value {
                RewardValue::Constant(c) if !c.is_finite() || c.abs() > LIMIT => {
                    return Err(RewardError::OutOfRange(name.clone(), c));
                }
                RewardValue::Constant(c) => largest = largest.max(c),
                RewardValue::Value => largest = LIMIT,
            }
        }
        let cap = cap.filter(|c| c.is_finite() && *c > 0.0).unwrap_or(if largest > 0.0 { largest } else { 1.0 });
        Ok(Self { entries, cap: cap.min(LIMIT) })
    }

    /// `{ click = 1 }`: the commonest table.
    #[must_use]
    pub fn clicks() -> Self {
        Self { entries: BTreeMap::from([("click".to_owned(), RewardValue::Constant(1.0))]), cap: 1.0 }
    }

    /// What an event is worth; `None` when the table does not name it.
    ///
    /// Always finite and within ±1e9 (RE-1).
    #[must_use]
    pub fn reward(&self, metric: &str, value: Option<f64>) -> Option<f64> {
        let reward = match *self.entries.get(metric)? {
            RewardValue::Constant(c) => c,
            RewardValue::Value => value?,
        };
        reward.is_finite().then(|| reward.clamp(-LIMIT, LIMIT))
    }

    /// The most that one assignment can earn.
    #[must_use]
    pub const fn cap(&self) -> f64 {
        self.cap
    }

    /// Whether an assignment earns nothing or exactly the cap: then a Bernoulli posterior is exact.
    #[must_use]
    pub fn binary(&self) -> bool {
        self.entries.values().all(|v| match *v {
            RewardValue::Constant(c) => c == 0.0 || c >= self.cap,
            RewardValue::Value => false,
        })
    }

    /// Whether rewards lie between 0 and a stated cap, so that bounded sequences apply.
    #[must_use]
    pub fn bounded(&self) -> bool {
        let positive = self.entries.values().all(|v| !matches!(*v, RewardValue::Constant(c) if c < 0.0));
        positive && self.cap < LIMIT
    }

    /// The entries, in order of their names.
    #[must_use]
    pub const fn entries(&self) -> &BTreeMap<String, RewardValue> {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, RewardValue)], cap: Option<f64>) -> RewardTable {
        RewardTable::new(entries.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(), cap).expect("valid")
    }

    #[test]
    fn constants_and_values() {
        let t = table(&[("click", RewardValue::Constant(1.0)), ("purchase", RewardValue::Value)], Some(50.0));
        assert_eq!(t.reward("click", None), Some(1.0));
        assert_eq!(t.reward("purchase", Some(1e12)), Some(1e9));
        assert_eq!(t.reward("purchase", None), None);
        assert_eq!(t.reward("view", Some(1.0)), None);
        assert!(!t.binary() && t.bounded());
        assert!(RewardTable::clicks().binary());
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert_eq!(RewardTable::new(BTreeMap::new(), None), Err(RewardError::Empty));
        let bad = BTreeMap::from([("click".to_owned(), RewardValue::Constant(f64::INFINITY))]);
        assert!(matches!(RewardTable::new(bad, None), Err(RewardError::OutOfRange(..))));
    }
}
