//! Checkpoints: all state at one point between cuts, so that a restart goes on from there.
//!
//! Read in this order: snapshot (what is saved), section (checksummed pieces of a file), file (one checkpoint as
//! bytes), restored (what comes back, and whether it fits), progress (how far that is), chain (bases, deltas, falling
//! back, pruning).

mod chain;
mod file;
mod progress;
mod restored;
mod section;
mod snapshot;

pub use chain::{CheckpointError, Checkpoints, Saved};
pub use restored::{Expected, Restored, RestoredPart, Skipped, Verdict, compare};
pub use section::FORMAT;
pub use snapshot::{Manifest, PartSnapshot, Snapshot};
