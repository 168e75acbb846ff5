//! How long it takes until an interaction changes what is served, while a thousand others a second flow.
//!
//! Four models learn, and four experiments serve one of them each. A probe is a click on an item that nobody has seen,
//! sent by `POST /v1/events`; the clock runs from before the request until `POST /v1/recommend` lists the item with a
//! score. `SECONDS` (default 30) and `RATE` (default 1000) change the load; with `REIVER_TEST_BROKERS=host:port` it runs
//! on that broker, else on the embedded one. Ends with 3 where the 99th percentile is above one second.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/loop/instance.rs"]
#[expect(dead_code, reason = "of an instance's helpers only some are needed here")]
mod instance;
#[path = "../tests/kafka/topics.rs"]
mod topics;

use reiver::adapter::clock::{SystemClock, monotonic_nanos};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::kafka::KafkaConfig;
use reiver::allocate::ExperimentConfig;
use reiver::app::{RunSettings, Running, start};
use reiver::event::Span;
use reiver::port::{Clock, Outgoing};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use topics::make_topics;

const MODELS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];
const USERS: u64 = 5_000;
const ITEMS: u64 = 2_000;
/// Between two looks at what is served.
const LOOK: Duration = Duration::from_millis(5);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn click(user: &str, item: &str, id: &str) -> Value {
    json!({"type": "interaction", "event_id": id, "event_time": SystemClock.now().to_rfc3339(), "user_id": user,
        "item_id": item, "action": "click"})
}

/// A connection that is kept.
struct Client(BufReader<TcpStream>, SocketAddr);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_nodelay(true).expect("an option");
        Self(BufReader::new(stream), address)
    }

    fn post(&mut self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!("POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n", self.1, body.len());
        let request = format!("{head}content-type: application/json\r\n\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes()).expect("writes");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("reads");
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().expect("a length");
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).expect("reads");
        serde_json::from_slice(&answer).expect("JSON")
    }
}

/// Each model serves an experiment of its own.
fn settings(broker: &EmbeddedBroker, kafka: KafkaConfig, state: &Path) -> RunSettings {
    let alone = |model: &&str| ExperimentConfig::new(model, &[*model], model);
    let mut settings = instance::settings(broker, state, MODELS.iter().map(alone).collect());
    settings.sources[0].topic = kafka.topic("shop");
    settings.pipeline.threads = 2;
    settings.pipeline.nanos = monotonic_nanos;
    RunSettings { kafka, every: Span::seconds(10), token: None, rank: None, ..settings }
}

/// Sends clicks at a steady rate until told to stop.
fn load(running: &Running, topic: &Arc<str>, rate: u64, sent: &AtomicU64, stop: &AtomicBool) {
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        for n in sent.load(Ordering::Relaxed)..due {
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let (user, item) = (format!("u{}", mixed % USERS), format!("i{}", (mixed / USERS) % ITEMS));
            let payload = Some(click(&user, &item, &format!("load-{n}")).to_string().into());
            let record = Outgoing { topic: Arc::clone(topic), key: Some(user.into()), payload, ..Outgoing::default() };
            assert!(running.sink.spool(record).is_ok(), "the spool is full: the broker does not keep up");
            sent.store(n + 1, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// From before the click is sent until its item is served.
fn probe(client: &mut Client, n: u64) -> Duration {
    let item = format!("probe-{n}");
    let model = MODELS[n as usize % MODELS.len()];
    let begun = Instant::now();
    client.post("/v1/events", &click(&format!("prober-{n}"), &item, &format!("probe-{n}")));
    let ask = json!({"experiment": model, "unit": "watcher", "candidates": [item], "k": 1});
    loop {
        let answer = client.post("/v1/recommend", &ask);
        let listed = answer["items"][0]["item_id"] == item.as_str();
        if listed && answer["items"][0]["score"].as_f64().is_some_and(|score| score != 0.0) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{item} is not served by {model}: {answer}");
        std::thread::sleep(LOOK);
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> ExitCode {
    let (seconds, rate) = (setting("SECONDS", 30), setting("RATE", 1_000));
    let prefix = format!("freshness-{}", std::process::id());
    let mut kafka = KafkaConfig { group: prefix.clone(), prefix, ..KafkaConfig::default() };
    let ours = ["events", "decisions", "allocations", "dead-letters", "shop"].map(|name| (kafka.topic(name), 4));
    let topics: Vec<(String, i32)> = ours.into_iter().chain([(kafka.topic("control"), 1)]).collect();
    let named: Vec<(&str, i32)> = topics.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let broker = EmbeddedBroker::start(&named).expect("the embedded broker");
    let real = std::env::var("REIVER_TEST_BROKERS").ok();
    match &real {
        Some(brokers) => {
            kafka.brokers.clone_from(brokers);
            make_topics(brokers, &topics);
        }
        None => {
            kafka.brokers = broker.bootstrap().expect("an address");
            kafka.client = EmbeddedBroker::client_settings();
        }
    }
    let state = tempfile::tempdir().expect("a folder");
    let topic: Arc<str> = kafka.topic("shop").into();
    let running = start(settings(&broker, kafka, state.path()), Arc::new(SystemClock)).expect("starts");
    while running.view.load().is_none() {
        std::thread::sleep(LOOK);
    }
    let (sent, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut took: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| load(&running, &topic, rate, &sent, &stop));
        // The first seconds are for models and caches to warm up.
        std::thread::sleep(Duration::from_secs(5));
        let (begun, mut client) = (Instant::now(), Client::new(running.address));
        while begun.elapsed() < Duration::from_secs(seconds) {
            took.push(probe(&mut client, took.len() as u64));
        }
        stop.store(true, Ordering::Relaxed);
    });
    running.stop.cancel();
    let document = running.wait().expect("ends well");
    took.sort();
    let at = |q: f64| took[((took.len() - 1) as f64 * q) as usize];
    let place = if real.is_some() { "Kafka" } else { "embedded broker" };
    println!("freshness/{place}: {} probes beside {rate} events/s, four models", took.len());
    println!("  from click to served: p50 {:?}, p99 {:?}, slowest {:?}", at(0.5), at(0.99), at(1.0));
    println!("  sent {}, accepted {}", sent.load(Ordering::Relaxed), document.events);
    if at(0.99) > Duration::from_secs(1) { ExitCode::from(3) } else { ExitCode::SUCCESS }
}
