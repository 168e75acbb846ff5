//! `POST /v1/feedback`: a reward for a decision, acknowledged once all replicas have it.

use super::body::{self, Fields};
use super::delivery;
use super::doors::Hall;
use super::events::refused;
use super::openapi::{FeedbackAsk, OfAny, OfBody};
use super::problem::Problem;
use super::router::json;
use crate::codec;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json as object};
use std::sync::Arc;
use utoipa::ToSchema;

/// What was taken.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({"event_id": "e3"})))]
struct Taken<'a> {
    /// The id of the event: as sent, or as given.
    event_id: &'a str,
}

/// The body is a feedback event whose type, id and time may be left out; the id it got is answered.
#[utoipa::path(
    post, path = "/v1/feedback", tag = "serving", operation_id = "feedback", request_body = FeedbackAsk,
    responses((status = 200, description = "All replicas have it.", body = Taken), OfBody, OfAny)
)]
pub(super) async fn feedback(State(hall): State<Arc<Hall>>, request: Request) -> Result<Response, Problem> {
    let held = body::read(&hall, request, hall.doors.bounds.body).await?;
    let mut fields = Fields::parse(&held.bytes)?.into_map();
    let now = hall.doors.clock.now();
    fields.insert("type".to_owned(), object!("feedback"));
    let mut given = |names: [&str; 2], value: &dyn Fn() -> Value| {
        if names.iter().all(|n| fields.get(*n).is_none_or(Value::is_null)) {
            fields.remove(names[1]);
            fields.insert(names[0].to_owned(), value());
        }
    };
    given(["event_id", "eventId"], &|| object!(hall.doors.ids.next(now).to_string()));
    given(["event_time", "eventTime"], &|| object!(now.to_rfc3339()));
    let body = Bytes::from(Value::Object(fields).to_string());
    let decoded = codec::decode_body(&body, now).map_err(|rejection| refused(&rejection))?;
    let sent = delivery::send(&hall, &decoded.event, body, now);
    delivery::acknowledged(&hall, vec![sent]).await?;
    json(&Taken { event_id: decoded.event.event_id() })
}
