//! Logistic matrix factorisation with biases, by row-wise Adagrad.

use super::kernels::{dot, sigmoid};
use super::model::{Context, Example, Learned, Model, Slot};
use crate::event::Id;
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use rand_distr::{Distribution, Normal};
use std::sync::Arc;

/// Parameters of [`Mf`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MfConfig {
    /// Length of the vectors.
    pub dimensions: usize,
    /// Step size.
    pub learning_rate: f32,
    /// L2 regularisation of vectors and biases.
    pub regularisation: f32,
    /// Standard deviation of first vectors.
    pub init: f32,
}

impl Default for MfConfig {
    fn default() -> Self {
        Self { dimensions: 32, learning_rate: 0.1, regularisation: 0.005, init: 0.1 }
    }
}

// Floats of a row before its vector.
const SEEN: usize = 0;
const BIAS: usize = 1;
const SQUARES: usize = 2;
const BIAS_SQUARES: usize = 3;
const VECTOR: usize = 4;
/// Vectors longer than this are pulled back: no stream of one pair may run away.
const LONGEST: f32 = 16.0;

/// P(positive) = σ(b + b_u + b_i + p_u·q_i), learned from positives and their drawn negatives (Hu et al. 2008's
/// model with Johnson 2014's logistic loss); step lr·g/√(s + 0.01) with s the row's sum of mean squared gradients
/// (Duchi et al. 2011, one accumulator a row). First vectors are drawn from the id, so that the order in which ids
/// appear changes nothing.
#[derive(Clone, Debug)]
pub struct Mf {
    config: MfConfig,
    seed: Seed,
    users: Table,
    items: Table,
    /// Row 0: the global bias and its accumulator.
    global: Table,
}

impl Mf {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: MfConfig, seed: Seed) -> Self {
        let mut global = Table::new(2);
        global.grow_to(1);
        let width = VECTOR + config.dimensions;
        Self { config, seed, users: Table::new(width), items: Table::new(width), global }
    }

    fn logit_of(&self, user: Option<&[f32]>, item: &[f32]) -> f32 {
        let base = self.global.floats(0)[0] + item[BIAS];
        match user {
            Some(u) if u[SEEN] > 0.0 => base + u[BIAS] + dot(&u[VECTOR..], &item[VECTOR..]),
            _ => base,
        }
    }

    fn user<'a>(&'a self, context: &Context<'_>) -> Option<&'a [f32]> {
        context.user.map(|u| self.users.floats(u as usize))
    }

    /// One logistic step on a pair. Returns whether it was skipped.
    fn step(&mut self, user: Slot, item: Slot, label: f32, weight: f32) -> bool {
        let c = self.config;
        let (u, i) = (self.users.floats(user as usize), self.items.floats(item as usize));
        let g = weight * (sigmoid(self.logit_of(Some(u), i)) - label);
        if !g.is_finite() {
            return true;
        }
        let before: Vec<f32> = u[VECTOR..].to_vec();
        let step = |row: &mut [f32], other: &[f32]| {
            let n = other.len() as f32;
            // Mean square of the gradient g·other + reg·own, without building it.
            let own = &row[VECTOR..];
            let (oo, ow, ww) = (dot(other, other), dot(other, own), dot(own, own));
            let reg = c.regularisation;
            row[SQUARES] += (g * g * oo + 2.0 * g * reg * ow + reg * reg * ww).max(0.0) / n;
            let rate = c.learning_rate / (row[SQUARES] + 1e-2).sqrt();
            let keep = 1.0 - (rate * reg).min(1.0);
            for (w, o) in row[VECTOR..].iter_mut().zip(other) {
                *w = keep * *w - rate * g * o;
            }
            let length = dot(&row[VECTOR..], &row[VECTOR..]).sqrt();
            if length > LONGEST {
                let shrink = LONGEST / length;
                row[VECTOR..].iter_mut().for_each(|w| *w *= shrink);
            }
            row[BIAS_SQUARES] += g * g;
            row[BIAS] -= c.learning_rate * (g + reg * row[BIAS]) / (row[BIAS_SQUARES] + 1e-2).sqrt();
            row[BIAS] = row[BIAS].clamp(-LONGEST, LONGEST);
        };
        let item_row = self.items.floats_mut(item as usize);
        let item_before: Vec<f32> = item_row[VECTOR..].to_vec();
        step(item_row, &before);
        step(self.users.floats_mut(user as usize), &item_before);
        let global = self.global.floats_mut(0);
        global[1] += g * g;
        global[0] = (global[0] - c.learning_rate * g / (global[1] + 1e-2).sqrt()).clamp(-LONGEST, LONGEST);
        false
    }
}

/// Gives a row its first vector, drawn from the id.
fn awaken(table: &mut Table, row: usize, id: Id, seed: Seed, init: f32) {
    table.grow_to(row + 1);
    if table.floats(row)[SEEN] > 0.0 {
        return;
    }
    let mut stream = seed.keyed(id.0).stream();
    let normal = Normal::new(0.0f32, init.max(0.0)).expect("a deviation that is not negative");
    let values = table.floats_mut(row);
    values[SEEN] = 1.0;
    values[VECTOR..].iter_mut().for_each(|w| *w = normal.sample(&mut stream));
}

impl Part for Mf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("users".into(), &self.users), ("items".into(), &self.items), ("global".into(), &self.global)]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("users".into(), &mut self.users), ("items".into(), &mut self.items), ("global".into(), &mut self.global)]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        Ok(())
    }
}

impl Model for Mf {
    fn kind(&self) -> &'static str {
        "mf"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let user = self.user(context);
        for (item, score) in items.iter().zip(scores) {
            *score = self.logit_of(user, self.items.floats(*item as usize));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let base = self.global.floats(0)[0];
        let width = VECTOR + self.config.dimensions;
        let user = self.user(context).filter(|u| u[SEEN] > 0.0);
        scores.fill(base);
        for (first, rows) in self.items.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, score) in rows.chunks_exact(width).zip(out) {
                // The same order of additions as in `logit_of`: score and score_all agree bit for bit.
                *score = base + row[BIAS];
                if let Some(u) = user {
                    *score = *score + u[BIAS] + dot(&u[VECTOR..], &row[VECTOR..]);
                }
            }
        }
        if let Some(u) = user {
            let known = self.items.len().min(scores.len());
            scores[known..].iter_mut().for_each(|s| *s += u[BIAS]);
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        let init = self.config.init;
        awaken(&mut self.users, user as usize, example.context.user_id, self.seed.named("users"), init);
        awaken(&mut self.items, example.item as usize, example.item_id, self.seed.named("items"), init);
        let weight = if example.weight.is_finite() { example.weight.clamp(0.0, 100.0) } else { 0.0 };
        let mut skipped = u32::from(self.step(user, example.item, example.label, weight));
        for &negative in example.negatives {
            if self.items.floats(negative as usize)[SEEN] > 0.0 {
                skipped += u32::from(self.step(user, negative, 0.0, weight));
            }
        }
        Learned { non_finite: skipped }
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
impl Mf {
    /// Derivatives of the loss of one pair, for the tests: by (user vector, item vector).
    fn gradient(&self, user: Slot, item: Slot, label: f32) -> (Vec<f32>, Vec<f32>) {
        let (u, i) = (self.users.floats(user as usize), self.items.floats(item as usize));
        let g = sigmoid(self.logit_of(Some(u), i)) - label;
        let by = |other: &[f32]| other.iter().map(|o| g * o).collect();
        (by(&i[VECTOR..]), by(&u[VECTOR..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::softplus;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut mf = Mf::new(MfConfig { dimensions: 6, init: 0.5, ..MfConfig::default() }, Seed(3));
        awaken(&mut mf.users, 0, Id(1), Seed(1), 0.5);
        awaken(&mut mf.items, 0, Id(2), Seed(2), 0.5);
        let loss = |mf: &Mf| softplus(-f64::from(mf.logit_of(Some(mf.users.floats(0)), mf.items.floats(0))));
        let (by_user, by_item) = mf.gradient(0, 0, 1.0);
        for k in 0..6 {
            for (which, exact) in [(0, by_user[k]), (1, by_item[k])] {
                let h = 1e-2f32;
                let at = |delta: f32| {
                    let mut moved = mf.clone();
                    let table = if which == 0 { &mut moved.users } else { &mut moved.items };
                    table.floats_mut(0)[VECTOR + k] += delta;
                    loss(&moved)
                };
                let numeric = (at(h) - at(-h)) / f64::from(2.0 * h);
                assert!((numeric - f64::from(exact)).abs() < 1e-4, "{which} {k}: {numeric} {exact}");
            }
        }
    }
}
