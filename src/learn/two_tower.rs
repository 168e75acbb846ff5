//! Two towers: an item and whom it meets as vectors of one space, out of content and ids.

use super::content::{BUCKETS, CONTENT, Feature, ItemContent, MAX_FEATURES, content_layout};
use super::embedding::{Embedding, Pace, Vectors};
use super::kernels::{add_dots, axpy, dot, sigmoid};
use super::model::{Context, Example, Learned, Model, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Parameters of [`TwoTower`]. Defaults were chosen on MovieLens-1M.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoTowerConfig {
    /// Length of the towers' vectors.
    pub dimensions: usize,
    /// Step size.
    pub learning_rate: f32,
    /// L2 regularisation of vectors, adapters and biases.
    pub regularisation: f32,
}

impl Default for TwoTowerConfig {
    fn default() -> Self {
        Self { dimensions: 32, learning_rate: 0.1, regularisation: 0.002 }
    }
}

/// How many recent items the user tower sees, and how fast their say falls with age.
const SEEN: usize = 5;
const SAY_DECAY: f32 = 0.8;
/// Standard deviation of first vectors of users and items; everything else begins at zero.
const INIT: f32 = 0.1;
/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;

/// P(positive) = `σ(b + b_u + b_i + β·x_i + p·q)`. Item tower: `q = e_i + W·x_i`, an id row and a linear adapter over the
/// item's content x ([`ItemContent`]). User tower: `p = e_u + Σ_j s_j·(d_j + V·x_j)` over the last five items j, with
/// weights s that fall by 0.8 and sum to one, d_j a row for "has taken j", and an adapter V of its own. One logistic
/// step for a positive and each drawn negative, by Adagrad with one accumulator a row; a row of an adapter is a
/// feature's column. (Two towers: Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item
/// recommendations", with linear towers; rows of taken items: Kabbur et al. 2013, "FISM".)
///
/// A new item has its content from the first moment, and no id vector until it is taken once. Content comes through
/// [`Model::describe`] and is kept here: 388 bytes an item, nothing for items without.
///
/// ```
/// use reiver::event::{Id, ItemFacts, Time};
/// use reiver::learn::{Context, Example, ItemContent, Model, TwoTower, TwoTowerConfig};
/// use reiver::rng::Seed;
/// let mut model = TwoTower::new(TwoTowerConfig::default(), Seed(1));
/// for (item, genre) in [(0, "war"), (1, "love"), (2, "war"), (3, "love")] {
///     let facts = ItemFacts { categories: vec![genre.to_owned()], ..ItemFacts::default() };
///     model.describe(item, &ItemContent::of(&facts));
/// }
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let other = Example { context, item: 1, item_id: Id::of("b"), label: 0.0, weight: 1.0, negatives: &[] };
/// model.learn(&other);
/// for _ in 0..20 {
///     model.learn(&Example { item: 0, item_id: Id::of("a"), label: 1.0, negatives: &[1], ..other });
/// }
/// let mut scores = [0.0; 4];
/// model.score_all(&context, &mut scores);
/// assert!(scores[2] > scores[3], "never taken, and of the kind that is liked");
/// ```
#[derive(Clone, Debug)]
pub struct TwoTower {
    config: TwoTowerConfig,
    users: Embedding,
    items: Embedding,
    /// Row: what having taken an item says of a user.
    seen: Embedding,
    /// Row: a feature's column of the item tower's adapter W, and its bias β.
    item_adapter: Embedding,
    /// Row: a feature's column of the user tower's adapter V.
    user_adapter: Embedding,
    content: Table,
    /// The bias of its row 0 is the global one.
    global: Embedding,
}

impl TwoTower {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: TwoTowerConfig, seed: Seed) -> Self {
        let rows = |name: &str, deviation| Embedding::new(config.dimensions, seed.named(name), deviation);
        Self {
            config,
            users: rows("users", INIT),
            items: rows("items", INIT),
            seen: rows("seen", 0.0),
            item_adapter: rows("item adapter", 0.0),
            user_adapter: rows("user adapter", 0.0),
            content: Table::new(CONTENT),
            global: Embedding::new(1, seed, 0.0),
        }
    }

    /// What is known of an item.
    fn features(&self, item: Slot) -> impl Iterator<Item = Feature> + '_ {
        features(self.content.row(item as usize))
    }

    /// The user tower's vector.
    fn of_user(&self, context: &Context<'_>) -> Vec<f32> {
        let mut vector = vec![0.0; self.config.dimensions];
        if let Some(user) = context.user {
            axpy(1.0, self.users.vector(user), &mut vector);
        }
        for (item, say) in saying(context.recent) {
            axpy(say, self.seen.vector(item), &mut vector);
            for f in self.features(item) {
                axpy(say * f.value, self.user_adapter.vector(f.bucket), &mut vector);
            }
        }
        vector
    }

    /// What is the same for all items of a user.
    fn base(&self, user: Option<Slot>) -> f32 {
        self.global.bias(0) + user.map_or(0.0, |u| self.users.bias(u))
    }

    /// One logistic step on an item, which adds to `pull` how the user tower is to move. Returns the slope by the
    /// logit; `None` if it was no number.
    fn meet(
        &mut self,
        user: &User<'_>,
        item: Slot,
        label: f32,
        pull: &mut [f32],
        scratch: &mut Scratch,
    ) -> Option<f32> {
        let pace = self.pace();
        scratch.features.clear();
        scratch.features.extend(features(self.content.row(item as usize)));
        scratch.item.copy_from_slice(self.items.vector(item));
        let mut logit = self.base(Some(user.slot)) + self.items.bias(item);
        for f in &scratch.features {
            axpy(f.value, self.item_adapter.vector(f.bucket), &mut scratch.item);
            logit += f.value * self.item_adapter.bias(f.bucket);
        }
        logit += dot(user.vector, &scratch.item);
        let error = user.weight * (sigmoid(logit) - label);
        if !error.is_finite() {
            return None;
        }
        axpy(error, &scratch.item, pull);
        self.items.step(item, user.vector, error, pace);
        self.items.step_bias(item, error, pace);
        for f in &scratch.features {
            self.item_adapter.step(f.bucket, user.vector, error * f.value, pace);
            self.item_adapter.step_bias(f.bucket, error * f.value, pace);
        }
        self.global.step_bias(0, error, Pace { regularisation: 0.0, ..pace });
        Some(error)
    }

    /// Moves the user tower along `pull`.
    fn follow(&mut self, context: &Context<'_>, user: Slot, pull: &[f32], scratch: &mut Scratch) {
        let pace = self.pace();
        self.users.step(user, pull, 1.0, pace);
        for (item, say) in saying(context.recent) {
            self.seen.step(item, pull, say, pace);
            scratch.features.clear();
            scratch.features.extend(features(self.content.row(item as usize)));
            for f in &scratch.features {
                self.user_adapter.step(f.bucket, pull, say * f.value, pace);
            }
        }
    }

    const fn pace(&self) -> Pace {
        Pace { rate: self.config.learning_rate, regularisation: self.config.regularisation }
    }

    fn embeddings(&self) -> [(&'static str, &Embedding); 6] {
        [
            ("users", &self.users),
            ("items", &self.items),
            ("seen", &self.seen),
            ("item_adapter", &self.item_adapter),
            ("user_adapter", &self.user_adapter),
            ("global", &self.global),
        ]
    }
}

/// A user as the pairs of one example see them: as before the example.
struct User<'a> {
    slot: Slot,
    vector: &'a [f32],
    weight: f32,
}

/// Buffers of one example.
struct Scratch {
    item: Vec<f32>,
    features: Vec<Feature>,
}

/// Recent items that say something, each with its say; together they say 1.
fn saying(recent: &[Slot]) -> impl Iterator<Item = (Slot, f32)> {
    let recent = &recent[..recent.len().min(SEEN)];
    let mut total = 0.0;
    let mut say = 1.0;
    for _ in recent {
        total += say;
        say *= SAY_DECAY;
    }
    let mut say = 1.0 / total;
    recent.iter().map(move |item| {
        let mine = say;
        say *= SAY_DECAY;
        (*item, mine)
    })
}

/// The features in a row of content.
fn features(row: &[u32]) -> impl Iterator<Item = Feature> + '_ {
    let places = &row[1..=(row[0] as usize).min(MAX_FEATURES)];
    let values: &[f32] = bytemuck::cast_slice(&row[1 + MAX_FEATURES..]);
    places.iter().zip(values).map(|(bucket, value)| Feature { bucket: *bucket, value: *value })
}

/// Σ value·of(bucket): content's part of a score, added in one order wherever it is computed.
fn weighted(row: &[u32], of: impl Fn(u32) -> f32) -> f32 {
    features(row).fold(0.0, |sum, f| sum + f.value * of(f.bucket))
}

impl Part for TwoTower {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all: Vec<(String, &Table)> = self.embeddings().iter().flat_map(|(name, e)| e.tables(name)).collect();
        all.push(("content".into(), &self.content));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let named = [
            ("users", &mut self.users),
            ("items", &mut self.items),
            ("seen", &mut self.seen),
            ("item_adapter", &mut self.item_adapter),
            ("user_adapter", &mut self.user_adapter),
            ("global", &mut self.global),
        ];
        let mut all: Vec<(String, &mut Table)> = named.into_iter().flat_map(|(name, e)| e.tables_mut(name)).collect();
        all.push(("content".into(), &mut self.content));
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        for (name, embedding) in self.embeddings() {
            let dimensions = if name == "global" { 1 } else { self.config.dimensions };
            embedding.check(dimensions).map_err(|e| PartError(format!("two_tower: {name}: {e}")))?;
        }
        if self.content.width() != CONTENT {
            return Err(PartError("two_tower: content of another width".to_owned()));
        }
        let sound =
            |row: &[u32]| row[0] as usize <= MAX_FEATURES && features(row).all(|f| (f.bucket as usize) < BUCKETS);
        match (0..self.content.len()).find(|item| !sound(self.content.row(*item))) {
            None => Ok(()),
            Some(item) => Err(PartError(format!("two_tower: the content of item {item} has no such places"))),
        }
    }
}

impl Model for TwoTower {
    fn kind(&self) -> &'static str {
        "two_tower"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let (base, user) = (self.base(context.user), self.of_user(context));
        let of = |bucket| self.item_adapter.bias(bucket) + dot(&user, self.item_adapter.vector(bucket));
        for (&item, score) in items.iter().zip(scores) {
            let content = weighted(self.content.row(item as usize), of);
            *score = base + self.items.bias(item) + content + dot(&user, self.items.vector(item));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let (base, user) = (self.base(context.user), self.of_user(context));
        for (item, score) in scores.iter_mut().enumerate() {
            *score = base + self.items.bias(item as Slot);
        }
        // Every feature meets the user once, then items only add up their features.
        let of: Vec<f32> = (0..self.item_adapter.vectors().len() as u32)
            .map(|bucket| self.item_adapter.bias(bucket) + dot(&user, self.item_adapter.vector(bucket)))
            .collect();
        for (first, rows) in self.content.blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, score) in rows.chunks_exact(CONTENT).zip(out) {
                *score += weighted(row, |bucket| of.get(bucket as usize).copied().unwrap_or(0.0));
            }
        }
        for (first, rows) in self.items.vectors().float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            add_dots(rows, self.config.dimensions, &user, out);
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn describe(&mut self, item: Slot, content: &ItemContent) {
        let features = content.features();
        if features.is_empty() && self.content.row(item as usize)[0] == 0 {
            return;
        }
        let row = self.content.row_mut(item as usize);
        row.fill(0);
        row[0] = features.len().min(MAX_FEATURES) as u32;
        let (places, values) = row[1..].split_at_mut(MAX_FEATURES);
        for ((place, value), feature) in places.iter_mut().zip(values).zip(features) {
            *place = feature.bucket;
            *value = feature.value.to_bits();
        }
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(slot) = example.context.user else { return Learned::default() };
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        self.users.awaken(slot, example.context.user_id);
        self.items.awaken(example.item, example.item_id);
        let vector = self.of_user(&example.context);
        let user = User { slot, vector: &vector, weight: example.weight.min(HEAVIEST) };
        let mut scratch = Scratch { item: vec![0.0; self.config.dimensions], features: Vec::new() };
        let mut pull = vec![0.0; self.config.dimensions];
        let (mut slope, mut learned) = (0.0, Learned::default());
        let positive = std::iter::once((example.item, example.label.clamp(0.0, 1.0)));
        for (item, label) in positive.chain(example.negatives.iter().map(|n| (*n, 0.0))) {
            // One that never learned here has no id to draw its first vector from: it is left out.
            if !self.items.awake(item) {
                continue;
            }
            match self.meet(&user, item, label, &mut pull, &mut scratch) {
                Some(error) => slope += error,
                None => learned.non_finite += 1,
            }
        }
        self.users.step_bias(slot, slope, self.pace());
        self.follow(&example.context, slot, &pull, &mut scratch);
        let rows = [&mut self.users, &mut self.items, &mut self.seen, &mut self.item_adapter, &mut self.user_adapter];
        learned.clipped = rows.map(Embedding::take_clipped).iter().sum();
        learned
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.users.forget_users(forgotten);
        self.items.forget_items(forgotten);
        self.seen.forget_items(forgotten);
        forgotten.zero_items(&mut [&mut self.content]);
    }

    fn layout(&self) -> Vec<Layout> {
        let rows = |name: &str| match name {
            "users" => Rows::Users,
            "items" | "seen" => Rows::Items,
            _ => Rows::Own,
        };
        let mut all: Vec<Layout> = self.embeddings().iter().flat_map(|(name, e)| e.layout(name, rows(name))).collect();
        all.push(content_layout("content"));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut self.users.rows_mut());
        to.move_items(&mut self.items.rows_mut());
        to.move_items(&mut self.seen.rows_mut());
        to.move_items(&mut [&mut self.content]);
    }

    fn adopt(&mut self, rows: Rows, slot: Slot, vector: &[f32], bias: f32) -> bool {
        match rows {
            Rows::Users => self.users.adopt(slot, vector, bias),
            Rows::Items => self.items.adopt(slot, vector, bias),
            Rows::Own => false,
        }
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
