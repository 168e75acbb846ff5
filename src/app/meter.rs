//! Joins what serves and what measures: neither knows the other.

use crate::adapter::clock::Stopwatch;
use crate::adapter::kafka::KafkaCounters;
use crate::event::Reason;
use crate::observe::{Family, Metrics};
use crate::serve::{Doors, Meter, Phase};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The metrics of this instance as HTTP sees them.
#[derive(Clone)]
pub struct HttpMeter {
    metrics: Metrics,
    since: Stopwatch,
    kafka: Option<Arc<KafkaCounters>>,
}

impl HttpMeter {
    /// Measures into these metrics.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, since: Stopwatch::start(), kafka: None }
    }

    /// Shows what these Kafka clients count, too.
    #[must_use]
    pub fn with_kafka(mut self, counters: Arc<KafkaCounters>) -> Self {
        self.kafka = Some(counters);
        self
    }

    fn scrape_kafka(&self, counters: &KafkaCounters) {
        let metrics = &self.metrics;
        let counts = counters.counts();
        for ((topic, outcome), n) in &counts.produced {
            metrics.raise(Family::KafkaProduced, &[topic, outcome.as_str()], *n as f64);
        }
        for (code, n) in &counts.errors {
            metrics.raise(Family::KafkaErrors, &[code], *n as f64);
        }
        for ((topic, partition), lag) in &counts.lag {
            metrics.set(Family::KafkaLag, &[topic, &partition.to_string()], *lag as f64);
        }
        let plain: [(Family, &[&str], &AtomicU64); 7] = [
            (Family::KafkaResent, &[], &counters.resent),
            (Family::KafkaDropped, &[], &counters.spool_dropped),
            (Family::KafkaRebuilt, &[], &counters.producers_rebuilt),
            (Family::KafkaAppended, &[], &counters.appended),
            (Family::KafkaAppendRetries, &[], &counters.append_retries),
            (Family::KafkaCommits, &["failed"], &counters.commits_failed),
            (Family::KafkaRebalances, &["fenced"], &counters.fenced),
        ];
        for (family, labels, counter) in plain {
            metrics.raise(family, labels, counter.load(Ordering::Relaxed) as f64);
        }
    }
}

impl Meter for HttpMeter {
    fn nanos(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn begun(&self) {
        self.metrics.shift(Family::HttpInFlight, &[], 1.0);
    }

    fn ended(&self, route: &str, method: &str, code: u16, nanos: u64) {
        self.metrics.shift(Family::HttpInFlight, &[], -1.0);
        self.metrics.observe(Family::HttpDuration, &[route, method], nanos as f64 * 1e-9);
        // Codes are three digits: no allocation for the label.
        let digits = [b'0' + (code / 100 % 10) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8];
        let text = std::str::from_utf8(&digits).unwrap_or("other");
        self.metrics.count(Family::HttpRequests, &[route, method, text], 1);
    }

    fn decided(&self, experiment: &str, arm: &str, propensity: f64, reason: Reason) {
        self.metrics.count(Family::Decisions, &[experiment, arm], 1);
        self.metrics.observe(Family::DecisionPropensity, &[experiment], propensity);
        if reason != Reason::Assigned {
            self.metrics.count(Family::Fallbacks, &[reason.as_str()], 1);
        }
    }

    fn streams(&self, open: usize) {
        self.metrics.set(Family::SseClients, &[], open as f64);
    }

    fn render(&self, doors: &Doors) -> String {
        let metrics = &self.metrics;
        metrics.set(Family::QueueDepth, &["spool"], doors.sink.spooled() as f64);
        metrics.set(Family::HttpConnections, &[], doors.traffic.open() as f64);
        metrics.raise(Family::HttpRefused, &[], doors.traffic.refused() as f64);
        let phase = doors.status.phase();
        for other in Phase::ALL {
            metrics.set(Family::Phase, &[other.as_str()], f64::from(u8::from(other == phase)));
        }
        let overlay = doors.overlay.load();
        if let Some(view) = doors.view.newest() {
            metrics.scrape_view(&*view, &|experiment, arm| doors.arm_state(&*view, &overlay, experiment, arm));
        }
        if let Some(counters) = &self.kafka {
            self.scrape_kafka(counters);
        }
        metrics.scrape_process();
        metrics.render()
    }
}
