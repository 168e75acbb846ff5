//! Records as broken senders make them: one of each kind, with the reason that must be given for it.

use crate::event::{Code, Time};
use bytes::Bytes;
use serde_json::{Value, json};

/// A way in which a record can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Malformed {
    /// Cut off in the middle.
    CutOff,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// A list instead of an object.
    NotAnObject,
    /// A text where a number belongs.
    WrongType,
    /// No user.
    MissingField,
    /// An empty item id.
    EmptyField,
    /// An item id of ten thousand letters.
    OversizedField,
    /// `NaN`, which JSON does not know.
    NotANumber,
    /// A number beyond every float.
    Infinite,
    /// 1e308: a float, and no value that anything is worth.
    HugeNumber,
    /// The year 1900.
    Year1900,
    /// The year 2200.
    Year2200,
    /// A schema version that does not exist.
    UnknownVersion,
    /// A type that does not exist.
    UnknownType,
    /// An action that does not exist.
    UnknownAction,
    /// No bytes.
    Empty,
    /// Ten megabytes. Not part of [`Malformed::SMALL`]: the embedded broker loses records beside it.
    TenMegabytes,
}

impl Malformed {
    /// All kinds that any broker can carry.
    pub const SMALL: [Self; 16] = [
        Self::CutOff,
        Self::NotUtf8,
        Self::NotAnObject,
        Self::WrongType,
        Self::MissingField,
        Self::EmptyField,
        Self::OversizedField,
        Self::NotANumber,
        Self::Infinite,
        Self::HugeNumber,
        Self::Year1900,
        Self::Year2200,
        Self::UnknownVersion,
        Self::UnknownType,
        Self::UnknownAction,
        Self::Empty,
    ];

    /// The reason that must be given for it.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::CutOff | Self::NotUtf8 | Self::NotANumber => Code::MalformedJson,
            Self::NotAnObject => Code::NotAnObject,
            Self::WrongType => Code::WrongType,
            Self::MissingField => Code::MissingField,
            Self::EmptyField => Code::EmptyField,
            Self::OversizedField => Code::TooLong,
            Self::Infinite | Self::HugeNumber => Code::NumberOutOfRange,
            Self::Year1900 | Self::Year2200 => Code::TimeOutOfRange,
            Self::UnknownVersion => Code::UnknownVersion,
            Self::UnknownType => Code::UnknownType,
            Self::UnknownAction => Code::UnknownValue,
            Self::Empty => Code::EmptyPayload,
            Self::TenMegabytes => Code::TooLarge,
        }
    }

    /// A record of this kind; `number` makes it distinct.
    #[must_use]
    pub fn payload(self, number: u64, now: Time) -> Bytes {
        let good = json!({
            "type": "interaction", "event_id": format!("broken-{number}"), "event_time": now.to_rfc3339(),
            "user_id": "u1", "item_id": "i1", "action": "rating", "value": 4.0,
        });
        let with = |field: &str, value: Value| {
            let mut it = good.clone();
            it[field] = value;
            it.to_string()
        };
        let text = match self {
            Self::CutOff => good.to_string().chars().take(40).collect(),
            Self::NotUtf8 => return not_utf8(&good.to_string()),
            Self::NotAnObject => json!([good]).to_string(),
            Self::WrongType => with("value", json!("four")),
            Self::MissingField => with("user_id", Value::Null),
            Self::EmptyField => with("item_id", json!("")),
            Self::OversizedField => with("item_id", json!("i".repeat(10_000))),
            Self::NotANumber => good.to_string().replace("4.0", "NaN"),
            Self::Infinite => good.to_string().replace("4.0", "1e999"),
            Self::HugeNumber => with("value", json!(1e308)),
            Self::Year1900 => with("event_time", json!("1900-01-01T00:00:00Z")),
            Self::Year2200 => with("event_time", json!("2200-01-01T00:00:00Z")),
            Self::UnknownVersion => with("schema_version", json!(99)),
            Self::UnknownType => with("type", json!("guess")),
            Self::UnknownAction => with("action", json!("dance")),
            Self::Empty => String::new(),
            Self::TenMegabytes => with("properties", json!({ "note": "x".repeat(10 << 20) })),
        };
        Bytes::from(text)
    }
}

/// A text with a byte that ends no UTF-8 letter, inside a string.
fn not_utf8(text: &str) -> Bytes {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(at) = text.find("broken") {
        bytes[at] = 0xff;
    }
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode;
    use crate::event::{Content, Partition, Record};

    #[test]
    fn each_kind_is_refused_for_its_reason() {
        let now = Time(1_764_000_000_000);
        for kind in Malformed::SMALL.into_iter().chain([Malformed::TenMegabytes]) {
            let record = Record {
                partition: Partition { topic: "t".into(), number: 0 },
                offset: 0,
                timestamp: now,
                key: None,
                payload: Some(kind.payload(7, now)),
                headers: vec![],
            };
            let refused = decode(&record, Content::Events).expect_err("is malformed");
            assert_eq!(refused.code, kind.code(), "{kind:?}: {refused}");
        }
    }
}
