//! Inputs from Kafka: several topics, each from positions that we hold ourselves.

use super::config::KafkaConfig;
use super::counters::KafkaCounters;
use super::reader::TopicReader;
use crate::event::Partition;
use crate::port::{Fetched, Source, SourceError, Start};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Wake-ups from librdkafka can get lost; nothing waits longer than this for one.
const SLICE: Duration = Duration::from_millis(20);

/// Reads topics of a Kafka cluster; [`Source`] tells how. Positions are the caller's: what is committed is never read.
pub struct KafkaSource {
    config: KafkaConfig,
    counters: Arc<KafkaCounters>,
    readers: Vec<TopicReader>,
    /// Who is asked first in the next poll.
    turn: usize,
    bell: SyncSender<()>,
    rung: Receiver<()>,
}

impl KafkaSource {
    /// A source that reads nothing yet. Connects when first asked.
    #[must_use]
    pub fn new(config: KafkaConfig, counters: Arc<KafkaCounters>) -> Self {
        let (bell, rung) = sync_channel(1);
        Self { config, counters, readers: Vec::new(), turn: 0, bell, rung }
    }

    fn reader(&mut self, topic: &str) -> Result<&mut TopicReader, SourceError> {
        let at = match self.readers.iter().position(|r| &*r.topic == topic) {
            Some(at) => at,
            None => {
                let bell = self.bell.clone();
                let wake = move || match bell.try_send(()) {
                    Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
                };
                self.readers.push(TopicReader::new(&self.config, topic, self.counters.clone(), wake)?);
                self.readers.len() - 1
            }
        };
        Ok(&mut self.readers[at])
    }

    fn by_topic<T: Clone>(pairs: impl Iterator<Item = (Partition, T)>) -> BTreeMap<Arc<str>, Vec<(i32, T)>> {
        let mut topics: BTreeMap<Arc<str>, Vec<(i32, T)>> = BTreeMap::new();
        for (partition, value) in pairs {
            topics.entry(partition.topic).or_default().push((partition.number, value));
        }
        topics
    }

    /// One turn over all topics.
    fn sweep(&mut self, wait: Duration, idle: Duration, out: &mut Vec<Fetched>) {
        let n = self.readers.len();
        for i in 0..n {
            self.readers[(self.turn + i) % n].poll(wait, idle, out);
        }
        self.turn = (self.turn + 1) % n.max(1);
    }
}

impl Source for KafkaSource {
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, SourceError> {
        self.reader(topic)?.partitions()
    }

    fn add(&mut self, parts: &[(Partition, Start)]) -> Result<BTreeMap<Partition, i64>, SourceError> {
        let mut starts = BTreeMap::new();
        for (topic, parts) in Self::by_topic(parts.iter().cloned()) {
            let reader = self.reader(&topic)?;
            if parts.iter().any(|(number, _)| reader.reads(*number)) {
                reader.look_again();
            }
            let new: Vec<(i32, Start)> = parts.into_iter().filter(|(number, _)| !reader.reads(*number)).collect();
            for (number, offset) in reader.add(&new)? {
                starts.insert(Partition { topic: topic.clone(), number }, offset);
            }
        }
        Ok(starts)
    }

    fn ends(&mut self) -> Result<BTreeMap<Partition, i64>, SourceError> {
        let mut ends = BTreeMap::new();
        for reader in &self.readers {
            ends.append(&mut reader.ends()?);
        }
        Ok(ends)
    }

    fn poll(&mut self, wait: Duration) -> Vec<Fetched> {
        let mut out = Vec::new();
        match self.readers.iter().filter(|r| !r.is_idle()).count() {
            0 => std::thread::sleep(wait),
            1 => self.sweep(wait, wait, &mut out),
            _ => {
                // One wait for all of them: a bell that any reader rings.
                let (mut left, mut nap) = (wait, Duration::ZERO);
                loop {
                    self.sweep(Duration::ZERO, nap, &mut out);
                    if !out.is_empty() || left.is_zero() {
                        break;
                    }
                    nap = left.min(SLICE);
                    if self.rung.recv_timeout(nap).is_ok() {
                        // Rung early: how long it took is unknown without a clock; count a millisecond.
                        nap = Duration::from_millis(1);
                    }
                    left = left.saturating_sub(nap);
                }
            }
        }
        out
    }

    fn pause(&mut self, parts: &[Partition], paused: bool) {
        for (topic, parts) in Self::by_topic(parts.iter().map(|p| (p.clone(), ()))) {
            if let Some(reader) = self.readers.iter_mut().find(|r| r.topic == topic) {
                let numbers: Vec<i32> = parts.into_iter().map(|(number, ())| number).collect();
                reader.pause(&numbers, paused);
            }
        }
    }

    fn commit(&mut self, positions: &BTreeMap<Partition, i64>) {
        for (topic, parts) in Self::by_topic(positions.iter().map(|(p, offset)| (p.clone(), *offset))) {
            if let Some(reader) = self.readers.iter().find(|r| r.topic == topic) {
                reader.commit(&parts);
            }
        }
    }
}
