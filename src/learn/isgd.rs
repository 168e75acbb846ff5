//! Incremental SGD as published: the baseline of streaming recommenders.

use super::gram::{Gram, LARGEST};
use super::kernels::dot;
use super::model::{Context, Example, Learned, Model, Slot};
use super::{Forgotten, Kind, Layout, Renumber, Rows};
use crate::event::Id;
use crate::rng::{Seed, unit_interval};
use crate::table::{Part, PartError, Table};
use rand::Rng;
use std::sync::Arc;

/// Parameters of [`Isgd`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IsgdConfig {
    /// Length of the vectors.
    pub dimensions: usize,
    /// Step size.
    pub learning_rate: f32,
    /// L2 regularisation.
    pub regularisation: f32,
    /// Standard deviation of first vectors.
    pub init: f32,
}

impl Default for IsgdConfig {
    fn default() -> Self {
        Self { dimensions: 10, learning_rate: 0.1, regularisation: 0.01, init: 0.1 }
    }
}

/// For each positive on (u, i), with e = 1 − p_u·q_i: p_u += lr·(e·q_i − reg·p_u), q_i += lr·(e·p_u − reg·q_i). No
/// negatives, no biases. Score = −|1 − p_u·q_i|: the nearer to 1, the better (Vinagre, Jorge & Gama 2014, "Fast
/// incremental matrix factorization for recommendation with positive-only feedback"). A user who never learned is
/// answered for by the mean of those who did, a case that the paper leaves out.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Isgd, IsgdConfig, Model};
/// use reiver::rng::Seed;
/// let mut isgd = Isgd::new(IsgdConfig::default(), Seed(1));
/// let context = Context { user: Some(0), user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let taken = Example { context, item: 0, item_id: Id::of("i"), label: 1.0, weight: 1.0, negatives: &[] };
/// for _ in 0..200 {
///     isgd.learn(&taken);
/// }
/// let mut scores = [0.0; 2];
/// isgd.score_all(&context, &mut scores);
/// assert!(scores[0] > -0.2 && scores[1] == -1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Isgd {
    config: IsgdConfig,
    /// A row of zeros never learned.
    users: Table,
    items: Table,
    /// For the mean user.
    sums: Gram,
    seed: Seed,
}

impl Isgd {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: IsgdConfig, seed: Seed) -> Self {
        let n = config.dimensions;
        Self { config, users: Table::new(n), items: Table::new(n), sums: Gram::new(n), seed }
    }

    fn first(&self, side: &str, id: Id) -> Vec<f32> {
        let mut stream = self.seed.named(side).keyed(id.0).stream();
        // A uniform draw has this deviation with a reach of √3 times it.
        let reach = 1.732_050_8 * self.config.init;
        (0..self.config.dimensions).map(|_| reach * (2.0 * unit_interval(stream.next_u64()) - 1.0) as f32).collect()
    }

    fn of_user(&self, context: &Context<'_>) -> Vec<f32> {
        match context.user.map(|u| self.users.floats(u as usize)).filter(|p| known(p)) {
            Some(vector) => vector.to_vec(),
            None => self.sums.mean(),
        }
    }
}

fn known(vector: &[f32]) -> bool {
    vector.iter().any(|x| *x != 0.0)
}

fn score(user: &[f32], item: &[f32]) -> f32 {
    -(1.0 - dot(user, item)).abs()
}

/// One side's step; entries stay within reach of the sums.
fn step(own: &mut [f32], other: &[f32], error: f32, config: &IsgdConfig) {
    for (w, o) in own.iter_mut().zip(other) {
        let moved = *w + config.learning_rate * (error * o - config.regularisation * *w);
        *w = moved.clamp(-LARGEST, LARGEST);
    }
}

impl Part for Isgd {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("users".into(), &self.users), ("items".into(), &self.items), ("users.sums".into(), &self.sums.sums)]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![
            ("users".into(), &mut self.users),
            ("items".into(), &mut self.items),
            ("users.sums".into(), &mut self.sums.sums),
        ]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        let n = self.config.dimensions;
        if self.users.width() == n && self.items.width() == n && self.sums.fits() {
            return Ok(());
        }
        Err(PartError("isgd: tables of another shape".to_owned()))
    }
}

impl Model for Isgd {
    fn kind(&self) -> &'static str {
        "isgd"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let user = self.of_user(context);
        for (item, out) in items.iter().zip(scores) {
            *out = score(&user, self.items.floats(*item as usize));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let user = self.of_user(context);
        // What an item's row of zeros gets.
        scores.fill(-1.0);
        for (first, rows) in self.items.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            for (row, out) in rows.chunks_exact(self.config.dimensions).zip(out) {
                *out = score(&user, row);
            }
        }
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        if example.label <= 0.0 {
            return Learned::default();
        }
        let before = self.users.floats(user as usize).to_vec();
        let old = known(&before).then_some(&before[..]);
        let mut p = old.map_or_else(|| self.first("users", example.context.user_id), <[f32]>::to_vec);
        let mut q = self.items.floats(example.item as usize).to_vec();
        if !known(&q) {
            q = self.first("items", example.item_id);
        }
        let error = 1.0 - dot(&p, &q);
        // The item steps from the user's vector after its step, as in the paper's listing.
        step(&mut p, &q, error, &self.config);
        step(&mut q, &p, error, &self.config);
        self.sums.replace(old, &p);
        self.users.floats_mut(user as usize).copy_from_slice(&p);
        self.items.floats_mut(example.item as usize).copy_from_slice(&q);
        Learned::default()
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        for &user in &forgotten.users {
            let row = self.users.floats(user as usize);
            if known(row) {
                self.sums.remove(row);
            }
        }
        forgotten.zero_users(&mut [&mut self.users]);
        forgotten.zero_items(&mut [&mut self.items]);
    }

    fn layout(&self) -> Vec<Layout> {
        let n = self.config.dimensions;
        let side = |name: &str, rows| Layout::new(name, rows, &[(&format!("{name}.vectors"), n, Kind::Weight)]);
        vec![side("users", Rows::Users), side("items", Rows::Items), self.sums.layout("users.sums")]
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users]);
        to.move_items(&mut [&mut self.items]);
        self.sums = Gram::of(self.config.dimensions, &self.users);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Time;

    #[test]
    fn a_step_is_that_of_the_paper() {
        let config = IsgdConfig { dimensions: 2, ..IsgdConfig::default() };
        let mut isgd = Isgd::new(config, Seed(1));
        isgd.users.floats_mut(0).copy_from_slice(&[0.5, -0.25]);
        isgd.items.floats_mut(3).copy_from_slice(&[0.5, 0.5]);
        let context = Context { user: Some(0), user_id: Id(1), recent: &[], time: Time(0) };
        let example = Example { context, item: 3, item_id: Id(2), label: 1.0, weight: 1.0, negatives: &[] };
        isgd.learn(&example);
        // e = 1 − 0.125 = 0.875
        let p = [0.5 + 0.1 * (0.875 * 0.5 - 0.01 * 0.5), -0.25 + 0.1 * (0.875 * 0.5 + 0.01 * 0.25)];
        let q = p.map(|p: f32| 0.5 + 0.1 * (0.875 * p - 0.01 * 0.5));
        for (found, expected) in isgd.users.floats(0).iter().chain(isgd.items.floats(3)).zip(p.iter().chain(&q)) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        let before = isgd.users.floats(0).to_vec();
        isgd.learn(&Example { label: 0.0, ..example });
        assert_eq!(isgd.users.floats(0), before);
    }
}
