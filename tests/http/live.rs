//! The page, what it is made of, its snapshot and its stream.

use super::doors::{House, NOW, house, view};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use reiver::allocate::{Experiment, ExperimentConfig};
use reiver::event::Time;
use reiver::serve::{Phase, router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// One event of a stream.
#[derive(Debug)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

/// An open stream, read event by event.
struct Reader {
    body: Body,
    rest: String,
}

impl Reader {
    async fn open(house: &House, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer =
            router(house.doors.clone()).oneshot(request.body(Body::empty()).expect("one")).await.expect("never");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        Self { body: answer.into_body(), rest: String::new() }
    }

    /// The next event; `None` at the end of the stream, or when nothing comes.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n").map(|(e, r)| (e.to_owned(), r.to_owned())) {
                self.rest = rest;
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
                let Some(kind) = field("event: ") else { continue };
                let data = serde_json::from_str(&field("data: ").expect("data")).expect("JSON");
                return Some(Event { id: field("id: ").expect("an id"), kind, data });
            }
            let frame = tokio::time::timeout(Duration::from_millis(200), self.body.frame()).await.ok()??;
            let bytes = frame.expect("never fails").into_data().expect("data");
            self.rest.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    }
}

fn tick(house: &House, second: i64) {
    house.doors.live.tick(&house.doors, Time(NOW.0 + 1000 * second));
}

#[tokio::test]
async fn a_stream_is_one_snapshot_and_then_a_delta_a_second() {
    let house = house(true);
    let mut reader = Reader::open(&house, "/v1/stream", None).await;
    let first = reader.next().await.expect("a snapshot");
    assert_eq!((first.kind.as_str(), first.data["id"].as_str()), ("snapshot", Some(first.id.as_str())));
    for figure in ["light", "dark"].map(|theme| first.data["figures"][theme].clone()) {
        assert_eq!(figure.as_array().map(Vec::len), Some(4));
    }
    assert_eq!(first.data["history"]["time"], json!([NOW.0]));
    for second in 1..=3 {
        tick(&house, second);
        let delta = reader.next().await.expect("a delta");
        assert_eq!((delta.kind.as_str(), delta.id), ("delta", format!("7-{}", second + 1)));
        assert_eq!(delta.data["time"], NOW.0 + 1000 * second);
        assert!(delta.data.get("history").is_none() && delta.data.get("figures").is_none(), "only what is new");
    }
    let snapshot = house.get("/v1/live").await.ok();
    assert_eq!(snapshot["history"]["time"].as_array().map(Vec::len), Some(4));
    assert_eq!(snapshot["history"]["share/0"].as_array().map(Vec::len), Some(4));
}

/// One source: the stream and the API say the same of the same view.
#[tokio::test]
async fn the_stream_and_the_api_agree_in_every_number() {
    let house = house(true);
    let mut reader = Reader::open(&house, "/v1/stream?experiment=home", None).await;
    let live = reader.next().await.expect("a snapshot").data;
    assert_eq!(live["experiment"], house.get("/v1/experiments/home").await.ok());
    assert_eq!(live["models"], house.get("/v1/models").await.ok()["models"]);
    assert_eq!(live["pulse"]["accepted"], 12);
    assert_eq!(live["pulse"]["reasons"], json!([["malformed_json", 2]]));
    assert_eq!(live["actions"], true);
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_or_a_snapshot() {
    let house = house(true);
    let mut reader = Reader::open(&house, "/v1/stream", None).await;
    reader.next().await.expect("a snapshot");
    tick(&house, 1);
    let last = reader.next().await.expect("a delta").id;
    drop(reader);
    tick(&house, 2);
    tick(&house, 3);
    let mut back = Reader::open(&house, "/v1/stream", Some(&last)).await;
    for expected in ["7-3", "7-4"] {
        let event = back.next().await.expect("missed");
        assert_eq!((event.kind.as_str(), event.id.as_str()), ("delta", expected));
    }
    tick(&house, 4);
    assert_eq!(back.next().await.expect("goes on").id, "7-5");
    for stranger in ["8-4", "7-99", "7-", "nonsense", ""] {
        let event = Reader::open(&house, "/v1/stream", Some(stranger)).await.next().await.expect("something");
        assert_eq!(event.kind, "snapshot", "{stranger:?}");
    }
    for second in 5..200 {
        tick(&house, second);
    }
    let event = Reader::open(&house, "/v1/stream", Some("7-5")).await.next().await.expect("something");
    assert_eq!(event.kind, "snapshot", "a minute and more were missed");
    let query = Reader::open(&house, "/v1/stream?last=7-5", None).await.next().await.expect("something");
    assert_eq!(query.kind, "snapshot");
}

/// The house's bounds: four streams, two deltas waiting.
#[tokio::test]
async fn slow_clients_are_dropped_and_streams_are_bounded() {
    let house = house(true);
    let mut slow = Reader::open(&house, "/v1/stream", None).await;
    let mut quick = Reader::open(&house, "/v1/stream", None).await;
    quick.next().await.expect("a snapshot");
    for second in 1..=6 {
        tick(&house, second);
        assert_eq!(quick.next().await.expect("a delta").id, format!("7-{}", second + 1));
    }
    let mut got = Vec::new();
    while let Some(event) = slow.next().await {
        got.push(event.id);
    }
    assert_eq!(got, ["7-1", "7-2", "7-3"], "what waited is there, the rest was never kept");
    let _open = [
        Reader::open(&house, "/v1/stream", None).await,
        Reader::open(&house, "/v1/stream", None).await,
        Reader::open(&house, "/v1/stream", None).await,
    ];
    house.get("/v1/stream").await.refuses(503, "too_many_streams");
    drop(quick);
    tick(&house, 7);
    Reader::open(&house, "/v1/stream", None).await;
}

#[tokio::test]
async fn every_state_has_its_sentence() {
    let house = house(true);
    let said = async |house: &House, second: i64| {
        tick(house, second);
        house.get("/v1/live").await.ok()["notice"]["text"].as_str().map(str::to_owned)
    };
    assert_eq!(said(&house, 1).await, None, "all is well");
    house.status.enter(Phase::KafkaAway, "since 07:12; deciding goes on, learning waits");
    let away = said(&house, 2).await.expect("a sentence");
    assert_eq!(away, "Kafka is away since 07:12; deciding goes on, learning waits.");
    house.status.enter(Phase::Live, "");
    house.status.set_lag(9);
    let late = said(&house, 40).await.expect("a sentence");
    assert!(late.starts_with("Learning is 40 s behind: 9 records wait"), "{late}");
    house.status.set_lag(0);
    house.view.store(None);
    house.status.enter(Phase::Restoring, "of 1.2 GB");
    house.status.set_progress(0.61);
    assert_eq!(said(&house, 43).await.as_deref(), Some("Restoring: 61 % of 1.2 GB."));
    let mut early = Reader::open(&house, "/v1/stream?experiment=home", None).await;
    assert_eq!(early.next().await.expect("a snapshot").data["experiment"], Value::Null);
    house.status.enter(Phase::Live, "");
    house.view.store(Some(Arc::new(view())));
    tick(&house, 44);
    let event = early.next().await.expect("all it needs");
    assert_eq!((event.kind.as_str(), event.data["experiment"]["name"].as_str()), ("snapshot", Some("home")));
    house.get("/v1/stream?experiment=nobody").await.refuses(404, "unknown_experiment");
    house.get("/v1/live?experiment=nobody").await.refuses(404, "unknown_experiment");
    let mut none = view();
    none.experiments.clear();
    house.view.store(Some(Arc::new(none)));
    assert!(said(&house, 45).await.expect("a sentence").starts_with("There is no experiment"));
}

#[tokio::test]
async fn a_change_to_an_arm_becomes_a_mark_with_its_reason() {
    let house = house(true);
    tick(&house, 1);
    let body = json!({"reason": "it errs", "actor": "ann"});
    house.act("/v1/experiments/home/arms/ncf:pause", Some("Bearer s3cret"), &body).await.ok();
    tick(&house, 2);
    tick(&house, 3);
    let marks = house.get("/v1/live").await.ok()["marks"].clone();
    assert_eq!(marks.as_array().map(Vec::len), Some(1), "{marks}");
    let mark = &marks[0];
    assert_eq!((&mark["kind"], &mark["arm"], &mark["reason"]), (&json!("paused"), &json!("ncf"), &json!("it errs")));
}

#[tokio::test]
async fn the_page_is_safe_and_self_contained() {
    let house = house(true);
    let name = "<script>alert(1)</script>";
    let mut shown = view();
    shown.experiments.push(Experiment::new(ExperimentConfig::new(name, &["a\"><b>", "b"], "b")));
    house.view.store(Some(Arc::new(shown)));
    let page = house.get("/").await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("a text");
    let scripts = policy.split(';').find(|p| p.trim().starts_with("script-src")).expect("a rule").trim();
    assert_eq!(scripts, "script-src 'self'");
    assert!(policy.starts_with("default-src 'none'"));
    let html = page.text();
    assert!(html.contains("too early to say"), "the sentence is there before any script: {html}");
    for markup in ["style=", "onclick", "http://www.example", "https://"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert_eq!(html.matches("<script").count(), 1, "one module, of our own");
    let own: Vec<&str> = html.split('"').filter(|t| t.starts_with("/assets/")).collect();
    assert!(own.len() >= 3, "{own:?}");
    for path in own {
        for accepts in ["", "gzip, br"] {
            let request = Request::get(path).header(header::ACCEPT_ENCODING, accepts).body(Body::empty()).expect("one");
            let asset = house.send(request).await;
            assert_eq!(asset.status, StatusCode::OK, "{path}");
            assert_eq!(asset.headers.contains_key(header::CONTENT_ENCODING), accepts.contains("gzip"));
            assert_eq!(asset.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        }
    }
    house.get("/assets/0/app.js").await.refuses(404, "unknown_asset");
    let address = format!("/?experiment={}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(!house.get(&address).await.text().contains(name));
    house.view.store(None);
    assert!(house.get("/").await.text().contains("Nothing has been published yet"));
}
