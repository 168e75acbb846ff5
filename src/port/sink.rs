//! Outputs: acknowledged writes for clients, and a bounded spool for our own records.

use crate::event::Time;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// Topic.
    pub topic: Arc<str>,
    /// Key; decides the partition (murmur2 as Java's clients do).
    pub key: Option<Bytes>,
    /// Value; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Headers.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Timestamp; the client's clock when `None`.
    pub timestamp: Option<Time>,
}

/// Why an acknowledged write failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The client's queue is full: come back later.
    #[error("the queue to Kafka is full")]
    Full,
    /// Not acknowledged in time: unknown whether it is in the log; resend under the same id.
    #[error("Kafka did not acknowledge in time: {0}")]
    Unknown(String),
    /// The broker refuses this record.
    #[error("Kafka refuses the record: {0}")]
    Refused(String),
}

/// Resolves when all replicas have the record.
pub type Delivery = Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send>>;

/// Writes records. Shared by all threads.
pub trait Sink: Send + Sync {
    /// Writes with acks=all; the future resolves within the delivery timeout.
    fn send(&self, record: Outgoing) -> Delivery;

    /// Hands a record over at once; it is resent until delivered, in memory and bounded.
    ///
    /// # Errors
    /// Gives the record back when the spool is full.
    fn spool(&self, record: Outgoing) -> Result<(), Outgoing>;

    /// Records in the spool that are not acknowledged yet.
    fn spooled(&self) -> usize;

    /// Waits until all that is in the spool now is delivered (or refused for good) or the time is over; returns how
    /// many of these are left. What is spooled meanwhile is not waited for.
    fn flush(&self, limit: Duration) -> usize;
}
