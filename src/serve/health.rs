//! `/healthz`, `/readyz`, `/metrics`: for the platform. They never need a token.

use super::doors::{Hall, Phase};
use super::openapi::{OfAny, phase};
use super::problem::Problem;
use super::router::json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json as object;
use std::sync::Arc;
use utoipa::ToSchema;

/// The process answers.
#[derive(Serialize, ToSchema)]
struct Alive {
    /// `ok`.
    status: &'static str,
}

/// Requests may be sent here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document alone reads it; the answer shares its members with the problem")]
struct Ready {
    /// `ready`.
    status: String,
    /// Where the shell stands.
    #[schema(schema_with = phase)]
    phase: String,
    /// One plain sentence, empty if there is nothing to add.
    detail_of_phase: String,
    /// How much of the phase is done, 0 to 1.
    progress: f64,
    /// Records in the log after the last one processed.
    lag: u64,
    /// The newest view's number.
    view: u64,
}

/// The process runs and answers.
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "healthz",
    responses((status = 200, description = "The process runs and answers.", body = Alive), OfAny)
)]
pub(super) async fn alive() -> Result<Response, Problem> {
    json(&Alive { status: "ok" })
}

/// Whether requests should be sent here: restored, caught up, and a view is there. Stays true while Kafka is away,
/// because deciding goes on.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses((status = 200, description = "Requests may be sent here.", body = Ready), OfAny)
)]
pub(super) async fn ready(State(hall): State<Arc<Hall>>) -> Result<Response, Problem> {
    let status = &hall.doors.status;
    let view = hall.doors.view.newest();
    let phase = status.phase();
    let reason = match (phase, &view) {
        (Phase::Starting, _) => Some("it is starting"),
        (Phase::Restoring, _) => Some("the checkpoint is being restored"),
        (Phase::CatchingUp, _) => Some("what came while it was down is being processed"),
        (Phase::Stopping, _) => Some("it is stopping"),
        (Phase::Live | Phase::KafkaAway, None) => Some("no view has been published yet"),
        (Phase::Live | Phase::KafkaAway, Some(_)) => None,
    };
    let facts = [
        ("phase", object!(phase.as_str())),
        ("detail_of_phase", object!(*status.detail())),
        ("progress", object!(status.progress())),
        ("lag", object!(status.lag())),
        ("view", object!(view.as_ref().map(|v| v.version()))),
    ];
    match reason {
        Some(reason) => {
            let hint = "wait: progress and lag tell how far it is";
            let problem = Problem::unavailable("not_ready", reason, hint);
            Err(facts.into_iter().fold(problem, |p, (name, value)| p.with(name, value)))
        }
        None => {
            let mut body = object!({ "status": "ready" });
            for (name, value) in facts {
                body[name] = value;
            }
            json(&body)
        }
    }
}

/// The Prometheus exposition.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "The Prometheus exposition.", body = String, content_type = "text/plain"), OfAny)
)]
pub(super) async fn metrics(State(hall): State<Arc<Hall>>) -> Response {
    let text = hall.doors.meter.render(&hall.doors);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
