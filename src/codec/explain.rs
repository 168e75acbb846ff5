//! Why an event could not be read. Runs only after the quick way failed, and settles first what rules all the rest:
//! syntax, then the type, then the version, then the first field that is wrong.

use super::decode::kind_named;
use super::scalar::AnyText;
use super::trace::Trace;
use crate::event::{Code, Content, Kind, Rejection};
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Longest detail, in bytes: the JSON reader quotes what it found, which may be long.
const MAX_DETAIL: usize = 240;

#[derive(serde::Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "schemaVersion")]
    schema_version: Option<&'a RawValue>,
}

/// The event's kind, if syntax, type and version are in order.
pub(super) fn kind(text: &str, content: Content) -> Result<Kind, Rejection> {
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Rejection::at(Code::NotAnObject, "", "an event is one JSON object"),
            Err(error) => malformed(&error),
        });
    }
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let kind = match (head.kind, content) {
        (Some(raw), _) => kind_of(raw, content)?,
        (None, Content::Items) => Kind::Item,
        (None, Content::Decisions) => Kind::Decision,
        (None, Content::Events) => {
            return Err(Rejection::at(Code::UnknownType, "/type", "the event does not say its type"));
        }
    };
    if let Some(version) = head.schema_version.and_then(|raw| raw.get().parse::<f64>().ok())
        && version.is_finite()
        && version != 1.0
    {
        let detail = format!("schema version {version} is not read here, only 1");
        return Err(Rejection::at(Code::UnknownVersion, "/schema_version", detail));
    }
    Ok(kind)
}

fn kind_of(raw: &RawValue, content: Content) -> Result<Kind, Rejection> {
    let Ok(AnyText(name)) = serde_json::from_str(raw.get()) else {
        let detail = cut(format!("the type is a text, this is {}", raw.get()));
        return Err(Rejection::at(Code::WrongType, "/type", detail));
    };
    kind_named(&name, content).ok_or_else(|| {
        let expected = match content {
            Content::Events => "interaction, impression, decision, feedback or item",
            Content::Items => "item, as everything in this topic",
            Content::Decisions => "decision, as everything in this topic",
        };
        Rejection::at(Code::UnknownType, "/type", cut(format!("\"{name}\" is not {expected}")))
    })
}

/// The rejection for what stopped the reader.
pub(super) fn failure(error: &serde_json::Error, trace: &Trace) -> Rejection {
    let code = trace.code.unwrap_or_else(|| match error.classify() {
        Category::Data => Code::WrongType,
        // The one case in which well-formed JSON cannot be held: a number such as 1e999.
        Category::Syntax if error.to_string().starts_with("number out of range") => Code::NumberOutOfRange,
        Category::Syntax | Category::Eof | Category::Io => Code::MalformedJson,
    });
    let text = error.to_string();
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    Rejection::at(code, trace.pointer(), cut(detail.to_owned()))
}

fn malformed(error: &serde_json::Error) -> Rejection {
    Rejection::at(Code::MalformedJson, "", cut(error.to_string()))
}

fn cut(mut detail: String) -> String {
    if detail.len() > MAX_DETAIL {
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        detail.push('…');
    }
    detail
}
