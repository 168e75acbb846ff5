//! Asks a router without a socket.

use super::doors::House;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use reiver::serve::router;
use serde_json::Value;
use tower::ServiceExt;

/// One answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Holds the answer to be a problem of this status and code, with all its members.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(body["type"], format!("urn:reiver:error:{code}"), "{body}");
        assert_eq!(self.status.as_u16(), status, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        for member in ["title", "detail", "hint"] {
            assert!(body[member].as_str().is_some_and(|t| !t.is_empty()), "{member} of {body}");
        }
        if status == 422 {
            assert!(body["pointer"].is_string(), "{body}");
        }
        if status == 429 || status == 503 {
            assert!(self.headers.contains_key(header::RETRY_AFTER), "{body}");
        }
        body
    }

    /// Holds the answer to be a success, and gives its JSON.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }
}

impl House {
    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = router(self.doors.clone()).oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
            // It goes on for ever: what it begins with is enough.
            let mut body = body;
            let first = body.frame().await.expect("a beginning").expect("readable");
            first.into_data().expect("data").to_vec()
        } else {
            to_bytes(body, 64 << 20).await.expect("readable").to_vec()
        };
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// POST with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// POST with a token.
    pub(crate) async fn act(&self, path: &str, authorization: Option<&str>, body: impl ToString) -> Answer {
        let mut request = Request::post(path);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }
}
