//! Decisions, interactions and feedback meet here and become outcomes.
//!
//! Read in this order: dedupe (what was seen before), pending (open decisions), assignment (units that keep an
//! arm), waiting (what names a decision not yet read), journal (the newest decisions, for explanations).

mod assignment;
mod dedupe;
mod journal;
mod pending;
mod waiting;

pub use assignment::{Assigned, Assignment, Assignments};
pub use dedupe::Dedupe;
pub use journal::{Journal, Trace, TraceState};
pub use pending::{Credit, NONE, Opened, Pending, PendingDecision, SHOWN, SKEW};
pub use waiting::{Early, Waiting};
