//! The store: reading and updating rows, looking up ids, and what publishing a view costs.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use reiver::event::Id;
use reiver::table::{Index, Table};
use std::hint::black_box;
use xxhash_rust::xxh3::xxh3_64;

const ROWS: usize = 100_000;
const WIDTH: usize = 16;
const STEPS: usize = 10_000;

/// Rows in an order that no prefetcher guesses.
fn order() -> Vec<usize> {
    (0..STEPS as u64).map(|i| xxh3_64(&i.to_le_bytes()) as usize % ROWS).collect()
}

fn filled() -> Table {
    let mut table = Table::new(WIDTH);
    for row in 0..ROWS {
        table.floats_mut(row).fill(row as f32);
    }
    table
}

fn update(table: &mut Table, row: usize) {
    for x in table.floats_mut(row) {
        *x = *x * 0.5 + 1.0;
    }
}

fn rows(c: &mut Criterion) {
    let order = order();
    let mut table = filled();
    let mut group = c.benchmark_group("table");
    group.throughput(Throughput::Elements(STEPS as u64));
    group.bench_function("row_read", |b| {
        b.iter(|| order.iter().map(|r| table.floats(*r)[3]).sum::<f32>());
    });
    group.bench_function("row_update", |b| {
        b.iter(|| order.iter().for_each(|r| update(&mut table, *r)));
    });
    group.bench_function("row_update_publish_every_2500", |b| {
        let mut view = table.clone();
        b.iter(|| {
            for (i, row) in order.iter().enumerate() {
                if i % 2_500 == 0 {
                    view = table.clone();
                }
                update(&mut table, *row);
            }
        });
        black_box(&view);
    });
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("scan", |b| {
        b.iter(|| table.float_blocks().map(|(_, w)| w.iter().sum::<f32>()).sum::<f32>());
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("clone", |b| b.iter(|| table.clone()));
    group.finish();
}

fn index(c: &mut Criterion) {
    let ids: Vec<Id> = (0..ROWS).map(|i| Id::of(&i.to_string())).collect();
    let mut full = Index::new();
    for (slot, id) in ids.iter().enumerate() {
        full.insert(*id, slot as u32);
    }
    let order = order();
    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(STEPS as u64));
    group.bench_function("get", |b| {
        b.iter(|| order.iter().filter_map(|r| full.get(ids[*r])).map(u64::from).sum::<u64>());
    });
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("insert_100k", |b| {
        b.iter_batched(
            Index::new,
            |mut index| {
                for (slot, id) in ids.iter().enumerate() {
                    index.insert(*id, slot as u32);
                }
                index
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, rows, index);
criterion_main!(benches);
