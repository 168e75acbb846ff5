//! The dense layers of a two-input network: (user, item) → hidden ReLU → one logit; learned by Adam in small batches.

use super::adam::adam;
use super::kernels::relu_dot;
use super::products::{add_outer, add_products, shaped, shaped_mut, transpose};
use super::{Kind, Layout, Rows};
use crate::rng::{Seed, unit_interval};
use crate::table::Table;
use multiversion::multiversion;
use ndarray::{ArrayView2, ArrayViewMut2};
use rand::Rng;

/// Weights and what learning them needs, each one contiguous block: a table row, so that views and checkpoints treat it
/// like everything else. ndarray gives the blocks their shapes; the loops are our own (see `products`), so that the bits do
/// not depend on the processor.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    /// Length of a user's and of an item's vector.
    vector: usize,
    hidden: usize,
    /// Row 0: W1 (one row an input, the user's first), b1, w2, b2.
    pub(super) weights: Table,
    /// Row 0: summed gradient of the batch that is being collected, first moments, second moments.
    pub(super) learning: Table,
    /// The two halves of W1, each the other way round, for going backwards. Derived; empty until it is needed.
    turned: Vec<f32>,
}

/// Examples going through the layers together: some users, and samples of an item each. Buffers are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// Vectors of the users, one after another; and of the items.
    pub(super) users: Vec<f32>,
    pub(super) items: Vec<f32>,
    /// By user: how many samples follow those of the user before.
    pub(super) counts: Vec<usize>,
    /// By sample: derivative of the loss by the logit.
    pub(super) errors: Vec<f32>,
    /// By user: the same for an item whose vector is zero, beside the samples. Empty: there is none.
    pub(super) newcomers: Vec<f32>,
    user_parts: Vec<f32>,
    item_parts: Vec<f32>,
    /// Gradients of the hidden units' inputs, by sample; and their sum by user.
    deltas: Vec<f32>,
    sums: Vec<f32>,
    /// Gradients by the users' vectors, and by the items'.
    pub(super) by_users: Vec<f32>,
    pub(super) by_items: Vec<f32>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        for floats in [&mut self.users, &mut self.items, &mut self.errors, &mut self.newcomers] {
            floats.clear();
        }
        self.counts.clear();
    }
}

/// The weights, or their gradient, in parts.
struct Parts<M, V> {
    user: M,
    item: M,
    b1: V,
    w2: V,
    b2: V,
}

impl Dense {
    /// Glorot's uniform weights; biases zero.
    pub(super) fn new(vector: usize, hidden: usize, seed: Seed) -> Self {
        let size = size(vector, hidden);
        let mut weights = Table::new(size);
        let mut stream = seed.stream();
        let mut draw = |fan: usize| {
            let reach = libm::sqrt(6.0 / fan as f64);
            (reach * (2.0 * unit_interval(stream.next_u64()) - 1.0)) as f32
        };
        let (w1, rest) = weights.floats_mut(0).split_at_mut(2 * vector * hidden);
        w1.fill_with(|| draw(2 * vector + hidden));
        rest[hidden..2 * hidden].fill_with(|| draw(hidden + 1));
        let mut learning = Table::new(3 * size);
        learning.grow_to(1);
        Self { vector, hidden, weights, learning, turned: Vec::new() }
    }

    /// Whether restored tables have the shape of these layers. What was derived from others is forgotten.
    pub(super) fn restored(&mut self) -> bool {
        self.turned.clear();
        let size = size(self.vector, self.hidden);
        let shape = |t: &Table| (t.width(), t.len());
        let fits = shape(&self.weights) == (size, 1) && shape(&self.learning) == (3 * size, 1);
        fits && self.learning.floats(0)[2 * size..].iter().all(|v| *v >= 0.0)
    }

    /// What the words of its tables are.
    pub(super) fn layout(&self, name: &str) -> [Layout; 2] {
        let called = |what: &str| format!("{name}.{what}");
        let size = size(self.vector, self.hidden);
        let weights = [
            (&*called("w1"), 2 * self.vector * self.hidden, Kind::Weight),
            (&*called("b1"), self.hidden, Kind::Weight),
            (&*called("w2"), self.hidden, Kind::Weight),
            (&*called("b2"), 1, Kind::Weight),
        ];
        let learning = [
            (&*called("gradient"), size, Kind::Float),
            (&*called("first_moments"), size, Kind::Float),
            (&*called("second_moments"), size, Kind::Amount),
        ];
        [Layout::new(name, Rows::Own, &weights), Layout::new(&called("learning"), Rows::Own, &learning)]
    }

    /// The same for readers: what only learning needs is left out.
    pub(super) fn drop_learning(&mut self) {
        self.learning = Table::new(self.learning.width());
        self.turned = Vec::new();
    }

    fn parts(&self) -> Parts<ArrayView2<'_, f32>, &[f32]> {
        let (user, rest) = self.weights.floats(0).split_at(self.vector * self.hidden);
        let (item, rest) = rest.split_at(self.vector * self.hidden);
        let (b1, rest) = rest.split_at(self.hidden);
        let (w2, b2) = rest.split_at(self.hidden);
        Parts { user: shaped(user, self.hidden), item: shaped(item, self.hidden), b1, w2, b2 }
    }

    /// b1 and the users' half of the input through W1, a row for each: shared by all items of a user.
    pub(super) fn user_parts(&self, users: ArrayView2<'_, f32>, parts: &mut [f32]) {
        let w = self.parts();
        parts.chunks_exact_mut(self.hidden).for_each(|part| part.copy_from_slice(w.b1));
        add_products(users, w.user, shaped_mut(parts, self.hidden));
    }

    /// b1 alone: the part of a user whose vector is zero.
    pub(super) fn nobody(&self) -> &[f32] {
        self.parts().b1
    }

    /// The items' half of the input through W1, a row for each.
    pub(super) fn item_parts(&self, items: ArrayView2<'_, f32>, parts: &mut [f32]) {
        parts.fill(0.0);
        add_products(items, self.parts().item, shaped_mut(parts, self.hidden));
    }

    /// The logit of two halves.
    #[inline]
    pub(super) fn logit(&self, user_part: &[f32], item_part: &[f32]) -> f32 {
        let w = self.parts();
        relu_dot(w.w2, user_part, item_part) + w.b2[0]
    }

    /// Logits of a batch's samples into `logits`; and, into `newcomers`, of every user with an item whose vector is zero.
    pub(super) fn forward(&self, batch: &mut Batch, logits: &mut Vec<f32>, newcomers: Option<&mut Vec<f32>>) {
        let (n, hidden) = (self.vector, self.hidden);
        batch.user_parts.resize(batch.counts.len() * hidden, 0.0);
        batch.item_parts.resize(batch.items.len() / n * hidden, 0.0);
        self.user_parts(shaped(&batch.users, n), &mut batch.user_parts);
        self.item_parts(shaped(&batch.items, n), &mut batch.item_parts);
        logits.clear();
        let w = self.parts();
        to_logits(batch, w.w2, w.b2[0], logits);
        if let Some(newcomers) = newcomers {
            let zeros = vec![0.0; hidden];
            newcomers.clear();
            newcomers.extend(batch.user_parts.chunks_exact(hidden).map(|user| self.logit(user, &zeros)));
        }
    }

    /// Adds the gradient of a batch, which went forward, to what is collected for the next step. Leaves in the batch the
    /// gradients by the users' vectors and by the items'.
    pub(super) fn backward(&mut self, batch: &mut Batch) {
        let (n, hidden) = (self.vector, self.hidden);
        self.turn();
        batch.deltas.resize(batch.errors.len() * hidden, 0.0);
        batch.sums.clear();
        batch.sums.resize(batch.counts.len() * hidden, 0.0);
        let block = &mut self.learning.floats_mut(0)[..size(n, hidden)];
        let (user, rest) = block.split_at_mut(n * hidden);
        let (item, rest) = rest.split_at_mut(n * hidden);
        let (b1, rest) = rest.split_at_mut(hidden);
        let (w2, b2) = rest.split_at_mut(hidden);
        let (user, item) = (shaped_mut(user, hidden), shaped_mut(item, hidden));
        let gradient: Parts<ArrayViewMut2<'_, f32>, &mut [f32]> = Parts { user, item, b1, w2, b2 };
        let weights = &self.weights.floats(0)[(2 * n + 1) * hidden..][..hidden];
        through_relu(batch, weights, gradient.w2, gradient.b2, gradient.b1);
        let (sums, deltas) = (shaped(&batch.sums, hidden), shaped(&batch.deltas, hidden));
        let (user, item) = self.turned.split_at(n * hidden);
        for (by, count) in [(&mut batch.by_users, batch.counts.len()), (&mut batch.by_items, batch.errors.len())] {
            by.clear();
            by.resize(count * n, 0.0);
        }
        add_products(sums, shaped(user, n), shaped_mut(&mut batch.by_users, n));
        add_products(deltas, shaped(item, n), shaped_mut(&mut batch.by_items, n));
        add_outer(shaped(&batch.users, n), sums, gradient.user);
        add_outer(shaped(&batch.items, n), deltas, gradient.item);
    }

    /// Turns the halves of W1 round, if they are not.
    fn turn(&mut self) {
        if self.turned.is_empty() {
            let half = self.vector * self.hidden;
            self.turned.resize(2 * half, 0.0);
            let (user, item) = self.turned.split_at_mut(half);
            let (of_user, of_item) = self.weights.floats(0)[..2 * half].split_at(half);
            transpose(shaped(of_user, self.hidden), user);
            transpose(shaped(of_item, self.hidden), item);
        }
    }

    /// One step with the collected gradient divided by `count`, which begins the next batch.
    pub(super) fn step(&mut self, count: u32, rate: f32, step: u64) {
        let size = size(self.vector, self.hidden);
        let (gradient, moments) = self.learning.floats_mut(0).split_at_mut(size);
        let (first, second) = moments.split_at_mut(size);
        let share = 1.0 / count.max(1) as f32;
        adam(self.weights.floats_mut(0), gradient, share, [first, second], rate, step as f64);
        gradient.fill(0.0);
        self.turned.clear();
    }
}

const fn size(vector: usize, hidden: usize) -> usize {
    (2 * vector + 2) * hidden + 1
}

/// The output layer.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn to_logits(batch: &Batch, weights: &[f32], bias: f32, logits: &mut Vec<f32>) {
    let mut items = batch.item_parts.chunks_exact(weights.len());
    for (user, count) in batch.user_parts.chunks_exact(weights.len()).zip(&batch.counts) {
        for item in items.by_ref().take(*count) {
            logits.push(relu_dot(weights, user, item) + bias);
        }
    }
}

/// Errors through the output layer and the ReLU: only units above zero pass them on. Adds to the gradients of w2, b2
/// and b1, sample by sample.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn through_relu(batch: &mut Batch, weights: &[f32], w2: &mut [f32], b2: &mut [f32], b1: &mut [f32]) {
    let hidden = weights.len();
    let mut samples = batch.errors.iter().zip(batch.item_parts.chunks_exact(hidden));
    let mut deltas = batch.deltas.chunks_exact_mut(hidden);
    let zeros = vec![0.0; hidden];
    let mut spare = vec![0.0; hidden];
    let users = batch.user_parts.chunks_exact(hidden).zip(batch.sums.chunks_exact_mut(hidden));
    for (n, ((user, sum), count)) in users.zip(&batch.counts).enumerate() {
        let own = samples.by_ref().take(*count).zip(deltas.by_ref());
        for ((error, item), delta) in own {
            pass(*error, weights, user, item, delta, sum, w2);
            b2[0] += error;
        }
        if let Some(error) = batch.newcomers.get(n) {
            pass(*error, weights, user, &zeros, &mut spare, sum, w2);
            b2[0] += error;
        }
        b1.iter_mut().zip(&*sum).for_each(|(b, s)| *b += s);
    }
}

#[inline(always)]
fn pass(
    error: f32,
    weights: &[f32],
    user: &[f32],
    item: &[f32],
    delta: &mut [f32],
    sum: &mut [f32],
    gradient: &mut [f32],
) {
    let inputs = weights.iter().zip(user).zip(item);
    for (((((w, u), i), d), s), g) in inputs.zip(delta).zip(sum).zip(gradient) {
        let input = u + i;
        *d = if input > 0.0 { error * w } else { 0.0 };
        *s += *d;
        *g += error * if input > 0.0 { input } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::sigmoid;
    use proptest::prelude::*;

    const N: usize = 3;
    const HIDDEN: usize = 7;

    /// The network written plainly, in doubles: the loss of samples (item, label) of one user.
    fn loss(weights: &[f64], user: &[f64], samples: &[(Vec<f64>, bool)]) -> f64 {
        let (w1, rest) = weights.split_at(2 * N * HIDDEN);
        let one = |(item, positive): &(Vec<f64>, bool)| {
            let mut logit = rest[2 * HIDDEN];
            for h in 0..HIDDEN {
                let inputs = user.iter().chain(item).enumerate();
                let sum: f64 = rest[h] + inputs.map(|(d, x)| x * w1[d * HIDDEN + h]).sum::<f64>();
                logit += rest[HIDDEN + h] * sum.max(0.0);
            }
            (1.0 + if *positive { -logit } else { logit }.exp()).ln()
        };
        samples.iter().map(one).sum()
    }

    /// Whether a hidden unit stands so near its kink that a finite difference would step over it.
    fn kinks(weights: &[f64], user: &[f64], item: &[f64]) -> bool {
        let (w1, rest) = weights.split_at(2 * N * HIDDEN);
        let sum = |h: usize| -> f64 {
            let inputs = user.iter().chain(item).enumerate();
            rest[h] + inputs.map(|(d, x)| x * w1[d * HIDDEN + h]).sum::<f64>()
        };
        (0..HIDDEN).any(|h| sum(h).abs() < 1e-5)
    }

    fn derivative(f: impl Fn(f64) -> f64) -> f64 {
        (f(1e-6) - f(-1e-6)) / 2e-6
    }

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-1f32..1.0, N)
    }

    fn wide(v: &[f32]) -> Vec<f64> {
        v.iter().map(|x| f64::from(*x)).collect()
    }

    proptest! {
        #[test]
        fn gradients_agree_with_finite_differences(
            seed: u64,
            user in vector(),
            items in proptest::collection::vec(vector(), 1..5),
        ) {
            let mut dense = Dense::new(N, HIDDEN, Seed(seed));
            let mut batch = Batch { users: user.clone(), items: items.concat(), ..Batch::default() };
            batch.counts.push(items.len());
            let mut logits = Vec::new();
            dense.forward(&mut batch, &mut logits, None);
            let error = |(n, logit): (usize, &f32)| sigmoid(*logit) - if n == 0 { 1.0 } else { 0.0 };
            batch.errors.extend(logits.iter().enumerate().map(error));
            dense.backward(&mut batch);
            let (by_user, by_items) = (&batch.by_users, &batch.by_items);

            let weights = wide(dense.weights.floats(0));
            // At a unit's kink there is no derivative to compare with.
            prop_assume!(items.iter().all(|item| !kinks(&weights, &wide(&user), &wide(item))));
            let plain: Vec<_> = items.iter().enumerate().map(|(n, item)| (wide(item), n == 0)).collect();
            let near = |found: f32, exact: f64| (f64::from(found) - exact).abs() < 1e-4;
            for (k, found) in dense.learning.floats(0)[..size(N, HIDDEN)].iter().enumerate() {
                let exact = derivative(|h| {
                    let mut moved = weights.clone();
                    moved[k] += h;
                    loss(&moved, &wide(&user), &plain)
                });
                prop_assert!(near(*found, exact), "weight {k}: {found} for {exact}");
            }
            for d in 0..N {
                let exact = derivative(|h| {
                    let mut moved = wide(&user);
                    moved[d] += h;
                    loss(&weights, &moved, &plain)
                });
                prop_assert!(near(by_user[d], exact), "user {d}: {} for {exact}", by_user[d]);
                for n in 0..plain.len() {
                    let exact = derivative(|h| {
                        let mut moved = plain.clone();
                        moved[n].0[d] += h;
                        loss(&weights, &wide(&user), &moved)
                    });
                    prop_assert!(near(by_items[n * N + d], exact), "item {n}, {d}: {exact}");
                }
            }
        }
    }

    #[test]
    fn a_step_takes_the_batch_and_begins_the_next() {
        let mut dense = Dense::new(N, HIDDEN, Seed(1));
        let size = size(N, HIDDEN);
        dense.learning.floats_mut(0)[..size].fill(4.0);
        let before = dense.weights.floats(0).to_vec();
        dense.step(2, 0.01, 1);
        assert!(before.iter().zip(dense.weights.floats(0)).all(|(a, b)| (a - b - 0.01).abs() < 1e-4));
        assert!(dense.learning.floats(0)[..size].iter().all(|g| *g == 0.0));
        assert!((dense.learning.floats(0)[size + 5] - 0.2).abs() < 1e-6);
        assert!(dense.restored());
    }
}
