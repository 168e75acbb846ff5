//! `GET /v1/decisions/{id}`: why a decision has its arm, and what has become of it.

use super::decision;
use super::doors::Hall;
use super::openapi::{Explained, OfAny, OfName};
use super::problem::Problem;
use super::router::json;
use crate::allocate::draw_hash;
use crate::event::DecisionKey;
use crate::pipeline::{DecisionState, DecisionTrace};
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json as object};
use std::sync::Arc;

/// The decision as logged, with the hash of every arm, the posterior at that moment, and its outcome or what is pending.
#[utoipa::path(
    get, path = "/v1/decisions/{id}", tag = "results", operation_id = "explain",
    params(("id" = String, Path, description = "the decision")),
    responses((status = 200, description = "The decision, explained.", body = Explained), OfName, OfAny)
)]
pub(super) async fn explain(State(hall): State<Arc<Hall>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let view = hall.doors.view()?;
    let trace = view.decision(DecisionKey::of(&id)).ok_or_else(|| {
        let hint = "a decision appears once it was read back, about a second after it was made, \
                    and stays among the newest 100,000";
        Problem::unknown("unknown_decision", format!("no decision {id:?} is known here"), hint)
    })?;
    let logged: Value = serde_json::from_slice(&trace.logged).map_err(|_| Problem::internal())?;
    let mut answer = logged.as_object().cloned().unwrap_or_default();
    answer.insert("draw".to_owned(), draw(&logged));
    answer.insert("outcome".to_owned(), outcome(&trace));
    json(&Value::Object(answer))
}

fn text<'a>(logged: &'a Value, name: &str) -> &'a str {
    logged[name].as_str().unwrap_or_default()
}

fn outcome(trace: &DecisionTrace) -> Value {
    let closes = trace.closes.and_then(decision::time_text);
    match trace.state {
        DecisionState::Pending => object!({
            "state": "pending", "reward_so_far": trace.reward, "closes": closes,
            "waits_for": "feedback or interactions that name this decision, until it closes",
        }),
        state => object!({ "state": state.as_str(), "reward": trace.reward, "closed": closes }),
    }
}

/// The race that the draw was: u out of the hash, and −ln(u)/p, of which the smallest wins. Recomputed from the log
/// alone: the hash is XXH3-64 over the texts named in the answer.
fn draw(logged: &Value) -> Value {
    let epoch = logged["epoch"].as_i64();
    // Without an epoch every decision is an assignment of its own, under its id.
    let unit = text(logged, if epoch.is_some() { "unit" } else { "decision_id" });
    let (name, scope, salt) = (text(logged, "experiment"), text(logged, "scope"), text(logged, "salt_id"));
    let arms = logged["arms"].as_array().map(Vec::as_slice).unwrap_or_default();
    let races = arms.iter().map(|entry| {
        let arm = text(entry, "arm");
        let p = entry["propensity"].as_f64().unwrap_or(0.0);
        let hash = draw_hash(name, scope, unit, epoch, arm, salt);
        let u = (hash as f64 + 0.5) / 18_446_744_073_709_551_616.0;
        let key = (p > 0.0).then(|| -libm::log(u) / p);
        object!({ "arm": arm, "hash": format!("{hash:016x}"), "u": u, "key": key })
    });
    object!({
        "salt_id": salt,
        "hashed": "XXH3-64 of experiment, scope, unit, epoch, arm, salt, each separated by a zero byte; \
                   without an epoch the decision id stands for the unit and - for the epoch",
        "rule": "the smallest -ln(u)/propensity among eligible arms, when the reason is assigned",
        "arms": races.collect::<Vec<_>>(),
    })
}
