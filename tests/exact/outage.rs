//! The broker goes away for a while: deciding goes on, a pause acts, nothing that was acknowledged is lost, and no window
//! closes because of it. A broker of its own, started and killed here.

use crate::process::{Client, Process, kcat_consume, now};
use crate::truth::lines;
use crate::{Run, brokers};
use reiver::adapter::clock::Stopwatch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long the broker is away: `REIVER_TEST_OUTAGE` seconds. The window is 2.5 times as long.
fn outage() -> Duration {
    let seconds = std::env::var("REIVER_TEST_OUTAGE").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(12))
}

/// An Apache Kafka node in a folder; gone with its value.
struct Broker<'a>(&'a Path);

impl Broker<'_> {
    /// Runs a command of the script; the last line it prints.
    fn tell(&self, command: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/broker.sh");
        let out = Command::new("bash").args([script, command]).arg(self.0).output().expect("bash is there");
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).lines().last().unwrap_or_default().to_owned()
    }
}

impl Drop for Broker<'_> {
    fn drop(&mut self) {
        self.tell("clean");
    }
}

/// What was said over HTTP, to be found again in the topics.
#[derive(Default)]
struct Said {
    decisions: usize,
    acknowledged: Vec<String>,
    refused: usize,
}

impl Said {
    /// Feedback on a decision; remembers it where it was acknowledged.
    fn feedback(&mut self, client: &mut Client, decision: &Value) -> bool {
        let id = decision["decision_id"].as_str().expect("an id");
        let event = format!("f-{id}");
        let body = json!({"decision_id": id, "metric": "click", "value": 1, "event_id": event, "event_time": now()});
        let (status, answer) = client.request("POST", "/v1/feedback", &body.to_string());
        match status {
            200 => self.acknowledged.push(event),
            503 => self.refused += 1,
            _ => panic!("{status} {answer}"),
        }
        status == 200
    }
}

/// Decides during the outage: every request is answered at once, and a pause acts on the next one.
fn decide_without_kafka(process: &mut Process, said: &mut Said) -> (Vec<Value>, Duration) {
    let (begin, mut given, mut slowest) = (Stopwatch::start(), Vec::new(), Duration::ZERO);
    let mut client = process.client();
    let mut paused = false;
    while begin.elapsed() < outage() {
        let asked = Stopwatch::start();
        let decision = process.decide(&format!("o{}", given.len() % 500));
        slowest = slowest.max(asked.elapsed());
        if paused {
            assert_ne!(decision["arm"], "ncf", "paused with Kafka away: {decision}");
        }
        if !paused && begin.elapsed() > outage() / 2 {
            let reason = json!({"reason": "an outage"}).to_string();
            let (status, answer) = client.request("POST", "/v1/experiments/home/arms/ncf:pause", &reason);
            assert!(status < 300, "{status} {answer}");
            paused = true;
        }
        said.decisions += 1;
        given.push(decision);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(paused, "the outage was long enough for a pause");
    (given, slowest)
}

#[test]
fn an_outage_loses_nothing_and_closes_nothing() {
    if brokers("an_outage_loses_nothing_and_closes_nothing").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker(&folder.path().join("kafka"));
    let run = Run {
        brokers: broker.tell("start"),
        name: "outage".to_owned(),
        stick: None,
        window: outage().as_secs() as i64 * 5 / 2,
    };
    let config = run.prepare(folder.path());
    let mut process = Process::start(&config);
    let mut client = process.client();
    let mut said = Said::default();
    let before: Vec<Value> = (0..200).map(|n| process.decide(&format!("b{n}"))).collect();
    said.decisions += before.len();
    // A part of them is rewarded at once, a part only after the outage.
    for decision in &before[..50] {
        assert!(said.feedback(&mut client, decision));
    }

    broker.tell("kill");
    let mut waiting = process.client();
    let late = before[199].clone();
    let asked = std::thread::spawn(move || {
        let mut said = Said::default();
        said.feedback(&mut waiting, &late);
        said
    });
    let (during, slowest) = decide_without_kafka(&mut process, &mut said);
    let there = asked.join().expect("answered");
    assert_eq!((there.acknowledged.len(), there.refused), (0, 1), "nothing is acknowledged without Kafka");

    broker.tell("restart");
    process.until_ready();
    let again = Stopwatch::start();
    for decision in before[100..150].iter().chain(during.iter().step_by(4)) {
        while !said.feedback(&mut client, decision) {
            assert!(again.elapsed() < Duration::from_secs(60), "Kafka is back, and takes nothing");
        }
    }
    let shown = process.until_closed(run.window);
    process.stop();
    // What was refused may have arrived all the same: it counts if it is in the log.
    let events = lines::read(&kcat_consume(&run.brokers, &run.topic("events")));
    let arrived: BTreeSet<&str> = events.iter().filter_map(|line| line.text("event_id")).collect();
    for event in &said.acknowledged {
        assert!(arrived.contains(event.as_str()), "{event} was acknowledged and is not in the log");
    }
    run.holds(&shown, &config);
    let sum = |field: &str| -> u64 {
        let arms = shown.experiment["arms"].as_array().expect("arms");
        arms.iter().filter_map(|arm| arm[field].as_u64()).sum()
    };
    assert_eq!(sum("decisions"), said.decisions as u64, "every decision reached the log");
    assert_eq!(sum("rewards"), arrived.len() as u64, "every reward within its window counts");
    eprintln!(
        "away for {:?}: {} decisions meanwhile, the slowest in {slowest:?}; {} rewards, {} refused",
        outage(),
        during.len(),
        said.acknowledged.len(),
        said.refused + there.refused
    );
}
