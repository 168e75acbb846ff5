//! Bodies that hold several events: an array, or JSON lines.

use super::limits::MAX_EVENT_BYTES;
use crate::event::{Code, Rejection};
use serde_json::value::RawValue;

/// Splits a body into its events, which are not decoded yet: one object, an array, or JSON lines (blank lines skipped).
///
/// # Errors
/// When the body is no UTF-8, empty, or an array that is not JSON. A broken line among JSON lines is found when it is
/// decoded, so that the others are kept.
pub fn batch(body: &[u8]) -> Result<Vec<&[u8]>, Rejection> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Rejection::at(Code::MalformedJson, "", format!("not UTF-8: {error}")))?
        .trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(Rejection::at(Code::EmptyPayload, "", "there is no event in it"));
    }
    if text.starts_with('[') {
        let entries: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|error| Rejection::at(Code::MalformedJson, "", error.to_string()))?;
        return Ok(entries.into_iter().map(|entry| entry.get().as_bytes()).collect());
    }
    // One object may be spread over several lines; a first line that is whole means JSON lines.
    let first = text.lines().next().unwrap_or(text);
    let whole = |text: &str| text.len() <= MAX_EVENT_BYTES && serde_json::from_str::<&RawValue>(text).is_ok();
    if first.len() == text.len() || (!whole(first) && whole(text)) {
        return Ok(vec![text.as_bytes()]);
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::as_bytes).collect())
}
