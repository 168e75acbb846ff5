//! A record with what it decoded to. Decoding is pure: the reader's thread does it, the learner only uses it.

use crate::codec::{self, Decoded};
use crate::event::{Content, Record, Rejection};

/// A record on its way into the pipeline.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The bytes and where they stand.
    pub record: Record,
    /// The event, or why there is none.
    pub event: Result<Decoded, Rejection>,
}

impl Arrival {
    /// Decodes a record.
    #[must_use]
    pub fn decode(record: Record, content: Content) -> Self {
        let event = codec::decode(&record, content);
        Self { record, event }
    }

    /// Bytes of the record's value and key.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let len = |b: &Option<bytes::Bytes>| b.as_ref().map_or(0, bytes::Bytes::len);
        len(&self.record.payload) + len(&self.record.key)
    }
}
