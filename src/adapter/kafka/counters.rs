//! What the Kafka clients of this process did: plain counters for /metrics.

use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What became of a record that we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// On all replicas.
    Delivered,
    /// Not acknowledged in time: it may be in the log or not.
    Unknown,
    /// Refused by the broker for good.
    Refused,
    /// Not taken: a queue was full.
    Full,
}

impl Outcome {
    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Full => "full",
        }
    }
}

/// Counters of all Kafka clients of one pipeline. Cheap to share; all only grow.
#[derive(Debug, Default)]
pub struct KafkaCounters {
    produced: Mutex<BTreeMap<(String, Outcome), u64>>,
    errors: Mutex<BTreeMap<String, u64>>,
    lag: Mutex<BTreeMap<(String, i32), i64>>,
    processed: Mutex<BTreeMap<(String, i32), i64>>,
    /// Spooled records that were sent again.
    pub resent: AtomicU64,
    /// Spooled records that the broker refuses for good (too large, invalid): dropped, never silently.
    pub spool_dropped: AtomicU64,
    /// Producers built anew after a fatal error.
    pub producers_rebuilt: AtomicU64,
    /// Commits of positions that failed (lag tools only; harmless).
    pub commits_failed: AtomicU64,
    /// Control records committed.
    pub appended: AtomicU64,
    /// Commits of a transaction that had to be tried again.
    pub append_retries: AtomicU64,
    /// Times that we were fenced or the transactional producer failed for good.
    pub fenced: AtomicU64,
    /// Records handed out by sources.
    pub fetched: AtomicU64,
}

/// A copy of the counters that have labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records written, by topic and outcome.
    pub produced: BTreeMap<(String, Outcome), u64>,
    /// Errors that librdkafka reported, by code (snake case).
    pub errors: BTreeMap<String, u64>,
    /// Records between what is processed and the end, by topic and partition, as of the last statistics (1 s).
    pub lag: BTreeMap<(String, i32), i64>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KafkaCounters {
    /// A copy of the counters that have labels.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            produced: locked(&self.produced).clone(),
            errors: locked(&self.errors).clone(),
            lag: locked(&self.lag).clone(),
        }
    }

    pub(super) fn count_produced(&self, topic: &str, outcome: Outcome) {
        *locked(&self.produced).entry((topic.to_owned(), outcome)).or_insert(0) += 1;
    }

    pub(super) fn count_error(&self, code: RDKafkaErrorCode) {
        *locked(&self.errors).entry(snake(code)).or_insert(0) += 1;
    }

    /// Notes how far a partition is processed; `next` is the offset after the last record that was.
    pub fn set_processed(&self, topic: &str, partition: i32, next: i64) {
        locked(&self.processed).insert((topic.to_owned(), partition), next);
    }

    /// Notes where a partition ends. What was handed out and waits in memory is not processed: only a partition whose
    /// processing nobody reports (the control topic) is measured from what was `read`.
    pub(super) fn set_end(&self, topic: &str, partition: i32, read: i64, end: i64) {
        let key = (topic.to_owned(), partition);
        let next = locked(&self.processed).get(&key).copied().unwrap_or(read);
        locked(&self.lag).insert(key, (end - next).max(0));
    }

    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// `AllBrokersDown` → `all_brokers_down`.
fn snake(code: RDKafkaErrorCode) -> String {
    let name = format!("{code:?}");
    let mut out = String::new();
    let mut before = 'A';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_labels() {
        assert_eq!(snake(RDKafkaErrorCode::AllBrokersDown), "all_brokers_down");
        assert_eq!(snake(RDKafkaErrorCode::SSL), "ssl");
        let counters = KafkaCounters::default();
        counters.count_error(RDKafkaErrorCode::QueueFull);
        counters.count_error(RDKafkaErrorCode::QueueFull);
        counters.count_produced("t", Outcome::Delivered);
        counters.set_end("t", 0, 7, 9);
        counters.set_end("t", 1, 7, 9);
        counters.set_processed("t", 1, 4);
        assert_eq!(counters.counts().lag[&("t".to_owned(), 1)], 2, "as of the last statistics");
        counters.set_end("t", 1, 7, 9);
        assert_eq!(counters.counts().lag.into_values().collect::<Vec<_>>(), [2, 5], "waiting records are lag");
        assert_eq!(counters.counts().errors["queue_full"], 2);
        assert_eq!(counters.counts().produced[&("t".to_owned(), Outcome::Delivered)], 1);
    }
}
