//! The thread that writes checkpoints, off the learner's path.

use crate::event::Partition;
use crate::pipeline::checkpoint::{CheckpointError, Checkpoints, Saved, Snapshot};
use crate::port::Sink;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// How long dead letters may take to be acknowledged before the checkpoint that covers them is put off.
const FLUSH: Duration = Duration::from_secs(5);

/// What became of a checkpoint.
#[derive(Debug)]
pub(super) enum SaveOutcome {
    /// Durable: these positions may be committed.
    Saved(Saved, BTreeMap<Partition, i64>),
    /// Not durable, with the reason as metrics call it and as a sentence; the next one holds everything again.
    Failed(&'static str, String),
}

/// The saver's loop; ends when the learner has gone.
pub(super) fn save(
    mut checkpoints: Checkpoints,
    sink: &Arc<dyn Sink>,
    snapshots: &Receiver<Snapshot>,
    outcomes: &Sender<SaveOutcome>,
) {
    while let Ok(snapshot) = snapshots.recv() {
        let positions = snapshot.manifest.inputs.clone();
        // A checkpoint covers records whose dead letters would never be written again: they come first.
        let left = sink.flush(FLUSH);
        let outcome = if left > 0 {
            SaveOutcome::Failed("unsent", format!("{left} records are still on their way to Kafka"))
        } else {
            match checkpoints.save(snapshot) {
                Ok(saved) => SaveOutcome::Saved(saved, positions),
                Err(error @ CheckpointError::Full(_)) => SaveOutcome::Failed("disk_full", error.to_string()),
                Err(error) => SaveOutcome::Failed("other", error.to_string()),
            }
        };
        if outcomes.send(outcome).is_err() {
            return;
        }
    }
}
