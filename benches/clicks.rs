//! Click prediction (events in memory, and file to result), and the best of a catalogue against a streaming sum.
//!
//! cargo bench --bench clicks. MovieLens-100K is read from ../shared/data/ml-100k, or from data/ml-100k under
//! REIVER_SHARED; without it a synthetic stream of the same size stands in.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reiver::adapter::file::{Rating, ratings};
use reiver::evaluate::{Click, run_clicks};
use reiver::event::{Id, Time};
use reiver::learn::registry::build;
use reiver::learn::{Best, Context, Directory, Example, Model, ModelConfig, Slot};
use reiver::rng::Seed;
use reiver::table::Table;
use std::fmt::Write;
use std::hint::black_box;
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64;

/// Examples given to a model at once.
const BATCH: usize = 512;

fn movielens() -> (PathBuf, Vec<u8>) {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("REIVER_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("data/ml-100k/u.data");
    if let Ok(text) = std::fs::read(&path) {
        return (path, text);
    }
    eprintln!("MovieLens-100K is not at {} (set REIVER_SHARED): a synthetic stream stands in", path.display());
    let pick = |n: u32, k: u32, of: u64| xxh3_64(&[n.to_le_bytes(), k.to_le_bytes()].concat()) % of;
    let mut text = String::new();
    for n in 0..100_000 {
        let (user, item, rating) = (pick(n, 0, 943), pick(n, 1, 1682), 1 + pick(n, 2, 5));
        let _ = writeln!(text, "{user}\t{item}\t{rating}\t{n}");
    }
    let path = std::env::temp_dir().join("reiver-clicks.data");
    let _ = std::fs::write(&path, &text);
    (path, text.into_bytes())
}

fn click(rating: &Rating) -> Click {
    let time = Time(i64::try_from(rating.seconds).unwrap_or(0) * 1000);
    Click { time, user: rating.user, item: rating.item, clicked: rating.rating >= 4 }
}

fn model(kind: &str) -> Box<dyn Model> {
    let config = ModelConfig { dimensions: Some(8), ..ModelConfig::default() };
    build(kind, &config, Seed(0).named(kind)).expect("a kind of the registry")
}

/// Events in memory, through the model's public API: each is scored, then learned. No view outstanding.
fn in_memory(c: &mut Criterion) {
    let (_, text) = movielens();
    let all = ratings(&text).expect("ratings");
    let example = |r: &Rating| Example {
        context: Context {
            user: Some(r.user),
            user_id: Id(u128::from(r.user)),
            recent: &[],
            time: Time(i64::try_from(r.seconds).unwrap_or(0) * 1000),
        },
        item: r.item,
        item_id: Id(u128::from(r.item)),
        label: f32::from(u8::from(r.rating >= 4)),
        weight: 1.0,
        negatives: &[],
    };
    let examples: Vec<Example<'_>> = all.iter().map(example).collect();
    let mut group = c.benchmark_group("clicks in memory");
    group.throughput(Throughput::Elements(examples.len() as u64));
    let mut scores = vec![0.0; BATCH];
    for kind in ["mf", "fm"] {
        group.bench_function(format!("{kind} k=8, in batches"), |b| {
            b.iter(|| {
                let mut model = model(kind);
                for part in examples.chunks(BATCH) {
                    model.learn_all(part, &mut scores[..part.len()]);
                }
                black_box(scores[0])
            });
        });
        group.bench_function(format!("{kind} k=8, one at a time"), |b| {
            b.iter(|| {
                let mut model = model(kind);
                for example in &examples {
                    model.score(&example.context, &[example.item], &mut scores[..1]);
                    model.learn(example);
                }
                black_box(scores[0])
            });
        });
    }
}

/// From the file (in the page cache) to log loss and AUC: read, parse, sort, ids, predict, score, learn.
fn file_to_result(c: &mut Criterion) {
    let (path, text) = movielens();
    let count = ratings(&text).expect("ratings").len();
    let mut group = c.benchmark_group("clicks from a file");
    group.throughput(Throughput::Elements(count as u64));
    for kind in ["mf", "fm"] {
        let run = || {
            let text = std::fs::read(&path).expect("the file");
            let clicks: Vec<Click> = ratings(&text).expect("ratings").iter().map(click).collect();
            run_clicks(&mut *model(kind), &mut Directory::default(), &clicks, kind != "mf", |_| ())
        };
        let result = run();
        eprintln!("{kind} k=8: log loss {:.4}, auc {:.4}", result.log_loss, result.auc.unwrap_or_default());
        group.bench_function(format!("{kind} k=8"), |b| b.iter(run));
    }
}

/// The 50 best of 100,000 × 64, and the sum of the same floats; in one block, and in the pages of a table.
fn catalogue(c: &mut Criterion) {
    const ROWS: usize = 100_000;
    const WIDTH: usize = 64;
    let float = |n: usize| (xxh3_64(&n.to_le_bytes()) % 2001) as f32 / 1000.0 - 1.0;
    let block: Vec<f32> = (0..ROWS * WIDTH).map(float).collect();
    let mut table = Table::new(WIDTH);
    for (n, row) in block.chunks_exact(WIDTH).enumerate() {
        table.floats_mut(n).copy_from_slice(row);
    }
    let query: Vec<f32> = (0..WIDTH).map(|n| float(n + 77)).collect();
    let mut group = c.benchmark_group("catalogue 100,000 x 64");
    group.throughput(Throughput::Bytes((ROWS * WIDTH * size_of::<f32>()) as u64));
    group.bench_function("streaming sum, one block", |b| b.iter(|| sum(&block)));
    group.bench_function("best 50, one block", |b| b.iter(|| best([(0, &block[..])].into_iter(), &query)));
    group.bench_function("streaming sum, table", |b| {
        b.iter(|| table.float_blocks().map(|(_, rows)| sum(rows)).sum::<f32>());
    });
    group.bench_function("best 50, table", |b| b.iter(|| best(table.float_blocks(), &query)));
}

fn best<'a>(blocks: impl Iterator<Item = (usize, &'a [f32])>, query: &[f32]) -> Vec<(Slot, f32)> {
    let mut best = Best::new(50);
    for (first, rows) in blocks {
        best.scan(first, rows, 64, query);
    }
    best.finish()
}

/// A sum in as many lanes as the processor keeps busy.
fn sum(floats: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 32];
    for chunk in floats.as_chunks::<32>().0 {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    lanes.iter().sum()
}

criterion_group!(benches, in_memory, file_to_result, catalogue);
criterion_main!(benches);
