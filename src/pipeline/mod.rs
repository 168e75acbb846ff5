//! The order of things. Read first: facts.

pub mod checkpoint;
mod facts;

pub use facts::{ArmTally, DecisionState, DecisionTrace, EventOutcome, Facts, ModelFacts, RecommendRequest, Totals};
