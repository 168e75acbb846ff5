//! The reward table of an experiment.

use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeMap;
use std::fmt;

/// What one metric or action is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RewardValue {
    /// Always this much.
    Constant(f64),
    /// As much as the event's `value` (nothing when it has none).
    Value,
}

/// In settings: a number, or the word `"value"`.
impl<'de> Deserialize<'de> for RewardValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrWord;
        impl de::Visitor<'_> for NumberOrWord {
            type Value = RewardValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or \"value\" for the event's own value")
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<RewardValue, E> {
                Ok(RewardValue::Constant(v))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<RewardValue, E> {
                Ok(RewardValue::Constant(v as f64))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<RewardValue, E> {
                Ok(RewardValue::Constant(v as f64))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<RewardValue, E> {
                if v == "value" { Ok(RewardValue::Value) } else { Err(E::invalid_value(de::Unexpected::Str(v), &self)) }
            }
        }
        deserializer.deserialize_any(NumberOrWord)
    }
}

/// Why a reward table cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RewardError {
    /// No entry at all.
    #[error("the reward table is empty: name at least one action, as in {{ click = 1.0 }}")]
    Empty,
    /// An entry without a usable name.
    #[error("{0:?} is no name of an action or metric: 1 to 128 bytes are")]
    Name(String),
    /// A constant that is not finite or too large.
    #[error("the reward of {0} is {1}; it must be a number between -1e9 and 1e9")]
    OutOfRange(String, f64),
    /// A cap that caps nothing.
    #[error("the cap is {0}; it must be above 0 and at most 1e9")]
    Cap(f64),
}

/// What each metric or action is worth in one experiment, and the range of an assignment's sum.
#[derive(Clone, Debug, PartialEq)]
pub struct RewardTable {
    entries: BTreeMap<String, RewardValue>,
    least: f64,
    cap: f64,
}

/// RE-1: no reward is larger than this, whatever an event says.
const LIMIT: f64 = 1e9;

impl RewardTable {
    /// A table. Without an explicit cap an assignment earns at most the largest constant, or 1e9 where values count.
    ///
    /// # Errors
    /// See [`RewardError`].
    pub fn new(entries: BTreeMap<String, RewardValue>, cap: Option<f64>) -> Result<Self, RewardError> {
        if entries.is_empty() {
            return Err(RewardError::Empty);
        }
        let (mut largest, mut smallest): (f64, f64) = (0.0, 0.0);
        for (name, value) in &entries {
            if name.is_empty() || name.len() > 128 {
                return Err(RewardError::Name(name.clone()));
            }
            match *value {
                RewardValue::Constant(c) if !c.is_finite() || c.abs() > LIMIT => {
                    return Err(RewardError::OutOfRange(name.clone(), c));
                }
                RewardValue::Constant(c) => (largest, smallest) = (largest.max(c), smallest.min(c)),
                RewardValue::Value => largest = LIMIT,
            }
        }
        if let Some(bad) = cap.filter(|c| !(*c > 0.0 && *c <= LIMIT)) {
            return Err(RewardError::Cap(bad));
        }
        let cap = cap.unwrap_or(if largest > 0.0 { largest } else { 1.0 });
        // Only where something can be negative does the range reach below zero: it widens intervals.
        let values = entries.values().any(|v| *v == RewardValue::Value);
        let least = if values || smallest < 0.0 { smallest.min(-cap) } else { 0.0 };
        Ok(Self { entries, least, cap })
    }

    /// The same from a map that is kept: without an explicit cap.
    ///
    /// # Errors
    /// See [`RewardError`].
    pub fn parse(entries: &BTreeMap<String, RewardValue>) -> Result<Self, RewardError> {
        Self::new(entries.clone(), None)
    }

    /// `{ click = 1 }`: the commonest table.
    #[must_use]
    pub fn clicks() -> Self {
        Self { entries: BTreeMap::from([("click".to_owned(), RewardValue::Constant(1.0))]), least: 0.0, cap: 1.0 }
    }

    /// What an event is worth; `None` when the table does not name it, or it has no usable value.
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

    /// What an assignment earns: its rewards' sum, within [`RewardTable::range`]. A sum that is no number earns nothing.
    #[must_use]
    pub fn earned(&self, sum: f64) -> f64 {
        if sum.is_nan() { 0.0 } else { sum.clamp(self.least, self.cap) }
    }

    /// The most that one assignment can earn.
    #[must_use]
    pub const fn cap(&self) -> f64 {
        self.cap
    }

    /// The least and the most that one assignment can earn. Below zero it reaches as far as above, or as far as the
    /// most negative constant, where there are values or negative constants.
    #[must_use]
    pub const fn range(&self) -> (f64, f64) {
        (self.least, self.cap)
    }

    /// Whether an assignment earns nothing or exactly the cap: then a Bernoulli posterior is exact.
    #[must_use]
    pub fn binary(&self) -> bool {
        self.entries.values().all(|v| match *v {
            RewardValue::Constant(c) => c == 0.0 || c >= self.cap,
            RewardValue::Value => false,
        })
    }

    /// Whether the range was stated, so that intervals for bounded rewards say something.
    #[must_use]
    pub fn bounded(&self) -> bool {
        self.cap < LIMIT && self.least > -LIMIT
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
    use proptest::prelude::*;

    fn table(entries: &[(&str, RewardValue)], cap: Option<f64>) -> RewardTable {
        RewardTable::new(entries.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(), cap).expect("valid")
    }

    #[test]
    fn constants_and_values() {
        let t = table(&[("click", RewardValue::Constant(1.0)), ("purchase", RewardValue::Value)], Some(50.0));
        assert_eq!(t.reward("click", None), Some(1.0));
        assert_eq!(t.reward("purchase", Some(1e12)), Some(1e9));
        assert_eq!(t.reward("purchase", None), None);
        assert_eq!(t.reward("purchase", Some(f64::NAN)), None);
        assert_eq!(t.reward("view", Some(1.0)), None);
        assert!(!t.binary() && t.bounded());
        assert_eq!(t.range(), (-50.0, 50.0), "a refund is a negative value");
        assert!(!table(&[("purchase", RewardValue::Value)], None).bounded());
    }

    #[test]
    fn what_is_binary() {
        let c = RewardValue::Constant;
        assert!(RewardTable::clicks().binary());
        assert!(table(&[("click", c(2.0)), ("view", c(0.0))], None).binary());
        assert!(!table(&[("click", c(1.0)), ("purchase", c(5.0))], None).binary());
        assert!(table(&[("click", c(1.0)), ("purchase", c(5.0))], Some(1.0)).binary(), "capped, both are worth 1");
        let signed = table(&[("click", c(1.0)), ("dislike", c(-3.0))], None);
        assert!(!signed.binary() && signed.bounded());
        assert_eq!(signed.range(), (-3.0, 1.0));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let one = |name: &str, value| BTreeMap::from([(name.to_owned(), value)]);
        assert_eq!(RewardTable::parse(&BTreeMap::new()), Err(RewardError::Empty));
        for bad in [f64::INFINITY, f64::NAN, -1e10] {
            let refused = RewardTable::parse(&one("click", RewardValue::Constant(bad)));
            assert!(matches!(refused, Err(RewardError::OutOfRange(..))));
        }
        for bad in [0.0, -1.0, f64::NAN, 1e10] {
            let refused = RewardTable::new(one("purchase", RewardValue::Value), Some(bad));
            assert!(matches!(refused, Err(RewardError::Cap(_))));
        }
        assert!(matches!(RewardTable::parse(&one("", RewardValue::Value)), Err(RewardError::Name(_))));
    }

    #[test]
    fn settings_are_numbers_or_the_word_value() {
        let read = |json: &str| serde_json::from_str::<RewardValue>(json);
        assert_eq!(read("1").expect("number"), RewardValue::Constant(1.0));
        assert_eq!(read("-0.5").expect("number"), RewardValue::Constant(-0.5));
        assert_eq!(read("\"value\"").expect("word"), RewardValue::Value);
        let refused = read("\"price\"").expect_err("no such word").to_string();
        assert!(refused.contains("\"value\""), "{refused}");
    }

    proptest! {
        /// RE-1, for whatever an event holds.
        #[test]
        fn rewards_are_finite_and_in_range(value in any::<f64>(), sum in any::<f64>(), constant in -1e9f64..1e9) {
            let t = table(&[("a", RewardValue::Constant(constant)), ("b", RewardValue::Value)], None);
            for metric in ["a", "b"] {
                if let Some(r) = t.reward(metric, Some(value)) {
                    prop_assert!(r.is_finite() && r.abs() <= 1e9);
                }
            }
            let earned = t.earned(sum);
            prop_assert!(earned >= t.range().0 && earned <= t.range().1);
        }
    }
}
