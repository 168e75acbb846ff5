//! `GET /v1/experiments` and `GET /v1/experiments/{name}`: how the arms stand.

use super::decision;
use super::doors::Hall;
use super::dto::{ArmView, ExperimentView};
use super::openapi::{OfAny, OfName};
use super::problem::Problem;
use super::router::json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// All experiments.
#[derive(Serialize, ToSchema)]
#[schema(as = Experiments)]
pub(super) struct All {
    experiments: Vec<ExperimentView>,
}

/// All experiments, in the order of the configuration.
#[utoipa::path(
    get, path = "/v1/experiments", tag = "results", operation_id = "experiments",
    responses((status = 200, description = "All experiments.", body = All), OfAny)
)]
pub(super) async fn all(State(hall): State<Arc<Hall>>) -> Result<Response, Problem> {
    let (overlay, view) = hall.doors.sight()?;
    let experiments = view.experiments().iter().map(|e| ExperimentView::of(&*view, e, &overlay)).collect();
    json(&All { experiments })
}

/// One experiment.
#[utoipa::path(
    get, path = "/v1/experiments/{name}", tag = "results", operation_id = "experiment",
    params(("name" = String, Path, description = "the experiment")),
    responses((status = 200, description = "The experiment.", body = ExperimentView), OfName, OfAny)
)]
pub(super) async fn one(State(hall): State<Arc<Hall>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let (overlay, view) = hall.doors.sight()?;
    let experiment = decision::experiment(&*view, &name)?;
    json(&ExperimentView::of(&*view, experiment, &overlay))
}

/// The arm of this name, or which there are.
pub(super) fn find<'a>(view: &'a ExperimentView, arm: &str) -> Result<&'a ArmView, Problem> {
    view.arms.iter().find(|a| a.arm == arm).ok_or_else(|| {
        let names: Vec<&str> = view.arms.iter().map(|a| a.arm.as_str()).collect();
        let hint = format!("the arms of this experiment are: {}", names.join(", "));
        Problem::unknown("unknown_arm", format!("experiment {:?} has no arm {arm:?}", view.name), &hint)
    })
}
