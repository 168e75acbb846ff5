//! Membership in the group that elects the learner: whoever owns the one partition of the control topic leads.
//!
//! The member reads nothing (the control log is read by position, by a consumer of its own): its assignment is the lock.

use super::config::{KafkaConfig, Role};
use super::context::Watch;
use super::counters::KafkaCounters;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happened to our leadership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Gained,
    Lost(String),
}

struct MemberContext {
    watch: Watch,
    changes: Mutex<VecDeque<Change>>,
}

impl MemberContext {
    fn push(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }

    fn pop(&self) -> Option<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.watch.error(error, reason);
    }
}

impl ConsumerContext for MemberContext {
    /// As the default, but from the end (what is committed for this group means nothing), with the result looked at.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let ours = list.count() > 0;
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let placed = list.set_all_offsets(Offset::End);
            let done = placed
                .and_then(|()| if cooperative { consumer.incremental_assign(list) } else { consumer.assign(list) });
            match done {
                Ok(()) if ours => self.push(Change::Gained),
                Ok(()) => {}
                Err(error) => self.push(Change::Lost(format!("the assignment failed: {error}"))),
            }
            return;
        }
        let why =
            if consumer.assignment_lost() { "the session with the group ended" } else { "another member took over" };
        let done: KafkaResult<()> = if cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() };
        if let Err(error) = done {
            tracing::warn!("giving the control partition back failed: {error}");
        }
        if ours {
            self.push(Change::Lost(why.to_owned()));
        }
    }
}

/// One member of the group.
pub(super) struct Member {
    consumer: BaseConsumer<MemberContext>,
    failed: bool,
}

impl Member {
    /// Joins the group.
    pub(super) fn join(config: &KafkaConfig, topic: &str, counters: Arc<KafkaCounters>) -> KafkaResult<Self> {
        let context = MemberContext { watch: Watch::new("member", counters), changes: Mutex::new(VecDeque::new()) };
        let consumer: BaseConsumer<MemberContext> = config.client(Role::Member).create_with_context(context)?;
        consumer.subscribe(&[topic])?;
        Ok(Self { consumer, failed: false })
    }

    /// Serves the membership and returns what changed. Must be called well within `max.poll.interval.ms`.
    pub(super) fn serve(&mut self, wait: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut wait = wait;
        // Bounded: control records that arrive here are not for us.
        for _ in 0..1000 {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    if let Some((code, text)) = self.consumer.client().fatal_error()
                        && !self.failed
                    {
                        self.failed = true;
                        let said = format!("this member is out for good ({code:?}: {text}); restart the process");
                        changes.push(Change::Lost(said));
                    }
                    tracing::debug!("membership: {error}");
                }
            }
            wait = Duration::ZERO;
        }
        while let Some(change) = self.consumer.context().pop() {
            changes.push(change);
        }
        changes
    }
}
