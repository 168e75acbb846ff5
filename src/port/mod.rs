//! What the shell needs of the world: a clock, inputs, the control log, outputs, a place for checkpoints.

mod clock;
mod control;
mod sink;
mod source;
mod store;

pub use clock::Clock;
pub use control::{AppendError, ControlLog, Led};
pub use sink::{Delivery, Outgoing, Sink, SinkError};
pub use source::{Fetched, Source, SourceError, Start};
pub use store::{CheckpointStore, StoreError};
