//! One model in several shards: each takes the examples of its own users, and what they learned is summed.

use super::layer::Delta;
use super::{Context, Example, Learned, Model, Slot};

/// How many examples a round has for each shard: after so many, shards tell each other what they learned. Sums over so
/// few are as good as learning one by one (decision 0021); over many more, shards know too little of each other.
pub const ROUND: usize = 100;

/// What an example is scored by and taught to: a model, or one shard of it.
pub trait Learns {
    /// [`Model::score`].
    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]);

    /// [`Model::score_all`].
    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]);

    /// [`Model::logit`].
    fn logit(&self, score: f32) -> Option<f32>;

    /// [`Model::prepare`].
    fn prepare(&mut self, items: usize);

    /// [`Model::learn`].
    fn learn(&mut self, example: &Example<'_>) -> Learned;
}

impl<M: Model + ?Sized> Learns for M {
    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        Model::score(self, context, items, scores);
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        Model::score_all(self, context, scores);
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Model::logit(self, score)
    }

    fn prepare(&mut self, items: usize) {
        Model::prepare(self, items);
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        Model::learn(self, example)
    }
}

/// A model on top of which shards can learn side by side.
///
/// A round: every user and item of its examples is woken; each shard scores and learns the examples of its own users, in
/// their order, on rows that only it sees changed; then the changes are added up, shard by shard. So the result depends
/// on the number of shards and on where rounds end, and on nothing else; above all not on threads. A user's row is
/// written by one shard alone; an item's row moves by the sum of what all shards did to it (Dean et al. 2012, "Large
/// scale distributed deep networks", with a barrier; summing, not averaging, keeps the pace of a single learner).
pub trait Sharded: Sync {
    /// Draws the first vectors of whom these examples teach and nobody taught yet, so that no two shards do.
    fn wake(&mut self, examples: &mut dyn Iterator<Item = Example<'_>>);

    /// A shard that knows what the model knows now. Memory is taken from what a shard of an earlier round learned.
    fn shard(&self, old: ShardDelta) -> Box<dyn Shard + '_>;

    /// Takes what the shards of a round learned, in the order of the shards; it is of no further use but for its memory.
    fn settle(&mut self, learned: &mut [ShardDelta]);
}

/// One shard during one round.
pub trait Shard: Learns {
    /// What it learned.
    fn finish(self: Box<Self>) -> ShardDelta;
}

/// What one shard learned in one round.
#[derive(Debug, Default)]
pub struct ShardDelta {
    pub(in crate::learn) users: Delta,
    pub(in crate::learn) items: Delta,
    /// What the shard made of the numbers that are no row's.
    pub(in crate::learn) others: Vec<f32>,
}

#[cfg(test)]
mod tests;
