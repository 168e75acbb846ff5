//! Errors as RFC 9457 problem documents: `type` = `urn:reiver:error:<code>`, and always a hint what to do.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// One refusal, as a client gets it. Boxed: errors are rare and must not widen every result.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Box<Document>);

#[derive(Clone, Debug, PartialEq)]
struct Document {
    /// Stable code, the end of `type`.
    code: &'static str,
    status: StatusCode,
    /// The kind of problem, in a few words; the same for all of one code.
    title: &'static str,
    /// What is wrong here, and where.
    detail: String,
    /// What to do about it.
    hint: String,
    /// JSON pointer (RFC 6901) to the field, for 422.
    pointer: Option<String>,
    /// Seconds after which trying again may help.
    retry_after: Option<u32>,
    /// Further members.
    more: Map<String, Value>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: String, hint: &str) -> Self {
        let hint = hint.to_owned();
        Self(Box::new(Document {
            code,
            status,
            title,
            detail,
            hint,
            pointer: None,
            retry_after: None,
            more: Map::new(),
        }))
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Adds a member to the document; the standard ones cannot be replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.more.insert(name.to_owned(), value);
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// 400: the body cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        let hint = "send JSON in UTF-8, as the documentation of this address shows";
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail.into(), hint)
    }

    /// 422: a field is not what it must be.
    #[must_use]
    pub fn field(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let hint = "correct the field at the pointer and send the request again";
        let title = "A field is not valid";
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail.into(), hint);
        problem.0.pointer = Some(pointer.into());
        problem
    }

    /// 404: an experiment, arm, decision or address that is not there.
    #[must_use]
    pub fn unknown(code: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, "There is no such thing here", detail.into(), hint)
    }

    /// 405: the address is there, the method is not.
    #[must_use]
    pub fn method(detail: impl Into<String>) -> Self {
        let hint = "use a method that the Allow header names";
        let title = "This address has no such method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, detail.into(), hint)
    }

    /// 409: it contradicts what is.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::CONFLICT, code, "This contradicts the present state", detail.into(), hint)
    }

    /// 401: an action without a token.
    #[must_use]
    pub fn token_missing() -> Self {
        let detail = "actions need a token and none was sent".to_owned();
        let hint = "send the header Authorization: Bearer <token>";
        Self::new(StatusCode::UNAUTHORIZED, "token_missing", "A token is needed", detail, hint)
    }

    /// 403: a wrong token, no token configured, or a request from another site.
    #[must_use]
    pub fn forbidden(code: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "This is refused", detail.into(), hint)
    }

    /// 413: more bytes or entries than allowed.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        let hint = "split it into smaller requests";
        let title = "The request is too large";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", title, detail.into(), hint)
    }

    /// 429: a bounded queue or budget is full.
    #[must_use]
    pub fn busy(code: &'static str, detail: impl Into<String>) -> Self {
        let hint = "wait as long as Retry-After says and send the request again";
        let title = "Too much at the same time";
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, title, detail.into(), hint).retry(1)
    }

    /// 503: something needed is not there at the moment.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        let title = "Not available at the moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail.into(), hint).retry(1)
    }

    /// 503: nothing has been restored or learned yet.
    #[must_use]
    pub fn no_view() -> Self {
        let detail = "there is no view to answer from yet";
        Self::unavailable("no_view", detail, "wait until /readyz answers 200; it tells the progress")
    }

    /// 500: a fault of ours; what it was stands in the log.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "this request failed inside Reiver; others are not affected".to_owned();
        let hint = "try again; if it stays, report it with the lines of the log at this time";
        let title = "A fault of the server";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail, hint)
    }

    /// The document.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = self.0.more.clone();
        body.insert("type".into(), json!(format!("urn:reiver:error:{}", self.0.code)));
        body.insert("title".into(), json!(self.0.title));
        body.insert("status".into(), json!(self.0.status.as_u16()));
        body.insert("detail".into(), json!(self.0.detail));
        body.insert("hint".into(), json!(self.0.hint));
        if let Some(pointer) = &self.0.pointer {
            body.insert("pointer".into(), json!(pointer));
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_all_its_members() {
        let problem = Problem::field("empty_field", "/unit", "the unit is empty");
        let body = problem.body();
        assert_eq!(body["type"], "urn:reiver:error:empty_field");
        assert_eq!(body["status"], 422);
        assert_eq!(body["pointer"], "/unit");
        for member in ["title", "detail", "hint"] {
            assert!(body[member].as_str().is_some_and(|t| !t.is_empty()), "{member}");
        }
    }

    #[test]
    fn headers_tell_when_and_how_to_try_again() {
        let response = Problem::no_view().into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let response = Problem::token_missing().into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn further_members_never_replace_the_standard_ones() {
        let problem = Problem::malformed("x").with("status", json!(200));
        assert_eq!(problem.body()["status"], 400);
    }
}
