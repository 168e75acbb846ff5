//! Joins what serves and what measures: neither knows the other.

use crate::adapter::clock::Stopwatch;
use crate::event::Reason;
use crate::observe::{Family, Metrics};
use crate::serve::{Doors, Meter};

/// The metrics of this instance as HTTP sees them.
#[derive(Clone)]
pub struct HttpMeter {
    metrics: Metrics,
    since: Stopwatch,
}

impl HttpMeter {
    /// Measures into these metrics.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, since: Stopwatch::start() }
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

    fn render(&self, doors: &Doors) -> String {
        let metrics = &self.metrics;
        metrics.set(Family::QueueDepth, &["spool"], doors.sink.spooled() as f64);
        metrics.set(Family::HttpConnections, &[], doors.traffic.open() as f64);
        metrics.raise(Family::HttpRefused, &[], doors.traffic.refused() as f64);
        if let Some(view) = doors.view.newest() {
            let overlay = doors.overlay.load();
            metrics.scrape_view(&*view, &|experiment, arm| doors.arm_state(&*view, &overlay, experiment, arm));
        }
        metrics.scrape_process();
        metrics.render()
    }
}
