//! How much more one arm earns than another.

use super::evidence::ALPHA;
use super::experiment::Experiment;

/// One arm's mean reward over another's, over the stretch shown.
///
/// The interval comes from both arms' own, each at half the error: so it holds whatever the two have to do with each
/// other, at all times at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    /// Whether the three are parts of the other arm's mean (0.04: 4 % more) or differences in reward units.
    pub relative: bool,
    /// The estimate.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub lower: f64,
    /// Upper end; `None` where the other arm may earn nothing at all, so that no multiple of it is too large.
    pub upper: Option<f64>,
}

impl Experiment {
    /// An arm over another; `None` where rewards have no bound, or one of the two has no matured assignment yet.
    #[must_use]
    pub fn lift(&self, arm: usize, other: usize) -> Option<Lift> {
        let (mine, its) = (self.summary(arm), self.summary(other));
        if arm == other || mine.counted == 0 || its.counted == 0 {
            return None;
        }
        let (low, high) = self.interval(arm, ALPHA / 2.0)?;
        let (its_low, its_high) = self.interval(other, ALPHA / 2.0)?;
        let relative = self.config().reward.range().0 >= 0.0 && its.mean > 0.0;
        Some(if relative {
            let upper = (its_low > 0.0).then(|| high / its_low - 1.0);
            Lift { relative, value: mine.mean / its.mean - 1.0, lower: low / its_high - 1.0, upper }
        } else {
            Lift { relative, value: mine.mean - its.mean, lower: low - its_high, upper: Some(high - its_low) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ExperimentConfig;
    use crate::evaluate::sequence;
    use crate::event::{Span, Time};
    use crate::reward::{RewardTable, RewardValue};
    use std::collections::BTreeMap;

    fn experiment(reward: RewardTable) -> Experiment {
        let mut config = ExperimentConfig::new("home", &["a", "b"], "a");
        (config.half_life, config.reward) = (None, reward);
        Experiment::new(config)
    }

    #[test]
    fn it_comes_from_both_intervals_at_97_and_a_half_percent() {
        let mut e = experiment(RewardTable::clicks());
        assert_eq!(e.lift(1, 0), None, "nothing is known");
        for i in 0..2000 {
            e.credit(0, f64::from(u8::from(i % 20 == 0)));
            e.credit(1, f64::from(u8::from(i % 10 == 0)));
        }
        e.tick(Time(1000), Span::seconds(1), 1);
        let lift = e.lift(1, 0).expect("both earn");
        let a = sequence::bernoulli(2000.0, 100.0, 0.025, 0.1);
        let b = sequence::bernoulli(2000.0, 200.0, 0.025, 0.1);
        assert!((lift.value - 1.0).abs() < 1e-12, "twice as much is 100 % more");
        assert!((lift.lower - (b.0 / a.1 - 1.0)).abs() < 1e-12);
        assert!((lift.upper.expect("bounded") - (b.1 / a.0 - 1.0)).abs() < 1e-12);
        let back = e.lift(0, 1).expect("both earn");
        assert!(back.value < 0.0 && back.lower < back.value && back.upper.expect("bounded") > back.value);
        assert_eq!(e.lift(0, 0), None);
    }

    #[test]
    fn an_arm_that_may_earn_nothing_bounds_no_multiple() {
        let mut e = experiment(RewardTable::clicks());
        for i in 0..30 {
            e.credit(0, f64::from(u8::from(i == 3)));
            e.credit(1, 1.0);
        }
        let lift = e.lift(1, 0).expect("both earn");
        assert!(lift.relative && lift.upper.is_none_or(|u| u > 5.0), "{lift:?}");
    }

    #[test]
    fn signed_rewards_are_compared_by_their_difference() {
        let table = BTreeMap::from([("buy".to_owned(), RewardValue::Value)]);
        let mut e = experiment(RewardTable::new(table.clone(), Some(10.0)).expect("valid"));
        for i in 0..3000 {
            e.credit(0, if i % 2 == 0 { 4.0 } else { -6.0 });
            e.credit(1, if i % 2 == 0 { 6.0 } else { -4.0 });
        }
        let lift = e.lift(1, 0).expect("bounded");
        assert!(!lift.relative && (lift.value - 2.0).abs() < 1e-9, "{lift:?}");
        assert!(lift.lower < 2.0 && lift.upper.expect("always") > 2.0);
        let mut unbounded = experiment(RewardTable::new(table, None).expect("valid"));
        unbounded.credit(0, 1.0);
        unbounded.credit(1, 1.0);
        assert_eq!(unbounded.lift(1, 0), None);
    }
}
