//! Kafka: inputs, the control log, outputs, topics.
//!
//! Read in this order: config (settings of every client), counters, context (what librdkafka tells us), fault (its
//! errors in our words); reader and source (inputs); member, ledger, control (who leads, and what the leader
//! writes); spool and sink (outputs); topics and sample (administration).

mod config;
mod context;
mod control;
mod counters;
mod fault;
mod ledger;
mod member;
mod reader;
mod sample;
mod sink;
mod source;
mod spool;
mod topics;

pub use config::{KafkaConfig, KafkaConfigError, is_secret};
pub use control::{KafkaControl, Leading};
pub use counters::{Counts, KafkaCounters, Outcome};
pub use sample::sample;
pub use sink::{KafkaSink, SinkLimits};
pub use source::KafkaSource;
pub use topics::{Ensured, TopicError, TopicFacts, TopicPlan, describe, ensure, names};
