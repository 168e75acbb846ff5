//! `/healthz`, `/readyz`, `/metrics`: for the platform. They never need a token.

use super::doors::{Hall, Phase};
use super::problem::Problem;
use super::router::json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json as object;
use std::sync::Arc;

/// The process runs and answers.
pub(super) async fn alive() -> Result<Response, Problem> {
    json(&object!({ "status": "ok" }))
}

/// Whether requests should be sent here: restored, caught up, and a view is there. Stays true while Kafka is away,
/// because deciding goes on.
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
pub(super) async fn metrics(State(hall): State<Arc<Hall>>) -> Response {
    let text = hall.doors.meter.render(&hall.doors);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
