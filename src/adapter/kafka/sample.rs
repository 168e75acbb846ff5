//! The newest records of a topic, for people to look at.

use super::config::KafkaConfig;
use super::counters::KafkaCounters;
use super::reader::TopicReader;
use crate::event::Record;
use crate::port::{Fetched, SourceError, Start};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The newest `n` records of a topic by timestamp, oldest of them first. Commits nothing, moves nothing.
///
/// # Errors
/// When the topic is not there or no broker answers.
pub fn sample(config: &KafkaConfig, topic: &str, n: usize) -> Result<Vec<Record>, SourceError> {
    let mut reader = TopicReader::new(config, topic, Arc::new(KafkaCounters::default()), || {})?;
    let numbers = reader.partitions()?;
    let back = i64::try_from(n).unwrap_or(i64::MAX);
    let mut starts = Vec::new();
    for number in &numbers {
        let (low, high) = reader.edges(*number, super::reader::ASK)?;
        starts.push((*number, Start::Offset(high.saturating_sub(back).max(low))));
    }
    reader.add(&starts)?;
    let mut open: BTreeSet<i32> = numbers.into_iter().collect();
    let mut records: Vec<Record> = Vec::new();
    // A busy topic has no end: a bounded number of turns is enough for a sample.
    for _ in 0..200 {
        let mut fetched = Vec::new();
        let wait = Duration::from_millis(50);
        reader.poll(wait, wait, &mut fetched);
        for one in fetched {
            match one {
                Fetched::Records(more) => records.extend(more),
                Fetched::End(partition, _) => {
                    open.remove(&partition.number);
                }
                Fetched::Trouble(SourceError::PositionLost { .. }) => {}
                Fetched::Trouble(error) => return Err(error),
            }
        }
        if open.is_empty() {
            break;
        }
    }
    records.sort_by(|a, b| (a.timestamp, &a.partition, a.offset).cmp(&(b.timestamp, &b.partition, b.offset)));
    Ok(records.split_off(records.len().saturating_sub(n)))
}
