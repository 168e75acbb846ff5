use super::doors::{House, NOW, house};
use reiver::codec;
use reiver::event::{Content, Decision, Event, Partition, Record, Span};
use reiver::port::Outgoing;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// A logged decision as the pipeline will read it back.
pub(crate) fn read_back(record: &Outgoing) -> Decision {
    let record = Record {
        partition: Partition { topic: record.topic.clone(), number: 0 },
        offset: 0,
        timestamp: record.timestamp.expect("the decision's time"),
        key: record.key.clone(),
        payload: record.payload.clone(),
        headers: Vec::new(),
    };
    match codec::decode(&record, Content::Decisions).expect("valid").event {
        Event::Decision(decision) => *decision,
        other => panic!("{other:?}"),
    }
}

fn spooled(house: &House) -> Vec<Decision> {
    house.sink.spool.lock().expect("alive").iter().map(read_back).collect()
}

#[tokio::test]
async fn an_answer_has_the_published_shape_and_is_logged_whole() {
    let house = house(true);
    let answer = house.post("/v1/decide", json!({"experiment": "home", "unit": "u42", "context": {"device": "phone"}}));
    let body = answer.await.ok();
    let keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    let wanted = ["allocation", "arm", "decision_id", "epoch", "experiment", "propensity", "reason", "scope", "unit"];
    assert_eq!(keys, wanted);
    assert_eq!(
        (&body["experiment"], &body["unit"], &body["reason"]),
        (&json!("home"), &json!("u42"), &json!("assigned"))
    );
    assert!(body["epoch"].is_null(), "nothing sticks");
    let id = uuid::Uuid::parse_str(body["decision_id"].as_str().expect("a text")).expect("a UUID");
    assert_eq!(id.get_version_num(), 7);

    let record = house.sink.spool.lock().expect("alive")[0].clone();
    assert_eq!(&*record.topic, "reiver.decisions");
    assert_eq!(record.key.as_deref(), Some(&b"u42"[..]));
    assert_eq!(record.timestamp, Some(NOW));
    let logged = read_back(&record);
    assert_eq!(logged.decision_id, body["decision_id"]);
    assert_eq!(logged.propensity, body["propensity"].as_f64().expect("a number"));
    assert_eq!(logged.arms.len(), 3, "the whole vector");
    let sum: f64 = logged.arms.iter().map(|a| a.propensity).sum();
    assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    let own = logged.arms.iter().find(|a| a.arm == logged.arm).expect("the arm is in the vector");
    assert_eq!(own.propensity, logged.propensity);
    assert!(logged.arms.iter().all(|a| a.mean.is_some() && a.stddev.is_some()), "posterior at that moment");
}

#[tokio::test]
async fn ids_differ_and_arms_follow_the_vector() {
    let house = house(true);
    for n in 0..600 {
        house.post("/v1/decide", json!({"experiment": "home", "unit": format!("u{n}")})).await.ok();
    }
    let logged = spooled(&house);
    let ids: std::collections::BTreeSet<_> = logged.iter().map(|d| &d.decision_id).collect();
    assert_eq!(ids.len(), 600);
    let mut drawn: BTreeMap<&str, f64> = BTreeMap::new();
    let mut expected: BTreeMap<&str, f64> = BTreeMap::new();
    for decision in &logged {
        *drawn.entry(&decision.arm).or_default() += 1.0;
        for share in &decision.arms {
            *expected.entry(&share.arm).or_default() += share.propensity;
        }
    }
    // Two degrees of freedom: 13.8 is p = .001. The seed is fixed, so this passes always or never.
    let chi: f64 = expected.iter().map(|(a, e)| (drawn.get(a).copied().unwrap_or(0.0) - e).powi(2) / e).sum();
    assert!(chi < 13.8, "{chi}: {drawn:?} against {expected:?}");
}

#[tokio::test]
async fn a_full_spool_lets_the_baseline_answer_unlogged_and_counted() {
    let house = house(true);
    house.sink.room.store(0, Ordering::SeqCst);
    let body = house.post("/v1/decide", json!({"experiment": "home", "unit": "u"})).await.ok();
    assert_eq!(body["arm"], "popularity");
    assert_eq!(body["reason"], "spool_full");
    assert_eq!(body["propensity"], 1.0);
    assert!(spooled(&house).is_empty());
    let text = house.get("/metrics").await.text();
    assert!(text.contains("reiver_fallbacks_total{reason=\"spool_full\"} 1\n"), "{text}");
}

#[tokio::test]
async fn without_a_view_it_says_when_to_come_back() {
    let house = house(true);
    house.view.store(None);
    for path in ["/v1/decide", "/v1/recommend"] {
        house.post(path, json!({"experiment": "home", "unit": "u"})).await.refuses(503, "no_view");
    }
    house.get("/v1/experiments").await.refuses(503, "no_view");
}

#[tokio::test]
async fn bad_questions_get_the_pointer_to_what_is_wrong() {
    let house = house(true);
    let long = "u".repeat(257);
    let cases = [
        (json!({"unit": "u"}), "missing_field", "/experiment"),
        (json!({"experiment": "home"}), "missing_field", "/unit"),
        (json!({"experiment": "home", "unit": null}), "missing_field", "/unit"),
        (json!({"experiment": "home", "unit": ""}), "empty_field", "/unit"),
        (json!({"experiment": "home", "unit": long}), "too_long", "/unit"),
        (json!({"experiment": "home", "unit": 42}), "wrong_type", "/unit"),
        (json!({"experiment": "home", "unit": "u", "context": []}), "wrong_type", "/context"),
    ];
    for (body, code, pointer) in cases {
        let problem = house.post("/v1/decide", &body).await.refuses(422, code);
        assert_eq!(problem["pointer"], pointer, "{body}");
    }
    house.post("/v1/decide", json!({"experiment": "home", "unit": "u".repeat(256)})).await.ok();
    for body in ["", "{", "[]", "7", "{\"unit\": NaN}", "\u{feff}{}"] {
        house.post("/v1/decide", body).await.refuses(400, "malformed");
    }
    let unknown = house.post("/v1/decide", json!({"experiment": "hom", "unit": "u"})).await;
    let problem = unknown.refuses(404, "unknown_experiment");
    assert!(problem["hint"].as_str().expect("a text").contains("home"), "the hint names what there is");
    assert_eq!(spooled(&house).len(), 1, "only the good one is a decision");
}

#[tokio::test]
async fn the_clock_is_the_decision_time() {
    let house = house(true);
    house.clock.advance(Span::seconds(5));
    house.post("/v1/decide", json!({"experiment": "home", "unit": "u"})).await.ok();
    assert_eq!(spooled(&house)[0].time, NOW + Span::seconds(5));
}
