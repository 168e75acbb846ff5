//! Arms, and the commands that change them.

use super::config::ExperimentConfig;
use super::evidence::Evidence;
use super::experiment::Experiment;
use crate::event::{Command, CommandAction};
use serde::{Deserialize, Serialize};

/// What an arm may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmState {
    /// Gets traffic.
    Live,
    /// Gets none until it is resumed.
    Paused,
    /// Gets none for good.
    Retired,
    /// A guardrail took it out.
    Tripped,
}

impl ArmState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Live, Self::Paused, Self::Retired, Self::Tripped];

    /// The wire form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Retired => "retired",
            Self::Tripped => "tripped",
        }
    }
}

/// An arm; its index is its own for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmInfo {
    /// Its name: of a built-in model, or of one served elsewhere.
    pub name: String,
    /// What it may do.
    pub state: ArmState,
}

/// Who brought an arm in: decides what a changed configuration does to it at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    /// The configuration names it.
    Config,
    /// The configuration named it once, and took it out: it is retired until named again.
    Withdrawn,
    /// A command.
    Command,
}

/// Why a command was not applied. The first part is the experiment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefused {
    /// No such arm.
    #[error("experiment {0} has no arm {1}")]
    UnknownArm(String, String),
    /// An arm of that name is there, or was.
    #[error("experiment {0} has or had an arm {1}; names are not used again")]
    ArmExists(String, String),
    /// A name that cannot stand in logs and hashes.
    #[error("experiment {0}: {1:?} is no name of an arm: 1 to 128 bytes without control characters are")]
    BadName(String, String),
    /// No room for another arm.
    #[error("experiment {0} has had {1} arms, the most it can")]
    TooManyArms(String, usize),
    /// A retired arm does not come back.
    #[error("arm {1} of experiment {0} is retired; add it again under another name")]
    IsRetired(String, String),
    /// The command would change nothing.
    #[error("arm {1} of experiment {0} is {2} already")]
    AlreadySo(String, String, &'static str),
}

impl Experiment {
    /// Applies a command that was read from the log. Shares follow at the next tick; the decider heeds an arm's state
    /// at once.
    ///
    /// # Errors
    /// See [`CommandRefused`]; a refused command changes nothing.
    pub fn apply(&mut self, command: &Command) -> Result<(), CommandRefused> {
        if command.action == CommandAction::ArmAdded {
            return self.add(&command.arm);
        }
        let names = || (self.name().to_owned(), command.arm.clone());
        let Some(arm) = self.arm_index(&command.arm) else {
            let (experiment, arm) = names();
            return Err(CommandRefused::UnknownArm(experiment, arm));
        };
        let state = self.arms()[arm].state;
        let already = match command.action {
            CommandAction::Paused if state == ArmState::Paused => Some("paused"),
            CommandAction::Resumed if state == ArmState::Live => Some("live"),
            CommandAction::ArmRetired if state == ArmState::Retired => Some("retired"),
            CommandAction::Promoted if self.baseline() == arm => Some("the baseline"),
            _ => None,
        };
        if let Some(what) = already {
            let (experiment, arm) = names();
            return Err(CommandRefused::AlreadySo(experiment, arm, what));
        }
        if state == ArmState::Retired {
            let (experiment, arm) = names();
            return Err(CommandRefused::IsRetired(experiment, arm));
        }
        let saved = &mut self.saved;
        match command.action {
            CommandAction::Paused => saved.arms[arm].state = ArmState::Paused,
            CommandAction::Resumed => saved.arms[arm].state = ArmState::Live,
            CommandAction::ArmRetired => saved.arms[arm].state = ArmState::Retired,
            CommandAction::Promoted => saved.baseline = arm,
            CommandAction::Reset => saved.evidence[arm] = Evidence::default(),
            CommandAction::ArmAdded => {}
        }
        Ok(())
    }

    fn add(&mut self, arm: &str) -> Result<(), CommandRefused> {
        let names = || (self.name().to_owned(), arm.to_owned());
        if !ExperimentConfig::usable_name(arm) {
            let (experiment, arm) = names();
            return Err(CommandRefused::BadName(experiment, arm));
        }
        if self.arm_index(arm).is_some() {
            let (experiment, arm) = names();
            return Err(CommandRefused::ArmExists(experiment, arm));
        }
        if self.arms().len() >= ExperimentConfig::MAX_ARMS {
            return Err(CommandRefused::TooManyArms(names().0, ExperimentConfig::MAX_ARMS));
        }
        self.saved.push(arm, Origin::Command);
        self.remember_moments(arm);
        Ok(())
    }
}
