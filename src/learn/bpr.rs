//! Bayesian personalised ranking: what a user took should score above what he did not. bpr/shard: in shards.

mod shard;

use super::embedding::{Embedding, Pace, Vectors};
use super::kernels::{add_dots, dot, sigmoid};
use super::model::{Context, Example, Learned, Model, Sharded, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Parameters of [`Bpr`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BprConfig {
    /// Length of the vectors.
    pub dimensions: usize,
    /// Step size.
    pub learning_rate: f32,
    /// L2 regularisation of vectors and biases.
    pub regularisation: f32,
    /// Standard deviation of first vectors.
    pub init: f32,
}

impl Default for BprConfig {
    fn default() -> Self {
        Self { dimensions: 32, learning_rate: 0.1, regularisation: 0.02, init: 0.1 }
    }
}

/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;

/// Score of item i for user u = b_i + p_u·q_i. For an item i that the user took and each drawn item j that he did not,
/// one step on −ln σ(x_ui − x_uj) (Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback"),
/// by row-wise Adagrad. Items that were shown and ignored teach nothing here: the loss
/// is about pairs. Scores only rank; they are no logits. An id that never learned has a zero vector: the items' biases
/// answer for it.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Bpr, BprConfig, Context, Example, Model};
/// use reiver::rng::Seed;
/// let mut bpr = Bpr::new(BprConfig::default(), Seed(1));
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let taken = |item, id: &str, negatives| Example {
///     context, item, item_id: Id::of(id), label: 1.0, weight: 1.0, negatives,
/// };
/// bpr.learn(&taken(1, "other", &[]));
/// for _ in 0..20 {
///     bpr.learn(&taken(0, "liked", &[1]));
/// }
/// let mut scores = [0.0; 2];
/// bpr.score_all(&context, &mut scores);
/// assert!(scores[0] > scores[1]);
/// ```
#[derive(Clone, Debug)]
pub struct Bpr {
    pairs: Pairs<Embedding>,
}

/// The rows of both sides, of tables or of a shard, and how they learn.
#[derive(Clone, Debug)]
struct Pairs<V> {
    config: BprConfig,
    users: V,
    items: V,
}

impl Bpr {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: BprConfig, seed: Seed) -> Self {
        let users = Embedding::new(config.dimensions, seed.named("users"), config.init);
        let items = Embedding::new(config.dimensions, seed.named("items"), config.init);
        Self { pairs: Pairs { config, users, items } }
    }
}

/// What an example is to a loss about pairs.
enum Worth {
    /// A user took the item; with the example's weight.
    Taken(Slot, f32),
    /// Nobody took it, or nobody knows who.
    Nothing,
    /// A number that is none.
    Broken,
}

impl Worth {
    fn of(example: &Example<'_>) -> Self {
        match example.context.user {
            None => Self::Nothing,
            Some(_) if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) => {
                Self::Broken
            }
            Some(_) if example.label <= 0.0 => Self::Nothing,
            Some(user) => Self::Taken(user, example.weight.min(HEAVIEST)),
        }
    }
}

impl<V: Vectors> Pairs<V> {
    /// The user's vector, if there is one.
    fn of_user(&self, user: Option<Slot>) -> Option<&[f32]> {
        user.filter(|u| self.users.awake(*u)).map(|u| self.users.vector(u))
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let vector = self.of_user(context.user);
        for (item, score) in items.iter().zip(scores) {
            *score = self.items.bias(*item) + vector.map_or(0.0, |v| dot(v, self.items.vector(*item)));
        }
    }

    fn awaken(&mut self, user: Slot, example: &Example<'_>) {
        self.users.awaken(user, example.context.user_id);
        self.items.awaken(example.item, example.item_id);
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let (user, weight) = match Worth::of(example) {
            Worth::Taken(user, weight) => (user, weight),
            Worth::Nothing => return Learned::default(),
            Worth::Broken => return Learned::skipped(1),
        };
        self.awaken(user, example);
        let mut scratch = vec![0.0; 2 * self.config.dimensions];
        let mut skipped = 0;
        for &left in example.negatives {
            // One that never learned here has no id to draw its first vector from: it is left out.
            if left != example.item && self.items.awake(left) {
                skipped += u32::from(self.step(user, example.item, left, weight, &mut scratch));
            }
        }
        let clipped = self.users.take_clipped() + self.items.take_clipped();
        Learned { non_finite: skipped, clipped }
    }

    /// One step on a pair: `taken` should beat `left`. Returns whether it was skipped.
    fn step(&mut self, user: Slot, taken: Slot, left: Slot, weight: f32, scratch: &mut [f32]) -> bool {
        // All three step from the values before.
        let (user_before, between) = scratch.split_at_mut(self.config.dimensions);
        user_before.copy_from_slice(self.users.vector(user));
        let sides = self.items.vector(taken).iter().zip(self.items.vector(left));
        for (b, (t, l)) in between.iter_mut().zip(sides) {
            *b = t - l;
        }
        let margin = self.items.bias(taken) - self.items.bias(left) + dot(user_before, between);
        let error = -weight * sigmoid(-margin);
        if !error.is_finite() {
            return true;
        }
        let pace = Pace { rate: self.config.learning_rate, regularisation: self.config.regularisation };
        for (item, error) in [(taken, error), (left, -error)] {
            self.items.step(item, user_before, error, pace);
            self.items.step_bias(item, error, pace);
        }
        self.users.step(user, between, error, pace);
        false
    }
}

/// The scores of all items for a user: bias, and where there is a user's vector its product with the item's.
fn score_all(items: &Embedding, user: Option<&[f32]>, scores: &mut [f32]) {
    for (item, score) in scores.iter_mut().enumerate() {
        *score = items.bias(item as Slot);
    }
    let Some(vector) = user else { return };
    for (first, rows) in items.vectors().float_blocks() {
        let Some(out) = scores.get_mut(first..) else { break };
        add_dots(rows, vector.len(), vector, out);
    }
}

impl Part for Bpr {
    fn tables(&self) -> Vec<(String, &Table)> {
        self.pairs.users.tables("users").into_iter().chain(self.pairs.items.tables("items")).collect()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        self.pairs.users.tables_mut("users").into_iter().chain(self.pairs.items.tables_mut("items")).collect()
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        Ok(())
    }
}

impl Model for Bpr {
    fn kind(&self) -> &'static str {
        "bpr"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        self.pairs.score(context, items, scores);
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        score_all(&self.pairs.items, self.pairs.of_user(context.user), scores);
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        self.pairs.learn(example)
    }

    fn sharded(&mut self) -> Option<&mut dyn Sharded> {
        Some(self)
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.pairs.users.forget_users(forgotten);
        self.pairs.items.forget_items(forgotten);
    }

    fn layout(&self) -> Vec<Layout> {
        self.pairs
            .users
            .layout("users", Rows::Users)
            .into_iter()
            .chain(self.pairs.items.layout("items", Rows::Items))
            .collect()
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut self.pairs.users.rows_mut());
        to.move_items(&mut self.pairs.items.rows_mut());
    }

    fn adopt(&mut self, rows: Rows, slot: Slot, vector: &[f32], bias: f32) -> bool {
        match rows {
            Rows::Users => self.pairs.users.adopt(slot, vector, bias),
            Rows::Items => self.pairs.items.adopt(slot, vector, bias),
            Rows::Own => false,
        }
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};

    fn loss(p: &[f64], q: &[f64], r: &[f64], biases: [f64; 2], reg: f64) -> f64 {
        let x: f64 = p.iter().zip(q).zip(r).map(|((p, q), r)| p * (q - r)).sum::<f64>() + biases[0] - biases[1];
        let squares = |v: &[f64]| v.iter().map(|w| w * w).sum::<f64>();
        let all = squares(p) + squares(q) + squares(r) + squares(&biases);
        (1.0 + (-x).exp()).ln() + 0.5 * reg * all
    }

    /// What every row's first step, divided by its rate, is: the derivative of the loss of the pair.
    #[test]
    fn the_steps_of_a_pair_follow_finite_differences() {
        const N: usize = 6;
        let config = BprConfig { dimensions: N, regularisation: 0.05, init: 0.5, ..BprConfig::default() };
        for seed in 0..20 {
            let mut bpr = Bpr::new(config, Seed(seed));
            bpr.pairs.users.awaken(0, Id(1));
            bpr.pairs.items.awaken(0, Id(2));
            bpr.pairs.items.awaken(1, Id(3));
            let before = bpr.clone();
            assert!(!bpr.pairs.step(0, 0, 1, 1.0, &mut [0.0; 2 * N]));
            let wide = |v: &[f32]| v.iter().map(|w| f64::from(*w)).collect::<Vec<_>>();
            let rows = [
                wide(before.pairs.users.vector(0)),
                wide(before.pairs.items.vector(0)),
                wide(before.pairs.items.vector(1)),
            ];
            let slope = |row: usize, k: usize| {
                let at = |h: f64| {
                    let mut r = rows.clone();
                    r[row][k] += h;
                    loss(&r[0], &r[1], &r[2], [0.0; 2], 0.05)
                };
                (at(1e-5) - at(-1e-5)) / 2e-5
            };
            let after = [bpr.pairs.users.vector(0), bpr.pairs.items.vector(0), bpr.pairs.items.vector(1)];
            for (row, moved) in after.iter().enumerate() {
                let slopes: Vec<f64> = (0..N).map(|k| slope(row, k)).collect();
                let mean = slopes.iter().map(|s| s * s).sum::<f64>() / N as f64;
                for ((before, after), slope) in rows[row].iter().zip(*moved).zip(slopes) {
                    let taken = (before - f64::from(*after)) * (mean + 0.01).sqrt() / 0.1;
                    assert!((taken - slope).abs() < 1e-4, "row {row}: {taken} for {slope}");
                }
            }
            let error = {
                let at = |h: f64| loss(&rows[0], &rows[1], &rows[2], [h, 0.0], 0.05);
                (at(1e-5) - at(-1e-5)) / 2e-5
            };
            let bias = -0.1 * error / (error * error + 0.01).sqrt();
            assert!((f64::from(bpr.pairs.items.bias(0)) - bias).abs() < 1e-4);
            assert!((f64::from(bpr.pairs.items.bias(1)) + bias).abs() < 1e-4);
        }
    }

    #[test]
    fn an_item_is_never_its_own_negative_and_ignored_ones_teach_nothing() {
        let mut bpr = Bpr::new(BprConfig::default(), Seed(3));
        let context = Context { user: Some(0), user_id: Id(1), recent: &[], time: Time(0) };
        let example = Example { context, item: 0, item_id: Id(2), label: 1.0, weight: 1.0, negatives: &[0, 5] };
        assert_eq!(bpr.learn(&example), Learned::default());
        let before = bpr.pairs.items.vector(0).to_vec();
        bpr.learn(&example);
        bpr.learn(&Example { label: 0.0, item: 1, item_id: Id(3), ..example });
        assert_eq!((bpr.pairs.items.vector(0), bpr.pairs.items.awake(1)), (&before[..], false));
    }
}
