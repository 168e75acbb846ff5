//! Commands that were given here and are not in the log yet: they act at once.

use super::experiment::ArmState;
use crate::event::{Command, CommandAction};
use std::collections::BTreeMap;

/// States of arms that stand over those of the view until the log has caught up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    states: BTreeMap<(String, String), ArmState>,
}

impl Overlay {
    /// The overlay of commands in the order in which they were given.
    #[must_use]
    pub fn of<'a>(commands: impl IntoIterator<Item = &'a Command>) -> Self {
        let mut states = BTreeMap::new();
        for c in commands {
            let state = match c.action {
                CommandAction::Paused => ArmState::Paused,
                CommandAction::Resumed => ArmState::Live,
                CommandAction::ArmRetired => ArmState::Retired,
                _ => continue,
            };
            states.insert((c.experiment.clone(), c.arm.clone()), state);
        }
        Self { states }
    }

    /// The state of an arm, if a command stands over it.
    #[must_use]
    pub fn state(&self, experiment: &str, arm: &str) -> Option<ArmState> {
        if self.states.is_empty() {
            return None;
        }
        self.states.get(&(experiment.to_owned(), arm.to_owned())).copied()
    }
}
