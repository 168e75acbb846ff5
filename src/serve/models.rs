//! `GET /v1/models`: what learns here, and how well it predicted what it then learned.

use super::doors::Hall;
use super::dto::ModelView;
use super::problem::Problem;
use super::router::json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct All {
    view: u64,
    log_time: Option<String>,
    models: Vec<ModelView>,
}

/// All models of the newest view.
pub(super) async fn all(State(hall): State<Arc<Hall>>) -> Result<Response, Problem> {
    let view = hall.doors.view()?;
    let models = view.models().into_iter().map(ModelView::from).collect();
    json(&All { view: view.version(), log_time: super::decision::time_text(view.log_time()), models })
}
