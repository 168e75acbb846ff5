//! Whether shards learn as well as a single learner.

use super::super::Context;
use super::*;
use crate::event::{Id, Time};
use crate::learn::{ModelConfig, registry};
use crate::rng::Seed;
use rand::Rng;

const USERS: usize = 600;
const ITEMS: usize = 300;
const EVENTS: usize = 8_000;
/// Users and items are of so many kinds; a user takes what is of his kind.
const KINDS: usize = 12;

struct Taken {
    user: usize,
    item: usize,
    negatives: Vec<Slot>,
}

fn stream() -> Vec<Taken> {
    let mut draws = Seed(11).stream();
    let mut below = |n: usize| ((u128::from(draws.next_u64()) * n as u128) >> 64) as usize;
    let mut taken = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS {
        let user = below(USERS);
        let own = below(ITEMS / KINDS).min(below(ITEMS / KINDS)) * KINDS + user % KINDS;
        let item = if below(4) > 0 { own } else { below(ITEMS) };
        let negatives = (0..4).map(|_| below(ITEMS) as Slot).filter(|n| *n as usize != item).collect();
        taken.push(Taken { user, item, negatives });
    }
    taken
}

fn example(taken: &Taken) -> Example<'_> {
    let context =
        Context { user: Some(taken.user as Slot), user_id: Id(taken.user as u128), recent: &[], time: Time(0) };
    let (item, item_id) = (taken.item as Slot, Id(taken.item as u128));
    Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &taken.negatives }
}

/// Whether an item is among the first ten of all.
fn hit<L: Learns + ?Sized>(model: &L, example: &Example<'_>) -> bool {
    let mut scores = [0.0; ITEMS];
    model.score_all(&example.context, &mut scores);
    let mark = scores[example.item as usize];
    scores.iter().filter(|score| **score > mark).count() < 10
}

/// The share of hits before learning, over the stream but its first quarter.
fn recall(kind: &str, shards: Option<usize>) -> f64 {
    let mut model = registry::build(kind, &ModelConfig::default(), Seed(1)).expect("a kind");
    let stream = stream();
    let mut hits = 0;
    for (n, round) in stream.chunks(ROUND * shards.unwrap_or(1)).enumerate() {
        let late = (n + 1) * ROUND * shards.unwrap_or(1) > EVENTS / 4;
        let Some(shards) = shards else {
            for example in round.iter().map(example) {
                hits += usize::from(late && hit(&*model, &example));
                model.learn(&example);
            }
            continue;
        };
        let sharded = model.sharded().expect("one that can");
        sharded.wake(&mut round.iter().map(example));
        let mut deltas = Vec::new();
        for own in 0..shards {
            let mut shard = sharded.shard(ShardDelta::default());
            for example in round.iter().filter(|taken| taken.user % shards == own).map(example) {
                hits += usize::from(late && hit(&*shard, &example));
                shard.learn(&example);
            }
            deltas.push(shard.finish());
        }
        model.sharded().expect("one that can").settle(&mut deltas);
    }
    hits as f64 / (EVENTS * 3 / 4) as f64
}

/// On a stream that lets nobody learn it by heart.
#[test]
fn four_shards_learn_as_well_as_one_learner() {
    for kind in ["bpr", "mf"] {
        let (alone, sharded) = (recall(kind, None), recall(kind, Some(4)));
        println!("{kind}: alone {alone:.4}, in four shards {sharded:.4}");
        assert!(alone > 0.15 && sharded > 0.99 * alone, "{kind}: {sharded} for {alone}");
    }
}
