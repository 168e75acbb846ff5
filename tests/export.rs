//! Models as files through the binary: out of a replay, out of the checkpoints of a running learner, and back.

use reiver::adapter::file::FolderStore;
use reiver::config::{Place, Settings};
use reiver::event::{Content, Partition, Record, Time};
use reiver::pipeline::checkpoint::{Checkpoints, Manifest, Snapshot};
use reiver::pipeline::{Arrival, CutInput, Input, Pipeline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

fn reiver(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(arguments).current_dir(folder).env_remove("REIVER_LOG");
    command.output().expect("the binary runs")
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().expect("it ends by itself"), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The last line of stdout as JSON, of a command that ended well.
fn document(output: &Output) -> Value {
    let (code, stderr) = told(output);
    assert_eq!(code, 0, "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(stdout.lines().last().expect("a line")).expect("JSON")
}

fn click(n: u64) -> String {
    let time = Time(1_780_000_000_000 + n as i64 * 1000).to_rfc3339();
    let (user, item) = (n % 9, n * n % 7 * 2 + n % 2);
    format!(
        r#"{{"type":"interaction","event_id":"e{n}","event_time":"{time}","user_id":"u{user}","item_id":"i{item}","action":"click"}}"#
    )
}

fn write(folder: &Path, name: &str, events: std::ops::Range<u64>) {
    std::fs::write(folder.join(name), events.map(click).collect::<Vec<_>>().join("\n")).expect("written");
}

#[test]
fn what_was_trained_offline_is_where_the_next_replay_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "history.jsonl", 0..400);
    write(folder.path(), "lately.jsonl", 1000..1100);
    let models = ["--format", "jsonl", "--models", "mf,transitions", "--json"];
    let replay = |file: &str, more: &[&str]| reiver(&[&["replay", file][..], &models, more].concat(), folder.path());
    document(&replay("history.jsonl", &["--export", "models"]));
    let names: Vec<String> = std::fs::read_dir(folder.path().join("models"))
        .expect("made")
        .map(|entry| entry.expect("read").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.len() == 2 && names.contains(&"mf.safetensors".to_owned()), "{names:?}");
    let cold = document(&replay("lately.jsonl", &[]));
    let warm =
        ["--warm-start", "mf=models/mf.safetensors", "--warm-start", "transitions=models/transitions.safetensors"];
    let first = document(&replay("lately.jsonl", &warm));
    assert_ne!(first["digest"], cold["digest"]);
    assert_eq!(
        document(&replay("lately.jsonl", &[&warm[..], &["--threads", "1"]].concat()))["digest"],
        first["digest"]
    );
    let loss = |found: &Value| found["models"]["mf"]["log_loss"].as_f64().expect("a loss");
    assert_ne!(loss(&first), loss(&cold), "it began from what it knew");
    // The same by the settings file.
    let settings = "[[model]]\nname = 'mf'\nwarm_start = 'models/mf.safetensors'\n[[model]]\nname = 'transitions'\n\
                    warm_start = 'models/transitions.safetensors'\n";
    std::fs::write(folder.path().join("reiver.toml"), settings).expect("written");
    assert_eq!(document(&replay("lately.jsonl", &["--config", "reiver.toml"]))["digest"], first["digest"]);

    let file = folder.path().join("models/mf.safetensors");
    let bytes = std::fs::read(&file).expect("there");
    std::fs::write(folder.path().join("short.safetensors"), &bytes[..bytes.len() / 2]).expect("written");
    let (code, why) = told(&replay("lately.jsonl", &["--warm-start", "mf=short.safetensors"]));
    assert!(
        code == 1 && why.contains("mf cannot begin from short.safetensors: it is no whole safetensors file"),
        "{why}"
    );
    let (code, why) = told(&replay("lately.jsonl", &["--warm-start", "transitions=models/mf.safetensors"]));
    assert!(code == 1 && why.contains("it holds a model mf, not transitions"), "{why}");
    let (code, why) = told(&replay("lately.jsonl", &["--warm-start", "mf=gone.safetensors"]));
    assert!(code == 2 && why.contains("gone.safetensors"), "{why}");
    let begun = "[[model]]\nname = 'mf'\nwarm_start = 'short.safetensors'\n";
    std::fs::write(folder.path().join("reiver.toml"), begun).expect("written");
    let (code, why) = told(&reiver(&["check", "--offline"], folder.path()));
    assert!(code == 3 && why.contains("mf cannot begin from") && why.contains("no whole safetensors file"), "{why}");
    std::fs::write(folder.path().join("wide.toml"), "[[model]]\nname = 'mf'\ndimensions = 16\n").expect("written");
    let (code, why) =
        told(&replay("lately.jsonl", &["--config", "wide.toml", "--warm-start", "mf=models/mf.safetensors"]));
    assert!(code == 1 && why.contains("mf has dimensions = 32, the settings have 16"), "{why}");
}

/// A state folder with one checkpoint, still locked as by a running learner.
fn learner(folder: &Path, settings: &str) -> Arc<FolderStore> {
    std::fs::write(folder.join("reiver.toml"), settings).expect("written");
    let place = Place { name: "reiver.toml", folder };
    let settings = Settings::parse(settings, place, &BTreeMap::new()).expect("valid");
    let mut pipeline = Pipeline::new(&settings.pipeline(1)).expect("known");
    let arrivals: Vec<Arrival> = (0..300).map(arrival).collect();
    let log_time = Time(1_780_000_300_000);
    pipeline.step(Input::Cut(CutInput { log_time, rank_share: 1.0, arrivals: &arrivals }));
    let store = Arc::new(FolderStore::open(&settings.state.path).expect("a folder"));
    let mut checkpoints = Checkpoints::open(Arc::<FolderStore>::clone(&store), 3).expect("empty");
    let state = pipeline.state_mut();
    let manifest = Manifest { log_time, digest: state.digest(), created: log_time, ..Manifest::default() };
    checkpoints.save(Snapshot { manifest, parts: state.snapshot() }).expect("written");
    store
}

fn arrival(n: u64) -> Arrival {
    let record = Record {
        partition: Partition { topic: "clicks".into(), number: 0 },
        offset: n as i64,
        timestamp: Time(1_780_000_000_000 + n as i64 * 1000),
        key: None,
        payload: Some(click(n).into_bytes().into()),
        headers: Vec::new(),
    };
    Arrival::decode(record, Content::Events)
}

#[test]
fn a_model_leaves_a_checkpoint_while_the_learner_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = reiver(&["export", "--model", "mf", "--out", "mf.safetensors"], folder.path());
    assert_eq!(told(&none).0, 1, "there are no settings: {}", told(&none).1);
    let _running = learner(folder.path(), "[[model]]\nname = 'mf'\ndimensions = 8\n[[model]]\nname = 'popularity'\n");
    let export =
        |arguments: &[&str]| reiver(&[&["export", "--config", "reiver.toml"], arguments].concat(), folder.path());
    let found = document(&export(&["--model", "mf", "--out", "mf.safetensors", "--json"]));
    assert_eq!((found["users"].as_u64(), found["items"].as_u64()), (Some(9), Some(8)), "{found}");
    assert_eq!((&found["model"], &found["log_time"]), (&"mf".into(), &Time(1_780_000_300_000).to_rfc3339().into()));
    let bytes = std::fs::read(folder.path().join("mf.safetensors")).expect("written");
    assert_eq!(found["bytes"].as_u64(), Some(bytes.len() as u64));
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
    assert_eq!(tensors.tensor("users.vectors").expect("there").shape(), [9, 8]);
    document(&export(&["--model", "mf", "--out", "again", "--format", "safetensors", "--json"]));
    assert_eq!(std::fs::read(folder.path().join("again")).expect("written"), bytes, "the same model, the same bytes");

    document(&export(&["--model", "mf", "--out", "vectors.csv", "--json"]));
    let text = std::fs::read_to_string(folder.path().join("vectors.csv")).expect("written");
    assert_eq!(text.lines().next(), Some("side,id,bias,v0,v1,v2,v3,v4,v5,v6,v7"));
    assert!(text.contains("\nitem,i3,") && text.lines().count() == 1 + 9 + 8, "{text}");

    let (code, why) = told(&export(&["--model", "popularity", "--out", "counts.csv"]));
    assert!(code == 1 && why.contains("popularity has no vectors to write as CSV: write it as .safetensors"), "{why}");
    assert!(!folder.path().join("counts.csv").exists());
    let (code, why) = told(&export(&["--model", "ncf", "--out", "ncf.safetensors"]));
    assert!(code == 1 && why.contains("which holds") && why.contains("popularity"), "{why}");
    std::fs::write(folder.path().join("other.toml"), "[[model]]\nname = 'mf'\ndimensions = 16\n").expect("written");
    let (code, why) =
        told(&reiver(&["export", "--config", "other.toml", "--model", "mf", "--out", "x.csv"], folder.path()));
    assert!(code == 1 && why.contains("use the settings it ran with"), "{why}");
}
