//! `GET /v1/stream` (server-sent events) and `GET /v1/live` (the same snapshot as one document).

use super::super::doors::Hall;
use super::super::openapi::{OfAny, OfName};
use super::super::problem::Problem;
use super::board::Refused;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use utoipa::IntoParams;

/// How soon a browser tries again by itself once a stream is cut.
const RETRY: &str = "retry: 1000\n\n";

/// What may be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Asked {
    /// Which experiment; the first if none is named.
    experiment: Option<String>,
    /// The newest id that is known: for clients that cannot send `Last-Event-ID`.
    last: Option<String>,
}

/// A body that ends when its client is dropped by the ticker.
struct Stream {
    begin: Option<Bytes>,
    rest: mpsc::Receiver<Bytes>,
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(begin) = self.begin.take() {
            return Poll::Ready(Some(Ok(Frame::data(begin))));
        }
        self.rest.poll_recv(context).map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// One snapshot, then what every second brought. A delta comes each second whatever happens: it is the heartbeat, too.
#[utoipa::path(
    get, path = "/v1/stream", tag = "page", operation_id = "stream", params(Asked),
    responses((status = 200, description = "Server-sent events.", body = String, content_type = "text/event-stream"),
        OfName, OfAny)
)]
pub(in super::super) async fn stream(
    State(hall): State<Arc<Hall>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = headers.get("last-event-id").and_then(|v| v.to_str().ok()).or(asked.last.as_deref());
    let doors = &hall.doors;
    let begun = doors.live.subscribe(doors, asked.experiment.as_deref(), known);
    let (first, rest) = begun.map_err(|refused| problem(refused, &asked))?;
    let mut begin = Vec::from(RETRY.as_bytes());
    begin.extend_from_slice(&first);
    let body = Body::new(Stream { begin: Some(Bytes::from(begin)), rest });
    let kind = HeaderValue::from_static("text/event-stream");
    // Proxies that gather answers would hold the events back.
    let plain = HeaderValue::from_static("no");
    Ok(([(header::CONTENT_TYPE, kind), (header::HeaderName::from_static("x-accel-buffering"), plain)], body)
        .into_response())
}

/// The snapshot alone.
#[utoipa::path(
    get, path = "/v1/live", tag = "page", operation_id = "live", params(Asked),
    responses((status = 200, description = "What the page begins with.", body = Object), OfName, OfAny)
)]
pub(in super::super) async fn snapshot(
    State(hall): State<Arc<Hall>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let doors = &hall.doors;
    let json = doors.live.snapshot(doors, asked.experiment.as_deref()).map_err(|refused| problem(refused, &asked))?;
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind)], json).into_response())
}

fn problem(refused: Refused, asked: &Asked) -> Problem {
    match refused {
        Refused::Full => Problem::unavailable(
            "too_many_streams",
            "as many pages are watching as this server allows",
            "close some; tabs of one browser share one stream",
        ),
        Refused::Stopping => Problem::unavailable("stopping", "this server is stopping", "try again in a moment"),
        Refused::Unknown => {
            let name = asked.experiment.as_deref().unwrap_or_default();
            let hint = "GET /v1/experiments lists those that are here";
            Problem::unknown("unknown_experiment", format!("there is no experiment {name:?}"), hint)
        }
    }
}
