//! The textbook neural collaborative filter, learning one event at a time.

use super::adam::Embeddings;
use super::dense::{Dense, Sample};
use super::kernels::sigmoid;
use super::model::{Context, Example, Learned, Model, NEGATIVES, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Parameters of [`Ncf`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NcfConfig {
    /// Length of user and item embeddings.
    pub dimensions: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Step size of Adam.
    pub learning_rate: f32,
    /// Examples whose gradients are collected for one step of the dense layers; embeddings step at every example.
    pub batch: u32,
}

impl Default for NcfConfig {
    fn default() -> Self {
        Self { dimensions: 50, hidden: 100, learning_rate: 7e-3, batch: 16 }
    }
}

/// First embeddings are uniform within this.
const REACH: f32 = 0.05;
/// What the layers are told beside every positive: an item that never learned (a zero vector) is taken with this
/// probability. Without it nothing would hold the score of unknown items down.
const NEWCOMER: f32 = 0.05;
/// How much that counts, beside a drawn negative.
const NEWCOMER_WEIGHT: f32 = 0.25;
/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;
/// A view brings the item halves of this many items up to date; beyond, a request pays for what it asks.
const VIEW_ITEMS: usize = 32_768;

/// Embeddings of user and item (50 each), concatenated → dense 100 ReLU → dense 1 sigmoid; binary cross-entropy over
/// a positive and its drawn negatives; Adam, lazy for rows (He et al. 2017, "Neural collaborative filtering", the
/// MLP part with one hidden layer; Kingma & Ba 2015).
///
/// Embeddings learn at every example, the dense layers once per `batch` examples. So W1's product with an item holds
/// for a while and is kept: ranking a catalogue costs one product per item and batch, not per event. An id that
/// never learned has a zero embedding: an average user; an item that is seldom taken, which the layers learn beside.
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
    dense: Dense,
    progress: Progress,
    parts: Parts,
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
        Self {
            config,
            users: Embeddings::new(config.dimensions, REACH, seed.named("users")),
            items: Embeddings::new(config.dimensions, REACH, seed.named("items")),
            dense: Dense::new(2 * config.dimensions, config.hidden, seed.named("dense")),
            progress: Progress::default(),
            parts: Parts { halves: Table::new(config.hidden), made_at: Table::new(1) },
        }
    }

    /// The mark of a half that holds now.
    const fn now(&self) -> u32 {
        (self.progress.steps as u32).wrapping_add(1)
    }

    fn user_part(&self, context: &Context<'_>) -> Vec<f32> {
        match context.user {
            Some(user) => self.dense.layers().user_part(self.users.vector(user)),
            None => self.dense.layers().user_part(&[]),
        }
    }

    /// Samples' gradients go to the dense batch and come back for the embeddings.
    fn learn_samples(&mut self, user: Slot, samples: &[(Slot, f32)], weight: f32) -> Learned {
        let (n, hidden) = (self.config.dimensions, self.config.hidden);
        let layers = self.dense.layers();
        let vector = self.users.vector(user).to_vec();
        let user_part = layers.user_part(&vector);
        let mut parts = vec![0.0; samples.len() * hidden];
        let mut errors = [0.0; 1 + NEGATIVES];
        let nobody = vec![0.0; n.max(hidden)];
        let newcomer = NEWCOMER_WEIGHT * weight * (sigmoid(layers.logit(&user_part, &nobody[..hidden])) - NEWCOMER);
        for ((&(item, label), part), error) in samples.iter().zip(parts.chunks_exact_mut(hidden)).zip(&mut errors) {
            layers.item_part(self.items.vector(item), part);
            *error = weight * (sigmoid(layers.logit(&user_part, part)) - label);
        }
        if !(newcomer.is_finite() && errors.iter().all(|e| e.is_finite())) {
            return Learned::skipped(1);
        }
        let mut backward = Vec::with_capacity(samples.len() + 1);
        for ((&(item, _), part), error) in samples.iter().zip(parts.chunks_exact(hidden)).zip(errors) {
            backward.push(Sample { item: self.items.vector(item), part, error });
        }
        backward.push(Sample { item: &nobody[..n], part: &nobody[..hidden], error: newcomer });
        let (by_user, by_items) = self.dense.backward(&vector, &user_part, &backward);
        let rate = self.config.learning_rate;
        self.users.step(user, &by_user, rate);
        for (&(item, _), gradient) in samples.iter().zip(by_items.chunks_exact(n)) {
            self.items.step(item, gradient, rate);
            self.parts.made_at.row_mut(item as usize)[0] = 0;
        }
        self.progress.collected += 1;
        if self.progress.collected >= self.config.batch {
            self.progress.steps += 1;
            self.dense.step(self.progress.collected, rate, self.progress.steps);
            self.progress.collected = 0;
        }
        Learned::default()
    }
}

impl Part for Ncf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![
            ("users".into(), &self.users.vectors),
            ("users.moments".into(), &self.users.moments),
            ("items".into(), &self.items.vectors),
            ("items.moments".into(), &self.items.moments),
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
        if self.dense.fits() { Ok(()) } else { Err(PartError("ncf: dense layers of another shape".to_owned())) }
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
        let layers = self.dense.layers();
        let user_part = self.user_part(context);
        let mut part = vec![0.0; self.config.hidden];
        for (item, score) in items.iter().zip(scores) {
            layers.item_part(self.items.vector(*item), &mut part);
            *score = layers.logit(&user_part, &part);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let layers = self.dense.layers();
        let user_part = self.user_part(context);
        let mut part = vec![0.0; self.config.hidden];
        let now = self.now();
        for (item, score) in scores.iter_mut().enumerate() {
            // A half that was kept has the bits of one computed now.
            *score = if self.parts.made_at.row(item)[0] == now {
                layers.logit(&user_part, self.parts.halves.floats(item))
            } else {
                layers.item_part(self.items.vectors.floats(item), &mut part);
                layers.logit(&user_part, &part)
            };
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn prepare(&mut self, items: usize) {
        let now = self.now();
        let layers = self.dense.layers();
        for item in 0..items.min(self.items.vectors.len()) {
            if self.parts.made_at.row(item)[0] != now {
                layers.item_part(self.items.vectors.floats(item), self.parts.halves.floats_mut(item));
                self.parts.made_at.row_mut(item)[0] = now;
            }
        }
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        self.users.awaken(user, example.context.user_id);
        self.items.awaken(example.item, example.item_id);
        let mut samples = [(example.item, example.label.clamp(0.0, 1.0)); 1 + NEGATIVES];
        let mut count = 1;
        // A negative that never learned here has no id to draw its first vector from: it is left out.
        for negative in example.negatives.iter().take(NEGATIVES).filter(|n| self.items.learned(**n)) {
            samples[count] = (*negative, 0.0);
            count += 1;
        }
        self.learn_samples(user, &samples[..count], example.weight.min(HEAVIEST))
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users.vectors, &mut self.users.moments]);
        let items = &mut [&mut self.items.vectors, &mut self.items.moments, &mut self.parts.made_at];
        forgotten.zero_items(items);
    }

    fn layout(&self) -> Vec<Layout> {
        let n = self.config.dimensions;
        let mut all: Vec<Layout> = Embeddings::layout("users", Rows::Users, n).into();
        all.extend(Embeddings::layout("items", Rows::Items, n));
        all.extend(self.dense.layout("dense"));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users.vectors, &mut self.users.moments]);
        to.move_items(&mut [&mut self.items.vectors, &mut self.items.moments]);
        self.parts = Parts { halves: Table::new(self.config.hidden), made_at: Table::new(1) };
    }

    fn view(&self) -> Arc<dyn Model> {
        // What only learning needs stays behind: its pages can then be written without copies.
        let mut view = self.clone();
        for table in [&mut view.users.moments, &mut view.items.moments, &mut view.dense.learning] {
            *table = Table::new(table.width());
        }
        view.prepare(VIEW_ITEMS);
        Arc::new(view)
    }
}
