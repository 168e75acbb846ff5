//! What the learner sends out: dead letters, allocations, and word of its checkpoints.

use crate::adapter::kafka::{KafkaConfig, names};
use crate::allocate::FixedVector;
use crate::codec;
use crate::event::{Record, Rejection, Time};
use crate::observe::{Family, Metrics};
use crate::port::{Outgoing, Sink};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the learner waits before it tries a full spool again.
const FULL: Duration = Duration::from_millis(20);

/// Where the learner's records go.
pub(super) struct Outlet {
    pub(super) sink: Arc<dyn Sink>,
    dead_letters: Arc<str>,
    allocations: Arc<str>,
    metrics: Metrics,
}

impl Outlet {
    pub(super) fn new(sink: Arc<dyn Sink>, kafka: &KafkaConfig, metrics: Metrics) -> Self {
        let topic = |name: &str| kafka.topic(name).into();
        Self { sink, dead_letters: topic(names::DEAD_LETTERS), allocations: topic(names::ALLOCATIONS), metrics }
    }

    /// Writes rejected records with the reason. Where the spool is full the learner waits: nothing is dropped.
    pub(super) fn dead_letters(&self, rejected: &[(Record, Rejection)], stop: &CancellationToken) {
        for (record, rejection) in rejected {
            let (payload, headers) = codec::dead_letter_headers(record, rejection);
            let mut letter = Outgoing {
                topic: Arc::clone(&self.dead_letters),
                key: record.key.clone(),
                payload,
                headers,
                timestamp: Some(record.timestamp),
            };
            while let Err(back) = self.sink.spool(letter) {
                if stop.is_cancelled() {
                    // Not covered by a checkpoint, since that waits for the spool: it is rejected again at the restart.
                    tracing::warn!("stopping with a full spool: a dead letter is written at the next start");
                    return;
                }
                letter = back;
                std::thread::sleep(FULL);
                self.metrics.add(Family::Backpressure, &["spool"], FULL.as_secs_f64());
            }
        }
    }

    /// Writes fixed vectors, keyed by experiment, scope and slot. They can be derived again: a full spool drops them.
    pub(super) fn allocations(&self, fixed: &[(String, FixedVector)]) {
        for (experiment, vector) in fixed {
            let slot = vector.slot.map_or_else(|| "newest".to_owned(), |s| s.to_string());
            let shares: serde_json::Map<String, serde_json::Value> =
                vector.shares.iter().map(|(arm, share)| (arm.clone(), (*share).into())).collect();
            let body = serde_json::json!({
                "experiment": experiment,
                "scope": vector.scope,
                "slot": vector.slot,
                "allocation": vector.version,
                "shares": shares,
            });
            let record = Outgoing {
                topic: Arc::clone(&self.allocations),
                key: Some(format!("{experiment}/{}/{slot}", vector.scope).into()),
                payload: Some(body.to_string().into()),
                ..Outgoing::default()
            };
            if self.sink.spool(record).is_err() {
                tracing::debug!(experiment, "an allocation record found the spool full");
            }
        }
    }

    pub(super) fn checkpointed(&self, bytes: u64, begun: Option<Time>, now: Time) {
        if let Some(begun) = begun {
            self.metrics.observe(Family::CheckpointDuration, &[], (now - begun).as_seconds());
        }
        self.metrics.set(Family::CheckpointBytes, &[], bytes as f64);
        self.metrics.set(Family::CheckpointLast, &[], now.0 as f64 / 1000.0);
    }

    pub(super) fn checkpoint_failed(&self, reason: &str) {
        self.metrics.count(Family::CheckpointFailures, &[reason], 1);
    }
}
