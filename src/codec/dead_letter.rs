//! What goes to the dead-letter topic: the record as it came, and why, under the header names of Kafka Connect
//! (`org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter`), so that its tools read it.

use crate::event::{Record, Rejection};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

/// Bytes of a payload that are kept; of a longer one, its length and hash are in headers.
pub const DEAD_LETTER_PAYLOAD_BYTES: usize = 64 << 10;

/// A record's headers, as Kafka has them.
type Headers = Vec<(String, Option<Bytes>)>;

/// The payload (cut at 64 KiB) and headers of a rejected record's dead letter; key and timestamp are the record's.
///
/// Headers are added, never overwritten: those of the record come first. Ours are UTF-8 text: `__connect.errors.` +
/// `topic`, `partition`, `offset`, `connector.name`, `task.id`, `stage` (`VALUE_CONVERTER`: it could not be read),
/// `class.name`, `exception.class.name`, `exception.message`; `reiver.error.code`, `reiver.error.pointer`,
/// `reiver.attempt` (1, or one more than the record carried); and, where the payload was cut, `reiver.payload.length`
/// and `reiver.payload.xxh3` (XXH3-128 of the whole payload, 32 hex digits).
#[must_use]
pub fn dead_letter_headers(record: &Record, rejection: &Rejection) -> (Option<Bytes>, Headers) {
    let mut headers = record.headers.clone();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), Some(Bytes::from(value))));
    add("__connect.errors.topic", record.partition.topic.to_string());
    add("__connect.errors.partition", record.partition.number.to_string());
    add("__connect.errors.offset", record.offset.to_string());
    add("__connect.errors.connector.name", "reiver".to_owned());
    add("__connect.errors.task.id", "0".to_owned());
    add("__connect.errors.stage", "VALUE_CONVERTER".to_owned());
    add("__connect.errors.class.name", "reiver::codec".to_owned());
    add("__connect.errors.exception.class.name", "reiver::event::Rejection".to_owned());
    add("__connect.errors.exception.message", rejection.to_string());
    add("reiver.error.code", rejection.code.as_str().to_owned());
    add("reiver.error.pointer", rejection.pointer.clone());
    add("reiver.attempt", (attempts(record).saturating_add(1)).to_string());
    let payload = record.payload.clone().map(|payload| {
        if payload.len() <= DEAD_LETTER_PAYLOAD_BYTES {
            return payload;
        }
        add("reiver.payload.length", payload.len().to_string());
        add("reiver.payload.xxh3", format!("{:032x}", xxh3_128(&payload)));
        payload.slice(..DEAD_LETTER_PAYLOAD_BYTES)
    });
    (payload, headers)
}

/// How often this record became a dead letter before, by the newest header that says so.
fn attempts(record: &Record) -> u32 {
    let newest = record.headers.iter().rev().find(|(name, _)| name == "reiver.attempt");
    newest.and_then(|(_, value)| std::str::from_utf8(value.as_deref()?).ok()?.parse().ok()).unwrap_or(0)
}
