//! The only wiring, and the driver. Read in this order: document (what every command ends with), replay, meter.

mod document;
mod meter;
mod replay;

pub use document::{ArmDocument, Document, ModelDocument};
pub use meter::HttpMeter;
pub use replay::{ReplayError, replay_file};
