//! The broker inside the process, for the demo and for tests.

mod broker;

pub use broker::{EmbeddedBroker, EmbeddedError};
