//! Logistic matrix factorisation in shards.

use super::super::model::{Context, Example, Layer, Learned, Learns, Shard, ShardDelta, Sharded, Slot, settle};
use super::super::newton::{self, Base, Step, awaken, bias, learned};
use super::{Lesson, Mf, OfUser, teaches};
use crate::rng::Seed;
use crate::table::Table;

/// A shard's rows, on top of the model's.
struct MfShard<'a> {
    k: usize,
    step: &'a Step,
    seeds: &'a [Seed; 2],
    below: &'a Table,
    users: Layer<'a, 1>,
    items: Layer<'a, 1>,
    base: Base,
}

impl MfShard<'_> {
    fn of_user(&self, user: Option<Slot>) -> OfUser<'_> {
        OfUser::of(user.map(|user| self.users.row(0, user)), self.k, &self.base)
    }
}

impl Learns for MfShard<'_> {
    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let user = self.of_user(context.user);
        for (item, score) in items.iter().zip(scores) {
            *score = user.score(self.items.row(0, *item), self.k);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let user = self.of_user(context.user);
        user.score_all(self.below, self.k, scores);
        let products = user.vector.map(|vector| self.items.products(vector));
        for (n, (item, row)) in self.items.changed().enumerate() {
            if let Some(score) = scores.get_mut(item as usize) {
                *score = user.base + (bias(row, self.k) + products.as_ref().map_or(0.0, |products| products[n]));
            }
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn prepare(&mut self, _items: usize) {}

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !teaches(example) {
            return Learned::skipped(1);
        }
        let Self { k, step, seeds, users, items, base, .. } = self;
        let (_, non_finite) = Lesson { users, items, base, k: *k, step, seeds }.learn(user, example);
        Learned::skipped(non_finite)
    }
}

impl Shard for MfShard<'_> {
    fn finish(self: Box<Self>) -> ShardDelta {
        let others = self.base.numbers().to_vec();
        ShardDelta { users: self.users.finish(), items: self.items.finish(), others }
    }
}

impl Sharded for Mf {
    fn wake(&mut self, examples: &mut dyn Iterator<Item = Example<'_>>) {
        let k = self.config.dimensions;
        for example in examples.filter(teaches) {
            let Some(user) = example.context.user else { continue };
            let of_user = (&mut self.users, user, self.seeds[0], example.context.user_id, &self.step.user);
            let of_item = (&mut self.items, example.item, self.seeds[1], example.item_id, &self.step.item);
            for (table, slot, seed, id, prior) in [of_user, of_item] {
                if !learned(table.floats(slot as usize), k) {
                    awaken(table.floats_mut(slot as usize), k, seed, id, prior);
                }
            }
        }
    }

    fn shard(&self, old: ShardDelta) -> Box<dyn Shard + '_> {
        let Self { config, step, users, items, base, seeds } = self;
        let (k, below, base) = (config.dimensions, items, *base);
        let (users, items) = (Layer::new([users], old.users), Layer::new([items], old.items));
        Box::new(MfShard { k, step, seeds, below, users, items, base })
    }

    fn settle(&mut self, learned: &mut [ShardDelta]) {
        let k = self.config.dimensions;
        let Step { user, item, .. } = &self.step;
        settle([&mut self.users], learned.iter_mut().map(|shard| &mut shard.users), |row| newton::mend(row, k, user));
        settle([&mut self.items], learned.iter_mut().map(|shard| &mut shard.items), |row| newton::mend(row, k, item));
        self.base.settle(learned.iter().filter_map(|shard| shard.others.first_chunk()));
    }
}
