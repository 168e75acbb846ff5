//! Commands that were given here and are not in the log yet: they act at once.

use super::arms::ArmState;
use crate::event::{Command, CommandAction};
use std::collections::BTreeMap;

/// States of arms that stand over those of the view until the log has caught up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    states: BTreeMap<String, BTreeMap<String, ArmState>>,
}

impl Overlay {
    /// The overlay of commands in the order in which they were given.
    #[must_use]
    pub fn of<'a>(commands: impl IntoIterator<Item = &'a Command>) -> Self {
        let mut states: BTreeMap<String, BTreeMap<String, ArmState>> = BTreeMap::new();
        for c in commands {
            let state = match c.action {
                CommandAction::Paused => ArmState::Paused,
                CommandAction::Resumed => ArmState::Live,
                CommandAction::ArmRetired => ArmState::Retired,
                CommandAction::ArmAdded | CommandAction::Promoted | CommandAction::Reset => continue,
            };
            let of_arms = states.entry(c.experiment.clone()).or_default();
            // Retirement is for good, whatever is said afterwards.
            let now = of_arms.entry(c.arm.clone()).or_insert(state);
            if *now != ArmState::Retired {
                *now = state;
            }
        }
        Self { states }
    }

    /// The state of an arm, if a command stands over it.
    #[must_use]
    pub fn state(&self, experiment: &str, arm: &str) -> Option<ArmState> {
        self.states.get(experiment)?.get(arm).copied()
    }
}
