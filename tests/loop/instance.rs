//! A whole instance for tests: embedded broker or a real one, HTTP over a socket, restarts.

use reiver::adapter::clock::SystemClock;
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::kafka::{KafkaConfig, Leading};
use reiver::allocate::ExperimentConfig;
use reiver::app::{RunSettings, Running, SourceSettings, start};
use reiver::event::Span;
use reiver::learn::ModelConfig;
use reiver::learn::registry::USUAL;
use reiver::pipeline::PipelineConfig;
use reiver::port::{Outgoing, Start};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Starts an embedded broker with the shop's topic and ours: it makes no topics on request.
pub(crate) fn broker() -> EmbeddedBroker {
    let ours = ["reiver.events", "reiver.decisions", "reiver.allocations", "reiver.dead-letters"];
    let mut topics = vec![("shop", 4), ("reiver.control", 1)];
    topics.extend(ours.map(|name| (name, 2)));
    EmbeddedBroker::start(&topics).expect("the embedded broker starts")
}

/// Settings of an instance on the embedded broker.
pub(crate) fn settings(broker: &EmbeddedBroker, state: &Path, experiments: Vec<ExperimentConfig>) -> RunSettings {
    RunSettings {
        kafka: KafkaConfig {
            brokers: broker.bootstrap().expect("an address"),
            group: "shop".into(),
            prefix: "reiver".into(),
            client: EmbeddedBroker::client_settings(),
        },
        sources: vec![SourceSettings { topic: "shop".into(), start: Start::Earliest, items: false }],
        state: state.to_owned(),
        every: Span::seconds(1),
        keep: 3,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: Some("secret".into()),
        pipeline: PipelineConfig {
            models: USUAL.iter().map(|k| ((*k).to_owned(), ModelConfig::default())).collect(),
            experiments,
            memory: 256 << 20,
            ..PipelineConfig::default()
        },
        rank: Some(1.0),
        leading: Leading::Alone,
        partitions: 2,
        until_end: false,
        confirm_reset: Vec::new(),
        config_hash: "test".into(),
    }
}

/// Starts an instance and waits until it has a view.
pub(crate) fn up(settings: RunSettings) -> Running {
    let running = start(settings, Arc::new(SystemClock)).expect("starts");
    wait_for("the first view", || running.view.load().is_some());
    running
}

/// Waits up to 30 s for something.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited 30 s for {what}");
}

/// Writes one event to a topic and waits for the acknowledgement.
pub(crate) fn send(running: &Running, topic: &str, event: &Value) {
    let key = event["user_id"].as_str().map(|k| k.to_owned().into());
    let record = Outgoing { topic: topic.into(), key, payload: Some(event.to_string().into()), ..Outgoing::default() };
    running.runtime().block_on(running.sink.send(record)).expect("acknowledged");
}

/// One HTTP request on a connection of its own; returns status and JSON.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer secret\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("reads");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}
