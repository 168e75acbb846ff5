//! A small HTTP client for asking a running instance: one request, bounded in time and size.

use super::failure::Failure;
use super::shared::InstanceArgs;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Answers of more bytes than this are refused.
const ANSWER_LIMIT: usize = 1 << 20;

/// What a running instance answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// The body, as JSON where it is JSON and as text where it is not.
    pub(super) body: serde_json::Value,
}

impl Answer {
    /// What a person should read of a problem document: title, detail and hint, as far as they are there.
    pub(super) fn problem(&self) -> String {
        let words: Vec<&str> =
            ["title", "detail", "hint"].iter().filter_map(|key| self.body.get(key)?.as_str()).collect();
        if words.is_empty() { format!("HTTP status {}", self.status) } else { words.join(": ") }
    }
}

/// One request to a running instance.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The method.
    pub(super) method: Method,
    /// Path below the instance's address, percent-encoded.
    pub(super) path: &'a str,
    /// A bearer token; never printed.
    pub(super) token: Option<&'a str>,
    /// The body.
    pub(super) body: Option<serde_json::Value>,
}

impl Call<'_> {
    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// When the address is wrong, nobody answers in time, or the answer is too large. An answer with an error status
    /// is an [`Answer`].
    pub(super) fn send(self, instance: &InstanceArgs) -> Result<Answer, Failure> {
        let base = instance.base_url()?;
        let uri: Uri = format!("{base}{}", self.path)
            .parse()
            .map_err(|error| Failure::Usage(format!("{base} is not an address like http://127.0.0.1:7878: {error}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(Failure::Usage(format!("{base}: only http:// can be asked; put a proxy before it for TLS")));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let limit = Duration::from_millis(instance.timeout.0.unsigned_abs());
        let request = self.request(&uri)?;
        let answer = runtime.block_on(async { tokio::time::timeout(limit, exchange(request)).await });
        let answer = answer.with_context(|| format!("no answer from {base} within {} ms", limit.as_millis()))?;
        Ok(answer.with_context(|| format!("asking {base}"))?)
    }

    fn request(self, uri: &Uri) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(self.method).uri(uri).header("accept", "application/json");
        if let Some(token) = self.token {
            let mut value = hyper::header::HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| anyhow::anyhow!("the token holds characters that a header cannot carry"))?;
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        let body = match self.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        Ok(request.body(Full::new(body))?)
    }
}

async fn exchange(request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
    let bytes = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { status, body })
}

/// Encodes one path segment: everything but unreserved characters (RFC 3986) as %XX.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use std::io::{Read, Write};

    fn instance(url: String) -> InstanceArgs {
        InstanceArgs { url: Some(url), config: "none.toml".into(), timeout: Span::seconds(2) }
    }

    /// A server of one answer; gives back its address and, when joined, the request it got.
    fn once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut got = Vec::new();
            let mut chunk = [0; 4096];
            while !String::from_utf8_lossy(&got).contains("\r\n\r\n") {
                let n = stream.read(&mut chunk).expect("bytes");
                got.extend_from_slice(&chunk[..n]);
            }
            stream.write_all(answer.as_bytes()).expect("written");
            String::from_utf8_lossy(&got).into_owned()
        });
        (address, server)
    }

    #[test]
    fn sends_token_and_reads_a_problem() {
        let (url, server) = once(
            "HTTP/1.1 409 Conflict\r\ncontent-length: 56\r\n\r\n{\"title\":\"conflict\",\"detail\":\"it is paused\",\"hint\":\"no\"}\n",
        );
        let call = Call { method: Method::POST, path: "/v1/x", token: Some("abc"), body: None };
        let answer = call.send(&instance(url)).expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "conflict: it is paused: no"));
        let request = server.join().expect("served");
        assert!(
            request.starts_with("POST /v1/x HTTP/1.1") && request.contains("authorization: Bearer abc"),
            "{request}"
        );
    }

    #[test]
    fn nobody_there_is_a_failure_that_names_the_address() {
        let call = Call { method: Method::GET, path: "/healthz", token: None, body: None };
        let failure = call.send(&instance("http://127.0.0.1:1".into())).expect_err("refused");
        assert!(failure.message().contains("http://127.0.0.1:1"), "{}", failure.message());
    }

    #[test]
    fn other_schemes_are_wrong_usage() {
        let call = Call { method: Method::GET, path: "/healthz", token: None, body: None };
        assert!(matches!(call.send(&instance("https://127.0.0.1:1".into())), Err(Failure::Usage(_))));
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(segment("custom arm/ü"), "custom%20arm%2F%C3%BC");
    }
}
