//! Item vectors from sessions: skip-gram with negative sampling over what a user took last.

use super::counter::Counter;
use super::embedding::{Embedding, Pace, Vectors};
use super::kernels::{add_dots, axpy, dot};
use super::model::{Context, Example, Learned, Model, Slot};
use super::noise::Noise;
use super::{Forgotten, Layout, Renumber, Rows};
use crate::event::Span;
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use std::f32::consts::LN_2;
use std::sync::Arc;

/// Parameters of [`Item2vec`]. Defaults were chosen on MovieLens-1M and on the first 50,000 clicks of
/// Diginetica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item2vecConfig {
    /// Length of the vectors.
    pub dimensions: usize,
    /// Step size.
    pub learning_rate: f32,
    /// After this long an item's count, whose logarithm is added to its score, is worth half.
    pub half_life: Span,
}

impl Default for Item2vecConfig {
    fn default() -> Self {
        Self { dimensions: 32, learning_rate: 0.2, half_life: Span::seconds(30 * 24 * 3600) }
    }
}

/// How many recent items a new one is paired with, and how fast the weight of a pair falls with age.
const WINDOW: usize = 5;
const PAIR_DECAY: f32 = 0.8;
/// How fast the say of a recent item falls with age when predicting.
const PREDICT_DECAY: f32 = 0.7;
/// How often a pair teaches in each direction, every time beside one negative, drawn in proportion to count^POWER: as most
/// items are met a few times only, more is learned by pulling twice and pushing twice than by one pull and five pushes.
const LESSONS: usize = 2;
const POWER: f64 = 0.6;
/// Standard deviation of first source vectors; target vectors begin at zero, as word2vec's do.
const INIT: f32 = 0.1;
/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;

/// A user's last items are a session. Item i and each item j before it (age d = 0..4, weight 0.8^d) are a pair in both
/// directions: `σ(v_j·c_i)` is drawn to 1, and to 0 for an item drawn in proportion to its count^0.6, twice over;
/// row-wise Adagrad (Barkan & Koenigstein 2016, "Item2vec"; Mikolov et al. 2013). The score of i is `m·c_i + ln n_i`, m
/// the mean of the last five items' v with weights 0.7^d: trained against frequent negatives, `v·c` says by how much more
/// often than usual i comes after j, so the logarithm of the decayed count n (half-life 30 days by default) is added
/// back.
///
/// No user has a vector: a session that began a click ago is answered as well as an old one.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Item2vec, Item2vecConfig, Model};
/// use reiver::rng::Seed;
/// let mut model = Item2vec::new(Item2vecConfig::default(), Seed(1));
/// let ids = ["tea", "pot", "nut", "bolt"].map(Id::of);
/// let after = |recent| Context { user: None, user_id: Id::of("s"), recent, time: Time(0) };
/// for _ in 0..50 {
///     for (item, recent) in [(1, &[0]), (0, &[1]), (3, &[2]), (2, &[3])] {
///         let context = after(recent);
///         let item_id = ids[item as usize];
///         model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
///     }
/// }
/// let mut scores = [0.0; 4];
/// model.score_all(&after(&[0]), &mut scores);
/// assert!(scores[1] > scores[2] && scores[1] > scores[3]);
/// ```
#[derive(Clone, Debug)]
pub struct Item2vec {
    config: Item2vecConfig,
    /// What an item says about its neighbours: v.
    sources: Embedding,
    /// How an item is found by what its neighbours say: c.
    targets: Embedding,
    counts: Counter,
    noise: Noise,
    seed: Seed,
}

impl Item2vec {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: Item2vecConfig, seed: Seed) -> Self {
        Self {
            config,
            sources: Embedding::new(config.dimensions, seed.named("sources"), INIT),
            targets: Embedding::new(config.dimensions, seed.named("targets"), 0.0),
            counts: Counter::new(config.half_life),
            noise: Noise::new(POWER),
            seed: seed.named("negatives"),
        }
    }

    /// The weighted mean of what the recent items say; zeros where nothing is known of any.
    fn mean(&self, context: &Context<'_>) -> Vec<f32> {
        let mut mean = vec![0.0; self.config.dimensions];
        let (mut say, mut total) = (1.0, 0.0);
        for &item in context.recent.iter().take(WINDOW) {
            if self.sources.awake(item) {
                axpy(say, self.sources.vector(item), &mut mean);
                total += say;
            }
            say *= PREDICT_DECAY;
        }
        if total > 0.0 {
            mean.iter_mut().for_each(|x| *x /= total);
        }
        mean
    }

    fn pace(&self) -> Pace {
        Pace { rate: self.config.learning_rate, regularisation: 0.0 }
    }

    /// Draws σ(source·target) to the label; adds to `pull` how the source is to move.
    fn meet(&mut self, source: &[f32], target: Slot, label: f32, weight: f32, pull: &mut [f32]) -> bool {
        let pace = self.pace();
        self.targets.meet(target, source, label, weight, pace, pull)
    }
}

impl Part for Item2vec {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all: Vec<(String, &Table)> = self.sources.tables("sources").into();
        all.extend(self.targets.tables("targets"));
        all.push(("counts".into(), self.counts.table()));
        all.extend(self.noise.tables());
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all: Vec<(String, &mut Table)> = self.sources.tables_mut("sources").into();
        all.extend(self.targets.tables_mut("targets"));
        all.push(("counts".into(), self.counts.table_mut()));
        all.extend(self.noise.tables_mut());
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.sources.check(self.config.dimensions)?;
        self.targets.check(self.config.dimensions)?;
        self.noise.check()
    }
}

impl Model for Item2vec {
    fn kind(&self) -> &'static str {
        "item2vec"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let mean = self.mean(context);
        for (item, score) in items.iter().zip(scores) {
            *score = LN_2 * self.counts.log2_at(*item, context.time) + dot(&mean, self.targets.vector(*item));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let mean = self.mean(context);
        self.counts.log2_all(context.time, scores);
        scores.iter_mut().for_each(|score| *score *= LN_2);
        for (first, rows) in self.targets.vectors().float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            add_dots(rows, self.config.dimensions, &mean, out);
        }
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        let (item, context) = (example.item, &example.context);
        let taken = example.label > 0.0;
        if taken {
            self.sources.awaken(item, example.item_id);
            self.targets.awaken(item, example.item_id);
        }
        let pair = context.user_id.0 ^ example.item_id.0.rotate_left(64);
        let mut draws = self.noise.draws(self.seed.keyed(pair).keyed(context.time.0 as u128));
        let left_out = |drawn| drawn == item || context.recent.contains(&drawn);
        let mut weight = example.weight.min(HEAVIEST);
        let mut skipped = 0;
        let dimensions = self.config.dimensions;
        let mut scratch = vec![0.0; 2 * dimensions];
        let (source, pull) = scratch.split_at_mut(dimensions);
        for &before in context.recent.iter().take(WINDOW) {
            // Both ways; what was shown and left alone is told to the items before it, and to nobody else.
            for (from, to) in [(before, item), (item, before)].into_iter().take(if taken { 2 } else { 1 }) {
                if !(self.sources.awake(from) && self.targets.awake(to)) {
                    continue;
                }
                for _ in 0..if taken { LESSONS } else { 1 } {
                    source.copy_from_slice(self.sources.vector(from));
                    pull.fill(0.0);
                    skipped += u32::from(!self.meet(source, to, f32::from(u8::from(taken)), weight, pull));
                    if taken && let Some(drawn) = draws.next(&self.noise, left_out) {
                        skipped += u32::from(!self.meet(source, drawn, 0.0, weight, pull));
                    }
                    self.sources.step(from, pull, 1.0, self.pace());
                }
            }
            weight *= PAIR_DECAY;
        }
        if taken {
            self.counts.add(item, context.time, example.weight.min(HEAVIEST));
            self.noise.add(item);
        }
        let clipped = self.sources.take_clipped() + self.targets.take_clipped();
        Learned { non_finite: skipped, clipped }
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.sources.forget_items(forgotten);
        self.targets.forget_items(forgotten);
        forgotten.zero_items(&mut [self.counts.table_mut()]);
        self.noise.forget(forgotten);
    }

    fn layout(&self) -> Vec<Layout> {
        let mut all: Vec<Layout> = self.sources.layout("sources", Rows::Items).into();
        all.extend(self.targets.layout("targets", Rows::Items));
        all.push(Counter::layout("counts", Rows::Items));
        all.extend(Noise::layout());
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_items(&mut self.sources.rows_mut());
        to.move_items(&mut self.targets.rows_mut());
        to.move_items(&mut [self.counts.table_mut()]);
        self.noise.renumber(to);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};
    use crate::learn::kernels::softplus;

    fn learn(model: &mut Item2vec, user: u128, recent: &[Slot], item: Slot, label: f32) {
        let context = Context { user: None, user_id: Id(user), recent, time: Time(5) };
        let item_id = Id(u128::from(item) + 1);
        let example = Example { context, item, item_id, label, weight: 1.0, negatives: &[] };
        assert_eq!(model.learn(&example), Learned::default());
    }

    fn trained() -> Item2vec {
        let mut model = Item2vec::new(Item2vecConfig { dimensions: 7, ..Item2vecConfig::default() }, Seed(3));
        for n in 0..40u32 {
            learn(&mut model, 1, &[n % 4, (n + 2) % 4], (n + 1) % 4, 1.0);
        }
        model
    }

    /// With two items there is nobody to draw, so one pair is one source and one target: both must go down the slope of
    /// the pair's loss.
    #[test]
    fn a_pair_follows_finite_differences() {
        let mut model = Item2vec::new(Item2vecConfig { dimensions: 7, ..Item2vecConfig::default() }, Seed(3));
        for _ in 0..9 {
            learn(&mut model, 1, &[1], 0, 1.0);
            learn(&mut model, 1, &[0], 1, 1.0);
        }
        for label in [1.0, 0.0] {
            let before = model.clone();
            learn(&mut model, 2, &[0], 1, label);
            let loss = |v: &[f64], c: &[f64]| {
                let logit: f64 = v.iter().zip(c).map(|(a, b)| a * b).sum();
                softplus(if label > 0.5 { -logit } else { logit })
            };
            let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
            let (v, c) = (wide(before.sources.vector(0)), wide(before.targets.vector(1)));
            let moved = |a: &Embedding, b: &Embedding, row| {
                a.vector(row).iter().zip(b.vector(row)).map(|(a, b)| f64::from(a - b)).collect::<Vec<f64>>()
            };
            let source = moved(&model.sources, &before.sources, 0);
            let target = moved(&model.targets, &before.targets, 1);
            for (steps, of_source) in [(source, true), (target, false)] {
                let slopes: Vec<f64> = (0..7)
                    .map(|k| {
                        let at = |h: f64| {
                            let (mut v, mut c) = (v.clone(), c.clone());
                            if of_source {
                                v[k] += h
                            } else {
                                c[k] += h
                            }
                            loss(&v, &c)
                        };
                        (at(1e-5) - at(-1e-5)) / 2e-5
                    })
                    .collect();
                let product: f64 = steps.iter().zip(&slopes).map(|(a, b)| a * b).sum();
                let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                let cosine = product / (length(&steps) * length(&slopes));
                assert!(cosine < -0.999, "label {label}, source {of_source}: {cosine}");
            }
        }
    }

    #[test]
    fn users_have_no_part_in_a_score_and_what_was_ignored_sinks() {
        let mut model = trained();
        let of = |model: &Item2vec, user| {
            let context = Context { user: Some(user), user_id: Id(9), recent: &[0, 2], time: Time(5) };
            let mut scores = [0.0; 4];
            model.score_all(&context, &mut scores);
            scores
        };
        let before = of(&model, 1);
        assert_eq!(before, of(&model, 7));
        for _ in 0..20 {
            learn(&mut model, 4, &[0, 2], 3, 0.0);
        }
        let after = of(&model, 1);
        assert!(after[3] - after[1] < before[3] - before[1] - 0.3, "{before:?} {after:?}");
        // One that was never taken teaches nothing by being ignored.
        learn(&mut model, 4, &[0, 2], 77, 0.0);
        assert_eq!(after, of(&model, 1));
    }

    #[test]
    fn another_dimension_is_not_restored() {
        let from = trained();
        let mut to = Item2vec::new(Item2vecConfig::default(), Seed(3));
        for ((_, a), (_, b)) in from.tables().iter().zip(to.tables_mut()) {
            *b = (*a).clone();
        }
        assert!(to.restore(&[]).is_err_and(|e| e.0.contains("32")));
    }
}
