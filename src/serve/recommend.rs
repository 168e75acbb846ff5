//! `POST /v1/recommend`: which arm answers, and the list its model makes.

use super::body::{self, Fields};
use super::decision::{self, Answer};
use super::doors::Hall;
use super::openapi::{OfAny, OfBody, OfName, RecommendAsk};
use super::problem::Problem;
use super::router::json;
use crate::event::{Decision, ListedItem, Reason};
use crate::pipeline::{Facts, RecommendRequest};
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

/// Items of a list at most: what the decision log can be read back with.
const K_LIMIT: usize = crate::codec::MAX_LIST;
/// Candidates, and excluded items, at most.
const ITEMS_LIMIT: usize = 10_000;
/// Items of a session at most.
const RECENT_LIMIT: usize = 100;

/// What is asked.
struct Ask {
    experiment: String,
    unit: String,
    user_id: Option<String>,
    k: usize,
    candidates: Option<Vec<String>>,
    exclude: Vec<String>,
    recent: Vec<String>,
    repeat: bool,
}

impl Ask {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(bytes)?;
        fields.allow_object("context")?;
        Ok(Self {
            experiment: fields.text("experiment")?,
            unit: fields.text("unit")?,
            user_id: fields.optional_text("user_id")?,
            k: fields.optional_count("k", K_LIMIT)?.unwrap_or(10),
            candidates: fields.optional_texts("candidates", ITEMS_LIMIT)?,
            exclude: fields.optional_texts("exclude", ITEMS_LIMIT)?.unwrap_or_default(),
            recent: fields.optional_texts("recent", RECENT_LIMIT)?.unwrap_or_default(),
            repeat: fields.flag("repeat")?,
        })
    }

    fn user(&self) -> &str {
        self.user_id.as_deref().unwrap_or(&self.unit)
    }

    fn list(&self, view: &dyn Facts, arm: &str) -> Vec<ListedItem> {
        view.recommend(&RecommendRequest {
            arm,
            user_id: self.user(),
            k: self.k,
            candidates: self.candidates.as_deref(),
            exclude: &self.exclude,
            recent: &self.recent,
            repeat: self.repeat,
        })
    }
}

/// Ranking takes milliseconds, so it runs beside the threads that answer `decide`, a bounded number at a time.
#[utoipa::path(
    post, path = "/v1/recommend", tag = "serving", operation_id = "recommend", request_body = RecommendAsk,
    responses((status = 200, description = "The arm, and its list.", body = Answer), OfBody, OfName, OfAny)
)]
pub(super) async fn recommend(State(hall): State<Arc<Hall>>, request: Request) -> Result<Response, Problem> {
    let held = body::read(&hall, request, hall.doors.bounds.body).await?;
    let ask = Ask::parse(&held.bytes)?;
    let turn = Arc::clone(&hall.lists).acquire_owned().await.map_err(|_| Problem::internal())?;
    let work = tokio::task::spawn_blocking(move || {
        let made = answer(&hall, &ask);
        drop(turn);
        made
    });
    let made = work.await.map_err(|_| Problem::internal())??;
    json(&Answer::of(&made, true))
}

/// The view is taken here, after waiting, so that nobody waits while holding one.
fn answer(hall: &Hall, ask: &Ask) -> Result<Decision, Problem> {
    let (overlay, view) = hall.doors.sight()?;
    let experiment = decision::experiment(&*view, &ask.experiment)?;
    let mut made = decision::draw(&hall.doors, &overlay, experiment, &ask.unit);
    made.user_id = Some(ask.user().to_owned());
    made.items = ask.list(&*view, &made.arm);
    if made.items.is_empty() {
        let mut instead = made.clone();
        decision::to_baseline(&overlay, &mut instead, experiment, Reason::Fallback);
        instead.items = ask.list(&*view, &instead.arm);
        // Where the baseline has nothing either there is nothing to show, and the draw stands.
        if !instead.items.is_empty() {
            made = instead;
        }
    }
    if !decision::log(&hall.doors, &made) {
        let drawn = made.arm.clone();
        decision::to_baseline(&overlay, &mut made, experiment, Reason::SpoolFull);
        if made.arm != drawn {
            made.items = ask.list(&*view, &made.arm);
        }
    }
    decision::count(hall, &made);
    Ok(made)
}
