use super::doors::house;
use reiver::observe::{Family, Metrics, Names, SERIES_BUDGET, Shape};
use reiver::serve::{Phase, ROUTES};
use serde_json::json;
use std::collections::BTreeMap;

/// Names of a shop with so many experiments and arms.
fn names(experiments: usize, arms: usize) -> Names {
    let text = |n: usize, kind: &str| (0..n).map(|i| format!("{kind}{i}")).collect::<Vec<_>>();
    Names {
        version: "1.0.0".into(),
        revision: "abc".into(),
        config_hash: "0123".into(),
        inputs: ["shop.events", "reiver.events", "reiver.decisions"].map(str::to_owned).to_vec(),
        outputs: ["events", "decisions", "control", "allocations", "dead-letters"]
            .map(|t| format!("reiver.{t}"))
            .to_vec(),
        models: ["popularity", "transitions", "mf", "ncf"].map(str::to_owned).to_vec(),
        experiments: text(experiments, "e").into_iter().map(|e| (e, text(arms, "a"))).collect(),
        routes: ROUTES.iter().map(|(r, m)| ((*r).to_owned(), (*m).to_owned())).collect(),
        phases: Phase::ALL.map(Phase::as_str).to_vec(),
    }
}

/// Reads the text format without the library that wrote it: name → type, and all samples.
fn parse(text: &str) -> (BTreeMap<String, String>, Vec<(String, f64)>) {
    let (mut types, mut samples) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            let value = value.replace("+Inf", "inf").parse().expect("a number");
            let name = series.split('{').next().expect("a name");
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
            let known = types.contains_key(name) || family.is_some_and(|f| types[f] == "histogram");
            assert!(known, "{line} before its type");
            samples.push((series.to_owned(), value));
        }
    }
    (types, samples)
}

#[tokio::test]
async fn the_inventory_is_the_golden_one() {
    let metrics = Metrics::default();
    metrics.declare(&names(1, 2));
    let (types, samples) = parse(&metrics.render());
    let mut lines = String::new();
    for family in Family::ALL {
        let shape = match family.shape() {
            Shape::Counter => "counter",
            Shape::Gauge => "gauge",
            Shape::Histogram(_) => "histogram",
        };
        let name = family.name();
        if let Some(exposed) = types.get(name) {
            assert_eq!(exposed, shape);
        } else {
            assert_eq!(family.labels().first(), Some(&"topic"), "{name} has labels known only later");
        }
        lines.push_str(&format!("{name} {shape} {{{}}}\n", family.labels().join(",")));
    }
    assert!(samples.len() <= SERIES_BUDGET);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
    if std::env::var_os("REIVER_BLESS").is_some() {
        std::fs::write(path, &lines).expect("writable");
    }
    let golden = std::fs::read_to_string(path).expect("there; made with REIVER_BLESS=1");
    assert_eq!(lines, golden, "metrics are an interface: changes go to the changelog; REIVER_BLESS=1 writes this file");
}

#[tokio::test]
async fn series_stay_in_the_budget_at_the_largest_configuration() {
    for (experiments, arms, fits) in [(8, 8, true), (64, 32, false)] {
        let metrics = Metrics::default();
        metrics.declare(&names(experiments, arms));
        let (_, samples) = parse(&metrics.render());
        assert_eq!(samples.len(), metrics.series(), "every series is counted");
        assert!(samples.len() <= SERIES_BUDGET, "{}", samples.len());
        let dropped: f64 = samples.iter().filter(|(s, _)| s.contains("series_dropped_total")).map(|(_, v)| v).sum();
        assert_eq!(dropped == 0.0, fits, "{experiments} experiments of {arms} arms: {dropped}");
    }
}

#[tokio::test]
async fn requests_are_measured_by_template_method_and_code() {
    let house = house(true);
    house.post("/v1/decide", json!({"experiment": "home", "unit": "u"})).await.ok();
    house.post("/v1/decide", "{").await.refuses(400, "malformed");
    for n in 0..50 {
        house.get(&format!("/made/up/{n}")).await.refuses(404, "unknown_address");
        house.get(&format!("/v1/decisions/{n}")).await.refuses(404, "unknown_decision");
    }
    let answer = house.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let (_, samples) = parse(&answer.text());
    let value = |series: &str| samples.iter().find(|(s, _)| s == series).map(|(_, v)| *v);
    let requests = |code: u16, method: &str, route: &str| {
        value(&format!("reiver_http_requests_total{{code=\"{code}\",method=\"{method}\",route=\"{route}\"}}"))
    };
    assert_eq!(requests(200, "POST", "/v1/decide"), Some(1.0));
    assert_eq!(requests(400, "POST", "/v1/decide"), Some(1.0));
    assert_eq!(requests(404, "GET", "/v1/decisions/{id}"), Some(50.0));
    assert_eq!(requests(404, "other", "other"), Some(50.0));
    assert_eq!(requests(503, "POST", "/v1/decide"), Some(0.0), "there from the start");
    assert_eq!(value("reiver_http_requests_in_flight"), Some(1.0), "this scrape");
    let count = "reiver_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/decide\"}";
    assert_eq!(value(count), Some(2.0));
}

#[tokio::test]
async fn exact_totals_and_arms_come_from_the_view() {
    let house = house(true);
    house.act("/v1/experiments/home/arms/ncf:pause", Some("Bearer s3cret"), json!({"reason": "r"})).await.ok();
    let (_, samples) = parse(&house.get("/metrics").await.text());
    let value = |series: &str| samples.iter().find(|(s, _)| s == series).map(|(_, v)| *v);
    let arm = |name: &str| value(&format!("{name}{{arm=\"ncf\",experiment=\"home\"}}"));
    for (name, expected) in [
        ("reiver_state_decisions", 10.0),
        ("reiver_state_assignments", 6.0),
        ("reiver_state_rewards", 4.0),
        ("reiver_state_expired", 3.0),
        ("reiver_state_pending", 3.0),
        ("reiver_state_reward", 4.0),
    ] {
        assert_eq!(arm(name), Some(expected), "{name}");
    }
    assert_eq!(value("reiver_state_events{outcome=\"accepted\",type=\"interaction\"}"), Some(12.0));
    assert_eq!(value("reiver_state_events{outcome=\"rejected\",type=\"unknown\"}"), Some(2.0));
    assert_eq!(value("reiver_state_rejected{code=\"malformed_json\"}"), Some(2.0));
    assert_eq!(value("reiver_arm_state{arm=\"ncf\",experiment=\"home\",state=\"paused\"}"), Some(1.0));
    assert_eq!(value("reiver_arm_state{arm=\"ncf\",experiment=\"home\",state=\"live\"}"), Some(0.0));
    assert_eq!(value("reiver_model_progressive_loss{metric=\"auc\",model=\"mf\"}"), Some(0.7));
    assert!(arm("reiver_arm_traffic_share_ratio").is_some());
    assert!(value("reiver_log_time_timestamp_seconds").expect("set") > 1.7e9);

    house.act("/v1/experiments/home/arms/ncf:retire", Some("Bearer s3cret"), json!({"reason": "r"})).await.ok();
    let text = house.get("/metrics").await.text();
    assert!(!text.contains("reiver_arm_traffic_share_ratio{arm=\"ncf\""), "series of a retired arm go");
    assert!(text.contains("reiver_state_decisions{arm=\"ncf\",experiment=\"home\"} 10\n"), "exact counts stay");
}
