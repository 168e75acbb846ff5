//! The only wiring, and the driver.
//!
//! Read in this order: settings, document (what every command ends with), drive (the state machine), reader, saver,
//! outlet, pauses (what surrounds it), learner (its thread), warm (models that begin from files), restore, run (an instance), replay, replay_topics,
//! leave_one_out (without one), export (models as files), visitors (the simulated shop of an instance elsewhere).

pub mod demo;
mod document;
mod drive;
mod export;
mod learner;
mod leave_one_out;
mod meter;
mod outlet;
mod pauses;
mod reader;
mod replay;
mod replay_topics;
mod restore;
mod run;
mod saver;
mod settings;
mod signals;
mod visitors;
mod warm;
mod watch;

pub use document::{ArmDocument, Document, ModelDocument};
pub use drive::{Action, Drive, DriveConfig, Stepped};
pub use export::{ExportDocument, ExportError, ExportForm, export, export_all};
pub use leave_one_out::{LeaveOneOutDocument, PassesDocument, leave_one_out};
pub use meter::HttpMeter;
pub use pauses::Pauses;
pub use replay::{ReplayError, replay_file};
pub use replay_topics::replay_topics;
pub use restore::restore;
pub use run::{Running, start, start_from};
pub use settings::{RunSettings, SourceSettings};
pub(crate) use signals::asked_to_stop;
pub use visitors::{VisitDocument, VisitSettings, visit};
pub use warm::warm_start;
