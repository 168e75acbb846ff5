//! What every model that can learn in shards must keep.

use super::stream::{ITEMS, Player, Slots, Staged, stream};
use super::{answers, digest, fresh};
use reiver::learn::registry::KINDS;
use reiver::learn::{Learned, Model, ShardDelta, Sharded, Slot};

/// The kinds that can.
fn sharded() -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| fresh(kind, 1).sharded().is_some()).collect()
}

/// One shard through its examples of a round.
fn learn(model: &dyn Sharded, round: &[Staged], old: ShardDelta, of: impl Fn(&Staged) -> bool) -> ShardDelta {
    let mut shard = model.shard(old);
    for staged in round.iter().filter(|staged| of(staged)) {
        let example = staged.example();
        let (mut all, mut each) = (vec![0.0; ITEMS as usize + 3], vec![0.0; ITEMS as usize + 3]);
        shard.score_all(&example.context, &mut all);
        shard.score(&example.context, &(0..ITEMS + 3).collect::<Vec<Slot>>(), &mut each);
        assert_eq!(all, each, "scores of all and of each");
        assert_eq!(shard.learn(&example), Learned::default());
    }
    shard.finish()
}

/// A model after rounds of 30 examples in so many shards, which learn in the order of their numbers or from behind.
fn taught(kind: &str, shards: u128, backwards: bool) -> (Box<dyn Model>, Player) {
    let (mut model, mut player) = (fresh(kind, 9), Player::new(Slots::plain()));
    let mut deltas: Vec<ShardDelta> = (0..shards).map(|_| ShardDelta::default()).collect();
    for round in stream(5, 700).chunks(30) {
        let round: Vec<Staged> = round.iter().map(|event| player.stage(event)).collect();
        let sharded = model.sharded().expect("one that can");
        sharded.wake(&mut round.iter().map(Staged::example));
        let mut order: Vec<u128> = (0..shards).collect();
        if backwards {
            order.reverse();
        }
        let of = |shard: u128| move |staged: &Staged| staged.user_id.0 % shards == shard;
        for shard in order {
            let old = std::mem::take(&mut deltas[shard as usize]);
            deltas[shard as usize] = learn(sharded, &round, old, of(shard));
        }
        sharded.settle(&mut deltas);
    }
    (model, player)
}

#[test]
fn one_shard_learns_what_the_model_would() {
    assert_eq!(sharded(), ["mf", "bpr"]);
    for kind in sharded() {
        let (model, player) = taught(kind, 1, false);
        let (mut alone, mut other) = (fresh(kind, 9), Player::new(Slots::plain()));
        other.play(&mut *alone, &stream(5, 700));
        assert_eq!(digest(&*model), digest(&*alone), "{kind}");
        assert_eq!(answers(&*model, &player), answers(&*alone, &other), "{kind}");
    }
}

#[test]
fn several_shards_learn_the_same_whoever_is_first() {
    for kind in sharded() {
        let (model, player) = taught(kind, 3, false);
        let (again, _) = taught(kind, 3, true);
        assert_eq!(digest(&*model), digest(&*again), "{kind}");
        assert!(answers(&*model, &player).iter().all(|bits| f32::from_bits(*bits).is_finite()), "{kind}");
        assert_ne!(digest(&*model), digest(&*taught(kind, 2, false).0), "{kind}: items move by sums");
    }
}

#[test]
fn a_shard_changes_nothing_until_it_is_settled() {
    for kind in sharded() {
        let (mut model, mut player) = taught(kind, 2, false);
        let round: Vec<Staged> = stream(6, 40).iter().map(|event| player.stage(event)).collect();
        let before = digest(&*model);
        let sharded = model.sharded().expect("one that can");
        let delta = learn(sharded, &round, ShardDelta::default(), |_| true);
        assert_eq!(digest(&*model), before, "{kind}");
        model.sharded().expect("one that can").settle(&mut [delta]);
        assert_ne!(digest(&*model), before, "{kind}");
    }
}
