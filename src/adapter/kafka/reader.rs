//! Reads the partitions of one topic from positions that we hold ourselves.
//!
//! One consumer per topic, because librdkafka's Rust wrapper names only the partition's number when it reports the end
//! of a partition; with several topics in one consumer the end could not be told from another topic's.

use super::config::{KafkaConfig, Role};
use super::context::Watch;
use super::counters::KafkaCounters;
use super::fault::source_error;
use crate::event::{Partition, Record, Time};
use crate::port::{Fetched, SourceError, Start};
use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a question to the brokers may take.
pub(super) const ASK: Duration = Duration::from_secs(10);
/// The most records and bytes of one turn, so that no topic starves the others.
const TURN_RECORDS: usize = 8192;
const TURN_BYTES: usize = 4 << 20;
/// After the brokers were away: how long nothing may come before we ask for the ends.
const QUIET: Duration = Duration::from_millis(500);

/// What we know of a partition that is being read.
#[derive(Debug)]
struct Part {
    /// The offset after the last record that was handed out; the start before any was.
    next: i64,
    /// Something has come from it: before that, pausing can lose the position (librdkafka 2190).
    alive: bool,
    /// Paused as asked for, whether or not librdkafka knows yet.
    wanted: bool,
    paused: bool,
    lost: bool,
}

/// Reads one topic.
pub(super) struct TopicReader {
    pub(super) topic: Arc<str>,
    consumer: BaseConsumer<Watch>,
    parts: BTreeMap<i32, Part>,
    /// The brokers were away and nothing has come since; the time waited for something.
    away: Option<Duration>,
}

impl TopicReader {
    pub(super) fn new(
        config: &KafkaConfig,
        topic: &str,
        counters: Arc<KafkaCounters>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, SourceError> {
        let mut consumer: BaseConsumer<Watch> = config
            .client(Role::Reader)
            .create_with_context(Watch::new("reader", counters))
            .map_err(|e| SourceError::Other(e.to_string()))?;
        consumer.set_nonempty_callback(wake);
        Ok(Self { topic: topic.into(), consumer, parts: BTreeMap::new(), away: None })
    }

    fn key(&self, number: i32) -> Partition {
        Partition { topic: self.topic.clone(), number }
    }

    fn error(&self, error: &KafkaError) -> SourceError {
        source_error(&self.topic, error, "")
    }

    /// The partition numbers of the topic.
    pub(super) fn partitions(&self) -> Result<Vec<i32>, SourceError> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), ASK).map_err(|e| self.error(&e))?;
        let missing = || SourceError::NoTopic(self.topic.to_string());
        let topic = metadata.topics().iter().find(|t| t.name() == &*self.topic).ok_or_else(missing)?;
        if let Some(code) = topic.error() {
            return Err(self.error(&KafkaError::MetadataFetch(code.into())));
        }
        let mut numbers: Vec<i32> = topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
        numbers.sort_unstable();
        if numbers.is_empty() { Err(missing()) } else { Ok(numbers) }
    }

    /// Start and end of a partition (the end of what is committed).
    pub(super) fn edges(&self, number: i32, limit: Duration) -> Result<(i64, i64), SourceError> {
        let mut last = None;
        // Right after a topic was made, or its broker came back, a partition has no leader for a moment.
        for _ in 0..40 {
            match self.consumer.fetch_watermarks(&self.topic, number, limit) {
                Ok(edges) => return Ok(edges),
                Err(e) => {
                    let error = self.error(&e);
                    if matches!(error, SourceError::Away(_)) {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        Err(last.unwrap_or_else(|| SourceError::Other("no answer".to_owned())))
    }

    fn resolve(&self, number: i32, start: Start) -> Result<i64, SourceError> {
        Ok(match start {
            Start::Offset(offset) => offset,
            Start::Earliest => self.edges(number, ASK)?.0,
            Start::Latest => self.edges(number, ASK)?.1,
            Start::At(time) => {
                let mut ask = TopicPartitionList::new();
                let at = Offset::Offset(time.0.max(0));
                ask.add_partition_offset(&self.topic, number, at).map_err(|e| self.error(&e))?;
                let answer = self.consumer.offsets_for_times(ask, ASK).map_err(|e| self.error(&e))?;
                match answer.find_partition(&self.topic, number).map(|e| e.offset()) {
                    Some(Offset::Offset(offset)) => offset,
                    // No record is that young.
                    _ => self.edges(number, ASK)?.1,
                }
            }
        })
    }

    /// Begins reading partitions; returns where.
    pub(super) fn add(&mut self, parts: &[(i32, Start)]) -> Result<BTreeMap<i32, i64>, SourceError> {
        let mut starts = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for (number, start) in parts {
            let offset = self.resolve(*number, *start)?;
            list.add_partition_offset(&self.topic, *number, Offset::Offset(offset)).map_err(|e| self.error(&e))?;
            starts.insert(*number, offset);
        }
        let done =
            if self.parts.is_empty() { self.consumer.assign(&list) } else { self.consumer.incremental_assign(&list) };
        done.map_err(|e| self.error(&e))?;
        for (number, next) in &starts {
            self.parts.insert(*number, Part { next: *next, alive: false, wanted: false, paused: false, lost: false });
        }
        Ok(starts)
    }

    /// Ends of all partitions that are being read.
    pub(super) fn ends(&self) -> Result<BTreeMap<Partition, i64>, SourceError> {
        self.parts.keys().map(|number| Ok((self.key(*number), self.edges(*number, ASK)?.1))).collect()
    }

    /// Hands out what is there, waiting up to `wait` for the first thing; `idle` is how long the caller waited since it
    /// last asked, if nothing comes.
    pub(super) fn poll(&mut self, wait: Duration, idle: Duration, out: &mut Vec<Fetched>) {
        if self.parts.is_empty() {
            return;
        }
        let before = out.len();
        let mut run: Vec<Record> = Vec::new();
        let (mut wait_now, mut records, mut bytes) = (wait, 0, 0);
        while records < TURN_RECORDS && bytes < TURN_BYTES {
            // The message borrows the consumer: what it becomes is owned before anything else happens.
            let polled = self.consumer.poll(wait_now).map(|answer| answer.map(|m| record(&self.topic, &m)));
            wait_now = Duration::ZERO;
            match polled {
                None => break,
                Some(Ok(record)) => {
                    records += 1;
                    bytes += record.payload.as_ref().map_or(0, Bytes::len);
                    if run.first().is_some_and(|first| first.partition.number != record.partition.number) {
                        self.hand_out(&mut run, out);
                    }
                    run.push(record);
                }
                Some(Err(error)) => {
                    self.hand_out(&mut run, out);
                    self.report(&error, out);
                }
            }
        }
        self.hand_out(&mut run, out);
        KafkaCounters::add(&self.consumer.context().counters.fetched, records as u64);
        if out.len() == before {
            self.quiet(idle, out);
        }
    }

    fn hand_out(&mut self, run: &mut Vec<Record>, out: &mut Vec<Fetched>) {
        if let Some(last) = run.last() {
            self.came(last.partition.number, last.offset + 1);
            out.push(Fetched::Records(std::mem::take(run)));
        }
    }

    /// Takes note of a position, and of a partition that has come alive.
    fn came(&mut self, number: i32, next: i64) {
        self.away = None;
        if let Some(part) = self.parts.get_mut(&number) {
            part.next = part.next.max(next);
            let born = !part.alive;
            part.alive = true;
            if born && part.wanted {
                self.apply_pauses();
            }
        }
    }

    fn report(&mut self, error: &KafkaError, out: &mut Vec<Fetched>) {
        match error {
            KafkaError::PartitionEOF(number) => {
                self.came(*number, self.position(*number));
                if let Some(part) = self.parts.get(number) {
                    out.push(Fetched::End(self.key(*number), part.next));
                }
            }
            other if other.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => self.find_lost(out),
            other => {
                let error = source_error(&self.topic, other, &self.consumer.context().last_error());
                if matches!(error, SourceError::Away(_)) {
                    self.away = Some(Duration::ZERO);
                }
                out.push(Fetched::Trouble(error));
            }
        }
    }

    /// librdkafka's own position: it also counts what lies between records (commit marks, aborted records).
    fn position(&self, number: i32) -> i64 {
        let list = self.consumer.position().ok();
        match list.as_ref().and_then(|l| l.find_partition(&self.topic, number)).map(|e| e.offset()) {
            Some(Offset::Offset(offset)) => offset,
            _ => -1,
        }
    }

    /// The wrapper does not say whose position is gone: ask for the edges and compare.
    fn find_lost(&mut self, out: &mut Vec<Fetched>) {
        let said = self.consumer.context().last_error();
        let before = out.len();
        let numbers: Vec<(i32, i64)> = self.parts.iter().filter(|(_, p)| !p.lost).map(|(n, p)| (*n, p.next)).collect();
        for (number, next) in numbers {
            let Ok((low, high)) = self.edges(number, Duration::from_secs(2)) else { continue };
            let next = next.max(self.position(number));
            if next < low || next > high {
                let detail = format!("we need offset {next}, the log holds {low} to {high} ({said})");
                out.push(Fetched::Trouble(SourceError::PositionLost { partition: self.key(number), detail }));
                if let Some(part) = self.parts.get_mut(&number) {
                    part.lost = true;
                }
            }
        }
        if out.len() == before {
            // Loud even if we cannot name it.
            let partition = self.key(-1);
            out.push(Fetched::Trouble(SourceError::PositionLost { partition, detail: said }));
        }
    }

    /// After an outage librdkafka does not repeat the end of a partition that got nothing new: look for ourselves.
    fn quiet(&mut self, waited: Duration, out: &mut Vec<Fetched>) {
        let Some(away) = self.away.as_mut() else { return };
        *away += waited;
        if *away < QUIET {
            return;
        }
        self.away = Some(Duration::ZERO);
        let numbers: Vec<i32> = self.parts.keys().copied().collect();
        for number in numbers {
            let Ok((_, high)) = self.consumer.fetch_watermarks(&self.topic, number, QUIET) else { return };
            let next = self.position(number).max(self.parts.get(&number).map_or(-1, |p| p.next));
            if next >= high {
                out.push(Fetched::End(self.key(number), next));
            }
        }
        self.away = None;
    }

    /// Reports the ends anew once nothing comes: the caller does not know any more what it has seen.
    pub(super) fn look_again(&mut self) {
        self.away = Some(QUIET);
    }

    /// Stops or goes on fetching partitions.
    pub(super) fn pause(&mut self, numbers: &[i32], paused: bool) {
        for number in numbers {
            if let Some(part) = self.parts.get_mut(number) {
                part.wanted = paused;
            }
        }
        self.apply_pauses();
    }

    fn apply_pauses(&mut self) {
        let (mut stop, mut go) = (TopicPartitionList::new(), TopicPartitionList::new());
        for (number, part) in &mut self.parts {
            if part.wanted != part.paused && (part.alive || !part.wanted) {
                part.paused = part.wanted;
                if part.wanted { &mut stop } else { &mut go }.add_partition(&self.topic, *number);
            }
        }
        for (list, result) in [(&stop, self.consumer.pause(&stop)), (&go, self.consumer.resume(&go))] {
            if let (true, Err(error)) = (list.count() > 0, result) {
                tracing::warn!(topic = &*self.topic, "pausing or resuming failed: {error}");
            }
        }
    }

    /// Commits positions, without waiting.
    pub(super) fn commit(&self, positions: &[(i32, i64)]) {
        let mut list = TopicPartitionList::new();
        for (number, offset) in positions {
            if list.add_partition_offset(&self.topic, *number, Offset::Offset(*offset)).is_err() {
                return;
            }
        }
        if self.consumer.commit(&list, CommitMode::Async).is_err() {
            KafkaCounters::add(&self.consumer.context().counters.commits_failed, 1);
        }
    }

    /// Whether nothing is being read.
    pub(super) fn is_idle(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether this partition is being read.
    pub(super) fn reads(&self, number: i32) -> bool {
        self.parts.contains_key(&number)
    }
}

/// A record of ours: the bytes are copied once, out of the client's fetch buffer.
pub(super) fn record(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|h| (h.key.to_owned(), h.value.map(Bytes::copy_from_slice))).collect()
    });
    Record {
        partition: Partition { topic: topic.clone(), number: message.partition() },
        offset: message.offset(),
        timestamp: Time(message.timestamp().to_millis().unwrap_or(0)),
        key: message.key().map(Bytes::copy_from_slice),
        payload: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}
