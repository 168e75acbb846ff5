//! The contract of a model: predict, and learn. Predicting cannot learn; the compiler says so. model/shard: learning in
//! shards; model/layer: the rows that a shard changed.

mod layer;
mod shard;

pub(super) use layer::{Delta, Layer, settle};
pub use shard::{Learns, ROUND, Shard, ShardDelta, Sharded};

use super::content::ItemContent;
use super::{Forgotten, Layout, Renumber, Rows};
use crate::event::{Id, Time};
use crate::table::Part;
use std::sync::Arc;

/// Dense number of a user or item in the directory: the row of every model's table.
pub type Slot = u32;

/// What a prediction may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The user's slot; `None` for one never seen.
    pub user: Option<Slot>,
    /// The user's id: seeds whatever is random about this user.
    pub user_id: Id,
    /// The items this user touched last, newest first, at most [`RECENT`].
    pub recent: &'a [Slot],
    /// Event time; models have no clock.
    pub time: Time,
}

/// How many recent items a context holds at most.
pub const RECENT: usize = 10;

/// How many sampled negatives come with a positive example.
pub const NEGATIVES: usize = 4;

/// What teaches models: one item, taken or left by a user.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The context before this example.
    pub context: Context<'a>,
    /// The item.
    pub item: Slot,
    /// The item's id: seeds the item's first embedding.
    pub item_id: Id,
    /// 1 for a positive, 0 for shown and ignored.
    pub label: f32,
    /// Weight of the example, above zero.
    pub weight: f32,
    /// Items this user has not touched, drawn uniformly among those seen before (empty for label 0; fewer when
    /// there are not enough). Drawn once for all models.
    pub negatives: &'a [Slot],
}

/// What learning one example did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Updates skipped because a gradient was not finite.
    pub non_finite: u32,
    /// Vectors that grew beyond their bound and were cut back to it. Models that bound every number apart, or each step,
    /// have nothing to tell here.
    pub clipped: u32,
}

impl Learned {
    /// Nothing but skipped updates.
    #[must_use]
    pub const fn skipped(non_finite: u32) -> Self {
        Self { non_finite, clipped: 0 }
    }
}

/// A model: learns from every example and scores items. Rows are addressed by directory slot; a slot that has
/// taught nothing yet has a zeroed row and must still get a sensible, finite score.
///
/// The same examples give the same bits on every machine of the same kind, in whatever order ids first appeared.
pub trait Model: Part + Send + Sync {
    /// Registry name.
    fn kind(&self) -> &'static str;

    /// Scores `items`, higher is better, into `scores` (same length).
    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]);

    /// Scores slots `0..scores.len()`: the whole catalogue in one pass.
    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]);

    /// The probability of a positive that a score stands for, if scores are logits of one; `None` when they are
    /// only ranks (the evaluation then calibrates them).
    fn logit(&self, score: f32) -> Option<f32>;

    /// Brings up to date what is derived from parameters and makes scoring slots `0..items` quick. Changes no score
    /// and no state; worth calling before a pass over the catalogue, and before [`Model::view`].
    fn prepare(&mut self, items: usize) {
        let _ = items;
    }

    /// Takes what is known of an item, as often as it is said anew; empty content for an item that is gone. Models
    /// that learn from ids alone pass over it.
    fn describe(&mut self, item: Slot, content: &ItemContent) {
        let _ = (item, content);
    }

    /// Learns one example. Called after it was scored, never before.
    fn learn(&mut self, example: &Example<'_>) -> Learned;

    /// Forgets users and items whose slots mean somebody else from now on: their rows become zero, and nothing that
    /// stays may point to them.
    fn forget(&mut self, forgotten: &Forgotten);

    /// What the words of its tables are: one entry a table, in the order of [`Part::tables`].
    fn layout(&self) -> Vec<Layout>;

    /// Gives every user and item the slot that `to` says, also where a table holds slots; who has none is forgotten as
    /// by [`Model::forget`]. Scores of who stays are the same, bit for bit, and so is what is learned from then on,
    /// unless somebody was forgotten. What is derived from rows is made anew, so rows that were filled from elsewhere
    /// need nothing else.
    fn renumber(&mut self, to: &Renumber);

    /// Takes a vector and a bias that somebody else learned for a user or an item that has no row here yet. False where
    /// the model has no use for them: most learn with more than a vector. Vectors have the model's length.
    fn adopt(&mut self, rows: Rows, slot: Slot, vector: &[f32], bias: f32) -> bool {
        let _ = (rows, slot, vector, bias);
        false
    }

    /// Scores the item of each example, then learns the example, one after another: progressive validation of a batch,
    /// `scores` as long as it. The same bits as [`Model::score`] and [`Model::learn`] in turns; models that can do it
    /// in one go do.
    fn learn_all(&mut self, examples: &[Example<'_>], scores: &mut [f32]) -> Learned {
        let mut learned = Learned::default();
        for (example, score) in examples.iter().zip(scores.chunks_exact_mut(1)) {
            self.score(&example.context, &[example.item], score);
            let one = self.learn(example);
            learned.non_finite += one.non_finite;
            learned.clipped += one.clipped;
        }
        learned
    }

    /// Itself, if it can learn in shards.
    fn sharded(&mut self) -> Option<&mut dyn Sharded> {
        None
    }

    /// A copy for readers: shares all pages.
    fn view(&self) -> Arc<dyn Model>;
}
