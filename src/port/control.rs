//! The control log: one partition that orders everything. Whoever owns it is the learner.

use bytes::Bytes;
use std::time::Duration;

/// What a poll of the control log brings.
#[derive(Debug)]
pub enum Led {
    /// We own the partition now (again): take over.
    Gained,
    /// We do not own it any more: stop cutting, keep serving.
    Lost(String),
    /// One committed record, in order.
    Record {
        /// Its offset.
        offset: i64,
        /// Its JSON.
        payload: Bytes,
    },
    /// Read to the end; the next offset.
    End(i64),
    /// The brokers are away, or something else that passes.
    Trouble(String),
    /// Our position is gone: stop.
    PositionLost(String),
}

/// Why a record could not be appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another learner took over, or the producer failed for good: take over anew before appending.
    #[error("fenced: {0}")]
    Fenced(String),
    /// No broker answers; whether the record is in the log is unknown: the log tells when read back.
    #[error("the brokers are away: {0}")]
    Away(String),
}

/// Reads and, as the learner, writes the control log. Used by one thread.
pub trait ControlLog: Send {
    /// Begins (or goes on) reading at an offset, once the partition is owned; `None`: at the oldest record.
    fn start(&mut self, offset: Option<i64>);

    /// Waits up to `wait` and returns what came.
    fn poll(&mut self, wait: Duration) -> Vec<Led>;

    /// Becomes the only writer: a fresh transactional producer that fences the one before.
    ///
    /// # Errors
    /// When the brokers are away.
    fn take_over(&mut self) -> Result<(), AppendError>;

    /// Appends one record in a transaction of its own and waits until it is committed.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn append(&mut self, payload: &[u8]) -> Result<(), AppendError>;
}
