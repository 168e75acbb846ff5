//! The door in. One pass where `type` comes first, as in everything we write; two where it does not, or on failure.

use super::build::{Around, Wire, event, origin, tombstone};
use super::explain;
use super::limits::{EARLIEST, LATEST, MAX_EVENT_BYTES, latest};
use super::moment::Moment;
use super::scalar::AnyText;
use super::trace::{Field, Trace};
use super::wire;
use crate::event::{Code, Content, Event, Kind, Record, Rejection, Time};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use xxhash_rust::xxh3::xxh3_128;

/// A valid event, and what was noticed beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The event.
    pub event: Event,
    /// Fields that are not in the schema, at any depth that is read; they are ignored.
    pub unknown_fields: u32,
}

/// Decodes a record of a topic that holds `content`.
///
/// # Errors
/// A [`Rejection`] says what is wrong and where. Any bytes get either an event or a rejection; nothing panics.
pub fn decode(record: &Record, content: Content) -> Result<Decoded, Rejection> {
    match record.payload.as_deref() {
        None | Some([]) if content == Content::Items => {
            tombstone(record).map(|event| Decoded { event, unknown_fields: 0 })
        }
        None => Err(empty()),
        Some(bytes) => {
            let around = Around { time: record.timestamp, origin: &|| origin(record) };
            read(bytes, content, &around)
        }
    }
}

/// Decodes one event of a request that came at `received`. An item without an `event_id` gets the hash of its bytes,
/// so that a repeated request is recognised.
///
/// # Errors
/// As [`decode`].
pub fn decode_body(body: &[u8], received: Time) -> Result<Decoded, Rejection> {
    let around = Around { time: received, origin: &|| format!("{:032x}", xxh3_128(body)) };
    read(body, Content::Events, &around)
}

fn empty() -> Rejection {
    Rejection::at(Code::EmptyPayload, "", "there is no event in it")
}

fn read(bytes: &[u8], content: Content, around: &Around<'_>) -> Result<Decoded, Rejection> {
    if bytes.is_empty() {
        return Err(empty());
    }
    if bytes.len() > MAX_EVENT_BYTES {
        let detail = format!("{} bytes, at most {MAX_EVENT_BYTES} are allowed", bytes.len());
        return Err(Rejection::at(Code::TooLarge, "", detail));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Rejection::at(Code::MalformedJson, "", format!("not UTF-8: {error}")))?;
    let latest = latest(around.time);
    let mut trace = Trace::new(latest);
    let wire = match type_first(text, content, &mut trace) {
        Some(wire) => wire,
        None => {
            let kind = explain::kind(text, content)?;
            trace = Trace::new(latest);
            of_kind(text, kind, &mut trace).map_err(|error| explain::failure(&error, &trace))?
        }
    };
    event(wire, around).map(|event| Decoded { event, unknown_fields: trace.unknown })
}

/// Reads an object whose first key is `type`; `None` where it is another or anything is wrong.
fn type_first<'de>(text: &'de str, content: Content, trace: &mut Trace) -> Option<Wire<'de>> {
    struct Top<'t>(&'t mut Trace, Content);
    impl<'de> Visitor<'de> for Top<'_> {
        type Value = Wire<'de>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire<'de>, A::Error> {
            let Self(trace, content) = self;
            let Some((AnyText(_), AnyText(name))) = map.next_entry()? else {
                return Err(A::Error::custom("type does not come first"));
            };
            let kind = kind_named(&name, content).ok_or_else(|| A::Error::custom("unknown type"))?;
            let (again, wire) = match kind {
                Kind::Interaction => {
                    let it = wire::Interaction::read_map(&mut map, trace)?;
                    (it.kind.is_some(), Wire::Interaction(it))
                }
                Kind::Impression => {
                    let it = wire::Impression::read_map(&mut map, trace)?;
                    (it.kind.is_some(), Wire::Impression(it))
                }
                Kind::Decision => {
                    let it = wire::Decision::read_map(&mut map, trace)?;
                    (it.kind.is_some(), Wire::Decision(Box::new(it)))
                }
                Kind::Feedback => {
                    let it = wire::Feedback::read_map(&mut map, trace)?;
                    (it.kind.is_some(), Wire::Feedback(it))
                }
                Kind::Item => {
                    let it = wire::Item::read_map(&mut map, trace)?;
                    (it.kind.is_some(), Wire::Item(it))
                }
            };
            if again { Err(A::Error::custom("type is given twice")) } else { Ok(wire) }
        }
    }
    let first = text.trim_start().strip_prefix('{')?.trim_start();
    if !first.starts_with("\"type\"") {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let wire = reader.deserialize_map(Top(trace, content)).ok()?;
    reader.end().ok()?;
    Some(wire)
}

/// Reads an object whose kind is known already.
fn of_kind<'de>(text: &'de str, kind: Kind, trace: &mut Trace) -> Result<Wire<'de>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let wire = match kind {
        Kind::Interaction => Wire::Interaction(Field::read(&mut reader, trace)?),
        Kind::Impression => Wire::Impression(Field::read(&mut reader, trace)?),
        Kind::Decision => Wire::Decision(Box::new(Field::read(&mut reader, trace)?)),
        Kind::Feedback => Wire::Feedback(Field::read(&mut reader, trace)?),
        Kind::Item => Wire::Item(Field::read(&mut reader, trace)?),
    };
    reader.end()?;
    Ok(wire)
}

/// The kind a topic of this content takes under this name.
pub(super) fn kind_named(name: &str, content: Content) -> Option<Kind> {
    let allowed = |kind: &Kind| match content {
        Content::Events => true,
        Content::Items => *kind == Kind::Item,
        Content::Decisions => *kind == Kind::Decision,
    };
    Kind::ALL.into_iter().filter(allowed).find(|kind| kind.as_str() == name)
}

/// The time an event says it happened; `None` where it says none that is plausible. A file's records have no timestamp
/// of their own and take this one.
#[must_use]
pub fn event_time(payload: &[u8]) -> Option<Time> {
    #[derive(serde::Deserialize)]
    struct Peek {
        #[serde(default, alias = "eventTime", deserialize_with = "moment")]
        event_time: Option<Time>,
    }
    fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
        deserializer.deserialize_any(Moment)
    }
    let time = serde_json::from_slice::<Peek>(payload).ok()?.event_time;
    time.filter(|time| (EARLIEST..=LATEST).contains(time))
}
