use super::doors::{Ending, House, NOW, house};
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use hyper::body::Frame;
use reiver::codec;
use reiver::event::Event;
use reiver::port::SinkError;
use serde_json::{Value, json};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

fn click(event_id: &str) -> Value {
    json!({"type": "interaction", "event_id": event_id, "event_time": "2026-11-24T07:00:00.000Z", "user_id": "u42",
        "item_id": "i7", "action": "click"})
}

/// What was written, decoded as the pipeline will.
fn written(house: &House) -> Vec<Event> {
    let sent = house.sink.sent.lock().expect("alive");
    sent.iter().map(|r| codec::decode_body(r.payload.as_ref().expect("a body"), NOW).expect("valid").event).collect()
}

#[tokio::test]
async fn feedback_is_written_and_its_id_answered() {
    let house = house(true);
    let id = "0197f3a0-0000-7000-8000-000000000001";
    let body = json!({"decision_id": id, "metric": "click", "value": 1, "event_id": "e1"});
    assert_eq!(house.post("/v1/feedback", body).await.ok(), json!({"event_id": "e1"}));
    let sent = house.sink.sent.lock().expect("alive")[0].clone();
    assert_eq!(&*sent.topic, "reiver.events");
    assert_eq!(sent.timestamp, Some(NOW));
    match &written(&house)[0] {
        Event::Feedback(f) => {
            assert_eq!((f.event_id.as_str(), f.metric.as_str(), f.value, f.time), ("e1", "click", 1.0, NOW));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn feedback_without_an_id_gets_one() {
    let house = house(true);
    let body =
        json!({"decision_id": "0197f3a0-0000-7000-8000-000000000001", "metric": "click", "value": 1, "event_id": null});
    let answer = house.post("/v1/feedback", body).await.ok();
    let id = answer["event_id"].as_str().expect("a text");
    assert_eq!(uuid::Uuid::parse_str(id).expect("a UUID").get_version_num(), 7);
    assert_eq!(written(&house)[0].event_id(), id);
}

#[tokio::test]
async fn feedback_in_camel_case_is_taken() {
    let house = house(true);
    let body = json!({"decisionId": "d1", "metric": "click", "value": 1, "eventId": "e9",
        "eventTime": "2026-11-24T06:59:00Z"});
    assert_eq!(house.post("/v1/feedback", body).await.ok(), json!({"event_id": "e9"}));
    assert_eq!(written(&house)[0].time().to_rfc3339(), "2026-11-24T06:59:00.000Z");
}

#[tokio::test]
async fn bad_feedback_is_refused_with_its_pointer() {
    let house = house(true);
    for (body, pointer) in [
        (json!({"metric": "click", "value": 1}), "/decision_id"),
        (json!({"decision_id": "d", "value": 1}), "/metric"),
        (json!({"decision_id": "d", "metric": "click"}), "/value"),
        (json!({"decision_id": "d", "metric": "click", "value": "x"}), "/value"),
        (json!({"decision_id": "d", "metric": "click", "value": 1e308}), "/value"),
        (
            json!({"decision_id": "d", "metric": "click", "value": 1, "event_time": "1900-01-01T00:00:00Z"}),
            "/event_time",
        ),
    ] {
        let answer = house.post("/v1/feedback", &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["pointer"], pointer, "{body}");
    }
    house.post("/v1/feedback", "[1]").await.refuses(400, "malformed");
    assert!(written(&house).is_empty());
}

#[tokio::test]
async fn what_kafka_does_not_acknowledge_is_not_acknowledged() {
    let mut house = house(true);
    house.doors.bounds.delivery = Duration::from_millis(30);
    let feedback = json!({"decision_id": "d", "metric": "click", "value": 1});
    for (ending, status, code) in [
        (Ending::Fails(SinkError::Full), 429, "queue_full"),
        (Ending::Fails(SinkError::Unknown("timed out".into())), 503, "delivery_unknown"),
        (Ending::Fails(SinkError::Refused("no right".into())), 503, "kafka_refuses"),
        (Ending::Never, 503, "delivery_unknown"),
    ] {
        *house.sink.ending.lock().expect("alive") = ending;
        let problem = house.post("/v1/feedback", &feedback).await.refuses(status, code);
        if code == "delivery_unknown" {
            assert!(problem["hint"].as_str().expect("a text").contains("same event_id"));
        }
        house.post("/v1/events", click("e")).await.refuses(status, code);
    }
}

#[tokio::test]
async fn one_event_an_array_and_json_lines_are_taken() {
    let house = house(true);
    let receipt = json!({"accepted": 1, "rejected": []});
    assert_eq!(house.post("/v1/events", click("e1")).await.ok(), receipt);
    let two = json!([click("e2"), click("e3")]);
    assert_eq!(house.post("/v1/events", two).await.ok()["accepted"], 2);
    let lines = format!("{}\n\n{}\r\n", click("e4"), click("e5"));
    assert_eq!(house.post("/v1/events", lines).await.ok()["accepted"], 2);
    assert_eq!(house.post("/v1/events", "[]").await.ok()["accepted"], 0);
    let ids: Vec<String> = written(&house).iter().map(|e| e.event_id().to_owned()).collect();
    assert_eq!(ids, ["e1", "e2", "e3", "e4", "e5"]);
    let sent = house.sink.sent.lock().expect("alive");
    assert!(sent.iter().all(|r| r.key.as_deref() == Some(b"u42")), "keyed by user");
}

#[tokio::test]
async fn bytes_are_kept_as_sent() {
    let house = house(true);
    let mut event = click("e1");
    event["properties"] = json!({"colour": "red"});
    let text = event.to_string();
    house.post("/v1/events", format!("  {text}  ")).await.ok();
    assert_eq!(house.sink.sent.lock().expect("alive")[0].payload.as_deref(), Some(text.as_bytes()));
}

#[tokio::test]
async fn good_ones_are_kept_beside_bad_ones() {
    let house = house(true);
    let mut bad = click("e2");
    bad["event_time"] = json!("2200-01-01T00:00:00Z");
    let body = json!([click("e1"), bad, click("e3"), 7]);
    let receipt = house.post("/v1/events", &body).await.ok();
    assert_eq!(receipt["accepted"], 2);
    let rejected = receipt["rejected"].as_array().expect("a list");
    assert_eq!(rejected.len(), 2);
    assert_eq!((&rejected[0]["index"], &rejected[0]["code"]), (&json!(1), &json!("time_out_of_range")));
    assert_eq!(rejected[0]["pointer"], "/event_time");
    assert!(!rejected[0]["detail"].as_str().expect("a text").is_empty());
    assert_eq!((&rejected[1]["index"], &rejected[1]["code"]), (&json!(3), &json!("not_an_object")));
    assert_eq!(written(&house).len(), 2);

    let problem = house.post("/v1/events?atomic=true", &body).await.refuses(422, "time_out_of_range");
    assert_eq!(problem["pointer"], "/1/event_time");
    assert_eq!(problem["accepted"], 0);
    assert_eq!(problem["rejected"].as_array().expect("a list").len(), 2);
    assert_eq!(written(&house).len(), 2, "none of the atomic ones");
    assert_eq!(house.post("/v1/events?atomic=true", json!([click("e4")])).await.ok()["accepted"], 1);
}

#[tokio::test]
async fn a_body_with_nothing_good_is_refused() {
    let house = house(true);
    let mut bad = click("e");
    bad["action"] = json!("juggle");
    let problem = house.post("/v1/events", bad).await.refuses(422, "unknown_value");
    assert_eq!(problem["pointer"], "/action");
    house.post("/v1/events", "").await.refuses(400, "malformed");
    house.post("/v1/events", "[{]").await.refuses(400, "malformed");
    house.post("/v1/events?atomic=maybe", click("e")).await.refuses(400, "malformed");
    let lines = "{broken\n{also";
    assert_eq!(house.post("/v1/events", lines).await.status, 422);
}

#[tokio::test]
async fn bodies_are_bounded_one_by_one_and_together() {
    let mut house = house(true);
    let big = "x".repeat((1 << 20) + 1);
    house.post("/v1/decide", &big).await.refuses(413, "too_large");
    house.post("/v1/feedback", &big).await.refuses(413, "too_large");
    let stream = || Body::new(Pieces(17 << 16));
    let request = Request::post("/v1/decide").body(stream()).expect("a request");
    house.send(request).await.refuses(413, "too_large");

    let events: Vec<Value> = (0..20_001).map(|n| click(&n.to_string())).collect();
    house.post("/v1/events", json!(events)).await.refuses(413, "too_large");

    house.doors.bounds.bodies = 8 << 20;
    let request = Request::post("/v1/events").body(stream()).expect("a request");
    house.send(request).await.refuses(429, "busy");
    assert!(written(&house).is_empty());
}

/// A body of unknown length: so many bytes, 64 KiB at a time.
struct Pieces(usize);

impl axum::body::HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let n = self.0.min(1 << 16);
        self.0 -= n;
        Poll::Ready((n > 0).then(|| Ok(Frame::data(Bytes::from(vec![b'['; n])))))
    }
}

#[tokio::test]
async fn a_slow_request_ends_in_time() {
    let mut house = house(true);
    house.doors.bounds.request = Duration::from_millis(30);
    *house.sink.ending.lock().expect("alive") = Ending::Never;
    house.post("/v1/events", click("e")).await.refuses(503, "request_timeout");
}
