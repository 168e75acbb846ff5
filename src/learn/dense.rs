//! The dense layers of a two-input network: (user, item) → hidden ReLU → one logit; learned by Adam in small batches.

use super::adam::adam;
use super::kernels::{add_product, axpy, dot, relu_dot};
use super::{Kind, Layout, Rows};
use crate::rng::{Seed, unit_interval};
use crate::table::Table;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::Rng;

/// Weights and what learning them needs, each kind one contiguous block: a table row, so that views and checkpoints
/// treat it like everything else. ndarray gives the blocks their shapes; the loops are our own (see `kernels`), so
/// that the bits do not depend on the processor.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    inputs: usize,
    hidden: usize,
    /// Row 0: W1 (inputs × hidden, one row an input), b1, w2, b2.
    pub(super) weights: Table,
    /// Rows: summed gradient of the batch that is being collected, first moments, second moments.
    pub(super) learning: Table,
}

const GRADIENT: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;

/// The weights in their shapes.
pub(super) struct Layers<'a> {
    /// W1: one row per input; the first half belongs to the user.
    w1: ArrayView2<'a, f32>,
    b1: ArrayView1<'a, f32>,
    w2: ArrayView1<'a, f32>,
    b2: f32,
}

/// One example going backwards.
pub(super) struct Sample<'a> {
    /// The item's vector.
    pub(super) item: &'a [f32],
    /// The item's half of the hidden layer's input.
    pub(super) part: &'a [f32],
    /// Derivative of the loss by the logit.
    pub(super) error: f32,
}

impl Dense {
    /// Glorot's uniform weights; biases zero.
    pub(super) fn new(inputs: usize, hidden: usize, seed: Seed) -> Self {
        let size = (inputs + 2) * hidden + 1;
        let mut weights = Table::new(size);
        let mut stream = seed.stream();
        let mut draw = |fan: usize| {
            let reach = libm::sqrt(6.0 / fan as f64);
            (reach * (2.0 * unit_interval(stream.next_u64()) - 1.0)) as f32
        };
        let (w1, rest) = weights.floats_mut(0).split_at_mut(inputs * hidden);
        w1.fill_with(|| draw(inputs + hidden));
        rest[hidden..2 * hidden].fill_with(|| draw(hidden + 1));
        let mut learning = Table::new(size);
        learning.grow_to(3);
        Self { inputs, hidden, weights, learning }
    }

    /// Whether restored tables have the shape of these layers.
    pub(super) fn fits(&self) -> bool {
        let size = (self.inputs + 2) * self.hidden + 1;
        let shape = |t: &Table| (t.width(), t.len());
        let fits = shape(&self.weights) == (size, 1) && shape(&self.learning) == (size, 3);
        fits && self.learning.floats(SECOND).iter().all(|v| *v >= 0.0)
    }

    /// What the words of its tables are.
    pub(super) fn layout(&self, name: &str) -> [Layout; 2] {
        let called = |what: &str| format!("{name}.{what}");
        let weights = [
            (&*called("w1"), self.inputs * self.hidden, Kind::Weight),
            (&*called("b1"), self.hidden, Kind::Weight),
            (&*called("w2"), self.hidden, Kind::Weight),
            (&*called("b2"), 1, Kind::Weight),
        ];
        let learning = Layout::single(&called("learning"), Rows::Own, self.learning.width(), Kind::Float);
        [Layout::new(name, Rows::Own, &weights), learning]
    }

    pub(super) fn layers(&self) -> Layers<'_> {
        let (w1, b1, w2, b2) = split(self.weights.floats(0), self.inputs, self.hidden);
        let w1 = ArrayView2::from_shape((self.inputs, self.hidden), w1).expect("the block was cut to this shape");
        Layers { w1, b1: b1.into(), w2: w2.into(), b2: b2[0] }
    }

    /// Adds the gradient of some samples of one user to the batch. Returns the gradients by the user's vector, and
    /// by each item's, one after another.
    pub(super) fn backward(&mut self, user: &[f32], user_part: &[f32], samples: &[Sample<'_>]) -> (Vec<f32>, Vec<f32>) {
        let (n, hidden) = (self.inputs / 2, self.hidden);
        let mut deltas = vec![0.0; samples.len() * hidden];
        let mut all = vec![0.0; hidden];
        let mut by_items = vec![0.0; samples.len() * n];
        let mut by_user = vec![0.0; n];
        let layers = self.layers();
        let w2 = layers.w2.to_slice().unwrap_or_default();
        for (sample, delta) in samples.iter().zip(deltas.chunks_exact_mut(hidden)) {
            // Through the ReLU: only units above zero pass the error on.
            for (((d, w), u), i) in delta.iter_mut().zip(w2).zip(user_part).zip(sample.part) {
                *d = if u + i > 0.0 { sample.error * w } else { 0.0 };
            }
            axpy(1.0, delta, &mut all);
        }
        for d in 0..n {
            by_user[d] = dot(layers.row(d), &all);
            let row = layers.row(n + d);
            for (delta, by_item) in deltas.chunks_exact(hidden).zip(by_items.chunks_exact_mut(n)) {
                by_item[d] = dot(row, delta);
            }
        }
        let mut g = Gradient::of(self.learning.floats_mut(GRADIENT), self.inputs, hidden);
        for (d, u) in user.iter().enumerate().take(n) {
            axpy(*u, &all, g.row(d));
            for (sample, delta) in samples.iter().zip(deltas.chunks_exact(hidden)) {
                axpy(sample.item[d], delta, g.row(n + d));
            }
        }
        g.biases(&all, user_part, samples);
        (by_user, by_items)
    }

    /// One step with the collected gradient divided by `count`, which begins the next batch.
    pub(super) fn step(&mut self, count: u32, rate: f32, step: u64) {
        let mut gradient = self.learning.floats(GRADIENT).to_vec();
        let share = 1.0 / count.max(1) as f32;
        gradient.iter_mut().for_each(|g| *g *= share);
        self.learning.floats_mut(GRADIENT).fill(0.0);
        let mut first = self.learning.floats(FIRST).to_vec();
        let second = self.learning.floats_mut(SECOND);
        adam(self.weights.floats_mut(0), &gradient, &mut first, second, rate, step as f64);
        self.learning.floats_mut(FIRST).copy_from_slice(&first);
    }
}

/// A block in its four parts.
fn split(block: &[f32], inputs: usize, hidden: usize) -> (&[f32], &[f32], &[f32], &[f32]) {
    let (w1, rest) = block.split_at(inputs * hidden);
    let (b1, rest) = rest.split_at(hidden);
    let (w2, b2) = rest.split_at(hidden);
    (w1, b1, w2, b2)
}

/// The gradient's block in its shapes.
struct Gradient<'a> {
    w1: ArrayViewMut2<'a, f32>,
    b1: ArrayViewMut1<'a, f32>,
    w2: ArrayViewMut1<'a, f32>,
    b2: &'a mut f32,
}

impl<'a> Gradient<'a> {
    fn of(block: &'a mut [f32], inputs: usize, hidden: usize) -> Self {
        let (w1, rest) = block.split_at_mut(inputs * hidden);
        let (b1, rest) = rest.split_at_mut(hidden);
        let (w2, b2) = rest.split_at_mut(hidden);
        let w1 = ArrayViewMut2::from_shape((inputs, hidden), w1).expect("the block was cut to this shape");
        Self { w1, b1: b1.into(), w2: w2.into(), b2: &mut b2[0] }
    }

    fn row(&mut self, input: usize) -> &mut [f32] {
        let hidden = self.b1.len();
        let block = self.w1.as_slice_mut().unwrap_or_default();
        &mut block[input * hidden..(input + 1) * hidden]
    }

    fn biases(&mut self, deltas: &[f32], user_part: &[f32], samples: &[Sample<'_>]) {
        axpy(1.0, deltas, self.b1.as_slice_mut().unwrap_or_default());
        let w2 = self.w2.as_slice_mut().unwrap_or_default();
        for sample in samples {
            for ((g, u), i) in w2.iter_mut().zip(user_part).zip(sample.part) {
                *g += sample.error * if u + i > 0.0 { u + i } else { 0.0 };
            }
            *self.b2 += sample.error;
        }
    }
}

impl<'a> Layers<'a> {
    /// Weights from one input to the hidden units.
    fn row(&self, input: usize) -> &'a [f32] {
        self.w1.slice_move_row(input)
    }

    /// b1 and the user's half of the input through W1: shared by all items of one user.
    pub(super) fn user_part(&self, user: &[f32]) -> Vec<f32> {
        let mut part = self.b1.to_vec();
        let half = self.w1.slice(s![..self.w1.nrows() / 2, ..]);
        add_product(user, half.to_slice().unwrap_or_default(), &mut part);
        part
    }

    /// The item's half of the input through W1, into `part`.
    pub(super) fn item_part(&self, item: &[f32], part: &mut [f32]) {
        part.fill(0.0);
        let half = self.w1.slice(s![self.w1.nrows() / 2.., ..]);
        add_product(item, half.to_slice().unwrap_or_default(), part);
    }

    /// The logit of two halves.
    #[inline]
    pub(super) fn logit(&self, user_part: &[f32], item_part: &[f32]) -> f32 {
        relu_dot(self.w2.to_slice().unwrap_or_default(), user_part, item_part) + self.b2
    }
}

/// A row of a matrix for as long as the matrix lives.
trait SliceRow<'a> {
    fn slice_move_row(&self, row: usize) -> &'a [f32];
}

impl<'a> SliceRow<'a> for ArrayView2<'a, f32> {
    fn slice_move_row(&self, row: usize) -> &'a [f32] {
        let width = self.ncols();
        self.to_slice().map_or(&[], |block| &block[row * width..(row + 1) * width])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let mut dense = Dense::new(2 * N, HIDDEN, Seed(seed));
            let layers = dense.layers();
            let user_part = layers.user_part(&user);
            let mut parts = vec![vec![0.0; HIDDEN]; items.len()];
            let mut samples = Vec::new();
            for (n, (item, part)) in items.iter().zip(&mut parts).enumerate() {
                layers.item_part(item, part);
                let label = if n == 0 { 1.0 } else { 0.0 };
                let error = crate::learn::kernels::sigmoid(layers.logit(&user_part, part)) - label;
                samples.push(Sample { item, part, error });
            }
            let (by_user, by_items) = dense.backward(&user, &user_part, &samples);

            let weights = wide(dense.weights.floats(0));
            // At a unit's kink there is no derivative to compare with.
            prop_assume!(items.iter().all(|item| !kinks(&weights, &wide(&user), &wide(item))));
            let plain: Vec<_> = items.iter().enumerate().map(|(n, item)| (wide(item), n == 0)).collect();
            let near = |found: f32, exact: f64| (f64::from(found) - exact).abs() < 1e-4;
            for (k, found) in dense.learning.floats(GRADIENT).iter().enumerate() {
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
        let mut dense = Dense::new(2 * N, HIDDEN, Seed(1));
        dense.learning.floats_mut(GRADIENT).fill(4.0);
        let before = dense.weights.floats(0).to_vec();
        dense.step(2, 0.01, 1);
        assert!(before.iter().zip(dense.weights.floats(0)).all(|(a, b)| (a - b - 0.01).abs() < 1e-4));
        assert!(dense.learning.floats(GRADIENT).iter().all(|g| *g == 0.0));
        assert!((dense.learning.floats(FIRST)[5] - 0.2).abs() < 1e-6);
        assert!(dense.fits());
    }
}
