//! What an event may hold. Everything a sender controls is bounded here and nowhere else.

use crate::event::{Span, Time};

/// Bytes of one event.
pub const MAX_EVENT_BYTES: usize = 1 << 20;
/// Bytes of an id, a name, a label (UTF-8).
pub const MAX_ID_BYTES: usize = 256;
/// Bytes of a title or a text (UTF-8).
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// Items of a list, arms of a decision.
pub const MAX_LIST: usize = 500;
/// Categories or tags of an item.
pub const MAX_LABELS: usize = 100;
/// Numbers of a vector.
pub const MAX_VECTOR: usize = 4096;
/// Largest absolute value of a number: sums of billions of them stay exact enough in an `f64`.
pub const MAX_NUMBER: f64 = 1e15;
/// The earliest plausible time, 1990-01-01T00:00:00Z.
pub const EARLIEST: Time = Time(631_152_000_000);
/// The latest plausible time whatever the record's timestamp says, 2100-01-01T00:00:00Z: a producer whose clock is
/// wrong stamps its records with the same wrong clock.
pub const LATEST: Time = Time(4_102_444_800_000);
/// How far an event may lie after its record's timestamp.
pub const SKEW: Span = Span(3_600_000);

/// The latest time an event of a record may carry. A record without a plausible timestamp does not bound it.
pub(super) fn latest(timestamp: Time) -> Time {
    if timestamp < EARLIEST { LATEST } else { (timestamp + SKEW).min(LATEST) }
}
