//! Why a record was not accepted. Every bad input gets exactly one code; none is silent.

use std::fmt;

/// A typed reason. The text form (`as_str`) is stable: it stands in dead letters, metrics and HTTP answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// No bytes at all (and the topic is not one where that means "delete").
    EmptyPayload,
    /// Larger than the limit for one event (1 MiB).
    TooLarge,
    /// Not JSON, or not UTF-8.
    MalformedJson,
    /// JSON, but not one object.
    NotAnObject,
    /// `type` is missing or none that we know.
    UnknownType,
    /// `schema_version` is none that we read.
    UnknownVersion,
    /// A required field is missing or null.
    MissingField,
    /// A field has another JSON type than its schema says.
    WrongType,
    /// A required text is empty.
    EmptyField,
    /// A text or list is longer than its bound.
    TooLong,
    /// A number is NaN, infinite or beyond ±1e15.
    NumberOutOfRange,
    /// The event time is before 1990 or later than the record's timestamp plus one hour.
    TimeOutOfRange,
    /// A text is not in the set its field allows.
    UnknownValue,
    /// An id has a zero byte in it; such bytes separate the texts that an assignment hashes.
    ZeroByte,
}

impl Code {
    /// All codes, in the order in which they are documented.
    pub const ALL: [Self; 14] = [
        Self::EmptyPayload,
        Self::TooLarge,
        Self::MalformedJson,
        Self::NotAnObject,
        Self::UnknownType,
        Self::UnknownVersion,
        Self::MissingField,
        Self::WrongType,
        Self::EmptyField,
        Self::TooLong,
        Self::NumberOutOfRange,
        Self::TimeOutOfRange,
        Self::UnknownValue,
        Self::ZeroByte,
    ];

    /// The stable text form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyPayload => "empty_payload",
            Self::TooLarge => "too_large",
            Self::MalformedJson => "malformed_json",
            Self::NotAnObject => "not_an_object",
            Self::UnknownType => "unknown_type",
            Self::UnknownVersion => "unknown_version",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::EmptyField => "empty_field",
            Self::TooLong => "too_long",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::UnknownValue => "unknown_value",
            Self::ZeroByte => "zero_byte",
        }
    }
}

/// One rejected record: the code, where in the JSON (RFC 6901), and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The typed reason.
    pub code: Code,
    /// JSON pointer to the field, empty for the whole record.
    pub pointer: String,
    /// What is wrong, in plain words.
    pub detail: String,
}

impl Rejection {
    /// A rejection at a field.
    #[must_use]
    pub fn at(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), detail: detail.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.as_str())?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for Rejection {}
