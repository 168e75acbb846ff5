//! Models: learning an example, scoring a catalogue, and an example as the pipeline runs it (rank, score, learn).

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reiver::evaluate::{Progressive, Ranking, Scratch, run_example};
use reiver::event::{Id, Time};
use reiver::learn::registry::{KINDS, build};
use reiver::learn::{Context, Example, Model, ModelConfig, Slot, Taught};
use reiver::rng::Seed;
use std::hint::black_box;
use xxhash_rust::xxh3::xxh3_64;

const USERS: u32 = 2_000;

/// An example out of its number: users and items in an order that no prefetcher guesses.
struct Draw {
    user: Slot,
    item: Slot,
    recent: Vec<Slot>,
    negatives: Vec<Slot>,
    time: Time,
}

impl Draw {
    fn new(n: u32, items: u32) -> Self {
        let pick = |k: u32, of: u32| (xxh3_64(&[n.to_le_bytes(), k.to_le_bytes()].concat()) % u64::from(of)) as u32;
        Self {
            user: pick(0, USERS),
            item: pick(1, items),
            recent: (2..12).map(|k| pick(k, items)).collect(),
            negatives: (12..16).map(|k| pick(k, items)).collect(),
            time: Time(1_700_000_000_000 + i64::from(n) * 1000),
        }
    }

    fn example(&self) -> Example<'_> {
        let user_id = Id(u128::from(self.user));
        Example {
            context: Context { user: Some(self.user), user_id, recent: &self.recent, time: self.time },
            item: self.item,
            item_id: Id(u128::from(self.item)),
            label: 1.0,
            weight: 1.0,
            negatives: &self.negatives,
        }
    }
}

/// A model that knows all items.
fn taught(kind: &str, items: u32) -> Box<dyn Model> {
    let mut model = build(kind, &ModelConfig::default(), Seed(1)).expect("a kind of the registry");
    for n in 0..items {
        let mut draw = Draw::new(n, items);
        draw.item = n;
        model.learn(&draw.example());
    }
    model
}

fn learn(c: &mut Criterion) {
    let mut group = c.benchmark_group("learn");
    group.throughput(Throughput::Elements(1));
    for kind in KINDS {
        let mut model = taught(kind, 2_000);
        let draws: Vec<Draw> = (0..10_000).map(|n| Draw::new(n, 2_000)).collect();
        let mut next = draws.iter().cycle();
        group.bench_function(kind, |b| {
            b.iter(|| model.learn(&next.next().expect("endless").example()));
        });
    }
}

fn score_all(c: &mut Criterion) {
    let mut group = c.benchmark_group("score_all");
    for items in [2_000, 100_000] {
        group.throughput(Throughput::Elements(u64::from(items)));
        for kind in KINDS {
            // As a reader has it: a view.
            let view = taught(kind, items).view();
            let draw = Draw::new(7, items);
            let mut scores = vec![0.0; items as usize];
            group.bench_function(format!("{kind}/{items}"), |b| {
                b.iter(|| {
                    view.score_all(&draw.example().context, &mut scores);
                    black_box(scores[0])
                });
            });
        }
    }
}

fn whole_example(c: &mut Criterion) {
    const ITEMS: u32 = 2_000;
    let mut group = c.benchmark_group("run_example");
    group.throughput(Throughput::Elements(1));
    let all = Taught::first(ITEMS as usize);
    for kind in KINDS {
        let mut model = taught(kind, ITEMS);
        let (mut scores, mut scratch) = (Progressive::default(), Scratch::default());
        let draws: Vec<Draw> = (0..10_000).map(|n| Draw::new(n, ITEMS)).collect();
        let mut next = draws.iter().cycle();
        group.bench_function(kind, |b| {
            b.iter(|| {
                let draw = next.next().expect("endless");
                let excluded: Vec<Slot> = draw.recent.iter().copied().filter(|i| *i != draw.item).collect();
                let ranking = Ranking { taught: &all, excluded: &excluded };
                run_example(&mut *model, &mut scores, &draw.example(), Some(&ranking), &mut scratch)
            });
        });
    }
}

criterion_group!(benches, learn, score_all, whole_example);
criterion_main!(benches);
