//! The order of things: one `step`, its report, view, checkpoint, invariants.
//!
//! Read in this order: arrival (a record, decoded), config, state, step (calls the others), teach (what an interaction is worth), stage (events become
//! examples), settle (decisions and rewards become outcomes), train (score, then learn), report, facts and view (what
//! readers get), recommend, invariant, checkpoint, portable (a model as a file of its own), warm (models that begin
//! from such files).

mod arrival;
pub mod checkpoint;
mod config;
mod counts;
mod facts;
mod invariant;
pub mod portable;
mod recommend;
mod report;
mod settle;
mod shards;
mod stage;
mod state;
mod step;
mod teach;
mod train;
mod view;
mod warm;

pub use crate::evaluate::Comparison;
pub use arrival::Arrival;
pub use config::PipelineConfig;
pub use counts::{ArmCounts, Counts};
pub use facts::{ArmTally, DecisionState, DecisionTrace, EventOutcome, Facts, ModelFacts, RecommendRequest, Totals};
pub use invariant::{Invariant, Violation};
pub use report::{ArmReport, FeedbackOutcome, Report};
pub use state::State;
pub use step::{CutInput, Input, Pipeline};
pub use teach::Teaching;
pub use view::View;
pub use warm::{WarmStart, Warmed};
