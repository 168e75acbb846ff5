//! A record as Kafka (or a file) holds it: bytes and where they stand.

use super::time::Time;
use bytes::Bytes;
use std::sync::Arc;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub number: i32,
}

/// Bytes with topic, partition, offset, timestamp, key and headers.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub partition: Partition,
    /// Its offset in the partition (in a file: the row number).
    pub offset: i64,
    /// The record's timestamp.
    pub timestamp: Time,
    /// The record's key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Headers in their order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// What a topic holds: decides how its records are decoded and whether they hold back log time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Any canonical event, told apart by its `type`.
    Events,
    /// Every record is an item; a null value deletes the key's item.
    Items,
    /// Our decision log, read back.
    Decisions,
}
