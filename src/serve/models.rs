//! `GET /v1/models`: what learns here, and how well it predicted what it then learned.

use super::doors::Hall;
use super::dto::{ComparisonView, ModelView};
use super::openapi::OfAny;
use super::problem::Problem;
use super::router::json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// All models of one view.
#[derive(Serialize, ToSchema)]
#[schema(as = Models)]
struct All {
    /// The view's number; it only grows.
    view: u64,
    /// Log time of the view; null before the first event.
    #[schema(required)]
    log_time: Option<String>,
    models: Vec<ModelView>,
    /// Every model against every other.
    comparisons: Vec<ComparisonView>,
}

/// All models of the newest view.
#[utoipa::path(
    get, path = "/v1/models", tag = "results", operation_id = "models",
    responses((status = 200, description = "All models.", body = All), OfAny)
)]
pub(super) async fn all(State(hall): State<Arc<Hall>>) -> Result<Response, Problem> {
    let view = hall.doors.view()?;
    let models = view.models().into_iter().map(ModelView::from).collect();
    let comparisons = view.comparisons().into_iter().map(ComparisonView::from).collect();
    json(&All { view: view.version(), log_time: super::decision::time_text(view.log_time()), models, comparisons })
}
