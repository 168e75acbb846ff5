//! The demo, scraped by a real Prometheus: every query of every dashboard gives finite data, nothing alarms, and what
//! is exposed equals what the API answers.

use super::files::{Dashboard, Query, dashboards, read};
use super::process::{Kept, has};
use super::prometheus::{Prometheus, ask, wait_for};
use super::promtool::check_metrics;
use reiver::adapter::clock::Stopwatch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Queries that are empty while all is well, and why.
const EMPTY: &[(&str, &str)] = &[("pipeline.json / Answers that are not 2xx / A", "no request of the demo fails")];

/// The demo as a process, and its address.
fn demo() -> (Kept, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Kept::spawn(&mut command);
    let mut said = BufReader::new(child.0.stderr.take().expect("piped")).lines();
    let open = said.by_ref().map_while(Result::ok).find_map(|l| Some(l.split_once("http://")?.1.to_owned()));
    // Goes on reading, so that the child never waits for us.
    std::thread::spawn(move || said.for_each(drop));
    let address = open.expect("the demo opens");
    (child, address.trim_end_matches('/').split(['/', ' ']).next().unwrap_or("").to_owned())
}

/// The rules as they are shipped.
fn shipped() -> [(&'static str, String); 2] {
    let rules = |f: &str| read(&format!("dashboards/prometheus/rules/{f}.yml"));
    [("recording.rules.yml", rules("recording")), ("alerts.rules.yml", rules("alerts"))]
}

/// A dashboard's query as it is sent when everything is chosen and a scrape comes every second.
fn sent(expr: &str) -> String {
    let values =
        [("$__rate_interval", "5s"), ("$job", "reiver"), ("$instance", ".*"), ("$experiment", "shop"), ("$arm", ".*")];
    values.into_iter().fold(expr.to_owned(), |expr, (name, value)| expr.replace(name, value))
}

/// What is wrong with a query's answer.
fn trouble(prometheus: &Prometheus, query: &Query) -> Option<String> {
    let excused = EMPTY.iter().any(|(place, _)| *place == query.place);
    let wrong = match prometheus.range(&sent(&query.expr), 5) {
        Err(why) => why,
        Ok(series) if series.is_empty() && !excused => "no data".to_owned(),
        Ok(series) => {
            let bad = series.into_iter().find(|(_, values)| values.iter().any(|v| !v.is_finite()));
            format!("{:?}", bad?)
        }
    };
    Some(format!("{}: {wrong}\n  {}", query.place, sent(&query.expr)))
}

fn troubles(prometheus: &Prometheus, all: &[Dashboard]) -> Vec<String> {
    all.iter().flat_map(Dashboard::panel_queries).filter_map(|q| trouble(prometheus, &q)).collect()
}

/// The values that each variable offers.
fn choices(prometheus: &Prometheus, all: &[Dashboard]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, metric, label) in all.iter().flat_map(Dashboard::variable_queries) {
        let series = prometheus.range(&sent(&format!("group by ({label}) ({metric})")), 2).expect("answered");
        let values = series.iter().filter_map(|(labels, _)| labels[&label].as_str().map(str::to_owned));
        found.entry(name).or_default().extend(values);
    }
    found
}

#[test]
fn every_query_is_answered_nothing_alarms_and_numbers_equal_the_api() {
    if !has("prometheus") || !has("promtool") {
        return;
    }
    let (_demo, address) = demo();
    let prometheus = Prometheus::start(std::slice::from_ref(&address), &shipped());
    let all = dashboards();
    for (place, why) in EMPTY {
        let there = all.iter().flat_map(Dashboard::panel_queries).any(|q| q.place == *place);
        assert!(there, "{place} is excused ({why}), and is not there");
    }
    // A checkpoint is written every ten seconds; all else is there sooner.
    let begun = Stopwatch::start();
    let mut left = troubles(&prometheus, &all);
    while !left.is_empty() && begun.elapsed() < Duration::from_secs(90) {
        std::thread::sleep(Duration::from_secs(2));
        left = troubles(&prometheus, &all);
    }
    assert!(left.is_empty(), "{} queries without finite data:\n{}", left.len(), left.join("\n"));
    for query in all.iter().flat_map(Dashboard::annotation_queries) {
        prometheus.range(&sent(&query.expr), 5).unwrap_or_else(|e| panic!("{}: {e}", query.place));
    }
    let choices = choices(&prometheus, &all);
    let of = |name: &str| choices[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("job"), ["reiver"]);
    assert_eq!(of("instance"), [address.as_str()]);
    assert_eq!(of("experiment"), ["shop"]);
    assert_eq!(of("arm"), ["mf", "ncf", "popularity", "transitions"]);

    assert_eq!(prometheus.broken_rules(), [""; 0]);
    let alarms = prometheus.alerts();
    let firing: Vec<_> = alarms.iter().filter(|(_, a)| a["state"] == "firing").collect();
    assert!(firing.is_empty(), "{firing:?}");

    let (_, exposition) = ask(&address, "GET", "/metrics", "").expect("the demo lives");
    let (clean, said) = check_metrics(&exposition);
    assert!(clean && said.is_empty(), "{said}");
    equals_the_api(&address);
}

/// Gauges and the fields of the API that they must equal.
const SAME: [(&str, &str); 11] = [
    ("reiver_state_decisions", "decisions"),
    ("reiver_state_assignments", "assignments"),
    ("reiver_state_rewards", "rewards"),
    ("reiver_state_expired", "expired"),
    ("reiver_state_pending", "pending"),
    ("reiver_arm_traffic_share_ratio", "share"),
    ("reiver_arm_probability_best_ratio", "probability_best"),
    ("reiver_arm_reward_lower", "lower"),
    ("reiver_arm_reward_upper", "upper"),
    ("reiver_arm_state", "state"),
    ("reiver_state_reward", "reward_sum"),
];

/// Compares one moment: the API is asked before and after the scrape, until both answers are the same.
fn equals_the_api(address: &str) {
    let api = || ask(address, "GET", "/v1/experiments/shop", "").expect("the demo lives").1;
    let (answer, exposition) = wait_for(30, "a moment in which nothing moves", || {
        let before = api();
        let exposition = ask(address, "GET", "/metrics", "")?.1;
        (before == api()).then_some((before, exposition))
    });
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let exposed: BTreeMap<&str, f64> = exposition
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.rsplit_once(' '))
        .filter_map(|(series, value)| Some((series, value.parse().ok()?)))
        .collect();
    let p = exposed["reiver_sample_ratio_mismatch_pvalue{experiment=\"shop\"}"];
    assert!(p > 0.001, "the demo's arms come as they are drawn: {p}");
    let mut compared = 0;
    for arm in answer["arms"].as_array().expect("arms") {
        let name = arm["arm"].as_str().expect("a name");
        for (metric, field) in SAME {
            let gauge =
                |rest: &str| exposed.get(format!("{metric}{{arm=\"{name}\",experiment=\"shop\"{rest}}}").as_str());
            match &arm[field] {
                Value::Number(n) => assert_eq!(gauge("").copied(), n.as_f64(), "{metric} of {name}"),
                Value::String(state) => {
                    assert_eq!(gauge(&format!(",state=\"{state}\"")), Some(&1.0), "{metric} of {name}");
                }
                _ => continue,
            }
            compared += 1;
        }
    }
    assert!(compared >= 40, "only {compared} numbers were compared: {answer}");
}
