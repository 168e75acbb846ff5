//! What librdkafka tells us beside records: logs, errors, statistics, answers to commits.

use super::counters::KafkaCounters;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts and logs for one client.
pub(super) struct Watch {
    pub(super) counters: Arc<KafkaCounters>,
    name: &'static str,
    last: Mutex<String>,
}

impl Watch {
    pub(super) fn new(name: &'static str, counters: Arc<KafkaCounters>) -> Self {
        Self { counters, name, last: Mutex::new(String::new()) }
    }

    /// The last error in librdkafka's words; empty when there was none.
    pub(super) fn last_error(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lag(&self, statistics: &Statistics) {
        for (name, topic) in &statistics.topics {
            for (number, part) in topic.partitions.iter().filter(|(_, part)| part.app_offset >= 0) {
                let end = if part.ls_offset >= 0 { part.ls_offset } else { part.hi_offset };
                if end >= 0 {
                    self.counters.set_end(name, *number, part.app_offset, end);
                }
            }
        }
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(target: "librdkafka", client = self.name, facility, "{message}");
            }
            RDKafkaLogLevel::Warning => {
                tracing::info!(target: "librdkafka", client = self.name, facility, "{message}");
            }
            _ => tracing::debug!(target: "librdkafka", client = self.name, facility, "{message}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.lag(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition comes this way too and is no error.
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == rdkafka::error::RDKafkaErrorCode::PartitionEOF {
            return;
        }
        self.counters.count_error(code);
        tracing::debug!(target: "librdkafka", client = self.name, ?code, "{reason}");
        reason.clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ConsumerContext for Watch {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            KafkaCounters::add(&self.counters.commits_failed, 1);
            tracing::debug!(client = self.name, "positions for lag tools were not committed: {error}");
        }
    }
}
