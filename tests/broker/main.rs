//! The broker suite: everything that Reiver asks of Kafka, on the embedded broker or on Apache Kafka.
//!
//! `cargo test --test broker` runs it on the embedded broker. With `REIVER_TEST_BROKERS=host:port` it runs on that
//! broker, with the parts that the embedded one cannot show; `REIVER_TEST_BROKER_SCRIPT` (tests/kafka/broker.sh, with
//! `REIVER_KAFKA_DIR` as at its start) lets it also stop and restart that broker.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test, and says where")]

mod control;
mod inputs;
mod outputs;
mod stage;
mod topics;
