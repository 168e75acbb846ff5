//! Progressive scores on MovieLens-100K against the figures that the design measured. The data may not be
//! redistributed: where it is absent these tests say so and pass.

use reiver::adapter::file::{Columns, Format, Rows, RowsConfig};
use reiver::codec::{decode, event_time};
use reiver::evaluate::{Progressive, ProgressiveSummary, Ranking, Scratch, run_example};
use reiver::event::{Content, Event, Id, ItemFacts, Time};
use reiver::learn::registry::{KINDS, build};
use reiver::learn::{Context, Directory, Example, ItemContent, ModelConfig};
use reiver::rng::Seed;
use std::path::PathBuf;

/// A file of MovieLens-100K.
fn file(name: &str) -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("REIVER_SHARED").map_or(beside, PathBuf::from).join("data/ml-100k").join(name)
}

/// What u.item says of the movies, as replay reads it.
fn movies() -> Vec<(String, ItemFacts)> {
    let (topic, time_of, columns) = ("file".into(), event_time as fn(&[u8]) -> Option<Time>, Columns::default());
    let config = RowsConfig { topic, format: Format::MovieLens, columns, time_of, items: Some(file("u.item")) };
    let rows = Rows::open(&file("u.data"), &config).expect("both files");
    let items = rows.take(1_682).map(|record| {
        let decoded = decode(&record.expect("a good row"), Content::Events).expect("a valid event");
        let Event::Item(item) = decoded.event else { panic!("items come first") };
        (item.item_id, item.facts.expect("not deleted"))
    });
    items.collect()
}

/// (seconds, user, item, rating) in the order of the protocol.
fn ratings() -> Option<Vec<(i64, u32, u32, u32)>> {
    let path = file("u.data");
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
    for (id, facts) in movies() {
        let item = directory.admit_item(Id::of(&id), &id).expect("room");
        model.describe(item, &ItemContent::of(&facts));
    }
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
fn movies_are_read_with_titles_and_genres() {
    if ratings().is_none() {
        return;
    }
    let movies = movies();
    let facts = |n: usize| (movies[n].1.title.as_deref(), movies[n].1.categories.join(" "));
    assert_eq!(facts(0), (Some("Toy Story (1995)"), "Animation Children's Comedy".to_owned()));
    // Latin-1: a byte that is no UTF-8 by itself.
    assert!(movies.iter().any(|(_, facts)| facts.title.as_deref().is_some_and(|t| t.contains("Misérables"))));
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
    let item2vec = run("item2vec", &rows, 5);
    assert!(item2vec.recall_at_10 >= 0.125 && item2vec.mrr_at_20 > 0.05, "{item2vec:?}");
    let two_tower = run("two_tower", &rows, 5);
    assert!(two_tower.recall_at_10 >= 0.140 && two_tower.auc > Some(0.83), "{two_tower:?}");
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
                ("item2vec", 5) => 0.125,
                ("two_tower", 5) => 0.140,
                ("ncf", 5) => 0.120,
                ("popularity", _) => 0.075,
                ("transitions", _) => 0.180,
                ("mf", _) => 0.107,
                ("bpr", _) => 0.107,
                ("ials", _) => 0.121,
                ("item_knn", _) => 0.165,
                ("isgd", _) => 0.048,
                ("fusion", _) => 0.190,
                ("ncf", _) => 0.110,
                _ => continue,
            };
            assert!(s.recall_at_10 >= floor, "{kind} {min}: {s:?}");
        }
    }
}
