//! `POST /v1/decide`: which arm answers a unit.

use super::body::{self, Fields};
use super::decision::{self, Answer};
use super::doors::Hall;
use super::openapi::{DecideAsk, OfAny, OfBody, OfName};
use super::problem::Problem;
use super::router::json;
use crate::event::Reason;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

/// What is asked.
struct Ask {
    experiment: String,
    unit: String,
}

impl Ask {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(bytes)?;
        fields.allow_object("context")?;
        Ok(Self { experiment: fields.text("experiment")?, unit: fields.text("unit")? })
    }
}

/// Answers from memory at once; the record goes into the spool. A full spool lets the baseline answer, unlogged.
#[utoipa::path(
    post, path = "/v1/decide", tag = "serving", operation_id = "decide", request_body = DecideAsk,
    responses((status = 200, description = "The arm that answers this unit.", body = Answer), OfBody, OfName, OfAny)
)]
pub(super) async fn decide(State(hall): State<Arc<Hall>>, request: Request) -> Result<Response, Problem> {
    let held = body::read(&hall, request, hall.doors.bounds.body).await?;
    let ask = Ask::parse(&held.bytes)?;
    let (overlay, view) = hall.doors.sight()?;
    let experiment = decision::experiment(&*view, &ask.experiment)?;
    let mut made = decision::draw(&hall.doors, &overlay, experiment, &ask.unit);
    if !decision::log(&hall.doors, &made) {
        decision::to_baseline(&overlay, &mut made, experiment, Reason::SpoolFull);
    }
    decision::count(&hall, &made);
    json(&Answer::of(&made, false))
}
