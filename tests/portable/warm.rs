//! Models that begin from files: in the same state after the same log, once, and within the limits of memory.

use reiver::event::{Content, Partition, Record, Time};
use reiver::learn::ModelConfig;
use reiver::learn::registry::KINDS;
use reiver::pipeline::portable::PortableError;
use reiver::pipeline::{
    Arrival, CutInput, Facts, Input, Pipeline, PipelineConfig, RecommendRequest, WarmStart, Warmed,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

const NOW: i64 = 1_700_000_000_000;

fn config(kinds: &[&str]) -> PipelineConfig {
    let models = kinds.iter().map(|kind| ((*kind).to_owned(), ModelConfig::default())).collect();
    PipelineConfig { models, ..PipelineConfig::default() }
}

fn click(n: u64, user: u64, item: u64) -> Arrival {
    let time = Time(NOW + n as i64 * 1000).to_rfc3339();
    let payload = format!(
        r#"{{"type":"interaction","event_id":"e{n}","event_time":"{time}","user_id":"u{user}","item_id":"i{item}","action":"click"}}"#
    );
    let record = Record {
        partition: Partition { topic: "clicks".into(), number: 0 },
        offset: n as i64,
        timestamp: Time(NOW + n as i64 * 1000),
        key: None,
        payload: Some(payload.into_bytes().into()),
        headers: Vec::new(),
    };
    Arrival::decode(record, Content::Events)
}

/// Plays clicks `from..to`, a cut per 50; items of a user's parity.
fn play(pipeline: &mut Pipeline, from: u64, to: u64) {
    let all: Vec<Arrival> = (from..to).map(|n| click(n, n % 22, n * 7 % 17 * 2 + n % 2)).collect();
    for arrivals in all.chunks(50) {
        let log_time = arrivals.last().expect("no chunk is empty").record.timestamp;
        pipeline.step(Input::Cut(CutInput { log_time, rank_share: 1.0, arrivals }));
    }
}

fn file_of(kind: &str) -> Vec<u8> {
    let mut pipeline = Pipeline::new(&config(&[kind])).expect("known");
    play(&mut pipeline, 0, 1000);
    pipeline.state().portable(kind).expect("it runs").and_then(|it| it.to_bytes()).expect("written")
}

fn warmed(kinds: &[&str], files: &[(&str, &[u8])]) -> (Pipeline, Vec<Warmed>) {
    let mut pipeline = Pipeline::new(&config(kinds)).expect("known");
    let told = files.iter().map(|(kind, file)| pipeline.state_mut().warm_start(kind, file).expect("ours")).collect();
    (pipeline, told)
}

#[test]
fn every_model_goes_on_from_where_the_file_ends() {
    for kind in KINDS {
        let file = file_of(kind);
        let (mut pipeline, told) = warmed(&[kind], &[(kind, &file)]);
        let told = &told[0];
        let users = if matches!(kind, "popularity" | "transitions" | "item2vec") { 0 } else { 22 };
        assert_eq!((told.users, told.items), (users, 34), "{kind}: {told:?}");
        assert_eq!((told.users_left_out, told.items_left_out, told.bad.len()), (0, 0, 0), "{kind}");
        let again = pipeline.state().portable(kind).expect("it runs").and_then(|it| it.to_bytes()).expect("written");
        let tensors = |file: &[u8]| {
            let tensors = safetensors::SafeTensors::deserialize(file).expect("ours").tensors();
            tensors.iter().map(|(name, view)| (name.clone(), view.data().to_vec())).collect::<BTreeSet<_>>()
        };
        assert_eq!(tensors(&again), tensors(&file), "{kind}: nothing is lost on the way");
        play(&mut pipeline, 5000, 5200);
        let (mut same, _) = warmed(&[kind], &[(kind, &file)]);
        play(&mut same, 5000, 5200);
        assert_eq!(pipeline.state().digest(), same.state().digest(), "{kind}");
        // Nobody who was brought is idle when the log begins, years after 1970.
        assert_eq!(pipeline.state().counts().forgotten_items, 0, "{kind}");
    }
}

/// What it learned elsewhere is recommended at once.
#[test]
fn a_warm_model_recommends_before_the_first_click() {
    let file = file_of("mf");
    let (mut warm, _) = warmed(&["mf"], &[("mf", &file)]);
    play(&mut warm, 9000, 9001);
    let request =
        RecommendRequest { arm: "mf", user_id: "u3", k: 5, recent: &[], exclude: &[], candidates: None, repeat: true };
    let odd = |name: &str| name[1..].parse::<u32>().is_ok_and(|n| n % 2 == 1);
    let list = warm.view(1, Time(NOW)).recommend(&request);
    assert_eq!(list.len(), 5);
    assert!(
        list.iter().filter(|item| odd(&item.item_id)).count() >= 4,
        "its users like items of their own parity: {list:?}"
    );
}

#[test]
fn several_models_share_what_they_bring() {
    let (mf, bpr) = (file_of("mf"), file_of("bpr"));
    let (pipeline, told) = warmed(&["mf", "bpr"], &[("mf", &mf), ("bpr", &bpr)]);
    assert_eq!((told[0].users, told[1].users), (22, 22));
    assert_eq!(pipeline.view(1, Time(NOW)).models().len(), 2);
    let portable = pipeline.state().portable("bpr").expect("it runs").expect("its parameters");
    assert_eq!((portable.users.len(), portable.items.len()), (22, 34));
}

#[test]
fn what_is_brought_takes_half_of_the_room() {
    let file = file_of("mf");
    // The least memory there is; models with long rows leave room for some fifty items.
    let small = PipelineConfig { memory: 1, ..config(&["mf", "transitions", "item_knn"]) };
    let mut pipeline = Pipeline::new(&small).expect("known");
    let told = pipeline.state_mut().warm_start("mf", &file).expect("ours");
    assert_eq!((told.users, told.users_left_out), (22, 0));
    assert_eq!(told.items + told.items_left_out, 34, "{told:?}");
    assert!((20..34).contains(&told.items), "{told:?}");
    play(&mut pipeline, 5000, 5100);
}

#[test]
fn another_file_is_another_model_and_what_cannot_be_used_changes_nothing() {
    let began = |hash| WarmStart { kind: "mf".to_owned(), path: PathBuf::from("mf.safetensors"), hash };
    let expected = |warm: Vec<WarmStart>| {
        let config = PipelineConfig { warm, ..config(&["mf", "bpr"]) };
        Pipeline::new(&config).expect("known").state().expected()
    };
    let hashes = |warm| expected(warm).into_iter().map(|part| (part.name, part.params_hash)).collect::<Vec<_>>();
    let (cold, one, two) = (hashes(Vec::new()), hashes(vec![began(1)]), hashes(vec![began(2)]));
    let differ = |a: &[(String, u64)], b: &[(String, u64)]| -> Vec<String> {
        a.iter().zip(b).filter(|(a, b)| a != b).map(|(a, _)| a.0.clone()).collect()
    };
    assert_eq!(differ(&cold, &one), ["model:mf", "scores:mf"]);
    assert_eq!(differ(&one, &two), ["model:mf", "scores:mf"]);
    assert_eq!(one, hashes(vec![began(1)]));

    let file = file_of("mf");
    let mut pipeline = Pipeline::new(&config(&["mf", "bpr"])).expect("known");
    let before = pipeline.state().digest();
    assert!(matches!(pipeline.state_mut().warm_start("bpr", &file), Err(PortableError::Kind { .. })));
    assert!(pipeline.state_mut().warm_start("mf", &file[..file.len() / 2]).is_err());
    assert!(
        pipeline.state_mut().warm_start("ncf", &file).is_err_and(|why| why.to_string().contains("no model ncf runs"))
    );
    assert_eq!(pipeline.state().digest(), before);
}
