//! A model that began from a file: goes on after a restart without it, and a replay of the topics begins from it, too.

use crate::instance::{broker, send, settings, up, wait_for};
use reiver::adapter::clock::SystemClock;
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::app::{RunSettings, replay_topics};
use reiver::config::warm_start;
use reiver::event::{Content, Partition, Record, Time};
use reiver::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};
use reiver::port::Clock;
use serde_json::{Value, json};
use std::path::Path;

fn click(n: u64) -> Value {
    json!({
        "type": "interaction", "event_id": format!("e{n}"), "event_time": SystemClock.now().to_rfc3339(),
        "user_id": format!("u{}", n % 20), "item_id": format!("i{}", n * 7 % 17), "action": "click",
    })
}

/// An mf that learned elsewhere, as a file.
fn train(config: &PipelineConfig, file: &Path) {
    let models = config.models.iter().filter(|(kind, _)| kind == "mf").cloned().collect();
    let mut pipeline = Pipeline::new(&PipelineConfig { models, ..PipelineConfig::default() }).expect("known");
    let arrivals: Vec<Arrival> = (0..500)
        .map(|n| {
            let record = Record {
                partition: Partition { topic: "old".into(), number: 0 },
                offset: n as i64,
                timestamp: Time(1_500_000_000_000),
                key: None,
                payload: Some(click(n + 10_000).to_string().into_bytes().into()),
                headers: Vec::new(),
            };
            Arrival::decode(record, Content::Events)
        })
        .collect();
    let log_time = Time(1_500_000_000_000);
    pipeline.step(Input::Cut(CutInput { log_time, rank_share: 0.0, arrivals: &arrivals }));
    let portable = pipeline.state().portable("mf").expect("it runs").expect("its parameters");
    std::fs::write(file, portable.to_bytes().expect("fits")).expect("written");
}

/// Starts, sends some clicks, stops; the digest at the end.
fn life(broker: &EmbeddedBroker, begun: &RunSettings, from: u64, to: u64) -> String {
    let running = up(begun.clone());
    let view = || running.view.load_full().expect("a view");
    if from == 0 {
        assert!(view().counts().records == 0 && broker.bootstrap().is_ok());
    }
    (from..to).for_each(|n| send(&running, "shop", &click(n)));
    wait_for("all records", || view().counts().records == to);
    running.stop.cancel();
    running.wait().expect("stops well").digest
}

#[test]
fn a_warm_start_happens_once_and_in_a_replay() {
    let (broker, folder) = (broker(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("mf.safetensors");
    let mut begun = settings(&broker, &folder.path().join("state"), Vec::new());
    train(&begun.pipeline, &file);
    begun.pipeline.warm.push(warm_start("mf", &file).expect("there"));
    let first = life(&broker, &begun, 0, 60);
    let replayed = replay_topics(&begun, false, None, |_| {}).expect("replayed");
    assert_eq!(replayed.digest, first, "a replay begins from the same file");
    let second = life(&broker, &begun, 60, 100);
    let models = folder.path().join("models");
    let replayed = replay_topics(&begun, false, Some(&models), |_| {}).expect("replayed");
    assert_eq!(replayed.digest, second, "a restart goes on from its checkpoint");
    assert!(models.join("mf.safetensors").exists() && models.join("ncf.safetensors").exists());
    let mut cold = begun.clone();
    cold.pipeline.warm.clear();
    let replayed = replay_topics(&cold, false, None, |_| {}).expect("replayed");
    assert_ne!(replayed.digest, second, "without the file it is another model");
    // And the state folder says so: it is for a person to decide.
    let refused = reiver::app::start(cold, std::sync::Arc::new(SystemClock));
    assert!(
        refused.is_err_and(|why| why.to_string().contains("model:mf") && why.to_string().contains("--confirm-reset"))
    );
}
