use super::decide::read_back;
use super::doors::house;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn ask(more: &Value) -> Value {
    let mut body = json!({"experiment": "home", "unit": "u1"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn an_answer_is_a_decision_with_its_list() {
    let house = house(true);
    let mut fallbacks = 0;
    for _ in 0..60 {
        let body = house.post("/v1/recommend", ask(&json!({"user_id": "shopper", "k": 2}))).await.ok();
        let items = body["items"].as_array().expect("a list");
        assert_eq!(items.len(), 2);
        assert_eq!((&items[0]["rank"], &items[1]["rank"]), (&json!(1), &json!(2)));
        // The arm without a list of its own hands over to the baseline, which says so.
        match body["reason"].as_str() {
            Some("fallback") => {
                assert_eq!((&body["arm"], &body["propensity"]), (&json!("popularity"), &json!(1.0)));
                fallbacks += 1;
            }
            Some("assigned") => assert_ne!(body["arm"], "ncf"),
            other => panic!("{other:?}"),
        }
        let logged = read_back(house.sink.spool.lock().expect("alive").last().expect("logged"));
        assert_eq!(logged.user_id.as_deref(), Some("shopper"));
        assert_eq!(logged.items.len(), 2);
        assert_eq!(logged.items[0].item_id, items[0]["item_id"]);
        assert_eq!(logged.arms.iter().map(|a| a.propensity).sum::<f64>(), 1.0);
        assert_eq!(logged.arm, body["arm"]);
    }
    assert!((5..=40).contains(&fallbacks), "{fallbacks} of 60 at a share of a third");
}

#[tokio::test]
async fn the_unit_is_the_user_where_none_is_named_and_ten_is_the_default() {
    let house = house(true);
    let body = house.post("/v1/recommend", ask(&json!({}))).await.ok();
    assert_eq!(body["items"].as_array().expect("a list").len(), 3, "all there are");
    let logged = read_back(&house.sink.spool.lock().expect("alive")[0]);
    assert_eq!(logged.user_id.as_deref(), Some("u1"));
}

#[tokio::test]
async fn candidates_and_exclusions_reach_the_view() {
    let house = house(true);
    let body = house.post("/v1/recommend", ask(&json!({"candidates": ["i1", "i3"], "exclude": ["i1"]}))).await.ok();
    let ids: Vec<_> = body["items"].as_array().expect("a list").iter().map(|i| i["item_id"].clone()).collect();
    assert_eq!(ids, ["i3"]);
}

#[tokio::test]
async fn a_full_spool_lists_what_the_baseline_lists() {
    let house = house(true);
    house.sink.room.store(0, Ordering::SeqCst);
    for _ in 0..10 {
        let body = house.post("/v1/recommend", ask(&json!({"k": 1}))).await.ok();
        assert_eq!(body["reason"], "spool_full");
        assert_eq!(body["items"][0]["item_id"], "i1", "the baseline's best, whoever was drawn");
    }
}

#[tokio::test]
async fn an_empty_catalogue_is_an_empty_list_and_the_draw_stands() {
    let house = house(true);
    let mut view = super::doors::view();
    view.lists.clear();
    house.view.store(Some(std::sync::Arc::new(view)));
    for _ in 0..10 {
        let body = house.post("/v1/recommend", ask(&json!({}))).await.ok();
        assert_eq!(body["items"], json!([]));
        assert_eq!(body["reason"], "assigned");
    }
}

#[tokio::test]
async fn bad_questions_get_the_pointer_to_what_is_wrong() {
    let house = house(true);
    let many = vec!["i"; 10_001];
    let cases = [
        (json!({"k": 0}), "number_out_of_range", "/k"),
        (json!({"k": 501}), "number_out_of_range", "/k"),
        (json!({"k": -1}), "number_out_of_range", "/k"),
        (json!({"k": 1.5}), "number_out_of_range", "/k"),
        (json!({"k": "ten"}), "wrong_type", "/k"),
        (json!({"user_id": ""}), "empty_field", "/user_id"),
        (json!({"candidates": "i1"}), "wrong_type", "/candidates"),
        (json!({"candidates": ["i1", ""]}), "empty_field", "/candidates/1"),
        (json!({"exclude": many}), "too_long", "/exclude"),
        (json!({"recent": vec!["i"; 101]}), "too_long", "/recent"),
        (json!({"repeat": "yes"}), "wrong_type", "/repeat"),
    ];
    for (more, code, pointer) in cases {
        let problem = house.post("/v1/recommend", ask(&more)).await.refuses(422, code);
        assert_eq!(problem["pointer"], pointer);
    }
}
