//! What stands before every handler: a limit of time, a check of where the request comes from, measurement, headers.

use super::doors::{Hall, Meter};
use super::problem::Problem;
use super::router::ROUTES;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Counts a request even when its client goes away and the future is dropped.
struct Measured {
    meter: Arc<dyn Meter>,
    route: &'static str,
    method: &'static str,
    code: u16,
    begun: u64,
}

impl Drop for Measured {
    fn drop(&mut self) {
        let nanos = self.meter.nanos().saturating_sub(self.begun);
        self.meter.ended(self.route, self.method, self.code, nanos);
    }
}

/// Around every handler.
pub(super) async fn guard(State(hall): State<Arc<Hall>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let (route, method) = label(path, request.method());
    let meter = Arc::clone(&hall.doors.meter);
    meter.begun();
    let begun = meter.nanos();
    let mut measured = Measured { meter, route, method, code: 499, begun };
    let mut response = match foreign(request.method(), request.headers()) {
        Some(problem) => problem.into_response(),
        None => match tokio::time::timeout(hall.doors.bounds.request, next.run(request)).await {
            Ok(response) => response,
            Err(_) => timeout().into_response(),
        },
    };
    measured.code = response.status().as_u16();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The labels of metrics: the template and method of a known route, else `other`, so that nobody makes new series.
fn label(path: &str, method: &Method) -> (&'static str, &'static str) {
    // HEAD is answered by GET's handler and measured with it.
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    ROUTES.iter().copied().find(|(route, m)| *route == path && *m == wanted).unwrap_or(("other", "other"))
}

fn timeout() -> Problem {
    Problem::unavailable(
        "request_timeout",
        "the request took longer than a request may take",
        "send its body without pauses; what was being written may have arrived: repeat it under the same event_id",
    )
}

/// A browser's request that another site caused: it could act with what only this machine can reach.
fn foreign(method: &Method, headers: &HeaderMap) -> Option<Problem> {
    if *method != Method::POST {
        return None;
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let other_site = match text(header::ORIGIN) {
        None => false,
        Some(origin) => {
            let host = text(header::HOST).unwrap_or_default();
            origin.split_once("://").is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
        }
    };
    other_site.then(|| {
        let hint = "send it from a server, or from a page of this origin";
        Problem::forbidden("cross_origin", "the request comes from a page of another origin", hint)
    })
}

/// A panic in a handler ends that request alone.
#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
pub(super) fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    tracing::error!(cause = text.unwrap_or("unknown"), "a request failed inside");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a value"));
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a value"));
        headers
    }

    #[test]
    fn only_posts_of_other_origins_are_foreign() {
        assert!(foreign(&Method::POST, &HeaderMap::new()).is_none(), "servers send no Origin");
        assert!(foreign(&Method::POST, &headers("http://a:1", "a:1")).is_none());
        assert!(foreign(&Method::POST, &headers("http://evil", "a:1")).is_some());
        assert!(foreign(&Method::POST, &headers("null", "a:1")).is_some());
        assert!(foreign(&Method::GET, &headers("http://evil", "a:1")).is_none());
    }

    #[test]
    fn labels_are_closed() {
        assert_eq!(label("/v1/decide", &Method::POST), ("/v1/decide", "POST"));
        assert_eq!(label("/healthz", &Method::HEAD), ("/healthz", "GET"));
        assert_eq!(label("/v1/decide", &Method::PUT), ("other", "other"));
        assert_eq!(label("", &Method::from_bytes(b"WEIRD").expect("a method")), ("other", "other"));
    }
}
