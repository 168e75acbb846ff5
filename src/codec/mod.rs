//! Bytes ⇄ events. Pure: the same bytes give the same event or the same rejection, on any thread, at any time.
//!
//! Read in this order: limits (what is bounded), trace (how a failure finds its JSON pointer), scalar and moment (texts,
//! numbers, times), attributes (facts of the sender's own), object (the macro that makes a wire type), wire (the five types), build (wire → event), decode (the door in),
//! explain (why it did not open), encode (the door out), batch (bodies with several events), dead_letter, schema.

mod attributes;
mod batch;
mod build;
mod dead_letter;
mod decode;
mod encode;
mod explain;
mod limits;
mod moment;
mod object;
mod scalar;
mod schema;
mod trace;
mod wire;

#[cfg(test)]
mod tests;

pub use batch::batch;
pub use dead_letter::{DEAD_LETTER_PAYLOAD_BYTES, dead_letter_headers};
pub use decode::{Decoded, decode, decode_body, event_time};
pub use encode::encode;
pub use limits::{
    EARLIEST, LATEST, MAX_EVENT_BYTES, MAX_ID_BYTES, MAX_LABELS, MAX_LIST, MAX_NUMBER, MAX_TEXT_BYTES, MAX_VECTOR, SKEW,
};
pub use schema::schema;
