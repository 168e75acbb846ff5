//! Progressive scores on MovieLens-100K against the figures that the design measured. The data may not be
//! redistributed: where it is absent these tests say so and pass.

use reiver::evaluate::{Progressive, ProgressiveSummary, Ranking, Scratch, run_example};
use reiver::event::{Id, Time};
use reiver::learn::registry::{KINDS, build};
use reiver::learn::{Context, Directory, Example, ModelConfig};
use reiver::rng::Seed;
use std::path::PathBuf;

/// (seconds, user, item, rating) in the order of the protocol.
fn ratings() -> Option<Vec<(i64, u32, u32, u32)>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("REIVER_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("data/ml-100k/u.data");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: MovieLens-100K is not at {} (set REIVER_SHARED)", path.display());
        return None;
    };
    let mut rows: Vec<(i64, u32, u32, u32)> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t').map(str::parse::<u32>);
            let mut next = || fields.next()?.ok();
            let (user, item, rating, time) = (next()?, next()?, next()?, next()?);
            Some((i64::from(time), user, item, rating))
        })
        .collect();
    rows.sort_unstable();
    assert_eq!(rows.len(), 100_000);
    Some(rows)
}

/// Every rating of at least `min` as a positive: rank against the catalogue, score, learn.
fn run(kind: &str, rows: &[(i64, u32, u32, u32)], min: u32) -> ProgressiveSummary {
    let mut model = build(kind, &ModelConfig::default(), Seed(0).named(kind)).expect("known");
    let (mut directory, mut scores, mut scratch) = (Directory::default(), Progressive::default(), Scratch::default());
    let (mut recent, mut negatives) = (Vec::new(), Vec::new());
    for (n, &(seconds, user, item, _)) in rows.iter().filter(|r| r.3 >= min).enumerate() {
        let (user_id, name) = (Id::of(&user.to_string()), item.to_string());
        let item_id = Id::of(&name);
        let user = directory.admit_user(user_id).expect("room");
        let item = directory.admit_item(item_id, &name).expect("room");
        let (consumed, taught) = (directory.consumed(user), directory.taught_set());
        directory.recent(user, &mut recent);
        directory.sample_negatives(&consumed, item, Seed(1).keyed(n as u128), &mut negatives);
        let context = Context { user: Some(user), user_id, recent: &recent, time: Time(seconds * 1000) };
        let example = Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &negatives };
        let ranking = Ranking { taught: &taught, excluded: &consumed };
        run_example(&mut *model, &mut scores, &example, Some(&ranking), &mut scratch);
        directory.mark_taught(item);
        directory.consume(user, item);
    }
    let s = scores.summary();
    eprintln!(
        "{kind:12} ratings ≥ {min}: {} scored, recall@10 {:.4}, ndcg@10 {:.4}, mrr {:.4}, log loss {:.4}, auc {:.4}",
        s.scored,
        s.recall_at_10,
        s.ndcg_at_10,
        s.mrr,
        s.log_loss.unwrap_or_default(),
        s.auc.unwrap_or_default()
    );
    s
}

#[test]
fn five_star_ratings_reach_the_measured_recall() {
    let Some(rows) = ratings() else { return };
    let popularity = run("popularity", &rows, 5);
    assert_eq!((popularity.examples, popularity.scored), (21_201, 20_273));
    assert!((popularity.recall_at_10 - 0.112).abs() <= 0.002, "{popularity:?}");
    assert!(popularity.auc > Some(0.75) && popularity.log_loss < Some(0.45), "{popularity:?}");
    let transitions = run("transitions", &rows, 5);
    assert_eq!(transitions.scored, 20_273);
    assert!(transitions.recall_at_10 >= 0.150 && transitions.auc > Some(0.75), "{transitions:?}");
    let mf = run("mf", &rows, 5);
    assert!(mf.recall_at_10 >= 0.120 && mf.auc > Some(0.79), "{mf:?}");
    let bpr = run("bpr", &rows, 5);
    assert!(bpr.recall_at_10 >= 0.122 && bpr.auc > Some(0.79), "{bpr:?}");
}

/// Both streams, all models: REIVER_MOVIELENS=all cargo test --release --test movielens -- --nocapture
#[test]
fn all_models_on_both_streams() {
    let Some(rows) = ratings() else { return };
    let all = std::env::var("REIVER_MOVIELENS").is_ok_and(|v| v == "all");
    if !all {
        eprintln!(
            "SKIPPED: the slower models, and the stream of all ratings, which take long without optimisation (REIVER_MOVIELENS=all)"
        );
        return;
    }
    for min in [5, 0] {
        for kind in KINDS {
            let s = run(kind, &rows, min);
            assert_eq!(s.scored, if min == 5 { 20_273 } else { 99_057 });
            let floor = match (kind, min) {
                ("popularity", 5) => 0.110,
                ("transitions", 5) => 0.150,
                ("mf", 5) => 0.120,
                ("bpr", 5) => 0.122,
                ("ials", 5) => 0.148,
                ("item_knn", 5) => 0.150,
                ("isgd", 5) => 0.070,
                ("fusion", 5) => 0.172,
                ("ncf", 5) => 0.100,
                ("popularity", _) => 0.075,
                ("transitions", _) => 0.180,
                ("mf", _) => 0.107,
                ("bpr", _) => 0.107,
                ("ials", _) => 0.121,
                ("item_knn", _) => 0.165,
                ("isgd", _) => 0.048,
                ("fusion", _) => 0.190,
                ("ncf", _) => 0.078,
                _ => continue,
            };
            assert!(s.recall_at_10 >= floor, "{kind} {min}: {s:?}");
        }
    }
}
