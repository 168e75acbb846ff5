//! Records of the control topic: generations and cuts (from the learner alone) and commands (from anyone).

use super::time::Time;
use serde::{Deserialize, Serialize};

/// One record of `<prefix>.control`, as JSON with `type` = generation, cut or command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// A learner took over; cuts of older generations after this point do not count.
    Generation(Generation),
    /// The learner may process inputs up to here.
    Cut(Cut),
    /// Somebody asks for a change.
    Command(Command),
}

/// A take-over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// One more than the newest seen.
    pub generation: u64,
    /// The driver's clock, milliseconds.
    pub time: i64,
    /// Which process took over: it recognises its own record by this.
    #[serde(default)]
    pub learner: String,
}

/// How far the inputs are processed, and at which log time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// The generation of the learner that wrote it.
    pub generation: u64,
    /// Log time after this cut, milliseconds.
    pub log_time: i64,
    /// Work share: the part of examples that is ranked against the full catalogue, 0 to 1.
    pub rank_share: f64,
    /// Only partitions that moved.
    pub parts: Vec<CutPart>,
}

/// One partition's part of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutPart {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
    /// Where reading began; only the first time this partition is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// The offset after the last record of this cut.
    pub end: i64,
    /// How many records lie between the last cut's end and this one's.
    pub count: u64,
}

/// A change somebody asks for, applied in log order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Recognises a command that was appended twice.
    pub event_id: String,
    /// When it was asked for, milliseconds.
    pub event_time: i64,
    /// What to do.
    pub action: CommandAction,
    /// In which experiment.
    pub experiment: String,
    /// To which arm.
    pub arm: String,
    /// Who asks (free text).
    #[serde(default)]
    pub actor: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What a command does to an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandAction {
    /// A new arm enters at the floor.
    ArmAdded,
    /// The arm leaves for good.
    ArmRetired,
    /// The arm becomes the baseline.
    Promoted,
    /// The arm gets no traffic until resumed.
    Paused,
    /// Ends a pause.
    Resumed,
    /// The arm's evidence is forgotten.
    Reset,
}

impl Cut {
    /// The cut's log time.
    #[must_use]
    pub const fn time(&self) -> Time {
        Time(self.log_time)
    }
}
