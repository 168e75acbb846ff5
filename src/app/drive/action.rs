//! What the driver is told at its start, and what it asks for.

use crate::event::{Content, Control, Partition, Record, Rejection, Time};
use crate::pipeline::Report;
use crate::port::Start;
use std::collections::BTreeMap;

/// Settings of the driver.
#[derive(Clone, Debug)]
pub struct DriveConfig {
    /// What the topics hold, by name.
    pub contents: BTreeMap<String, Content>,
    /// Names this process in its generation.
    pub learner: String,
    /// Fixed share of examples that is ranked; `None`: follows the load.
    pub rank: Option<f64>,
    /// Whether this process may cut at all (a replay only follows).
    pub follow_only: bool,
    /// Whether to go on where the log holds fewer records than a cut counted.
    pub allow_gaps: bool,
}

/// A cut that was processed.
#[derive(Debug)]
pub struct Stepped {
    /// What it did.
    pub report: Report,
    /// Records that were rejected, with the reason.
    pub rejected: Vec<(Record, Rejection)>,
    /// Log time after it; `None` for a command or a generation.
    pub log_time: Option<Time>,
}

/// What the driver wants done.
#[derive(Debug)]
pub enum Action {
    /// Read these partitions from these starts; ones that are read already begin anew there.
    Read(Vec<(Partition, Start)>),
    /// Fence the learner before us.
    TakeOver,
    /// Append to the control log.
    Append(Control),
    /// Stop fetching a partition, or go on.
    Pause(Partition, bool),
    /// A control record was processed.
    Stepped(Box<Stepped>),
    /// Nothing can be processed any more; the sentence says why and what to do.
    Stop(String),
}
