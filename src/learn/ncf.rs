//! The textbook neural collaborative filter (He et al. 2017, the MLP part), learning one event at a time.

use super::kernels::{axpy, dot, sigmoid};
use super::model::{Context, Example, Learned, Model, NEGATIVES, Slot};
use crate::event::Id;
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use ndarray::{ArcArray1, ArcArray2, Array1, Array2};
use rand::RngExt;
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
}

impl Default for NcfConfig {
    fn default() -> Self {
        Self { dimensions: 50, hidden: 100, learning_rate: 1e-3 }
    }
}

/// Adam's constants (Kingma & Ba 2015).
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-7;
/// Gradients are clipped to this: one event never throws a row far.
const CLIP: f32 = 10.0;

/// The dense layers, as one flat block: W1 (2·dimensions × hidden, row-major by input), b1, w2, b2.
#[derive(Clone, Debug)]
struct Dense {
    w1: ArcArray2<f32>,
    b1: ArcArray1<f32>,
    w2: ArcArray1<f32>,
    b2: ArcArray1<f32>,
}

impl Dense {
    fn zeros(inputs: usize, hidden: usize) -> Self {
        Self {
            w1: Array2::zeros((inputs, hidden)).into_shared(),
            b1: Array1::zeros(hidden).into_shared(),
            w2: Array1::zeros(hidden).into_shared(),
            b2: Array1::zeros(1).into_shared(),
        }
    }

    /// Glorot's uniform weights, as Keras draws them.
    fn drawn(inputs: usize, hidden: usize, seed: Seed) -> Self {
        let mut dense = Self::zeros(inputs, hidden);
        let mut stream = seed.stream();
        let reach = (6.0 / (inputs + hidden) as f32).sqrt();
        dense.w1.iter_mut().for_each(|w| *w = stream.random_range(-reach..reach));
        let reach = (6.0 / (hidden + 1) as f32).sqrt();
        dense.w2.iter_mut().for_each(|w| *w = stream.random_range(-reach..reach));
        dense
    }

    fn slices(&self) -> [&[f32]; 4] {
        [self.w1.as_slice(), self.b1.as_slice(), self.w2.as_slice(), self.b2.as_slice()].map(Option::unwrap_or_default)
    }

    fn slices_mut(&mut self) -> [&mut [f32]; 4] {
        [
            self.w1.as_slice_mut().unwrap_or_default(),
            self.b1.as_slice_mut().unwrap_or_default(),
            self.w2.as_slice_mut().unwrap_or_default(),
            self.b2.as_slice_mut().unwrap_or_default(),
        ]
    }
}

/// Embeddings (50 each, concatenated) → dense 100 ReLU → dense 1 sigmoid, binary cross-entropy; Adam, lazy for rows:
/// a row's moments move only when the row is touched, with its own step count for the bias correction.
///
/// One example (a positive with its drawn negatives) is one step. Loops are our own, so bits do not depend on the
/// processor; ndarray holds the dense layers and shares them with views.
#[derive(Clone, Debug)]
pub struct Ncf {
    config: NcfConfig,
    seed: Seed,
    users: Embeddings,
    items: Embeddings,
    dense: Dense,
    first: Dense,
    second: Dense,
    steps: u64,
}

/// Rows of embeddings; their moments and step counts in a table of their own, which views do not need.
#[derive(Clone, Debug)]
struct Embeddings {
    rows: Table,
    moments: Table,
}

const SEEN: usize = 0;
const VECTOR: usize = 1;

impl Embeddings {
    fn new(dimensions: usize) -> Self {
        Self { rows: Table::new(VECTOR + dimensions), moments: Table::new(1 + 2 * dimensions) }
    }

    fn vector(&self, row: Slot) -> &[f32] {
        &self.rows.floats(row as usize)[VECTOR..]
    }

    fn seen(&self, row: Slot) -> bool {
        self.rows.floats(row as usize)[SEEN] > 0.0
    }

    /// First values in ±0.05, drawn from the id.
    fn awaken(&mut self, row: Slot, id: Id, seed: Seed) {
        self.rows.grow_to(row as usize + 1);
        if !self.seen(row) {
            let mut stream = seed.keyed(id.0).stream();
            let values = self.rows.floats_mut(row as usize);
            values[SEEN] = 1.0;
            values[VECTOR..].iter_mut().for_each(|w| *w = stream.random_range(-0.05..0.05));
        }
    }

    fn adam(&mut self, row: Slot, gradient: &[f32], rate: f32) {
        self.moments.grow_to(row as usize + 1);
        let n = gradient.len();
        let moments = self.moments.floats_mut(row as usize);
        moments[0] += 1.0;
        let rate = corrected(rate, moments[0]);
        let (first, second) = moments[1..].split_at_mut(n);
        adam(&mut self.rows.floats_mut(row as usize)[VECTOR..], gradient, first, second, rate);
    }
}

/// Adam's step size with both bias corrections folded in, after `steps` steps.
fn corrected(rate: f32, steps: f32) -> f32 {
    let second = 1.0 - libm::powf(BETA2, steps);
    rate * second.sqrt() / (1.0 - libm::powf(BETA1, steps))
}

fn adam(weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], rate: f32) {
    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = g.clamp(-CLIP, CLIP);
        *m = BETA1 * *m + (1.0 - BETA1) * g;
        *v = BETA2 * *v + (1.0 - BETA2) * g * g;
        *w -= rate * *m / (v.sqrt() + EPSILON);
    }
}

/// Gradients of one example.
struct Gradients {
    dense: [Vec<f32>; 4],
    user: Vec<f32>,
    /// One per sample, beside the item it belongs to.
    items: Vec<(Slot, Vec<f32>)>,
}

impl Ncf {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: NcfConfig, seed: Seed) -> Self {
        let inputs = 2 * config.dimensions;
        Self {
            config,
            seed,
            users: Embeddings::new(config.dimensions),
            items: Embeddings::new(config.dimensions),
            dense: Dense::drawn(inputs, config.hidden, seed.named("dense")),
            first: Dense::zeros(inputs, config.hidden),
            second: Dense::zeros(inputs, config.hidden),
            steps: 0,
        }
    }

    /// b1 + the user's half of the input through W1: shared by all items of one user.
    fn user_part(&self, user: Option<Slot>) -> Vec<f32> {
        let [w1, b1, ..] = self.dense.slices();
        let mut sum = b1.to_vec();
        if let Some(user) = user {
            for (x, weights) in self.users.vector(user).iter().zip(w1.chunks_exact(self.config.hidden)) {
                axpy(*x, weights, &mut sum);
            }
        }
        sum
    }

    /// Adds the item's half.
    fn add_item(&self, item: &[f32], sum: &mut [f32]) {
        let w1 = self.dense.slices()[0];
        let (_, of_items) = w1.split_at(self.config.dimensions * self.config.hidden);
        for (x, weights) in item.iter().zip(of_items.chunks_exact(self.config.hidden)) {
            axpy(*x, weights, sum);
        }
    }

    fn output(&self, sum: &[f32], scratch: &mut [f32]) -> f32 {
        let [_, _, w2, b2] = self.dense.slices();
        for (h, s) in scratch.iter_mut().zip(sum) {
            *h = s.max(0.0);
        }
        dot(scratch, w2) + b2[0]
    }

    fn item_logit(&self, user_part: &[f32], item: &[f32], sum: &mut [f32], scratch: &mut [f32]) -> f32 {
        sum.copy_from_slice(user_part);
        self.add_item(item, sum);
        self.output(sum, scratch)
    }

    /// Gradients of the summed loss over samples (item, label), each times `weight`.
    fn gradients(&self, user: Slot, samples: &[(Slot, f32)], weight: f32) -> Gradients {
        let (n, hidden) = (self.config.dimensions, self.config.hidden);
        let [w1, _, w2, _] = self.dense.slices();
        let part = self.user_part(Some(user));
        let mut g = Gradients {
            dense: [vec![0.0; w1.len()], vec![0.0; hidden], vec![0.0; hidden], vec![0.0; 1]],
            user: vec![0.0; n],
            items: Vec::with_capacity(samples.len()),
        };
        let (mut sum, mut active) = (vec![0.0; hidden], vec![0.0; hidden]);
        for &(item, label) in samples {
            let vector = self.items.vector(item);
            let error = weight * (sigmoid(self.item_logit(&part, vector, &mut sum, &mut active)) - label);
            axpy(error, &active, &mut g.dense[2]);
            g.dense[3][0] += error;
            // Through the ReLU: only units above zero pass the error on.
            let back = |(s, w): (&f32, &f32)| if *s > 0.0 { error * w } else { 0.0 };
            let delta: Vec<f32> = sum.iter().zip(w2).map(back).collect();
            axpy(1.0, &delta, &mut g.dense[1]);
            let of_items = n * hidden;
            let mut by_item = vec![0.0; n];
            for (d, x) in vector.iter().enumerate() {
                let at = of_items + d * hidden;
                axpy(*x, &delta, &mut g.dense[0][at..at + hidden]);
                by_item[d] = dot(&w1[at..at + hidden], &delta);
            }
            g.items.push((item, by_item));
        }
        // The user's input is the same for all samples, so its part of W1 sees the summed deltas, which are b1's.
        let [of_w1, deltas, ..] = &mut g.dense;
        for (d, x) in self.users.vector(user).iter().enumerate() {
            let at = d * hidden;
            axpy(*x, deltas, &mut of_w1[at..at + hidden]);
            g.user[d] = dot(&w1[at..at + hidden], deltas);
        }
        g
    }

    fn apply(&mut self, user: Slot, g: &Gradients) {
        let rate = self.config.learning_rate;
        self.steps += 1;
        let dense_rate = corrected(rate, self.steps.min(1 << 24) as f32);
        let weights = self.dense.slices_mut();
        let moments = self.first.slices_mut().into_iter().zip(self.second.slices_mut());
        for ((w, g), (m, v)) in weights.into_iter().zip(&g.dense).zip(moments) {
            adam(w, g, m, v, dense_rate);
        }
        self.users.adam(user, &g.user, rate);
        for (item, gradient) in &g.items {
            self.items.adam(*item, gradient, rate);
        }
    }
}

impl Part for Ncf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![
            ("users".into(), &self.users.rows),
            ("users.moments".into(), &self.users.moments),
            ("items".into(), &self.items.rows),
            ("items.moments".into(), &self.items.moments),
        ]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![
            ("users".into(), &mut self.users.rows),
            ("users.moments".into(), &mut self.users.moments),
            ("items".into(), &mut self.items.rows),
            ("items.moments".into(), &mut self.items.moments),
        ]
    }

    fn blob(&self) -> Vec<u8> {
        let mut blob = self.steps.to_le_bytes().to_vec();
        for dense in [&self.dense, &self.first, &self.second] {
            blob.extend(dense.slices().into_iter().flatten().flat_map(|w| w.to_le_bytes()));
        }
        blob
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let wanted = self.blob().len();
        if blob.len() != wanted {
            return Err(PartError(format!("ncf: {} bytes of dense layers, expected {wanted}", blob.len())));
        }
        let (steps, floats) = blob.split_at(8);
        self.steps = u64::from_le_bytes(steps.try_into().unwrap_or_default());
        let mut values = floats.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        for dense in [&mut self.dense, &mut self.first, &mut self.second] {
            for (w, v) in dense.slices_mut().into_iter().flatten().zip(&mut values) {
                *w = v;
            }
        }
        Ok(())
    }
}

impl Model for Ncf {
    fn kind(&self) -> &'static str {
        "ncf"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let part = self.user_part(context.user);
        let (mut sum, mut scratch) = (vec![0.0; self.config.hidden], vec![0.0; self.config.hidden]);
        for (item, score) in items.iter().zip(scores) {
            *score = self.item_logit(&part, self.items.vector(*item), &mut sum, &mut scratch);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let part = self.user_part(context.user);
        let (mut sum, mut scratch) = (vec![0.0; self.config.hidden], vec![0.0; self.config.hidden]);
        // Items that taught nothing have a zero vector: all the same score.
        scores.fill(self.output(&part, &mut scratch));
        let width = VECTOR + self.config.dimensions;
        for (first, rows) in self.items.rows.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, score) in rows.chunks_exact(width).zip(out) {
                if row[SEEN] > 0.0 {
                    *score = self.item_logit(&part, &row[VECTOR..], &mut sum, &mut scratch);
                }
            }
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        self.users.awaken(user, example.context.user_id, self.seed.named("users"));
        self.items.awaken(example.item, example.item_id, self.seed.named("items"));
        let mut samples = Vec::with_capacity(1 + NEGATIVES);
        samples.push((example.item, example.label));
        samples.extend(example.negatives.iter().filter(|n| self.items.seen(**n)).map(|n| (*n, 0.0)));
        let weight = if example.weight.is_finite() { example.weight.clamp(0.0, 100.0) } else { 0.0 };
        let gradients = self.gradients(user, &samples, weight);
        let finite = |g: &Gradients| g.user.iter().all(|x| x.is_finite()) && g.dense[3][0].is_finite();
        if !finite(&gradients) {
            return Learned { non_finite: 1 };
        }
        self.apply(user, &gradients);
        Learned::default()
    }

    fn view(&self) -> Arc<dyn Model> {
        // Moments are learning's own: a view without them lets their pages be written without copies.
        let mut view = self.clone();
        view.users.moments = Table::new(1);
        view.items.moments = Table::new(1);
        view.first = Dense::zeros(1, 1);
        view.second = Dense::zeros(1, 1);
        Arc::new(view)
    }
}

#[cfg(test)]
mod tests;
