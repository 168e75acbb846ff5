//! The click predictor: a factorisation machine over ids and context.

use super::ftrl::Linear;
use super::kernels::{axpy, dot};
use super::mf::{Mf, MfConfig};
use super::model::{Context, Example, Learned, Model, RECENT, Slot};
use super::newton::{Base, SIDE, Slope, Step, advance, awaken, bias, count, learned, step_along};
use super::{Forgotten, Kind, Layout, Renumber, Rows, newton};
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Parameters of [`Fm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FmConfig {
    /// Length of the factors.
    pub dimensions: usize,
    /// Part of a full second-order step that is taken.
    pub learning_rate: f32,
    /// L2 regularisation of the factors of users and items.
    pub regularisation: f32,
}

impl Default for FmConfig {
    fn default() -> Self {
        Self { dimensions: 8, learning_rate: 0.9, regularisation: 0.0 }
    }
}

/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;
/// Precision of a recent item's factors before they learned, and how fast they forget; chosen on MovieLens-1M.
const RECENT_PRECISION: f32 = 30.0;
const RECENT_FORGET: f32 = 1e-3;
/// How much less an older item of the context says than the next newer one.
const RECENT_DECAY: f32 = 0.8;

/// Counts fall into this many buckets: 0, 1, 2–3, 4–7, ….
const BUCKETS: usize = 16;
// Where each field's linear weights begin: every value has a weight of its own, so that nothing collides.
const OF_USER: usize = 0;
const OF_ITEM: usize = OF_USER + BUCKETS;
const OF_BOTH: usize = OF_ITEM + BUCKETS;
const OF_HOUR: usize = OF_BOTH + BUCKETS * BUCKETS;
const OF_WEEKDAY: usize = OF_HOUR + 24;
const FEATURES: usize = OF_WEEKDAY + 7;

/// logit = b + b_u + b_i + Σ w_f + (p_u + Σ_j r_j) · q_i, a factorisation machine (Rendle 2010, "Factorization
/// machines") whose item meets the user and the recent items j of the context (say 0.8^age, scaled to length 1; as in
/// SVD++, Koren 2008). The linear features f are how often user and item were met, both and crossed, in powers of two,
/// and the hour and weekday (UTC); their weights are learned by FTRL-proximal.
///
/// Ids and factors learn as in [`super::Mf`], by steps of second order; factors of recent items begin at zero. The
/// score is the mean of this logit and that of an [`super::Mf`] beside it, from other first vectors: their errors differ,
/// and the mean is better than either. What it predicts is a probability: labels 0 and 1 as they come, no sampling to correct. Scores are logits.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Fm, FmConfig, Model};
/// use reiver::rng::Seed;
/// let mut fm = Fm::new(FmConfig::default(), Seed(1));
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let shown = |item, id: &str, label| Example {
///     context, item, item_id: Id::of(id), label, weight: 1.0, negatives: &[],
/// };
/// for n in 0..200 {
///     fm.learn(&shown(0, "clicked every other time", (n % 2) as f32));
///     fm.learn(&shown(1, "never clicked", 0.0));
/// }
/// let mut scores = [0.0; 2];
/// fm.score_all(&context, &mut scores);
/// let probability = scores.map(|logit| 1.0 / (1.0 + (-logit).exp()));
/// assert!((probability[0] - 0.5).abs() < 0.15 && probability[1] < 0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Fm {
    config: FmConfig,
    step: Step,
    users: Table,
    items: Table,
    /// By item: its factors as a part of contexts, then the precision gathered beyond the first.
    recent: Table,
    linear: Linear,
    base: Base,
    seeds: [Seed; 2],
    /// Ids alone, learned apart from other first vectors: the mean of two is surer than either.
    plain: Mf,
}

/// What one user in one context brings to every item.
struct Side {
    base: f32,
    /// The bucket of how often the user was met.
    met: usize,
    vector: Vec<f32>,
}

/// The bucket of a count.
#[inline]
fn bucket(count: f32) -> usize {
    ((u32::BITS - (count as u32).leading_zeros()) as usize).min(BUCKETS - 1)
}

/// What the items of a context say, newest first; together of length 1.
fn says(recent: &[Slot]) -> impl Iterator<Item = (usize, f32)> {
    let recent = &recent[..recent.len().min(RECENT)];
    let decay = |n: usize| (0..n).fold(1.0f32, |say, _| say * RECENT_DECAY);
    let squares: f32 = (0..recent.len()).map(|n| decay(n) * decay(n)).sum();
    let scale = if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
    recent.iter().scan(scale, |say, item| {
        let now = *say;
        *say *= RECENT_DECAY;
        Some((*item as usize, now))
    })
}

#[inline]
fn mean(a: f32, b: f32) -> f32 {
    0.5 * (a + b)
}

/// Features of time: hour and weekday in UTC.
const fn of_time(context: &Context<'_>) -> [usize; 2] {
    let hours = context.time.0.div_euclid(3_600_000);
    [OF_HOUR + hours.rem_euclid(24) as usize, OF_WEEKDAY + hours.div_euclid(24).rem_euclid(7) as usize]
}

impl Fm {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: FmConfig, seed: Seed) -> Self {
        let FmConfig { dimensions: k, learning_rate, regularisation } = config;
        Self {
            config,
            step: Step::new(learning_rate, regularisation),
            users: Table::new(k + SIDE),
            items: Table::new(k + SIDE),
            recent: Table::new(k + 1),
            linear: Linear::new(FEATURES),
            base: Base::default(),
            seeds: [seed.named("users"), seed.named("items")],
            plain: Mf::new(MfConfig { dimensions: k, learning_rate, regularisation }, seed.named("plain")),
        }
    }

    fn side(&self, context: &Context<'_>) -> Side {
        let k = self.config.dimensions;
        let user = context.user.map(|u| self.users.floats(u as usize)).filter(|row| learned(row, k));
        let mut vector = user.map_or_else(|| vec![0.0; k], |row| row[..k].to_vec());
        for (item, say) in says(context.recent) {
            axpy(say, &self.recent.floats(item)[..k], &mut vector);
        }
        let met = bucket(user.map_or(0.0, |row| count(row, k)));
        let [hour, weekday] = of_time(context);
        let linear = [OF_USER + met, hour, weekday].map(|f| self.linear.weight(f));
        let base = self.base.bias + user.map_or(0.0, |row| bias(row, k)) + (linear[0] + linear[1] + linear[2]);
        Side { base, met, vector }
    }

    /// The linear weights of an item that was met as often as its bucket says.
    #[inline]
    fn of_bucket(&self, met: usize, bucket: usize) -> f32 {
        self.linear.weight(OF_ITEM + bucket) + self.linear.weight(OF_BOTH + met * BUCKETS + bucket)
    }

    #[inline]
    fn logit_of(&self, side: &Side, item: &[f32], of_bucket: impl Fn(usize) -> f32) -> f32 {
        let k = self.config.dimensions;
        side.base + (bias(item, k) + of_bucket(bucket(count(item, k))) + dot(&side.vector, &item[..k]))
    }

    /// The logit of one item.
    #[inline]
    fn logit_at(&self, side: &Side, item: Slot) -> f32 {
        self.logit_of(side, self.items.floats(item as usize), |bucket| self.of_bucket(side.met, bucket))
    }

    /// One step on a user and an item that both have rows. Returns the logit from before, and whether it was
    /// skipped.
    fn meet(&mut self, context: &Context<'_>, user: Slot, item: Slot, label: f32, weight: f32) -> (f32, bool) {
        let k = self.config.dimensions;
        let side = self.side(context);
        let logit = self.logit_at(&side, item);
        let slope = Slope::at(logit, label, weight);
        if !slope.error.is_finite() {
            return (logit, true);
        }
        let (user, item) = (self.users.floats_mut(user as usize), self.items.floats_mut(item as usize));
        let (of_user, of_item) = (bucket(count(user, k)), bucket(count(item, k)));
        let (user, user_side) = user.split_at_mut(k);
        let (item, item_side) = item.split_at_mut(k);
        let (Some(user_side), Some(item_side)) = (user_side.first_chunk_mut(), item_side.first_chunk_mut()) else {
            return (logit, true);
        };
        let share = slope.curvature / k as f32;
        let squares = dot(item, item);
        let user_step = advance(user_side, share * squares, slope, &self.step.user, &self.step);
        let item_step = advance(item_side, share * dot(&side.vector, &side.vector), slope, &self.step.item, &self.step);
        // All step from the values before: the item's vector moves last.
        step_along(user, item, user_step);
        for (slot, say) in says(context.recent) {
            let (vector, gathered) = self.recent.floats_mut(slot).split_at_mut(k);
            let pull =
                self.config.learning_rate * (slope.error * say / (RECENT_PRECISION + gathered[0])).clamp(-1.0, 1.0);
            step_along(vector, item, [pull, 1.0]);
            gathered[0] += share * squares * say * say - RECENT_FORGET * gathered[0];
        }
        step_along(item, &side.vector, item_step);
        let [hour, weekday] = of_time(context);
        for feature in [OF_USER + of_user, OF_ITEM + of_item, OF_BOTH + of_user * BUCKETS + of_item, hour, weekday] {
            self.linear.learn(feature, slope.error);
        }
        self.base.learn(slope);
        (logit, false)
    }

    /// Learns an example without the mf beside it. Returns its own logit from before, and what was skipped beyond what
    /// the mf counts (which counts weights that are none).
    fn learn_own(&mut self, example: &Example<'_>) -> (f32, u32) {
        let k = self.config.dimensions;
        let teaches = example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite();
        let Some(user) = example.context.user.filter(|_| teaches) else {
            return (self.logit_at(&self.side(&example.context), example.item), 0);
        };
        let new_user = !learned(self.users.floats(user as usize), k);
        let new_item = !learned(self.items.floats(example.item as usize), k);
        let mut before = None;
        if new_user || new_item {
            // Somebody who never learned has no vector yet when the example is scored.
            before = Some(self.logit_at(&self.side(&example.context), example.item));
        }
        if new_user {
            awaken(self.users.floats_mut(user as usize), k, self.seeds[0], example.context.user_id, &self.step.user);
        }
        if new_item {
            awaken(self.items.floats_mut(example.item as usize), k, self.seeds[1], example.item_id, &self.step.item);
        }
        let weight = example.weight.min(HEAVIEST);
        let label = example.label.clamp(0.0, 1.0);
        let (logit, skip) = self.meet(&example.context, user, example.item, label, weight);
        let mut skipped = u32::from(skip);
        for &negative in example.negatives {
            // One that never learned here has no id to draw its first vector from: it is left out.
            if learned(self.items.floats(negative as usize), k) {
                skipped += u32::from(self.meet(&example.context, user, negative, 0.0, weight).1);
            }
        }
        (before.unwrap_or(logit), skipped)
    }
}

impl Part for Fm {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![
            ("users".into(), &self.users),
            ("items".into(), &self.items),
            ("recent".into(), &self.recent),
            ("linear".into(), &self.linear.rows),
        ];
        all.extend(self.plain.tables().into_iter().map(|(name, table)| (format!("plain.{name}"), table)));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![
            ("users".into(), &mut self.users),
            ("items".into(), &mut self.items),
            ("recent".into(), &mut self.recent),
            ("linear".into(), &mut self.linear.rows),
        ];
        all.extend(self.plain.tables_mut().into_iter().map(|(name, table)| (format!("plain.{name}"), table)));
        all
    }

    fn blob(&self) -> Vec<u8> {
        [self.base.to_json(), self.plain.blob()].join(&b'\n')
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let mut parts = blob.splitn(2, |byte| *byte == b'\n');
        self.base = Base::from_json(parts.next().unwrap_or_default())?;
        self.plain.restore(parts.next().unwrap_or_default())?;
        let features = self.linear.rows.len();
        if features == FEATURES { Ok(()) } else { Err(PartError(format!("fm: {features} linear features"))) }
    }
}

impl Model for Fm {
    fn kind(&self) -> &'static str {
        "fm"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let side = self.side(context);
        self.plain.score(context, items, scores);
        for (item, score) in items.iter().zip(scores) {
            *score = mean(*score, self.logit_at(&side, *item));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let side = self.side(context);
        let width = self.config.dimensions + SIDE;
        let by_bucket: [f32; BUCKETS] = std::array::from_fn(|bucket| self.of_bucket(side.met, bucket));
        self.plain.score_all(context, scores);
        for (first, rows) in self.items.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, score) in rows.chunks_exact(width).zip(out) {
                *score = mean(*score, self.logit_of(&side, row, |bucket| by_bucket[bucket]));
            }
        }
        // Slots behind the last row have rows of zeros.
        for score in scores.iter_mut().skip(self.items.len()) {
            *score =
                mean(*score, self.logit_of(&side, self.items.floats(self.items.len()), |bucket| by_bucket[bucket]));
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let mut learned = self.plain.learn(example);
        learned.non_finite += self.learn_own(example).1;
        learned
    }

    fn learn_all(&mut self, examples: &[Example<'_>], scores: &mut [f32]) -> Learned {
        let mut learned = self.plain.learn_all(examples, scores);
        for (example, score) in examples.iter().zip(scores) {
            let (own, skipped) = self.learn_own(example);
            *score = mean(*score, own);
            learned.non_finite += skipped;
        }
        learned
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users]);
        forgotten.zero_items(&mut [&mut self.items, &mut self.recent]);
        self.plain.forget(forgotten);
    }

    fn layout(&self) -> Vec<Layout> {
        let k = self.config.dimensions;
        let recent = [("recent.vectors", k, Kind::Weight), ("recent.gathered", 1, Kind::Amount)];
        let mut all = vec![
            newton::layout("users", Rows::Users, k),
            newton::layout("items", Rows::Items, k),
            Layout::new("recent", Rows::Items, &recent),
            Linear::layout("linear"),
        ];
        all.extend(self.plain.layout().into_iter().map(|layout| layout.within("plain")));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users]);
        to.move_items(&mut [&mut self.items, &mut self.recent]);
        self.plain.renumber(to);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
