//! Bayesian personalised ranking in shards.

use super::super::embedding::{Embedding, EmbeddingLayer};
use super::super::model::{Context, Example, Learned, Learns, Shard, ShardDelta, Sharded, Slot};
use super::{Bpr, Pairs, Worth, score_all};

/// A shard's rows, on top of the model's.
struct BprShard<'a> {
    items: &'a Embedding,
    pairs: Pairs<EmbeddingLayer<'a>>,
}

impl Learns for BprShard<'_> {
    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        self.pairs.score(context, items, scores);
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let user = self.pairs.of_user(context.user);
        score_all(self.items, user, scores);
        for (item, bias, product) in self.pairs.items.changed(user) {
            if let Some(score) = scores.get_mut(item as usize) {
                *score = bias + product;
            }
        }
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn prepare(&mut self, _items: usize) {}

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        self.pairs.learn(example)
    }
}

impl Shard for BprShard<'_> {
    fn finish(self: Box<Self>) -> ShardDelta {
        let Pairs { users, items, .. } = self.pairs;
        ShardDelta { users: users.finish(), items: items.finish(), others: Vec::new() }
    }
}

impl Sharded for Bpr {
    fn wake(&mut self, examples: &mut dyn Iterator<Item = Example<'_>>) {
        for example in examples {
            if let Worth::Taken(user, _) = Worth::of(&example) {
                self.pairs.awaken(user, &example);
            }
        }
    }

    fn shard(&self, old: ShardDelta) -> Box<dyn Shard + '_> {
        let Pairs { config, users, items } = &self.pairs;
        let pairs = Pairs { config: *config, users: users.layer(old.users), items: items.layer(old.items) };
        Box::new(BprShard { items, pairs })
    }

    fn settle(&mut self, learned: &mut [ShardDelta]) {
        self.pairs.users.settle(learned.iter_mut().map(|shard| &mut shard.users));
        self.pairs.items.settle(learned.iter_mut().map(|shard| &mut shard.items));
    }
}
