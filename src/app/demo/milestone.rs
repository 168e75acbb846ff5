//! What the demo promises, said when it happens: the best arm wins its share, and loses it after the truth changed.

use super::settings::{ARMS, EXPERIMENT};
use crate::event::Time;
use crate::pipeline::Facts;
use crate::simulate::{Regime, World};

/// A winner has at least this many times a uniform share.
const WINS: f64 = 1.25;

/// What is still to happen in this regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Every arm has rewards, and the truly best one has won.
    First,
    /// The truly best arm has the largest share.
    Lead,
    /// All has happened.
    Nothing,
}

/// Watches for the demo's promises.
#[derive(Debug)]
pub(super) struct Milestones {
    opens: Time,
    regime: Regime,
    changed: Time,
    awaited: Awaited,
}

impl Milestones {
    pub(super) fn new(world: &World) -> Self {
        let opens = world.shape().opens;
        Self { opens, regime: world.regime(opens), changed: opens, awaited: Awaited::First }
    }

    /// The sentence for a change of the truth, if there was one since the last call.
    pub(super) fn change(&mut self, regime: Regime, now: Time) -> Option<&'static str> {
        if regime == self.regime {
            return None;
        }
        (self.regime, self.changed, self.awaited) = (regime, now, Awaited::Lead);
        Some(match regime {
            Regime::Sale => "the shop changes: a sale, everybody wants the same few items",
            Regime::Trails => "the shop changes: the sale is over, shoppers follow trails from item to item",
        })
    }

    /// The sentence for a promise that has just come true. `best` is the truly best arm.
    pub(super) fn reached(&mut self, view: &dyn Facts, best: &str, now: Time) -> Option<String> {
        let experiment = view.experiment(EXPERIMENT)?;
        let shares = &experiment.allocation().shares;
        let share = shares.get(experiment.arm_index(best)?).copied()?;
        let percent = 100.0 * share;
        match self.awaited {
            Awaited::First => {
                let rewarded = ARMS.iter().all(|arm| view.tally(EXPERIMENT, arm).rewards > 0);
                if !rewarded || share < WINS / ARMS.len() as f64 {
                    return None;
                }
                self.awaited = Awaited::Nothing;
                let seconds = (now - self.opens).as_seconds();
                Some(format!(
                    "after {seconds:.1} s every arm has rewards, and {best}, truly the best, {percent:.0} % of traffic"
                ))
            }
            Awaited::Lead => {
                if shares.iter().any(|s| *s > share) {
                    return None;
                }
                self.awaited = Awaited::Nothing;
                let seconds = (now - self.changed).as_seconds();
                Some(format!(
                    "{seconds:.1} s after the change {best}, truly the best now, has the largest share: {percent:.0} %"
                ))
            }
            Awaited::Nothing => None,
        }
    }
}
