//! From a step's report to counters: numbers get their names here.

use super::drive::Drive;
use crate::adapter::kafka::KafkaCounters;
use crate::event::{Record, Rejection};
use crate::observe::Metrics;
use crate::pipeline::Report;
use std::sync::Arc;

/// Counts steps.
pub(super) struct Watcher {
    metrics: Metrics,
    counters: Arc<KafkaCounters>,
}

impl Watcher {
    pub(super) const fn new(metrics: Metrics, counters: Arc<KafkaCounters>) -> Self {
        Self { metrics, counters }
    }

    /// Counts one step.
    pub(super) fn step(&mut self, report: &Report, drive: &Drive, rejected: &[(Record, Rejection)]) {
        let _ = (&self.metrics, &self.counters, report, drive, rejected);
    }
}
