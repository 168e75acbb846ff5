//! The addresses. One function makes the router; tests call it without a socket.

use super::doors::{Doors, Hall};
use super::guard::{guard, panicked};
use super::problem::Problem;
use super::{
    actions, assets, decide, decisions, events, experiments, feedback, health, live, models, openapi, page, recommend,
};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Every address with its method: the closed label set of metrics, and what the routing test walks.
pub const ROUTES: &[(&str, &str)] = &[
    ("/v1/decide", "POST"),
    ("/v1/recommend", "POST"),
    ("/v1/feedback", "POST"),
    ("/v1/events", "POST"),
    ("/v1/experiments", "GET"),
    ("/v1/experiments/{name}", "GET"),
    ("/v1/experiments/{name}/arms/{arm_action}", "POST"),
    ("/v1/decisions/{id}", "GET"),
    ("/v1/models", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/openapi.json", "GET"),
    ("/", "GET"),
    ("/assets/{version}/{file}", "GET"),
    ("/v1/live", "GET"),
    ("/v1/stream", "GET"),
];

/// All addresses over these doors.
pub fn router(doors: Doors) -> Router {
    let hall = Arc::new(Hall::new(doors));
    Router::new()
        .route("/v1/decide", post(decide::decide))
        .route("/v1/recommend", post(recommend::recommend))
        .route("/v1/feedback", post(feedback::feedback))
        .route("/v1/events", post(events::events))
        .route("/v1/experiments", get(experiments::all))
        .route("/v1/experiments/{name}", get(experiments::one))
        .route("/v1/experiments/{name}/arms/{arm_action}", post(actions::act))
        .route("/v1/decisions/{id}", get(decisions::explain))
        .route("/v1/models", get(models::all))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::openapi))
        .route("/", get(page::page))
        .route("/assets/{version}/{file}", get(assets::asset))
        .route("/v1/live", get(live::snapshot))
        .route("/v1/stream", get(live::stream))
        .fallback(nowhere)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(&hall), guard))
        .with_state(hall)
}

async fn nowhere(request: Request) -> Problem {
    let detail = format!("there is nothing at {}", request.uri().path());
    Problem::unknown("unknown_address", detail, "the addresses are at /openapi.json, the page is at /")
}

async fn no_method(request: Request) -> Problem {
    Problem::method(format!("{} is not answered at {}", request.method(), request.uri().path()))
}

/// An answer in JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(value).map_err(|_| Problem::internal())?;
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
