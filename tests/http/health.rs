use super::doors::{house, view};
use axum::body::Body;
use axum::http::{Method, Request, header};
use reiver::serve::{Phase, ROUTES};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn readiness_follows_phase_and_view() {
    let house = house(true);
    assert_eq!(house.get("/healthz").await.ok(), json!({"status": "ok"}));
    assert_eq!(house.get("/readyz").await.ok()["status"], "ready");
    house.status.enter(Phase::KafkaAway, "no broker answers");
    let body = house.get("/readyz").await.ok();
    assert_eq!((&body["phase"], &body["status"]), (&json!("kafka_away"), &json!("ready")), "deciding goes on");
    for phase in [Phase::Starting, Phase::Restoring, Phase::CatchingUp, Phase::Stopping] {
        house.status.enter(phase, "part 3 of 7");
        house.status.set_progress(0.4);
        house.status.set_lag(1234);
        let problem = house.get("/readyz").await.refuses(503, "not_ready");
        assert_eq!((&problem["progress"], &problem["lag"]), (&json!(0.4), &json!(1234)));
        assert_eq!(problem["phase"], phase.as_str());
        assert_eq!(problem["detail_of_phase"], "part 3 of 7");
        house.get("/healthz").await.ok();
    }
    house.status.enter(Phase::Live, "");
    house.view.store(None);
    house.get("/readyz").await.refuses(503, "not_ready");
}

#[tokio::test]
async fn every_address_answers_its_method_and_refuses_others() {
    let house = house(true);
    for (route, method) in ROUTES {
        let path = route.replace("{name}", "home").replace("{arm_action}", "ncf:pause").replace("{id}", "x");
        let other = if *method == "GET" { Method::POST } else { Method::GET };
        let refused = house.send(Request::builder().method(other).uri(&path).body(Body::empty()).expect("one")).await;
        refused.refuses(405, "method_not_allowed");
        assert!(refused.headers[header::ALLOW].to_str().expect("a text").contains(method), "{path}");
        let method: Method = method.parse().expect("a method");
        let asked = house.send(Request::builder().method(method).uri(&path).body(Body::empty()).expect("one")).await;
        assert!(asked.status != 405 && asked.status.as_u16() < 500, "{path}: {}", asked.status);
        assert_eq!(asked.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
    house.get("/nowhere").await.refuses(404, "unknown_address");
    house.get("/v1/decide/").await.refuses(404, "unknown_address");
}

#[tokio::test]
async fn a_fault_in_one_request_stays_there() {
    let house = house(true);
    let mut faulty = view();
    faulty.panics = true;
    house.view.store(Some(Arc::new(faulty)));
    house.get("/v1/models").await.refuses(500, "internal");
    house.post("/v1/decide", json!({"experiment": "home", "unit": "u"})).await.ok();
}

#[tokio::test]
async fn another_sites_page_cannot_post() {
    let house = house(true);
    let post = |origin: &'static str| {
        let body = Body::from(json!({"experiment": "home", "unit": "u"}).to_string());
        Request::post("/v1/decide").header("host", "localhost:7878").header("origin", origin).body(body).expect("one")
    };
    house.send(post("http://evil.example")).await.refuses(403, "cross_origin");
    house.send(post("http://localhost:7878")).await.ok();
}
