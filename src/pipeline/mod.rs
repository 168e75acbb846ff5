//! The order of things. Read first: facts.

mod facts;

pub use facts::{ArmTally, DecisionState, DecisionTrace, EventOutcome, Facts, ModelFacts, RecommendRequest, Totals};
