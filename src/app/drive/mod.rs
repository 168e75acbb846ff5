//! The driver: a synchronous state machine between what the world reports and what it is asked to do.
//!
//! Read in this order: action (what it asks for), tray (what one partition holds ready), cutting (how a cut is formed),
//! ranked (which part of examples is ranked), lead (who may cut), machine (all of it together).

mod action;
mod cutting;
mod lead;
mod machine;
mod ranked;
mod tray;

pub use action::{Action, DriveConfig, Stepped};
pub use machine::Drive;
pub(super) use tray::FULL_RECORDS;
