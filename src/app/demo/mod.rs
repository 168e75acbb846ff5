//! The demo: a simulated shop, an embedded broker and the whole loop in one process.
//!
//! Read in this order: settings (what the shop is configured with), line (what the terminal shows), milestone (when
//! a promise comes true), stage (all of it together).

mod line;
mod milestone;
mod settings;
mod stage;

pub use settings::{ARMS, EXPERIMENT, experiment, models};
pub use stage::{DemoSettings, demo};
