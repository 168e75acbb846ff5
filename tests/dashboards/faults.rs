//! Faults for real: bad records, rewards that stop, a process that is killed. Prometheus must see each, and only these.
//!
//! The rules are the shipped ones with every duration divided by thirty, so that ten minutes pass in twenty seconds.

use super::files::read;
use super::instance::settings;
use super::process::{Kept, free_port, has};
use super::prometheus::{Prometheus, ask, wait_for};
use reiver::adapter::clock::{Stopwatch, SystemClock};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::allocate::ExperimentConfig;
use reiver::app::{RunSettings, Running, start};
use reiver::event::Span;
use reiver::port::Outgoing;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// A busy machine is slow, and two minutes are four seconds here: these say so, and are no answer to our faults.
const SPEED: [&str; 5] = [
    "ReiverLatencyFastBurn",
    "ReiverLatencySlowBurn",
    "ReiverFreshnessFastBurn",
    "ReiverFreshnessSlowBurn",
    "ReiverLogTimeStuck",
];

/// A rule file with every duration divided by thirty.
fn hurried(file: &str) -> String {
    let text = read(&format!("dashboards/prometheus/rules/{file}.yml"));
    let shorter = |duration: &str| {
        let (number, unit) = duration.split_at(duration.len() - 1);
        let unit = match unit {
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            other => panic!("a duration in {other}"),
        };
        format!("{}s", number.parse::<u64>().expect("a number") * unit / 30)
    };
    let line = |line: &str| {
        if let Some((before, duration)) = line.split_once("for: ").filter(|(b, _)| b.trim().is_empty()) {
            return format!("{before}for: {}", shorter(duration));
        }
        let mut parts = line.split('[');
        let mut out = parts.next().unwrap_or("").to_owned();
        for part in parts {
            let (duration, rest) = part.split_once(']').expect("a range");
            out.push_str(&format!("[{}]{rest}", shorter(duration)));
        }
        out
    };
    let kept = |l: &str| l.contains("runbook_url") || l.starts_with('#');
    text.lines().map(|l| if kept(l) { l.to_owned() } else { line(l) }).collect::<Vec<_>>().join("\n")
}

fn instance(broker: &EmbeddedBroker, state: &Path) -> Running {
    let experiment = ExperimentConfig {
        stick: None,
        window: Span::seconds(2),
        grace: Span::seconds(1),
        ..ExperimentConfig::new("home", &["popularity", "mf"], "popularity")
    };
    let mut settings =
        RunSettings { every: Span::seconds(2), keep: 2, token: None, ..settings(broker, state, vec![experiment]) };
    settings.pipeline.models.retain(|(kind, _)| ["popularity", "mf"].contains(&kind.as_str()));
    start(settings, Arc::new(SystemClock)).expect("starts")
}

/// A second instance on the same broker, as a process of its own, and its address.
fn process(broker: &EmbeddedBroker, folder: &Path) -> (Kept, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let client: String =
        EmbeddedBroker::client_settings().iter().map(|(key, value)| format!("\"{key}\" = \"{value}\"\n")).collect();
    let brokers = broker.bootstrap().expect("an address");
    let config = format!(
        "[kafka]\nbrokers = \"{brokers}\"\ngroup = \"other\"\nprefix = \"other\"\n[kafka.client]\n{client}\n[[source]]\n\
         topic = \"shop\"\n[http]\nlisten = \"{address}\"\n[learn]\nmemory = \"64MiB\"\n"
    );
    let file = folder.join("reiver.toml");
    std::fs::write(&file, config).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(["run", "--config"]).arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let child = Kept::spawn(&mut command);
    wait_for(60, "the other instance", || ask(&address, "GET", "/readyz", "").filter(|(code, _)| *code == 200));
    (child, address)
}

/// What visitors do, until told otherwise.
#[derive(Default)]
struct Visitors {
    silent: AtomicBool,
    malformed: AtomicBool,
    gone: AtomicBool,
}

impl Visitors {
    /// Twenty decisions a second, a reward for every second one, a good record beside each; or a bad one.
    fn visit(&self, running: &Running) {
        let address = running.address.to_string();
        let mut n = 0_u64;
        while !self.gone.load(Relaxed) {
            n += 1;
            let asked = json!({"experiment": "home", "unit": format!("u{n}")}).to_string();
            let decided = ask(&address, "POST", "/v1/decide", &asked).filter(|(code, _)| *code == 200);
            if let Some((_, answer)) = decided.filter(|_| n.is_multiple_of(2) && !self.silent.load(Relaxed)) {
                let answer: Value = serde_json::from_str(&answer).expect("JSON");
                let fed = json!({"decision_id": answer["decision_id"], "metric": "click", "value": 1});
                ask(&address, "POST", "/v1/feedback", &fed.to_string());
            }
            let payload = if self.malformed.load(Relaxed) { "{".to_owned() } else { click(n) };
            let record = Outgoing { topic: "shop".into(), payload: Some(payload.into()), ..Outgoing::default() };
            let _ = running.sink.spool(record);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn click(n: u64) -> String {
    let (user, item) = (format!("u{}", n % 50), format!("i{}", n % 20));
    json!({"type": "interaction", "event_id": format!("e{n}"), "event_time": "2026-01-01T00:00:00Z", "user_id": user,
        "item_id": item, "action": "click"})
    .to_string()
}

/// States seen of each alert, in their order.
type Seen = BTreeMap<String, Vec<String>>;

/// Looks once: notes every new state, and returns what fires.
fn look(prometheus: &Prometheus, seen: &mut Seen) -> BTreeSet<String> {
    let mut firing = BTreeSet::new();
    for (name, alert) in prometheus.alerts().into_iter().filter(|(n, _)| !SPEED.contains(&n.as_str())) {
        let state = alert["state"].as_str().unwrap_or("").to_owned();
        let words = alert["annotations"].to_string();
        assert!(!words.contains("<error") && !words.contains("<no value>") && !words.contains("{{"), "{words}");
        if state == "firing" {
            firing.insert(name.clone());
        }
        let states = seen.entry(name).or_default();
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    firing
}

/// Without a broker deciding goes on, and that nothing is learned is said; checkpoints wait for dead letters.
fn outage(broker: &EmbeddedBroker, prometheus: &Prometheus, seen: &mut Seen) {
    broker.down().expect("it obeys");
    let away = BTreeSet::from(["ReiverCheckpointFailing", "ReiverKafkaAway", "ReiverTargetDown"].map(str::to_owned));
    wait_for(120, "Kafka to be away", || look(prometheus, seen).is_superset(&away).then_some(()));
    broker.up().expect("it obeys");
    wait_for(120, "Kafka to be back", || (!look(prometheus, seen).contains("ReiverKafkaAway")).then_some(()));
}

#[test]
fn faults_are_seen_and_health_is_silent() {
    if !has("prometheus") {
        return;
    }
    let own = ["events", "decisions", "allocations", "dead-letters", "control"];
    let own: Vec<String> = ["reiver", "other"].iter().flat_map(|p| own.map(|n| format!("{p}.{n}"))).collect();
    let mut topics = vec![("shop", 2)];
    topics.extend(own.iter().map(|name| (name.as_str(), if name.ends_with("control") { 1 } else { 2 })));
    let broker = EmbeddedBroker::start(&topics).expect("the embedded broker starts");
    let folder = tempfile::tempdir().expect("a folder");
    let running = instance(&broker, folder.path());
    let theirs = tempfile::tempdir().expect("a folder");
    let (mut other, of_other) = process(&broker, theirs.path());
    let rules = [("recording.rules.yml", hurried("recording")), ("alerts.rules.yml", hurried("alerts"))];
    let prometheus = Prometheus::start(&[running.address.to_string(), of_other.clone()], &rules);
    let visitors = Visitors::default();
    std::thread::scope(|scope| {
        // However this ends, the visitors go: the scope waits for them.
        struct Closing<'a>(&'a Visitors);
        impl Drop for Closing<'_> {
            fn drop(&mut self) {
                self.0.gone.store(true, Relaxed);
            }
        }
        let closing = Closing(&visitors);
        scope.spawn(|| visitors.visit(&running));

        let mut seen = Seen::new();
        let begun = Stopwatch::start();
        while begun.elapsed() < Duration::from_secs(45) {
            let firing = look(&prometheus, &mut seen);
            assert!(firing.is_empty() || begun.elapsed() < Duration::from_secs(25), "in good health: {firing:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
        assert_eq!(prometheus.broken_rules(), [""; 0]);
        seen.clear();

        visitors.malformed.store(true, Relaxed);
        visitors.silent.store(true, Relaxed);
        other.kill();
        let wanted =
            BTreeSet::from(["ReiverDeadLetterSpike", "ReiverNoFeedback", "ReiverTargetDown"].map(str::to_owned));
        wait_for(120, "the three alerts", || (look(&prometheus, &mut seen) == wanted).then_some(()));
        for name in &wanted {
            assert_eq!(seen[name], ["pending", "firing"], "{name}: {seen:?}");
        }
        let alerts = prometheus.alerts();
        let about = |name: &str, label: &str, value: &str| {
            assert!(alerts.iter().any(|(n, a)| n == name && a["labels"][label] == value), "{name}: {alerts:?}");
        };
        about("ReiverTargetDown", "instance", &of_other);
        about("ReiverNoFeedback", "experiment", "home");
        about("ReiverDeadLetterSpike", "topic", "shop");

        // Good records and rewards again: both alerts end by themselves; the dead stay dead.
        visitors.malformed.store(false, Relaxed);
        visitors.silent.store(false, Relaxed);
        let dead = BTreeSet::from(["ReiverTargetDown".to_owned()]);
        wait_for(120, "the two alerts to end", || (look(&prometheus, &mut seen) == dead).then_some(()));
        outage(&broker, &prometheus, &mut seen);
        drop(closing);
    });
    running.stop.cancel();
    running.wait().expect("stops well");
}
