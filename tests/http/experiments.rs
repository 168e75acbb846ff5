use super::decide::read_back;
use super::doors::{NOW, house, view};
use reiver::event::{DecisionKey, Span};
use reiver::pipeline::{DecisionState, DecisionTrace};
use serde_json::{Value, json};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

#[tokio::test]
async fn an_experiment_has_the_published_shape() {
    let house = house(true);
    let all = house.get("/v1/experiments").await.ok();
    let one = house.get("/v1/experiments/home").await.ok();
    assert_eq!(all["experiments"], json!([one]));
    assert_eq!(
        (&one["name"], &one["state"], &one["baseline"]),
        (&json!("home"), &json!("running"), &json!("popularity"))
    );
    assert!(one["verdict"].as_str().expect("a text").len() > 10);
    assert!(one["allocation"]["tick"].is_u64() && one["allocation"]["generation"].is_u64());
    assert_eq!(one["scopes"][0]["scope"], "all");
    let arms = one["arms"].as_array().expect("a list");
    assert_eq!(arms.len(), 3);
    let ncf = &arms[2];
    for (member, value) in [("decisions", 10), ("assignments", 6), ("rewards", 4), ("expired", 3), ("pending", 3)] {
        assert_eq!(ncf[member], value, "{member}");
    }
    for member in ["share", "probability_best", "mean", "lower", "upper"] {
        assert!(ncf[member].is_number(), "{member} of {ncf}");
    }
    assert_eq!((&ncf["arm"], &ncf["state"]), (&json!("ncf"), &json!("live")));
    house.get("/v1/experiments/none").await.refuses(404, "unknown_experiment");
}

#[tokio::test]
async fn models_tell_what_they_learned() {
    let house = house(true);
    let body = house.get("/v1/models").await.ok();
    assert_eq!((&body["models"][0]["model"], &body["models"][0]["examples"]), (&json!("mf"), &json!(7)));
    assert!(body["models"][0]["log_loss"].is_null());
}

/// Makes a decision, hands it to the view as if it had been read back, and asks why.
async fn explained(state: DecisionState) -> (Value, Value) {
    let house = house(true);
    let made = house.post("/v1/decide", json!({"experiment": "home", "unit": "u42"})).await.ok();
    let record = house.sink.spool.lock().expect("alive")[0].clone();
    let id = read_back(&record).decision_id;
    let mut view = view();
    let closes = Some(NOW + Span::seconds(1800));
    let logged = record.payload.expect("a body").to_vec();
    view.decisions.insert(DecisionKey::of(&id), DecisionTrace { logged, state, reward: 1.5, closes });
    house.view.store(Some(Arc::new(view)));
    (made, house.get(&format!("/v1/decisions/{id}")).await.ok())
}

#[tokio::test]
async fn a_decision_is_explained_so_that_anyone_can_recompute_it() {
    let (made, why) = explained(DecisionState::Rewarded).await;
    assert_eq!(why["decision_id"], made["decision_id"]);
    assert_eq!(why["outcome"]["state"], "rewarded");
    assert_eq!(why["outcome"]["reward"], 1.5);
    let arms = why["arms"].as_array().expect("the whole vector");
    assert_eq!(arms.len(), 3);
    let races = why["draw"]["arms"].as_array().expect("a race an arm");
    let mut best: Option<(f64, &Value)> = None;
    for (arm, race) in arms.iter().zip(races) {
        assert!(arm["eligible"].is_boolean() && arm["mean"].is_number() && arm["stddev"].is_number());
        let id = made["decision_id"].as_str().expect("a text");
        let name = arm["arm"].as_str().expect("a text");
        let salt = why["salt_id"].as_str().expect("a text");
        let bytes = format!("home\0all\0{id}\0-\0{name}\0{salt}");
        assert_eq!(race["hash"], format!("{:016x}", xxh3_64(bytes.as_bytes())), "{bytes:?}");
        let key = race["key"].as_f64().expect("eligible");
        if best.is_none_or(|(k, _)| key < k) {
            best = Some((key, &arm["arm"]));
        }
    }
    assert_eq!(best.expect("three arms").1, &made["arm"], "the smallest key won");
}

#[tokio::test]
async fn an_open_decision_says_what_it_waits_for() {
    let (_, why) = explained(DecisionState::Pending).await;
    assert_eq!(why["outcome"]["state"], "pending");
    assert_eq!(why["outcome"]["closes"], "2026-11-24T07:30:00.123Z");
    assert!(why["outcome"]["waits_for"].is_string());
}

#[tokio::test]
async fn an_unknown_decision_is_404_with_a_reason() {
    let house = house(true);
    for id in ["nonsense", "0197f3a0-0000-7000-8000-000000000001", "%00", "a%2Fb"] {
        house.get(&format!("/v1/decisions/{id}")).await.refuses(404, "unknown_decision");
    }
}
