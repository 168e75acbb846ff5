//! Texts, numbers and times of the wire, each with its bound.

use super::limits::{EARLIEST, MAX_ID_BYTES, MAX_NUMBER, MAX_TEXT_BYTES};
use super::moment::When;
use super::trace::{Field, Trace};
use crate::event::{Action, Code, Reason};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// An id, a name or a label: 1 to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

/// A title or text: up to 64 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// A finite number within ±1e15.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) f64);

/// A probability above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chance(pub(super) f64);

/// A probability, zero allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(pub(super) f64);

/// A rank in a list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rank(pub(super) u32);

/// A count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

/// A whole number of either sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole(pub(super) i64);

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

/// The version of an event's schema; only 1 is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version;

/// A field that is known, allowed to be anything, and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skipped;

/// An action of an interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doing(pub(super) Action);

/// The reason of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Because(pub(super) Reason);

/// Who made a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// Reiver.
    Ours,
    /// Another system.
    Theirs,
}

struct Words;
impl<'de> Visitor<'de> for Words {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

/// A key or a text without a bound of its own (the event's bound holds).
pub(super) struct AnyText<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for AnyText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words).map(AnyText)
    }
}

impl<'de> Field<'de> for Name<'de> {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(Words)?;
        if text.is_empty() {
            return Err(trace.fail(Code::EmptyField, "the text is empty"));
        }
        if text.len() > MAX_ID_BYTES {
            return Err(
                trace.fail(Code::TooLong, format_args!("{} bytes, at most {MAX_ID_BYTES} are allowed", text.len()))
            );
        }
        // A zero byte separates the texts that an assignment hashes: in an id it could pass for two.
        if text.as_bytes().contains(&0) {
            return Err(trace.fail(Code::ZeroByte, "there is a zero byte in the text"));
        }
        Ok(Self(text))
    }
}

impl<'de> Field<'de> for Text<'de> {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_str(Words)?;
        if text.len() > MAX_TEXT_BYTES {
            return Err(
                trace.fail(Code::TooLong, format_args!("{} bytes, at most {MAX_TEXT_BYTES} are allowed", text.len()))
            );
        }
        Ok(Self(text))
    }
}

/// A JSON number as it came.
enum Digits {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

impl Digits {
    /// As a float. Whole numbers beyond 2⁵³ lose their last bits, and all of them lie beyond every bound here.
    fn float(&self) -> f64 {
        match *self {
            Self::Positive(n) => n as f64,
            Self::Negative(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    /// As a whole number within ±2⁶³; floats only where they are whole and exact.
    fn whole(&self) -> Option<i128> {
        match *self {
            Self::Positive(n) => Some(n.into()),
            Self::Negative(n) => Some(n.into()),
            Self::Float(x) if x.fract() == 0.0 && x.abs() <= MAX_NUMBER => Some(x as i128),
            Self::Float(_) => None,
        }
    }
}

struct DigitsVisitor;
impl Visitor<'_> for DigitsVisitor {
    type Value = Digits;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_u64<E>(self, n: u64) -> Result<Digits, E> {
        Ok(Digits::Positive(n))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Digits, E> {
        Ok(Digits::Negative(n))
    }
    fn visit_f64<E>(self, x: f64) -> Result<Digits, E> {
        Ok(Digits::Float(x))
    }
}

fn within<E: Error>(x: f64, low: f64, high: f64, trace: &mut Trace) -> Result<f64, E> {
    // Written so that a NaN fails too, should a reader ever hand one over.
    if x >= low && x <= high {
        Ok(x)
    } else {
        Err(trace.fail(Code::NumberOutOfRange, format_args!("{x} is not between {low} and {high}")))
    }
}

fn whole<E: Error>(digits: &Digits, low: i128, high: i128, trace: &mut Trace) -> Result<i128, E> {
    match digits.whole() {
        Some(n) if n >= low && n <= high => Ok(n),
        Some(n) => Err(trace.fail(Code::NumberOutOfRange, format_args!("{n} is not between {low} and {high}"))),
        None if digits.float().abs() > MAX_NUMBER => {
            Err(trace.fail(Code::NumberOutOfRange, format_args!("{} is not between {low} and {high}", digits.float())))
        }
        None => Err(trace.fail(Code::WrongType, format_args!("{} is not a whole number", digits.float()))),
    }
}

impl<'de> Field<'de> for Number {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        within(deserializer.deserialize_f64(DigitsVisitor)?.float(), -MAX_NUMBER, MAX_NUMBER, trace).map(Self)
    }
}

impl<'de> Field<'de> for Chance {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        // The smallest positive float: zero would mean that what happened could not happen.
        within(deserializer.deserialize_f64(DigitsVisitor)?.float(), f64::from_bits(1), 1.0, trace).map(Self)
    }
}

impl<'de> Field<'de> for Share {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        within(deserializer.deserialize_f64(DigitsVisitor)?.float(), 0.0, 1.0, trace).map(Self)
    }
}

impl<'de> Field<'de> for Rank {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let digits = deserializer.deserialize_u64(DigitsVisitor)?;
        whole(&digits, 1, u32::MAX.into(), trace).map(|n| Self(n as u32))
    }
}

impl<'de> Field<'de> for Count {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let digits = deserializer.deserialize_u64(DigitsVisitor)?;
        whole(&digits, 0, u64::MAX.into(), trace).map(|n| Self(n as u64))
    }
}

impl<'de> Field<'de> for Whole {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let digits = deserializer.deserialize_i64(DigitsVisitor)?;
        whole(&digits, i64::MIN.into(), i64::MAX.into(), trace).map(|n| Self(n as i64))
    }
}

impl<'de> Field<'de> for Flag {
    fn read<D: Deserializer<'de>>(deserializer: D, _: &mut Trace) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

impl<'de> Field<'de> for Skipped {
    fn read<D: Deserializer<'de>>(deserializer: D, _: &mut Trace) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl<'de> Field<'de> for Version {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        match deserializer.deserialize_u64(DigitsVisitor)?.float() {
            1.0 => Ok(Self),
            other => {
                Err(trace.fail(Code::UnknownVersion, format_args!("schema version {other} is not read here, only 1")))
            }
        }
    }
}

impl<'de> Field<'de> for Doing {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let Name(text) = Name::read(deserializer, trace)?;
        Action::parse(&text).map(Self).ok_or_else(|| {
            trace.fail(
                Code::UnknownValue,
                format_args!(
                    "\"{text}\" is no action: view, click, add_to_cart, purchase, like, dislike, rating, dwell, \
                     search or custom:<name>"
                ),
            )
        })
    }
}

impl<'de> Field<'de> for Because {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let Name(text) = Name::read(deserializer, trace)?;
        Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .map(Self)
            .ok_or_else(|| trace.fail(Code::UnknownValue, format_args!("\"{text}\" is no reason of a decision")))
    }
}

impl<'de> Field<'de> for Maker {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let Name(text) = Name::read(deserializer, trace)?;
        match text.as_ref() {
            "ours" => Ok(Self::Ours),
            "theirs" => Ok(Self::Theirs),
            _ => Err(trace.fail(Code::UnknownValue, format_args!("\"{text}\" is neither ours nor theirs"))),
        }
    }
}

/// One scalar's way out and its schema.
macro_rules! outward {
    ($($ty:ident $(<$lt:lifetime>)?: |$it:ident| $out:expr, $schema:tt;)*) => { $(
        impl$(<$lt>)? Serialize for $ty$(<$lt>)? {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $it = self;
                $out.serialize(serializer)
            }
        }
        impl$(<$lt>)? JsonSchema for $ty$(<$lt>)? {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($ty).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )* };
}

outward! {
    Name<'a>: |it| it.0, { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES, "pattern": "^[^\\u0000]*$" };
    Text<'a>: |it| it.0, { "type": "string", "maxLength": MAX_TEXT_BYTES };
    Number: |it| it.0, { "type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER };
    Chance: |it| it.0, { "type": "number", "exclusiveMinimum": 0, "maximum": 1 };
    Share: |it| it.0, { "type": "number", "minimum": 0, "maximum": 1 };
    Rank: |it| it.0, { "type": "integer", "minimum": 1, "maximum": u32::MAX };
    Count: |it| it.0, { "type": "integer", "minimum": 0 };
    Whole: |it| it.0, { "type": "integer" };
    Flag: |it| it.0, { "type": "boolean" };
    When: |it| it.0.to_rfc3339(), {
        "oneOf": [{ "type": "string", "format": "date-time" }, { "type": "number", "minimum": EARLIEST.0 }]
    };
    Version: |_it| 1, { "type": "integer", "const": 1, "default": 1 };
    Skipped: |_it| (), {};
    Doing: |it| it.0.as_text(), {
        "type": "string",
        "pattern": "^(view|click|add_to_cart|purchase|like|dislike|rating|dwell|search|custom:.+)$",
        "maxLength": MAX_ID_BYTES
    };
    Because: |it| it.0.as_str(), { "type": "string", "enum": Reason::ALL.map(Reason::as_str) };
    Maker: |it| match it { Self::Ours => "ours", Self::Theirs => "theirs" }, { "type": "string", "enum": ["ours", "theirs"] };
}
