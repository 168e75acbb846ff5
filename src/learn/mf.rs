//! Logistic matrix factorisation with biases, by row-wise Adagrad.

use super::Forgotten;
use super::kernels::{dot, sigmoid};
use super::model::{Context, Example, Learned, Model, Slot};
use crate::event::Id;
use crate::rng::Seed;
use crate::table::{Part, PartError, Table};
use rand::Rng;
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

/// Floats of a side row: bias, summed squares of the vector's and of the bias's gradients, 1 once it learned.
const SIDE: usize = 4;
const BIAS: usize = 0;
const SQUARES: usize = 1;
const BIAS_SQUARES: usize = 2;
const LEARNED: usize = 3;
/// Vectors and biases longer than this are pulled back: no stream of one pair may run away.
const LONGEST: f32 = 16.0;
/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;
/// Keeps the first steps bounded.
const DAMPING: f32 = 1e-2;

/// P(positive) = σ(b + b_u + b_i + p_u·q_i), learned from positives and their drawn negatives (Johnson 2014, "Logistic
/// matrix factorization for implicit feedback data"); step lr·g/√(s + 0.01) with s the row's sum of mean squared
/// gradients (Duchi et al. 2011, with one accumulator a row). First vectors are drawn from the id, so that the order
/// in which ids appear changes nothing. An id that never learned has a zero vector: popularity, by the biases,
/// answers for it.
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
    users: Factors,
    items: Factors,
    /// Row 0: the global bias and its summed squares.
    global: Table,
}

/// One side: vectors apart from the rest, so that a pass over the catalogue reads them one after another.
#[derive(Clone, Debug)]
struct Factors {
    vectors: Table,
    side: Table,
    seed: Seed,
}

impl Factors {
    fn new(dimensions: usize, seed: Seed) -> Self {
        Self { vectors: Table::new(dimensions), side: Table::new(SIDE), seed }
    }

    fn learned(&self, row: Slot) -> bool {
        self.side.floats(row as usize)[LEARNED] > 0.0
    }

    fn bias(&self, row: Slot) -> f32 {
        self.side.floats(row as usize)[BIAS]
    }

    fn vector(&self, row: Slot) -> &[f32] {
        self.vectors.floats(row as usize)
    }

    /// Draws a row's first vector from its id: sums of four uniforms, near enough to normal and the same everywhere.
    fn awaken(&mut self, row: Slot, id: Id, deviation: f32) {
        if self.learned(row) {
            return;
        }
        self.side.floats_mut(row as usize)[LEARNED] = 1.0;
        let mut stream = self.seed.keyed(id.0).stream();
        for w in self.vectors.floats_mut(row as usize) {
            let bits = stream.next_u64();
            let sum: u32 = (0..4).map(|k| (bits >> (16 * k)) as u32 & 0xffff).sum();
            // Four uniforms on [0, 1) have mean 2 and variance 1/3.
            *w = deviation * (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8;
        }
    }

    fn step(&mut self, row: Slot, other: &[f32], error: f32, config: &MfConfig) {
        let side = self.side.floats_mut(row as usize);
        descend(self.vectors.floats_mut(row as usize), other, error, config, &mut side[SQUARES]);
        let slope = error + config.regularisation * side[BIAS];
        side[BIAS_SQUARES] += slope * slope;
        let bias = side[BIAS] - config.learning_rate * slope / (side[BIAS_SQUARES] + DAMPING).sqrt();
        side[BIAS] = bias.clamp(-LONGEST, LONGEST);
    }
}

/// One Adagrad step of a vector on error·(own·other) + reg/2·|own|².
fn descend(own: &mut [f32], other: &[f32], error: f32, config: &MfConfig, squares: &mut f32) {
    let reg = config.regularisation;
    // The mean square of the gradient error·other + reg·own, without building it.
    let sum = error * error * dot(other, other) + 2.0 * error * reg * dot(other, own) + reg * reg * dot(own, own);
    *squares += sum.max(0.0) / own.len() as f32;
    let rate = config.learning_rate / (*squares + DAMPING).sqrt();
    let (keep, pull) = (1.0 - rate * reg, rate * error);
    for (w, o) in own.iter_mut().zip(other) {
        *w = keep * *w - pull * o;
    }
    let length = dot(own, own).sqrt();
    if length > LONGEST {
        let shrink = LONGEST / length;
        own.iter_mut().for_each(|w| *w *= shrink);
    }
}

impl Mf {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: MfConfig, seed: Seed) -> Self {
        let mut global = Table::new(2);
        global.grow_to(1);
        let users = Factors::new(config.dimensions, seed.named("users"));
        let items = Factors::new(config.dimensions, seed.named("items"));
        Self { config, users, items, global }
    }

    /// What a user adds to every logit, with the global bias; and the user's vector, if there is one.
    fn of_user(&self, user: Option<Slot>) -> (f32, Option<&[f32]>) {
        let base = self.global.floats(0)[0];
        match user.filter(|u| self.users.learned(*u)) {
            Some(u) => (base + self.users.bias(u), Some(self.users.vector(u))),
            None => (base, None),
        }
    }

    /// One logistic step on a pair. Returns whether it was skipped.
    fn step(&mut self, user: Slot, item: Slot, label: f32, weight: f32, scratch: &mut [f32]) -> bool {
        let (base, vector) = self.of_user(Some(user));
        let vector = vector.unwrap_or_default();
        let logit = base + self.items.bias(item) + dot(vector, self.items.vector(item));
        let error = weight * (sigmoid(logit) - label);
        if !error.is_finite() {
            return true;
        }
        // Both sides step from the values before.
        let (user_before, item_before) = scratch.split_at_mut(self.config.dimensions);
        user_before.copy_from_slice(vector);
        item_before.copy_from_slice(self.items.vector(item));
        self.items.step(item, user_before, error, &self.config);
        self.users.step(user, item_before, error, &self.config);
        let global = self.global.floats_mut(0);
        global[1] += error * error;
        let bias = global[0] - self.config.learning_rate * error / (global[1] + DAMPING).sqrt();
        global[0] = bias.clamp(-LONGEST, LONGEST);
        false
    }
}

impl Part for Mf {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![
            ("users".into(), &self.users.vectors),
            ("users.side".into(), &self.users.side),
            ("items".into(), &self.items.vectors),
            ("items.side".into(), &self.items.side),
            ("global".into(), &self.global),
        ]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![
            ("users".into(), &mut self.users.vectors),
            ("users.side".into(), &mut self.users.side),
            ("items".into(), &mut self.items.vectors),
            ("items.side".into(), &mut self.items.side),
            ("global".into(), &mut self.global),
        ]
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
        let (base, vector) = self.of_user(context.user);
        for (item, score) in items.iter().zip(scores) {
            *score = base + self.items.bias(*item) + vector.map_or(0.0, |v| dot(v, self.items.vector(*item)));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let (base, vector) = self.of_user(context.user);
        for (item, score) in scores.iter_mut().enumerate() {
            *score = base + self.items.bias(item as Slot);
        }
        let Some(vector) = vector else { return };
        for (first, rows) in self.items.vectors.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, score) in rows.chunks_exact(self.config.dimensions).zip(out) {
                *score += dot(vector, row);
            }
        }
    }

    fn logit(&self, score: f32) -> Option<f32> {
        Some(score)
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned { non_finite: 1 };
        }
        self.users.awaken(user, example.context.user_id, self.config.init);
        self.items.awaken(example.item, example.item_id, self.config.init);
        let weight = example.weight.min(HEAVIEST);
        let mut scratch = vec![0.0; 2 * self.config.dimensions];
        let mut skipped = u32::from(self.step(user, example.item, example.label.clamp(0.0, 1.0), weight, &mut scratch));
        for &negative in example.negatives {
            // One that never learned here has no id to draw its first vector from: it is left out.
            if self.items.learned(negative) {
                skipped += u32::from(self.step(user, negative, 0.0, weight, &mut scratch));
            }
        }
        Learned { non_finite: skipped }
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users.vectors, &mut self.users.side]);
        forgotten.zero_items(&mut [&mut self.items.vectors, &mut self.items.side]);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loss(label: f64, own: &[f64], other: &[f32], bias: f64, reg: f64) -> f64 {
        let logit: f64 = bias + own.iter().zip(other).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
        let signed = if label > 0.5 { -logit } else { logit };
        (1.0 + signed.exp()).ln() + 0.5 * reg * own.iter().map(|w| w * w).sum::<f64>()
    }

    proptest! {
        /// The step taken, divided by its rate, is the derivative of the loss.
        #[test]
        fn steps_follow_finite_differences(
            (own, other) in (1usize..40).prop_flat_map(|n| {
                let floats = || proptest::collection::vec(-1f32..1.0, n);
                (floats(), floats())
            }),
            bias in -2f32..2.0,
            positive: bool,
            reg in 0f32..0.5,
        ) {
            let config = MfConfig { regularisation: reg, ..MfConfig::default() };
            let label = if positive { 1.0 } else { 0.0 };
            let error = sigmoid(bias + dot(&own, &other)) - label;
            let (mut moved, mut squares) = (own.clone(), 0.0f32);
            descend(&mut moved, &other, error, &config, &mut squares);
            let rate = config.learning_rate / (squares + DAMPING).sqrt();
            let wide: Vec<f64> = own.iter().map(|w| f64::from(*w)).collect();
            let mut sum = 0.0;
            for k in 0..own.len() {
                let at = |h: f64| {
                    let mut nudged = wide.clone();
                    nudged[k] += h;
                    loss(f64::from(label), &nudged, &other, f64::from(bias), f64::from(reg))
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                let taken = f64::from((own[k] - moved[k]) / rate);
                prop_assert!((taken - numeric).abs() < 1e-4, "{k}: {taken} for {numeric}");
                sum += numeric * numeric;
            }
            prop_assert!((f64::from(squares) - sum / own.len() as f64).abs() < 1e-4);
        }
    }

    #[test]
    fn first_vectors_have_their_deviation() {
        let mut factors = Factors::new(64, Seed(2));
        let mut sum = 0.0;
        for row in 0..200 {
            factors.awaken(row, Id(u128::from(row)), 0.1);
            sum += dot(factors.vector(row), factors.vector(row));
        }
        assert!((sum / (200.0 * 64.0) - 0.01).abs() < 5e-4, "{sum}");
    }
}
