//! Inputs: partitions read from given positions, in offset order.

use crate::event::{Partition, Record, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where to begin reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this offset exactly; if it is gone, the source reports [`SourceError::PositionLost`].
    Offset(i64),
    /// At the oldest record.
    Earliest,
    /// After the newest record.
    Latest,
    /// At the first record with this timestamp or a later one.
    At(Time),
}

/// What a poll brings.
#[derive(Debug)]
pub enum Fetched {
    /// Records of one partition in offset order.
    Records(Vec<Record>),
    /// The partition has been read to its end; the next offset.
    End(Partition, i64),
    /// Something happened that is not data: counted and logged; `PositionLost` stops the driver.
    Trouble(SourceError),
}

/// What may go wrong while reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No broker answers; reading goes on by itself once one does.
    #[error("the brokers are away: {0}")]
    Away(String),
    /// A topic is not there.
    #[error("topic {0} does not exist")]
    NoTopic(String),
    /// The position is no longer in the log (retention) or never was.
    #[error("partition {partition:?} no longer holds the position we need: {detail}")]
    PositionLost {
        /// Which partition.
        partition: Partition,
        /// What the client said.
        detail: String,
    },
    /// Anything else the client says.
    #[error("{0}")]
    Other(String),
}

/// Reads partitions. Used by one thread.
pub trait Source: Send {
    /// The partition numbers of a topic.
    ///
    /// # Errors
    /// When the topic is not there or no broker answers.
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, SourceError>;

    /// Adds partitions to those being read, each from its own start. Resolves the start to an offset.
    ///
    /// # Errors
    /// When a start cannot be resolved.
    fn add(&mut self, parts: &[(Partition, Start)]) -> Result<BTreeMap<Partition, i64>, SourceError>;

    /// The offset after the newest record of each partition that is being read.
    ///
    /// # Errors
    /// When no broker answers.
    fn ends(&mut self) -> Result<BTreeMap<Partition, i64>, SourceError>;

    /// Waits up to `wait` and returns what came.
    fn poll(&mut self, wait: Duration) -> Vec<Fetched>;

    /// Stops fetching these partitions (their buffers downstream are full), or goes on.
    fn pause(&mut self, parts: &[Partition], paused: bool);

    /// Commits positions for lag tools. Only what a durable checkpoint covers may be given.
    fn commit(&mut self, positions: &BTreeMap<Partition, i64>);
}
