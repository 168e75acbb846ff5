use super::doors::house;
use reiver::event::CommandAction;
use reiver::serve::PauseError;
use serde_json::json;

const PAUSE: &str = "/v1/experiments/home/arms/ncf:pause";
const TOKEN: Option<&str> = Some("Bearer s3cret");

#[tokio::test]
async fn a_pause_takes_effect_on_the_next_request() {
    let house = house(true);
    let body = house.act(PAUSE, TOKEN, json!({"reason": "it errs", "actor": "ann"})).await.ok();
    assert_eq!((&body["experiment"], &body["arm"], &body["action"]), (&json!("home"), &json!("ncf"), &json!("paused")));
    let command = house.pauses.taken.lock().expect("alive")[0].clone();
    assert_eq!(command.action, CommandAction::Paused);
    assert_eq!((command.reason.as_str(), command.actor.as_str()), ("it errs", "ann"));
    assert_eq!(command.event_id, body["event_id"]);
    assert_eq!(house.get("/v1/experiments/home").await.ok()["arms"][2]["state"], "paused");
    for n in 0..200 {
        let made = house.post("/v1/decide", json!({"experiment": "home", "unit": format!("u{n}")})).await.ok();
        assert_ne!(made["arm"], "ncf", "{made}");
    }
    house.act("/v1/experiments/home/arms/ncf:resume", TOKEN, json!({"reason": "mended"})).await.ok();
    assert_eq!(house.get("/v1/experiments/home").await.ok()["arms"][2]["state"], "live");
}

#[tokio::test]
async fn only_the_token_opens() {
    let mut house = house(true);
    let reason = json!({"reason": "r"});
    let missing = house.act(PAUSE, None, &reason).await;
    missing.refuses(401, "token_missing");
    assert_eq!(missing.headers["www-authenticate"], "Bearer");
    house.act(PAUSE, Some("Basic s3cret"), &reason).await.refuses(401, "token_missing");
    for wrong in ["Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET", "Bearer "] {
        house.act(PAUSE, Some(wrong), &reason).await.refuses(403, "token_wrong");
    }
    house.act(PAUSE, Some("bearer s3cret"), &reason).await.ok();
    for none in [None, Some(String::new())] {
        house.doors.token = none;
        let problem = house.act(PAUSE, Some("Bearer "), &reason).await.refuses(403, "no_token_configured");
        assert!(problem["hint"].as_str().expect("a text").contains("token_file"));
    }
    assert_eq!(house.pauses.taken.lock().expect("alive").len(), 1);
}

#[tokio::test]
async fn a_change_needs_a_reason_an_arm_and_an_action() {
    let house = house(true);
    let problem = house.act(PAUSE, TOKEN, "{}").await.refuses(422, "missing_field");
    assert_eq!(problem["pointer"], "/reason");
    house.act(PAUSE, TOKEN, json!({"reason": ""})).await.refuses(422, "empty_field");
    house.act(PAUSE, TOKEN, "").await.refuses(400, "malformed");
    let reason = json!({"reason": "r"});
    let at = |tail: &str| format!("/v1/experiments/{tail}");
    house.act(&at("home/arms/gone:pause"), TOKEN, &reason).await.refuses(404, "unknown_arm");
    house.act(&at("none/arms/ncf:pause"), TOKEN, &reason).await.refuses(404, "unknown_experiment");
    house.act(&at("home/arms/ncf:explode"), TOKEN, &reason).await.refuses(404, "unknown_action");
    house.act(&at("home/arms/ncf"), TOKEN, &reason).await.refuses(404, "unknown_action");
    house.act(&at("home/arms/popularity:retire"), TOKEN, &reason).await.refuses(409, "arm_is_baseline");
    assert!(house.pauses.taken.lock().expect("alive").is_empty());
}

#[tokio::test]
async fn what_has_left_does_not_come_back() {
    let house = house(true);
    let reason = json!({"reason": "r"});
    house.act("/v1/experiments/home/arms/ncf:retire", TOKEN, &reason).await.ok();
    for action in ["pause", "resume", "retire", "promote"] {
        let path = format!("/v1/experiments/home/arms/ncf:{action}");
        house.act(&path, TOKEN, &reason).await.refuses(409, "arm_retired");
    }
}

#[tokio::test]
async fn a_change_that_is_not_durable_is_not_made() {
    let house = house(true);
    *house.pauses.fails.lock().expect("alive") = Some(PauseError::NotDurable("disk full".into()));
    house.act(PAUSE, TOKEN, json!({"reason": "r"})).await.refuses(503, "not_durable");
    *house.pauses.fails.lock().expect("alive") = Some(PauseError::Refused("no".into()));
    house.act(PAUSE, TOKEN, json!({"reason": "r"})).await.refuses(409, "refused");
    assert_eq!(house.get("/v1/experiments/home").await.ok()["arms"][2]["state"], "live");
}
