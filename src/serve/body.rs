//! Bodies: read within bounds, for each request and for all together, and taken apart with exact pointers.

use super::doors::Hall;
use super::problem::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::error::Error;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of an id, name or other short text at most: what the decision log can be read back with.
const TEXT_LIMIT: usize = crate::codec::MAX_ID_BYTES;

/// A body, and its share of the memory that bodies may use.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

/// Reads a body of at most `limit` bytes. What it may need of the common memory is taken before the first byte.
pub(super) async fn read(hall: &Hall, request: Request, limit: usize) -> Result<Held, Problem> {
    let (parts, body) = request.into_parts();
    let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|n| n > limit) {
        return Err(too_large(limit));
    }
    let kib = declared.unwrap_or(limit).div_ceil(1024).max(1);
    let share = Arc::clone(&hall.bodies)
        .try_acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX))
        .map_err(|_| Problem::busy("busy", "the bodies of other requests fill the memory set aside for them"))?;
    Ok(Held { bytes: collect(body, limit).await?, _share: share })
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| {
        let cut = error.source().is_some_and(|s| s.is::<http_body_util::LengthLimitError>());
        if cut { too_large(limit) } else { Problem::malformed("the body ended before its end") }
    })
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large(format!("the body has more than {limit} bytes"))
}

/// The members of a JSON object, taken out one by one.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Problem::malformed("the body is JSON, but not one object")),
            Err(error) => Err(Problem::malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// The whole object.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|v| !v.is_null())
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> Result<String, Problem> {
        self.optional_text(name)?
            .ok_or_else(|| Problem::field("missing_field", format!("/{name}"), format!("{name} is missing")))
    }

    /// A text that may be missing; an empty one is refused.
    pub(super) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        self.take(name).map(|value| text_of(value, &format!("/{name}"), TEXT_LIMIT)).transpose()
    }

    /// A list of texts.
    pub(super) fn optional_texts(&mut self, name: &'static str, most: usize) -> Result<Option<Vec<String>>, Problem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let Value::Array(values) = value else {
            return Err(wrong_type(&format!("/{name}"), "a list of texts"));
        };
        if values.len() > most {
            let detail = format!("{name} has {} entries, at most {most} are allowed", values.len());
            return Err(Problem::field("too_long", format!("/{name}"), detail));
        }
        let each = values.into_iter().enumerate();
        each.map(|(i, v)| text_of(v, &format!("/{name}/{i}"), TEXT_LIMIT)).collect::<Result<_, _>>().map(Some)
    }

    /// A whole number from 1 to `most`.
    pub(super) fn optional_count(&mut self, name: &'static str, most: usize) -> Result<Option<usize>, Problem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let pointer = format!("/{name}");
        let Some(number) = value.as_u64() else {
            return Err(if value.is_number() {
                Problem::field(
                    "number_out_of_range",
                    pointer,
                    format!("{name} must be a whole number from 1 to {most}"),
                )
            } else {
                wrong_type(&pointer, "a whole number")
            });
        };
        match usize::try_from(number) {
            Ok(n) if (1..=most).contains(&n) => Ok(Some(n)),
            _ => {
                let detail = format!("{name} is {number}, allowed is 1 to {most}");
                Err(Problem::field("number_out_of_range", pointer, detail))
            }
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, Problem> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(wrong_type(&format!("/{name}"), "true or false")),
        }
    }

    /// An object that is allowed and not looked into.
    pub(super) fn allow_object(&mut self, name: &'static str) -> Result<(), Problem> {
        match self.take(name) {
            None | Some(Value::Object(_)) => Ok(()),
            Some(_) => Err(wrong_type(&format!("/{name}"), "an object")),
        }
    }
}

fn wrong_type(pointer: &str, wanted: &str) -> Problem {
    Problem::field("wrong_type", pointer, format!("{pointer} must be {wanted}"))
}

fn text_of(value: Value, pointer: &str, most: usize) -> Result<String, Problem> {
    let Value::String(text) = value else { return Err(wrong_type(pointer, "a text")) };
    if text.is_empty() {
        return Err(Problem::field("empty_field", pointer, format!("{pointer} is empty")));
    }
    if text.len() > most {
        let detail = format!("{pointer} has {} bytes, at most {most} are allowed", text.len());
        return Err(Problem::field("too_long", pointer, detail));
    }
    if text.as_bytes().contains(&0) {
        return Err(Problem::field("zero_byte", pointer, format!("there is a zero byte in {pointer}")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut fields) = Fields::parse(&bytes) {
                let _ = fields.text("unit");
            }
        }

        #[test]
        fn texts_within_the_bound_come_back_whole(text in "[^\\x00]{1,64}") {
            let body = serde_json::json!({"unit": text}).to_string();
            let mut fields = Fields::parse(body.as_bytes()).expect("an object");
            prop_assert_eq!(fields.text("unit").expect("valid"), text);
        }
    }

    #[test]
    fn pointers_lead_to_the_entry() {
        let mut fields = Fields::parse(br#"{"exclude":["a",7]}"#).expect("an object");
        let problem = fields.optional_texts("exclude", 10).expect_err("a number");
        assert_eq!(problem.body()["pointer"], "/exclude/1");
        let mut fields = Fields::parse(br#"{"k":1.5}"#).expect("an object");
        assert_eq!(fields.optional_count("k", 10).expect_err("a fraction").code(), "number_out_of_range");
    }
}
