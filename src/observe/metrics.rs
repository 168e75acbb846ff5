//! The registry of one instance. Families come from the catalogue; series are bounded by a budget.

use super::catalogue::{Family, Shape};
use super::limits::Limits;
use prometheus::core::{Collector, Desc};
use prometheus::{Counter, CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts};
use prometheus::{Registry, TextEncoder, proto::MetricFamily};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How many series an instance exposes at most.
pub const SERIES_BUDGET: usize = 5_000;

/// The label value that stands for everything beyond the budget.
pub const OTHER: &str = "other";

/// The Content-Type of the exposition; Prometheus 3 refuses a scrape without a proper one.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

#[derive(Clone)]
enum Child {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

enum Vector {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

/// One family: its series by label values, and the vector they are encoded from.
struct Room {
    vector: Vector,
    series: RwLock<BTreeMap<String, Child>>,
}

/// The metrics of one instance; no process-wide registry, so that two instances can live in one test.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    rooms: Vec<Room>,
    limits: Limits,
    used: AtomicUsize,
    /// What may be used before new label sets are refused: the rest is for the `other` of each family.
    limit: usize,
}

/// Label values as one key: values hold no control characters, and a separator in one cannot forge another set.
fn key(labels: &[&str]) -> String {
    let mut key = String::with_capacity(labels.iter().map(|l| l.len() + 1).sum());
    for (i, label) in labels.iter().enumerate() {
        if i > 0 {
            key.push('\u{1f}');
        }
        key.push_str(label);
    }
    key
}

impl Vector {
    fn new(family: Family) -> Result<Self, prometheus::Error> {
        let opts = Opts::new(family.name(), family.help());
        Ok(match family.shape() {
            Shape::Counter => Self::Counter(CounterVec::new(opts, family.labels())?),
            Shape::Gauge => Self::Gauge(GaugeVec::new(opts, family.labels())?),
            Shape::Histogram(edges) => {
                let opts = HistogramOpts::from(opts).buckets(edges.to_vec());
                Self::Histogram(HistogramVec::new(opts, family.labels())?)
            }
        })
    }

    fn child(&self, labels: &[&str]) -> Option<Child> {
        match self {
            Self::Counter(v) => v.get_metric_with_label_values(labels).ok().map(Child::Counter),
            Self::Gauge(v) => v.get_metric_with_label_values(labels).ok().map(Child::Gauge),
            Self::Histogram(v) => v.get_metric_with_label_values(labels).ok().map(Child::Histogram),
        }
    }

    fn remove(&self, labels: &[&str]) -> bool {
        match self {
            Self::Counter(v) => v.remove_label_values(labels).is_ok(),
            Self::Gauge(v) => v.remove_label_values(labels).is_ok(),
            Self::Histogram(v) => v.remove_label_values(labels).is_ok(),
        }
    }
}

impl Collector for Vector {
    fn desc(&self) -> Vec<&Desc> {
        match self {
            Self::Counter(v) => v.desc(),
            Self::Gauge(v) => v.desc(),
            Self::Histogram(v) => v.desc(),
        }
    }

    fn collect(&self) -> Vec<MetricFamily> {
        match self {
            Self::Counter(v) => v.collect(),
            Self::Gauge(v) => v.collect(),
            Self::Histogram(v) => v.collect(),
        }
    }
}

impl Clone for Vector {
    fn clone(&self) -> Self {
        match self {
            Self::Counter(v) => Self::Counter(v.clone()),
            Self::Gauge(v) => Self::Gauge(v.clone()),
            Self::Histogram(v) => Self::Histogram(v.clone()),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(SERIES_BUDGET)
    }
}

impl Metrics {
    /// An empty registry with all families and a budget of exposed series.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        let registry = Registry::new();
        let mut reserve = 0;
        let rooms = Family::ALL
            .iter()
            .map(|&family| {
                let vector = Vector::new(family).expect("the catalogue's test holds names and labels valid");
                registry.register(Box::new(vector.clone())).expect("the catalogue's names are unique");
                if !family.labels().is_empty() && family.shape() != Shape::Gauge {
                    reserve += family.cost();
                }
                Room { vector, series: RwLock::new(BTreeMap::new()) }
            })
            .collect();
        let (limits, used) = (Limits::default(), AtomicUsize::new(0));
        let inner = Inner { registry, rooms, limits, used, limit: budget.saturating_sub(reserve) };
        let metrics = Self { inner: Arc::new(inner) };
        for &family in Family::ALL {
            if family.labels().is_empty() {
                metrics.touch(family, &[]);
            }
            metrics.touch(Family::SeriesDropped, &[family.name()]);
        }
        metrics
    }

    /// Makes a series exist at zero, so that `rate()` sees its first increment.
    pub fn touch(&self, family: Family, labels: &[&str]) {
        let _ = self.child(family, labels);
    }

    /// Adds to a counter; not-a-number and negative amounts are left out.
    pub fn add(&self, family: Family, labels: &[&str], amount: f64) {
        if amount.is_finite()
            && amount >= 0.0
            && let Some(Child::Counter(counter)) = self.child(family, labels)
        {
            counter.inc_by(amount);
        }
    }

    /// Adds a whole number to a counter.
    pub fn count(&self, family: Family, labels: &[&str], n: u64) {
        self.add(family, labels, n as f64);
    }

    /// Raises a counter to a total that somebody else keeps; a smaller total changes nothing.
    pub fn raise(&self, family: Family, labels: &[&str], total: f64) {
        if let Some(Child::Counter(counter)) = self.child(family, labels) {
            let more = total - counter.get();
            if more.is_finite() && more > 0.0 {
                counter.inc_by(more);
            }
        }
    }

    /// Sets a gauge.
    pub fn set(&self, family: Family, labels: &[&str], value: f64) {
        if let Some(Child::Gauge(gauge)) = self.child(family, labels) {
            gauge.set(value);
        }
    }

    /// Moves a gauge up or down.
    pub fn shift(&self, family: Family, labels: &[&str], by: f64) {
        if let Some(Child::Gauge(gauge)) = self.child(family, labels) {
            gauge.add(by);
        }
    }

    /// Adds one measurement to a histogram; not-a-number is left out.
    pub fn observe(&self, family: Family, labels: &[&str], value: f64) {
        if !value.is_nan()
            && let Some(Child::Histogram(histogram)) = self.child(family, labels)
        {
            histogram.observe(value);
        }
    }

    /// Removes a series whose subject is gone for good (a retired arm).
    pub fn forget(&self, family: Family, labels: &[&str]) {
        let room = &self.inner.rooms[family as usize];
        let mut series = room.series.write().unwrap_or_else(PoisonError::into_inner);
        if series.remove(&key(labels)).is_some() && room.vector.remove(labels) {
            self.inner.used.fetch_sub(family.cost(), Ordering::Relaxed);
        }
    }

    /// Exposed series, with those that histograms add.
    #[must_use]
    pub fn series(&self) -> usize {
        self.inner.used.load(Ordering::Relaxed)
    }

    /// The text exposition, sorted by name and labels.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::with_capacity(64 * 1024);
        match TextEncoder::new().encode(&self.inner.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# the exposition could not be written: {error}\n"),
        }
    }

    /// The series of these labels; beyond the budget, `other` (for gauges none: a mixed gauge means nothing).
    fn child(&self, family: Family, labels: &[&str]) -> Option<Child> {
        let room = &self.inner.rooms[family as usize];
        let key = key(labels);
        if let Some(child) = room.series.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(child.clone());
        }
        debug_assert_eq!(labels.len(), family.labels().len(), "labels of {}", family.name());
        let mut series = room.series.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = series.get(&key) {
            return Some(child.clone());
        }
        let is_other = !labels.is_empty() && labels.iter().all(|l| *l == OTHER);
        let cost = family.cost();
        let used = self.inner.used.fetch_add(cost, Ordering::Relaxed);
        let room_left = used + cost <= self.inner.limit && self.inner.limits.admit(family, labels);
        if room_left || is_other || labels.is_empty() {
            let child = room.vector.child(labels)?;
            series.insert(key, child.clone());
            return Some(child);
        }
        self.inner.used.fetch_sub(cost, Ordering::Relaxed);
        drop(series);
        self.dropped(family, labels.len())
    }

    fn dropped(&self, family: Family, labels: usize) -> Option<Child> {
        if family != Family::SeriesDropped {
            self.count(Family::SeriesDropped, &[family.name()], 1);
        }
        if family.shape() == Shape::Gauge {
            return None;
        }
        self.child(family, &vec![OTHER; labels])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_series_beyond_the_budget_goes_to_other_and_is_counted() {
        let metrics = Metrics::new(600);
        for i in 0..1_000 {
            metrics.count(Family::Decisions, &["home", &format!("arm{i}")], 1);
            metrics.set(Family::ArmShare, &["home", &format!("arm{i}")], 0.5);
        }
        assert!(metrics.series() <= 600, "{}", metrics.series());
        let text = metrics.render();
        assert!(!text.contains("reiver_decisions_total{arm=\"other\",experiment=\"home\"}"));
        assert!(text.contains("reiver_decisions_total{arm=\"other\",experiment=\"other\"}"));
        assert!(!text.contains("reiver_arm_traffic_share_ratio{arm=\"other\""), "a mixed gauge means nothing");
        let total: f64 = values(&text, "reiver_decisions_total");
        assert_eq!(total, 1_000.0, "nothing is lost");
        assert!(values(&text, "reiver_metrics_series_dropped_total") > 0.0);
    }

    #[test]
    fn a_forgotten_series_gives_its_room_back() {
        let metrics = Metrics::default();
        let before = metrics.series();
        metrics.observe(Family::DecisionPropensity, &["home"], 0.5);
        assert_eq!(metrics.series(), before + Family::DecisionPropensity.cost());
        metrics.forget(Family::DecisionPropensity, &["home"]);
        metrics.forget(Family::DecisionPropensity, &["home"]);
        assert_eq!(metrics.series(), before);
        assert!(!metrics.render().contains("experiment=\"home\""));
    }

    #[test]
    fn bad_amounts_change_nothing() {
        let metrics = Metrics::default();
        for amount in [f64::NAN, f64::INFINITY, -1.0] {
            metrics.add(Family::Replayed, &[], amount);
        }
        metrics.observe(Family::CheckpointDuration, &[], f64::NAN);
        metrics.raise(Family::ProcessCpu, &[], 3.0);
        metrics.raise(Family::ProcessCpu, &[], 2.0);
        let text = metrics.render();
        assert_eq!(values(&text, "reiver_replayed_events_total"), 0.0);
        assert_eq!(values(&text, "process_cpu_seconds_total"), 3.0);
        assert_eq!(values(&text, "reiver_checkpoint_duration_seconds_count"), 0.0);
    }

    #[test]
    fn two_instances_share_nothing() {
        let (one, two) = (Metrics::default(), Metrics::default());
        one.count(Family::Replayed, &[], 7);
        assert_eq!(values(&two.render(), "reiver_replayed_events_total"), 0.0);
    }

    fn values(text: &str, name: &str) -> f64 {
        text.lines()
            .filter(|l| l.strip_prefix(name).is_some_and(|r| r.starts_with('{') || r.starts_with(' ')))
            .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    proptest! {
        #[test]
        fn label_values_of_any_text_stay_on_their_line(text in ".*") {
            let metrics = Metrics::default();
            metrics.count(Family::KafkaConsumed, &[&text], 1);
            let rendered = metrics.render();
            for line in rendered.lines().filter(|l| !l.starts_with('#')) {
                prop_assert!(line.starts_with("reiver_") || line.starts_with("process_"), "{line}");
                prop_assert!(line.rsplit(' ').next().expect("one").parse::<f64>().is_ok(), "{line}");
            }
        }
    }
}
