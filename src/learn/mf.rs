//! Logistic matrix factorisation with biases, by steps of second order. mf/shard: in shards.

mod shard;

use super::kernels::{dot, dots};
use super::model::{Context, Example, Learned, Model, Sharded, Slot};
use super::newton::{Base, SIDE, Slope, Step, awaken, bias, learn_pair, learned};
use super::{Forgotten, Layout, Renumber, Rows, newton};
use crate::rng::Seed;
use crate::table::{Part, PartError, RowsMut, Table};
use std::sync::Arc;

/// Parameters of [`Mf`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MfConfig {
    /// Length of the vectors.
    pub dimensions: usize,
    /// Part of a full second-order step that is taken.
    pub learning_rate: f32,
    /// L2 regularisation of the vectors.
    pub regularisation: f32,
}

impl Default for MfConfig {
    fn default() -> Self {
        Self { dimensions: 32, learning_rate: 0.9, regularisation: 0.0 }
    }
}

/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;

/// P(positive) = σ(b + b_u + b_i + p_u·q_i), learned from positives and what was shown or drawn beside them (Johnson
/// 2014, "Logistic matrix factorization for implicit feedback data").
///
/// Steps are of second order: each vector and each bias carries a precision, which starts at a prior's and gathers
/// the curvature p(1 − p)·x² of what it learned from; a step is the gradient divided by it. That is the diagonal of
/// online Laplace or Kalman updates (Graepel et al. 2010, "Web-scale Bayesian click-through rate prediction"; Ollivier
/// 2018, "Online natural gradient as a Kalman filter"): large for a newcomer, small for what is known well, and no
/// rate to tune. Precisions forget, so that a user may change; a user's bias fast, for moods last minutes.
///
/// First vectors are drawn from the id, so that the order in which ids appear changes nothing. An id that never
/// learned has a zero vector: popularity, by the biases, answers for it. A row is one run of memory: vector, bias,
/// precisions, count; 48 bytes at 8 dimensions.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Mf, MfConfig, Model};
/// use reiver::rng::Seed;
/// let mut mf = Mf::new(MfConfig::default(), Seed(1));
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let taken = |item, id: &str, negatives| Example {
///     context, item, item_id: Id::of(id), label: 1.0, weight: 1.0, negatives,
/// };
/// mf.learn(&taken(1, "other", &[]));
/// for _ in 0..20 {
///     mf.learn(&taken(0, "liked", &[1]));
/// }
/// let mut scores = [0.0; 2];
/// mf.score_all(&context, &mut scores);
/// assert!(scores[0] > scores[1]);
/// ```
#[derive(Clone, Debug)]
pub struct Mf {
    config: MfConfig,
    step: Step,
    users: Table,
    items: Table,
    base: Base,
    seeds: [Seed; 2],
}

impl Mf {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: MfConfig, seed: Seed) -> Self {
        let width = config.dimensions + SIDE;
        Self {
            config,
            step: Step::new(config.learning_rate, config.regularisation),
            users: Table::new(width),
            items: Table::new(width),
            base: Base::default(),
            seeds: [seed.named("users"), seed.named("items")],
        }
    }

    fn of_user(&self, user: Option<Slot>) -> OfUser<'_> {
        OfUser::of(user.map(|u| self.users.floats(u as usize)), self.config.dimensions, &self.base)
    }
}

/// What a user adds to every logit, with the global bias; and the user's vector, if there is one.
#[derive(Clone, Copy)]
struct OfUser<'a> {
    base: f32,
    vector: Option<&'a [f32]>,
}

impl<'a> OfUser<'a> {
    fn of(row: Option<&'a [f32]>, k: usize, base: &Base) -> Self {
        let row = row.filter(|row| learned(row, k));
        Self { base: base.bias + row.map_or(0.0, |row| bias(row, k)), vector: row.map(|row| &row[..k]) }
    }

    /// The logit of an item's row.
    #[inline]
    fn score(self, item: &[f32], k: usize) -> f32 {
        self.base + (bias(item, k) + self.vector.map_or(0.0, |v| dot(v, &item[..k])))
    }

    /// The logits of a whole table.
    fn score_all(self, items: &Table, k: usize, scores: &mut [f32]) {
        // Slots behind the last row have zero rows.
        scores.fill(self.base);
        for (first, rows) in items.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            let of_block = out.len().min(rows.len() / (k + SIDE));
            let out = &mut out[..of_block];
            match self.vector {
                Some(vector) => dots(rows, k + SIDE, vector, out),
                None => out.fill(0.0),
            }
            for (row, score) in rows.chunks_exact(k + SIDE).zip(out) {
                *score = self.base + (bias(row, k) + *score);
            }
        }
    }
}

/// Learning with rows that can be written, of a table or of a writer over it.
struct Lesson<'a, R> {
    users: &'a mut R,
    items: &'a mut R,
    base: &'a mut Base,
    k: usize,
    step: &'a Step,
    seeds: &'a [Seed; 2],
}

impl<R: RowsMut> Lesson<'_, R> {
    /// The score of a pair that teaches nothing.
    #[cold]
    fn score(&mut self, user: Option<Slot>, item: Slot) -> f32 {
        let k = self.k;
        let user = user.and_then(|u| self.users.floats_at(u as usize)).filter(|row| learned(row, k));
        let item = self.items.floats_at(item as usize);
        let base = self.base.bias + user.as_ref().map_or(0.0, |row| bias(row, k));
        let product = user.zip(item.as_ref()).map_or(0.0, |(user, item)| dot(&user[..k], &item[..k]));
        base + (item.map_or(0.0, |row| bias(row, k)) + product)
    }

    /// Learns an example of a user. Returns its score from before, and what was skipped.
    #[inline]
    fn learn(&mut self, user: Slot, example: &Example<'_>) -> (f32, u32) {
        let k = self.k;
        let (Some(of_user), Some(of_item)) =
            (self.users.floats_at(user as usize), self.items.floats_at(example.item as usize))
        else {
            return (self.base.bias, 1);
        };
        let mut newcomers = None;
        if !(learned(of_user, k) && learned(of_item, k)) {
            // Somebody who never learned has no vector yet when the example is scored.
            newcomers = Some(self.base.bias + bias(of_user, k) + (bias(of_item, k) + 0.0));
            if !learned(of_user, k) {
                awaken(of_user, k, self.seeds[0], example.context.user_id, &self.step.user);
            }
            if !learned(of_item, k) {
                awaken(of_item, k, self.seeds[1], example.item_id, &self.step.item);
            }
        }
        let weight = example.weight.min(HEAVIEST);
        let (score, fine) = meet(of_user, of_item, k, self.base, example.label.clamp(0.0, 1.0), weight, self.step);
        let mut skipped = u32::from(!fine);
        for &negative in example.negatives {
            // One that never learned here has no id to draw its first vector from: it is left out.
            let Some(of_item) = self.items.floats_at(negative as usize).filter(|row| learned(row, k)) else { continue };
            let Some(of_user) = self.users.floats_at(user as usize) else { continue };
            skipped += u32::from(!meet(of_user, of_item, k, self.base, 0.0, weight, self.step).1);
        }
        (newcomers.unwrap_or(score), skipped)
    }
}

/// The logit of two rows, then a step on it; whether that was finite.
#[inline(always)]
fn meet(
    user: &mut [f32],
    item: &mut [f32],
    k: usize,
    base: &mut Base,
    label: f32,
    weight: f32,
    step: &Step,
) -> (f32, bool) {
    // The usual lengths are compiled apart: their loops have no ends to look for. The bits are the same.
    if k == 8
        && let (Some(user), Some(item)) =
            (user.first_chunk_mut::<{ 8 + SIDE }>(), item.first_chunk_mut::<{ 8 + SIDE }>())
    {
        return meet_of(user, item, 8, base, label, weight, step);
    }
    meet_of(user, item, k, base, label, weight, step)
}

#[inline(always)]
fn meet_of(
    user: &mut [f32],
    item: &mut [f32],
    k: usize,
    base: &mut Base,
    label: f32,
    weight: f32,
    step: &Step,
) -> (f32, bool) {
    let logit = base.bias + bias(user, k) + (bias(item, k) + dot(&user[..k], &item[..k]));
    let slope = Slope::at(logit, label, weight);
    let fine = slope.error.is_finite();
    if fine {
        learn_pair(user, item, k, slope, step);
        base.learn(slope);
    }
    (logit, fine)
}

/// Whether weight and label are numbers that can teach.
#[inline]
fn teaches(example: &Example<'_>) -> bool {
    example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()
}

impl Part for Mf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("users".into(), &self.users), ("items".into(), &self.items)]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("users".into(), &mut self.users), ("items".into(), &mut self.items)]
    }

    fn blob(&self) -> Vec<u8> {
        self.base.to_json()
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        self.base = Base::from_json(blob)?;
        Ok(())
    }
}

impl Model for Mf {
    fn kind(&self) -> &'static str {
        "mf"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let user = self.of_user(context.user);
        for (item, score) in items.iter().zip(scores) {
            *score = user.score(self.items.floats(*item as usize), self.config.dimensions);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        self.of_user(context.user).score_all(&self.items, self.config.dimensions, scores);
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !teaches(example) {
            return Learned::skipped(1);
        }
        let Self { config, step, users, items, base, seeds } = self;
        let (_, non_finite) = Lesson { users, items, base, k: config.dimensions, step, seeds }.learn(user, example);
        Learned::skipped(non_finite)
    }

    fn learn_all(&mut self, examples: &[Example<'_>], scores: &mut [f32]) -> Learned {
        let mut learned = Learned::default();
        let (mut users, mut items) = (self.users.len(), self.items.len());
        for (user, example) in examples.iter().filter_map(|e| Some((e.context.user?, e))).filter(|(_, e)| teaches(e)) {
            users = users.max(user as usize + 1);
            // A negative is looked at, which takes its row in, also when examples are learned one by one.
            let largest = example.negatives.iter().copied().fold(example.item, Slot::max);
            items = items.max(largest as usize + 1);
        }
        self.users.grow_to(users);
        self.items.grow_to(items);
        let Self { config, step, users, items, base, seeds } = self;
        let k = config.dimensions;
        let (users, items) = (&mut users.writer(), &mut items.writer());
        let mut lesson = Lesson { users, items, base, k, step, seeds };
        for (example, score) in examples.iter().zip(scores) {
            match example.context.user {
                Some(user) if teaches(example) => {
                    let (before, skipped) = lesson.learn(user, example);
                    *score = before;
                    learned.non_finite += skipped;
                }
                user => {
                    *score = lesson.score(user, example.item);
                    learned.non_finite += u32::from(user.is_some());
                }
            }
        }
        learned
    }

    fn sharded(&mut self) -> Option<&mut dyn Sharded> {
        Some(self)
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users]);
        forgotten.zero_items(&mut [&mut self.items]);
    }

    fn layout(&self) -> Vec<Layout> {
        let k = self.config.dimensions;
        vec![newton::layout("users", Rows::Users, k), newton::layout("items", Rows::Items, k)]
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users]);
        to.move_items(&mut [&mut self.items]);
    }

    fn adopt(&mut self, rows: Rows, slot: Slot, vector: &[f32], bias: f32) -> bool {
        let (table, prior) = match rows {
            Rows::Users => (&mut self.users, &self.step.user),
            Rows::Items => (&mut self.items, &self.step.item),
            Rows::Own => return false,
        };
        newton::adopt(table.floats_mut(slot as usize), vector, bias, prior)
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}
