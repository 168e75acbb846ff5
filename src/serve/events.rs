//! `POST /v1/events`: one event, an array, or JSON lines. The good ones are kept, or with `?atomic=true` all or none.

use super::body;
use super::delivery;
use super::doors::Hall;
use super::openapi::{Event as EventBody, Events as EventsBody, OfAny, OfBody};
use super::problem::Problem;
use super::router::json;
use crate::codec;
use crate::event::{Code, Event, Rejection, Time};
use axum::extract::{Query, Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Rejections listed in one answer at most; all are counted.
const LISTED: usize = 1_000;

/// The query of the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// Whether one bad event refuses all.
    #[serde(default)]
    #[param(required = false)]
    atomic: bool,
}

/// One refused event.
#[derive(Serialize, ToSchema)]
struct Refused {
    /// Its place in the body, from 0.
    index: usize,
    /// A stable code.
    code: &'static str,
    /// JSON pointer to the field, inside the event.
    pointer: String,
    /// What is wrong.
    detail: String,
}

/// What became of the events.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({"accepted": 98, "rejected": [{"index": 3, "code": "time_out_of_range",
    "pointer": "/event_time", "detail": "1900-01-01T00:00:00Z is before 1990"}]})))]
struct Receipt<'a> {
    /// Events that all replicas have.
    accepted: usize,
    /// Those that were refused, the first 1,000 of them.
    rejected: &'a [Refused],
}

/// What became of the events of one body.
struct Sorted {
    good: Vec<(Event, Bytes)>,
    bad: Vec<Refused>,
    /// Bad ones that are not listed.
    unlisted: usize,
}

/// Answers after all replicas have every good event.
#[utoipa::path(
    post, path = "/v1/events", tag = "serving", operation_id = "events", params(Options),
    request_body(content((EventsBody = "application/json"), (EventBody = "application/x-ndjson"))),
    responses((status = 200, description = "All replicas have the good ones.", body = Receipt), OfBody, OfAny)
)]
pub(super) async fn events(
    State(hall): State<Arc<Hall>>,
    options: Result<Query<Options>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(Options { atomic }) = options.map_err(|e| Problem::malformed(format!("the query: {e}")))?;
    let held = body::read(&hall, request, hall.doors.bounds.events_body).await?;
    let now = hall.doors.clock.now();
    let sorted = sort(&split(&held.bytes, hall.doors.bounds.events)?, now);
    let count = sorted.good.len();
    if !sorted.bad.is_empty() && (atomic || count == 0) {
        return Err(none_kept(&sorted));
    }
    // Every record is handed to the client before the first is waited for, so they travel together.
    let sent = sorted.good.into_iter().map(|(event, body)| delivery::send(&hall, &event, body, now)).collect();
    delivery::acknowledged(&hall, sent).await?;
    json(&Receipt { accepted: count, rejected: &sorted.bad })
}

/// Cuts a body into events without looking into them. Pieces share the body's memory.
fn split(body: &Bytes, most: usize) -> Result<Vec<Bytes>, Problem> {
    let pieces = codec::batch(body).map_err(|rejection| refused(&rejection))?;
    if pieces.len() > most {
        return Err(Problem::too_large(format!("{} events in one request, at most {most} are allowed", pieces.len())));
    }
    Ok(pieces.into_iter().map(|piece| body.slice_ref(piece)).collect())
}

fn sort(pieces: &[Bytes], now: Time) -> Sorted {
    let mut sorted = Sorted { good: Vec::with_capacity(pieces.len()), bad: Vec::new(), unlisted: 0 };
    for (index, piece) in pieces.iter().enumerate() {
        match codec::decode_body(piece, now) {
            Ok(decoded) => sorted.good.push((decoded.event, piece.clone())),
            Err(_) if sorted.bad.len() >= LISTED => sorted.unlisted += 1,
            Err(r) => sorted.bad.push(Refused { index, code: r.code.as_str(), pointer: r.pointer, detail: r.detail }),
        }
    }
    sorted
}

fn none_kept(sorted: &Sorted) -> Problem {
    let first = &sorted.bad[0];
    let refused = sorted.bad.len() + sorted.unlisted;
    let total = sorted.good.len() + refused;
    let detail = format!("{refused} of {total} events are not valid and none was kept; the first: {}", first.detail);
    let pointer = if total == 1 { first.pointer.clone() } else { format!("/{}{}", first.index, first.pointer) };
    Problem::field(first.code, pointer, detail)
        .with("accepted", serde_json::json!(0))
        .with("rejected", serde_json::json!(sorted.bad))
}

/// A rejected event as a problem: unreadable is 400, too large 413, a bad field 422 with its pointer.
pub(super) fn refused(rejection: &Rejection) -> Problem {
    match rejection.code {
        Code::MalformedJson | Code::EmptyPayload | Code::NotAnObject => Problem::malformed(rejection.detail.clone()),
        Code::TooLarge => Problem::too_large(rejection.detail.clone()),
        code => Problem::field(code.as_str(), rejection.pointer.clone(), rejection.detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(body: &str) -> Vec<String> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let cut = split(&body, 100).expect("readable");
        cut.iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect()
    }

    #[test]
    fn one_an_array_and_lines_are_told_apart() {
        assert_eq!(pieces(" {\"a\": 1}\n"), ["{\"a\": 1}"]);
        assert_eq!(pieces("{\n \"a\":\n 1}"), ["{\n \"a\":\n 1}"]);
        assert_eq!(pieces("[{\"a\":1}, 7]"), ["{\"a\":1}", "7"]);
        assert_eq!(pieces("{\"a\":1}\r\n\n{broken\n{}"), ["{\"a\":1}", "{broken", "{}"]);
        assert!(pieces("[]").is_empty());
    }

    #[test]
    fn too_many_and_nothing_are_refused() {
        assert_eq!(split(&Bytes::from_static(b"[1,2,3]"), 2).expect_err("too many").code(), "too_large");
        assert_eq!(split(&Bytes::from_static(b" \n "), 2).expect_err("empty").code(), "malformed");
        assert_eq!(split(&Bytes::from_static(b"[1,"), 2).expect_err("cut off").code(), "malformed");
    }

    proptest! {
        #[test]
        fn lines_come_back_in_their_order(ids in proptest::collection::vec("[a-z]{1,8}", 2..50)) {
            let lines: Vec<String> = ids.iter().map(|i| format!("{{\"event_id\":\"{i}\"}}")).collect();
            prop_assert_eq!(&pieces(&lines.join("\n")), &lines);
            prop_assert_eq!(pieces(&format!("[{}]", lines.join(" , "))), lines);
        }
    }
}
