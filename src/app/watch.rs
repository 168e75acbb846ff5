//! From what steps, sources and the control log tell to counters: numbers get their names here.

use super::drive::{Drive, FULL_RECORDS, Stepped};
use crate::adapter::clock::Stopwatch;
use crate::adapter::kafka::KafkaCounters;
use crate::event::{Partition, Time};
use crate::observe::{Family, Metrics, ReportNames};
use crate::pipeline::{Facts, State, View};
use crate::port::{AppendError, ControlLog, Fetched, Led, Source, SourceError, Start};
use arc_swap::ArcSwapOption;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Steps remembered until a view shows them; older ones are not measured.
const UNSEEN: usize = 10_000;

/// Counts steps.
pub(super) struct Watcher {
    metrics: Metrics,
    kafka: Arc<KafkaCounters>,
    view: Arc<ArcSwapOption<View>>,
    /// Nanoseconds that each model had spent at the last step.
    spent: BTreeMap<String, u64>,
    /// The control log was read to its end once: what comes now was not processed before.
    followed: bool,
    /// Log times of steps that no view shows yet.
    unseen: Vec<Time>,
    shown: u64,
}

/// Names out of the state.
struct Named<'a>(&'a State);

impl ReportNames for Named<'_> {
    fn experiment(&self, experiment: u16) -> Option<&str> {
        self.0.experiments().get(usize::from(experiment)).map(|e| e.name())
    }

    fn arm(&self, experiment: u16, arm: u16) -> Option<&str> {
        let experiment = self.0.experiments().get(usize::from(experiment))?;
        experiment.arms().get(usize::from(arm)).map(|a| a.name.as_str())
    }

    fn models(&self) -> Vec<&str> {
        self.0.scores().map(|(kind, ..)| kind).collect()
    }
}

impl Watcher {
    pub(super) const fn new(metrics: Metrics, kafka: Arc<KafkaCounters>, view: Arc<ArcSwapOption<View>>) -> Self {
        Self { metrics, kafka, view, spent: BTreeMap::new(), followed: false, unseen: Vec::new(), shown: 0 }
    }

    /// Counts one step.
    pub(super) fn step(&mut self, stepped: &Stepped, drive: &Drive) {
        let metrics = &self.metrics;
        metrics.step(&stepped.report, &Named(drive.pipeline().state()), !self.followed);
        self.followed |= drive.followed();
        for (record, rejection) in &stepped.rejected {
            let labels = [&*record.partition.topic, rejection.code.as_str()];
            metrics.count(Family::EventRejects, &labels, 1);
            metrics.count(Family::DeadLetters, &labels, 1);
        }
        let processed = drive.positions().0;
        metrics.set(Family::QueueDepth, &["inputs"], drive.waiting() as f64);
        metrics.set(Family::QueueCapacity, &["inputs"], (processed.len() * FULL_RECORDS) as f64);
        for (partition, next) in &processed {
            self.kafka.set_processed(&partition.topic, partition.number, *next);
        }
        if stepped.report.examples > 0 {
            self.updates(drive.pipeline().state());
        }
        if let Some(log_time) = stepped.log_time.filter(|_| stepped.report.records > 0)
            && self.followed
            && self.unseen.len() < UNSEEN
        {
            self.unseen.push(log_time);
        }
        self.freshness(drive);
    }

    /// Measures how long each model took.
    fn updates(&mut self, state: &State) {
        for (kind, _, nanos) in state.scores() {
            let spent = self.spent.entry(kind.to_owned()).or_default();
            self.metrics.observe(Family::ModelUpdateDuration, &[kind], nanos.saturating_sub(*spent) as f64 * 1e-9);
            *spent = nanos;
        }
    }

    /// Measures, once a newer view is out, how long what it shows took to get there.
    fn freshness(&mut self, drive: &Drive) {
        let Some(view) = self.view.load_full().filter(|v| v.version() > self.shown) else { return };
        self.shown = view.version();
        let models = Named(drive.pipeline().state());
        let models = models.models();
        let (seen, unseen) = std::mem::take(&mut self.unseen).into_iter().partition(|t| *t <= view.log_time());
        self.unseen = unseen;
        let seen: Vec<Time> = seen;
        for time in seen {
            for model in &models {
                self.metrics.observe(Family::Freshness, &[model], (view.published() - time).as_seconds());
            }
        }
    }
}

/// A source whose records are counted as they are read.
pub(super) struct Counted<S> {
    inner: S,
    metrics: Metrics,
    partitions: BTreeMap<Arc<str>, u64>,
    /// Partitions that are not read because what they hold ready is full.
    paused: BTreeSet<Partition>,
    since: Stopwatch,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, metrics: Metrics) -> Self {
        let (partitions, paused) = (BTreeMap::new(), BTreeSet::new());
        Self { inner, metrics, partitions, paused, since: Stopwatch::start() }
    }
}

impl<S: Source> Source for Counted<S> {
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, SourceError> {
        self.inner.partitions(topic)
    }

    fn add(&mut self, parts: &[(Partition, Start)]) -> Result<BTreeMap<Partition, i64>, SourceError> {
        let added = self.inner.add(parts)?;
        for partition in added.keys() {
            let n = self.partitions.entry(Arc::clone(&partition.topic)).or_default();
            *n = (*n).max(u64::try_from(partition.number).map_or(0, |n| n + 1));
            self.metrics.set(Family::KafkaAssigned, &[&partition.topic], *n as f64);
        }
        Ok(added)
    }

    fn ends(&mut self) -> Result<BTreeMap<Partition, i64>, SourceError> {
        self.inner.ends()
    }

    fn poll(&mut self, wait: Duration) -> Vec<Fetched> {
        let fetched = self.inner.poll(wait);
        let passed = self.since.lap().as_secs_f64();
        if !self.paused.is_empty() {
            self.metrics.add(Family::Backpressure, &["inputs"], passed);
        }
        for part in &fetched {
            if let Fetched::Records(records) = part
                && let Some(first) = records.first()
            {
                let len = |b: &Option<bytes::Bytes>| b.as_ref().map_or(0, bytes::Bytes::len) as u64;
                let bytes = records.iter().map(|r| len(&r.payload) + len(&r.key)).sum();
                self.metrics.consumed(&first.partition.topic, records.len() as u64, bytes);
            }
        }
        fetched
    }

    fn pause(&mut self, parts: &[Partition], paused: bool) {
        for partition in parts {
            if paused {
                self.paused.insert(partition.clone());
            } else {
                self.paused.remove(partition);
            }
        }
        self.inner.pause(parts, paused);
    }

    fn commit(&mut self, positions: &BTreeMap<Partition, i64>) {
        self.metrics.count(Family::KafkaCommits, &["sent"], 1);
        self.inner.commit(positions);
    }
}

/// A control log whose changes of ownership are counted.
pub(super) struct CountedControl<C> {
    inner: C,
    metrics: Metrics,
}

impl<C> CountedControl<C> {
    pub(super) const fn new(inner: C, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl<C: ControlLog> ControlLog for CountedControl<C> {
    fn start(&mut self, offset: Option<i64>) {
        self.inner.start(offset);
    }

    fn poll(&mut self, wait: Duration) -> Vec<Led> {
        let led = self.inner.poll(wait);
        for one in &led {
            match one {
                Led::Gained => self.metrics.count(Family::KafkaRebalances, &["gained"], 1),
                Led::Lost(_) => self.metrics.count(Family::KafkaRebalances, &["lost"], 1),
                _ => {}
            }
        }
        led
    }

    fn take_over(&mut self) -> Result<(), AppendError> {
        self.inner.take_over()
    }

    fn append(&mut self, payload: &[u8]) -> Result<(), AppendError> {
        self.inner.append(payload)
    }
}
