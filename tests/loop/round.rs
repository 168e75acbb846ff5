//! The whole loop on the embedded broker: events in, decisions out, rewards back, restart, the same state.

use crate::instance::{broker, http, send, settings, up, wait_for};
use reiver::adapter::clock::Stopwatch;
use reiver::allocate::ExperimentConfig;
use reiver::event::Span;
use serde_json::json;
use std::time::Duration;

fn experiment() -> ExperimentConfig {
    ExperimentConfig {
        stick: None,
        window: Span::seconds(2),
        grace: Span::seconds(1),
        half_life: Some(Span::seconds(20)),
        ramp: None,
        ..ExperimentConfig::new("home", &["popularity", "transitions", "mf", "ncf"], "popularity")
    }
}

fn now() -> String {
    use reiver::port::Clock;
    reiver::adapter::clock::SystemClock.now().to_rfc3339()
}

#[test]
fn an_event_becomes_a_list_a_click_a_reward_and_survives_a_restart() {
    let broker = broker();
    let folder = tempfile::tempdir().expect("a folder");
    let running = up(settings(&broker, folder.path(), vec![experiment()]));
    for user in 0..20 {
        for item in 0..5 {
            let event = json!({"type": "interaction", "event_id": format!("e{user}-{item}"), "event_time": now(),
                "user_id": format!("u{user}"), "item_id": format!("i{}", (user + item) % 8), "action": "click"});
            send(&running, "shop", &event);
        }
    }
    send(&running, "shop", &json!({"type": "interaction", "event_id": "bad"}));
    wait_for("101 records", || running.view.load().as_ref().is_some_and(|v| v.counts().records == 101));

    let mut ids = Vec::new();
    for n in 0..40 {
        let body = json!({"experiment": "home", "unit": format!("u{}", n % 20), "k": 3});
        let (status, answer) = http(running.address, "POST", "/v1/recommend", Some(&body));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["items"].as_array().map(Vec::len), Some(3), "{answer}");
        ids.push(answer["decision_id"].as_str().expect("an id").to_owned());
    }
    for id in &ids[..10] {
        let body = json!({"decision_id": id, "metric": "click", "value": 1});
        let (status, answer) = http(running.address, "POST", "/v1/feedback", Some(&body));
        assert_eq!(status, 200, "{answer}");
    }
    wait_for("40 closed decisions", || {
        let (_, e) = http(running.address, "GET", "/v1/experiments/home", None);
        let sum =
            |name: &str| -> u64 { e["arms"].as_array().into_iter().flatten().filter_map(|a| a[name].as_u64()).sum() };
        sum("decisions") == 40 && sum("rewards") == 10 && sum("expired") == 30 && sum("pending") == 0
    });
    let (status, explained) = http(running.address, "GET", &format!("/v1/decisions/{}", ids[0]), None);
    assert_eq!(status, 200, "{explained}");

    // A pause acts on the next request.
    let pause = json!({"reason": "test"});
    let (status, answer) = http(running.address, "POST", "/v1/experiments/home/arms/mf:pause", Some(&pause));
    assert!(status < 300, "{status} {answer}");
    // And in every one while the command goes through the log and into the view.
    let mut during = 0;
    let begin = Stopwatch::start();
    while during < 30 || begin.elapsed() < Duration::from_millis(800) {
        let unit = format!("u{}", during % 20);
        let (_, answer) =
            http(running.address, "POST", "/v1/decide", Some(&json!({"experiment": "home", "unit": unit})));
        assert_ne!(answer["arm"], "mf", "decision {during} after {:?}", begin.elapsed());
        during += 1;
    }
    running.stop.cancel();
    let before = running.wait().expect("stops well");
    assert_eq!(before.rejected.get("missing_field"), Some(&1));

    let again = up(settings(&broker, folder.path(), vec![experiment()]));
    let view = again.view.load_full().expect("a view");
    assert!(view.counts().records >= before.events);
    let (_, explained) = http(again.address, "GET", &format!("/v1/decisions/{}", ids[0]), None);
    assert_eq!(explained["decision_id"], ids[0].as_str(), "{explained}");
    again.stop.cancel();
    let after = again.wait().expect("stops well");
    assert!(after.arms["mf"].decisions <= before.arms["mf"].decisions);
    assert!(after.models["mf"].examples >= before.models["mf"].examples);
}
