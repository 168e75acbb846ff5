//! Neural collaborative filtering, learning one event at a time.

mod factors;
mod lesson;

use super::adam::Embeddings;
use super::dense::Dense;
use super::model::{Context, Example, Learned, Model, Slot};
use super::products::shaped;
use super::{Forgotten, Layout, Renumber, Rows};
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use factors::Factors;
use lesson::Lesson;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Parameters of [`Ncf`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NcfConfig {
    /// Length of the user and item embeddings that the layers see.
    pub dimensions: usize,
    /// Length of the factors whose product is added to the layers' logit, with a bias of user and item; 0: none of it.
    pub factors: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Step size of Adam.
    pub learning_rate: f32,
    /// Examples whose gradients are collected for one step of the dense layers; embeddings step at every example.
    pub batch: u32,
    /// How much the item that nobody knows counts, beside a drawn negative; 0: the layers are told nothing of it.
    pub newcomers: f32,
}

impl Default for NcfConfig {
    fn default() -> Self {
        Self { dimensions: 50, factors: 32, hidden: 100, learning_rate: 1e-3, batch: 16, newcomers: 0.25 }
    }
}

/// First embeddings are uniform within this.
const REACH: f32 = 0.05;
/// Items that are scored together.
const TOGETHER: usize = 64;
/// A view brings the item halves of this many items up to date; beyond, a request pays for what it asks.
const VIEW_ITEMS: usize = 32_768;

/// Two parts whose logits are added (He et al. 2017, "Neural collaborative filtering"): embeddings of user and item,
/// concatenated → dense ReLU → dense 1 (their MLP, with one hidden layer), and the product of two other vectors with
/// biases (their GMF, its output weights kept in the vectors); binary cross-entropy over a positive and its drawn
/// negatives. Layers and embeddings learn by Adam, lazy for rows (Kingma & Ba 2015); the other vectors by steps of
/// second order, as those of `mf`: with lazy Adam there, too, biases are late, and popularity ranks better. `factors: 0`
/// leaves the textbook's MLP alone.
///
/// Embeddings learn at every example, the dense layers once per `batch` examples. So W1's product with an item holds
/// for a while and is kept: ranking a catalogue costs one product per item and batch, not per event. And examples that
/// share no row go through the layers together, with the bits of one after another. An id that never learned has a
/// zero embedding: an average user; an item that is seldom taken, which the layers learn beside.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Model, Ncf, NcfConfig};
/// use reiver::rng::Seed;
/// let mut ncf = Ncf::new(NcfConfig::default(), Seed(1));
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let taken = |item, id: &str, negatives| Example {
///     context, item, item_id: Id::of(id), label: 1.0, weight: 1.0, negatives,
/// };
/// ncf.learn(&taken(1, "other", &[]));
/// for _ in 0..200 {
///     ncf.learn(&taken(0, "liked", &[1]));
/// }
/// let mut scores = [0.0; 2];
/// ncf.score_all(&context, &mut scores);
/// assert!(scores[0] > scores[1]);
/// ```
#[derive(Clone, Debug)]
pub struct Ncf {
    config: NcfConfig,
    users: Embeddings,
    items: Embeddings,
    factors: Factors,
    dense: Dense,
    progress: Progress,
    parts: Parts,
    lesson: Lesson,
}

/// What the blob holds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Steps of the dense layers.
    steps: u64,
    /// Examples collected for the next.
    collected: u32,
}

/// The items' halves of the hidden layer's input, kept while they hold. Derived: no part of the state.
#[derive(Clone, Debug)]
struct Parts {
    halves: Table,
    /// Row: 1 + the dense step at which the half was computed; 0 when it does not hold.
    made_at: Table,
}

impl Ncf {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: NcfConfig, seed: Seed) -> Self {
        let NcfConfig { dimensions, factors, hidden, .. } = config;
        Self {
            config,
            users: Embeddings::new(dimensions, REACH, seed.named("users")),
            items: Embeddings::new(dimensions, REACH, seed.named("items")),
            factors: Factors::new(factors, seed.named("factors")),
            dense: Dense::new(dimensions, hidden, seed.named("dense")),
            progress: Progress::default(),
            parts: Parts { halves: Table::new(hidden), made_at: Table::new(1) },
            lesson: Lesson::default(),
        }
    }

    /// The mark of a half that holds now.
    const fn now(&self) -> u32 {
        (self.progress.steps as u32).wrapping_add(1)
    }

    /// b1 and the user's half of the hidden layer's input.
    fn user_part(&self, context: &Context<'_>) -> Vec<f32> {
        let Some(user) = context.user else { return self.dense.nobody().to_vec() };
        let mut part = vec![0.0; self.config.hidden];
        let row = shaped(self.users.vector(user), self.config.dimensions);
        self.dense.user_parts(row, &mut part);
        part
    }

    fn score_one(&self, context: &Context<'_>, item: Slot) -> f32 {
        let mut score = [0.0];
        self.score(context, &[item], &mut score);
        score[0]
    }
}

impl Part for Ncf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![
            ("users".into(), &self.users.vectors),
            ("users.moments".into(), &self.users.moments),
            ("items".into(), &self.items.vectors),
            ("items.moments".into(), &self.items.moments),
            ("users.factors".into(), &self.factors.users),
            ("items.factors".into(), &self.factors.items),
            ("dense".into(), &self.dense.weights),
            ("dense.learning".into(), &self.dense.learning),
        ]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![
            ("users".into(), &mut self.users.vectors),
            ("users.moments".into(), &mut self.users.moments),
            ("items".into(), &mut self.items.vectors),
            ("items.moments".into(), &mut self.items.moments),
            ("users.factors".into(), &mut self.factors.users),
            ("items.factors".into(), &mut self.factors.items),
            ("dense".into(), &mut self.dense.weights),
            ("dense.learning".into(), &mut self.dense.learning),
        ]
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(&self.progress).expect("two numbers have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        self.progress = serde_json::from_slice(blob).map_err(|e| PartError(format!("ncf: {e}")))?;
        self.parts.made_at.clear();
        if self.dense.restored() { Ok(()) } else { Err(PartError("ncf: dense layers of another shape".to_owned())) }
    }

    fn bytes(&self) -> usize {
        let tables: usize = self.tables().iter().map(|(_, t)| t.bytes()).sum();
        tables + self.parts.halves.bytes() + self.parts.made_at.bytes()
    }
}

impl Model for Ncf {
    fn kind(&self) -> &'static str {
        "ncf"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let (n, hidden) = (self.config.dimensions, self.config.hidden);
        let (user_part, user) = (self.user_part(context), self.factors.user(context.user));
        let mut parts = vec![0.0; items.len().min(TOGETHER) * hidden];
        let mut vectors = Vec::with_capacity(items.len().min(TOGETHER) * n);
        for (items, scores) in items.chunks(TOGETHER).zip(scores.chunks_mut(TOGETHER)) {
            vectors.clear();
            items.iter().for_each(|item| vectors.extend_from_slice(self.items.vector(*item)));
            let parts = &mut parts[..items.len() * hidden];
            self.dense.item_parts(shaped(&vectors, n), parts);
            for ((item, part), score) in items.iter().zip(parts.chunks_exact(hidden)).zip(scores) {
                *score = self.dense.logit(&user_part, part) + self.factors.logit(user, *item);
            }
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let n = self.config.dimensions;
        let (user_part, user) = (self.user_part(context), self.factors.user(context.user));
        let mut part = vec![0.0; self.config.hidden];
        let now = self.now();
        for (item, score) in scores.iter_mut().enumerate() {
            // A half that was kept has the bits of one computed now.
            let half = if self.parts.made_at.row(item)[0] == now {
                self.parts.halves.floats(item)
            } else {
                self.dense.item_parts(shaped(self.items.vectors.floats(item), n), &mut part);
                &part
            };
            *score = self.dense.logit(&user_part, half) + self.factors.logit(user, item as Slot);
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn prepare(&mut self, items: usize) {
        let (now, n, hidden) = (self.now(), self.config.dimensions, self.config.hidden);
        let items = items.min(self.items.vectors.len());
        let mut old = (0..items).filter(|item| self.parts.made_at.row(*item)[0] != now).collect::<Vec<_>>();
        let (mut vectors, mut parts) = (Vec::new(), vec![0.0; TOGETHER * hidden]);
        for items in old.chunks_mut(TOGETHER) {
            vectors.clear();
            items.iter().for_each(|item| vectors.extend_from_slice(self.items.vectors.floats(*item)));
            let parts = &mut parts[..items.len() * hidden];
            self.dense.item_parts(shaped(&vectors, n), parts);
            for (item, part) in items.iter().zip(parts.chunks_exact(hidden)) {
                self.parts.halves.floats_mut(*item).copy_from_slice(part);
                self.parts.made_at.row_mut(*item)[0] = now;
            }
        }
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let mut learned = Learned::default();
        if example.context.user.is_some() {
            self.learn_some(std::slice::from_ref(example), &mut [0.0], &mut learned);
        }
        learned
    }

    fn learn_all(&mut self, examples: &[Example<'_>], scores: &mut [f32]) -> Learned {
        let (mut learned, mut done) = (Learned::default(), 0);
        while done < examples.len().min(scores.len()) {
            done += self.learn_some(&examples[done..], &mut scores[done..], &mut learned);
        }
        learned
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users.vectors, &mut self.users.moments, &mut self.factors.users]);
        let Self { items, factors, parts, .. } = self;
        let tables = &mut [&mut items.vectors, &mut items.moments, &mut factors.items, &mut parts.made_at];
        forgotten.zero_items(tables);
    }

    fn layout(&self) -> Vec<Layout> {
        let mut all: Vec<Layout> = self.users.layout("users", Rows::Users).into();
        all.extend(self.items.layout("items", Rows::Items));
        all.extend(self.factors.layout());
        all.extend(self.dense.layout("dense"));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users.vectors, &mut self.users.moments, &mut self.factors.users]);
        to.move_items(&mut [&mut self.items.vectors, &mut self.items.moments, &mut self.factors.items]);
        self.parts = Parts { halves: Table::new(self.config.hidden), made_at: Table::new(1) };
    }

    fn view(&self) -> Arc<dyn Model> {
        // What only learning needs stays behind: its pages can then be written without copies.
        let mut view = self.clone();
        for table in [&mut view.users.moments, &mut view.items.moments] {
            *table = Table::new(table.width());
        }
        view.dense.drop_learning();
        view.lesson = Lesson::default();
        view.prepare(VIEW_ITEMS);
        Arc::new(view)
    }
}
