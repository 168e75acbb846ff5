//! Rows that know how sure they are: a vector, a bias, and the precision of each; learned by steps of second order.

use super::kernels::{dot, sigmoid};
use super::{Kind, Layout, Rows};
use crate::event::Id;
use crate::rng::Seed;
use crate::table::PartError;
use rand::Rng;

/// Floats of a row behind its vector.
pub(super) const SIDE: usize = 4;
/// Where, behind the vector: the bias; the precision of the vector's entries and of the bias (both 0 until the row
/// first learns); how often the row learned.
const BIAS: usize = 0;
const PRECISION: usize = 1;
const BIAS_PRECISION: usize = 2;
const COUNT: usize = 3;
/// Entries of vectors and biases stay within this: no stream, however one-sided, makes a score infinite.
const LARGEST: f32 = 8.0;
/// One example moves a bias at most by this, and a vector at most by this times the other one.
const LONGEST_STEP: f32 = 1.0;
/// Floats that are stepped at once.
const CHUNK: usize = 8;
/// Counts are exact up to here.
const MOST: f32 = 16_777_216.0;

/// What the words of a table of such rows are.
pub(super) fn layout(name: &str, rows: Rows, dimensions: usize) -> Layout {
    let called = |what: &str| format!("{name}.{what}");
    Layout::new(
        name,
        rows,
        &[
            (&called("vectors"), dimensions, Kind::Weight),
            (&called("bias"), 1, Kind::Weight),
            (&called("precision"), 1, Kind::Amount),
            (&called("bias_precision"), 1, Kind::Amount),
            (&called("count"), 1, Kind::Amount),
        ],
    )
}

/// What is believed of a row before it learned, and how fast what it learned is forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prior {
    /// Standard deviation of first vectors.
    pub(super) deviation: f32,
    /// Precision (1 / variance) of a vector's entries.
    pub(super) precision: f32,
    /// Precision of the bias.
    pub(super) bias_precision: f32,
    /// Share of a vector's gathered precision that each example takes away: old evidence fades, steps never end.
    pub(super) forget: f32,
    /// The same for the bias.
    pub(super) bias_forget: f32,
}

/// The bias of all examples, and its precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Base {
    pub(super) bias: f32,
    pub(super) precision: f32,
}

/// The base's precision before the first example, and how fast it forgets.
const BASE_PRECISION: f32 = 1.0;
const BASE_FORGET: f32 = 4e-4;

impl Base {
    /// For a checkpoint: the bits of both numbers.
    pub(super) fn to_json(self) -> Vec<u8> {
        format!("[{},{}]", self.bias.to_bits(), self.precision.to_bits()).into_bytes()
    }

    /// Back from [`Base::to_json`].
    pub(super) fn from_json(json: &[u8]) -> Result<Self, PartError> {
        let [bias, precision]: [u32; 2] =
            serde_json::from_slice(json).map_err(|e| PartError(format!("bias and precision of all: {e}")))?;
        let read = Self { bias: f32::from_bits(bias), precision: f32::from_bits(precision) };
        if read.bias.is_finite() && read.precision.is_finite() && read.precision > 0.0 {
            return Ok(read);
        }
        Err(PartError(format!("bias {} of precision {}", read.bias, read.precision)))
    }
}

impl Default for Base {
    fn default() -> Self {
        Self { bias: 0.0, precision: BASE_PRECISION }
    }
}

/// The derivative of a weighted logistic loss by the logit, and its curvature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    pub(super) error: f32,
    pub(super) curvature: f32,
}

impl Slope {
    #[inline]
    pub(super) fn at(logit: f32, label: f32, weight: f32) -> Self {
        let p = sigmoid(logit);
        Self { error: weight * (p - label), curvature: weight * p * (1.0 - p) }
    }
}

impl Base {
    /// Its numbers.
    pub(super) const fn numbers(self) -> [f32; 2] {
        [self.bias, self.precision]
    }

    /// Moves by the sum of what shards made of it; what a single one did is taken as it is.
    pub(super) fn settle<'a>(&mut self, shards: impl Iterator<Item = &'a [f32; 2]>) {
        let before = *self;
        for (n, [bias, precision]) in shards.enumerate() {
            *self = match n {
                0 => Self { bias: *bias, precision: *precision },
                _ => Self {
                    bias: self.bias + (bias - before.bias),
                    precision: self.precision + (precision - before.precision),
                },
            };
        }
        self.bias = cut(self.bias, LARGEST);
        self.precision = self.precision.max(BASE_PRECISION);
    }

    /// A step of second order on one example.
    #[inline]
    pub(super) fn learn(&mut self, slope: Slope) {
        self.bias = cut(self.bias - cut(slope.error * (1.0 / self.precision), LONGEST_STEP), LARGEST);
        self.precision += slope.curvature - BASE_FORGET * (self.precision - BASE_PRECISION);
    }
}

/// Whether a row ever learned.
#[inline]
pub(super) fn learned(row: &[f32], k: usize) -> bool {
    row[k + PRECISION] > 0.0
}

/// A row's bias; 0 until it learned.
#[inline]
pub(super) const fn bias(row: &[f32], k: usize) -> f32 {
    row[k + BIAS]
}

/// How often a row learned.
#[inline]
pub(super) const fn count(row: &[f32], k: usize) -> f32 {
    row[k + COUNT]
}

/// Draws a row's first vector from its id: sums of four uniforms, near enough to normal and the same everywhere.
#[cold]
pub(super) fn awaken(row: &mut [f32], k: usize, seed: Seed, id: Id, prior: &Prior) {
    let mut stream = seed.keyed(id.0).stream();
    let (vector, side) = row.split_at_mut(k);
    for w in vector {
        let bits = stream.next_u64();
        let sum: u32 = (0..4).map(|k| (bits >> (16 * k)) as u32 & 0xffff).sum();
        // Four uniforms on [0, 1) have mean 2 and variance 1/3.
        *w = prior.deviation * (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8;
    }
    side[PRECISION] = prior.precision;
    side[BIAS_PRECISION] = prior.bias_precision;
}

/// Fills a row with what somebody else learned: as sure of it as after some twenty examples.
pub(super) fn adopt(row: &mut [f32], vector: &[f32], bias: f32, prior: &Prior) -> bool {
    /// Examples, and the most curvature that each brings.
    const EXAMPLES: f32 = 20.0;
    const EACH: f32 = 0.25;
    let Some((of_vector, side)) = row.split_at_mut_checked(vector.len()).filter(|(_, side)| side.len() == SIDE) else {
        return false;
    };
    for (own, x) in of_vector.iter_mut().zip(vector) {
        *own = cut(*x, LARGEST);
    }
    side[BIAS] = cut(bias, LARGEST);
    side[PRECISION] = prior.precision + EXAMPLES * EACH;
    side[BIAS_PRECISION] = prior.bias_precision + EXAMPLES * EACH;
    side[COUNT] = EXAMPLES;
    true
}

/// How both sides of a pair step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) user: Prior,
    pub(super) item: Prior,
    /// Part of a full step that is taken by vectors, and their L2 regularisation.
    rate: f32,
    regularisation: f32,
}

impl Step {
    /// Priors that served both clicks and rankings on MovieLens-1M, at 8 as at 32 dimensions. A user begins in the
    /// middle and an item off it: one of two zero vectors has to break the tie, and items are met more often.
    pub(super) const fn new(rate: f32, regularisation: f32) -> Self {
        let user = Prior { deviation: 0.01, precision: 5.0, bias_precision: 2.7, forget: 4e-4, bias_forget: 0.036 };
        let item = Prior { deviation: 0.08, precision: 1.5, bias_precision: 1.5, forget: 1e-3, bias_forget: 1.9e-3 };
        Self { user, item, rate, regularisation }
    }
}

/// A step of second order of two rows that met: each moves along the other's vector, divided by its precision, which
/// gathers the curvature of the loss (its diagonal, averaged over the vector's entries).
///
/// The precision that divides is the one from before. It is known before the error is, so that the divisions need not
/// wait for it; that costs nothing in accuracy.
#[inline(always)]
pub(super) fn learn_pair(user: &mut [f32], item: &mut [f32], k: usize, slope: Slope, step: &Step) {
    let (user, user_side) = user.split_at_mut(k);
    let (item, item_side) = item.split_at_mut(k);
    let (Some(user_side), Some(item_side)) = (user_side.first_chunk_mut(), item_side.first_chunk_mut()) else { return };
    let share = slope.curvature / k as f32;
    let [user_pull, user_keep] = advance(user_side, share * dot(item, item), slope, &step.user, step);
    let [item_pull, item_keep] = advance(item_side, share * dot(user, user), slope, &step.item, step);
    // Both sides step from the values before; whole chunks are copied out, so that nothing hints at an overlap.
    let (users, user_rest) = user.as_chunks_mut::<CHUNK>();
    let (items, item_rest) = item.as_chunks_mut::<CHUNK>();
    for (user, item) in users.iter_mut().zip(items) {
        let (u, i) = (*user, *item);
        *user = std::array::from_fn(|n| cut(user_keep * u[n] - user_pull * i[n], LARGEST));
        *item = std::array::from_fn(|n| cut(item_keep * i[n] - item_pull * u[n], LARGEST));
    }
    for (user, item) in user_rest.iter_mut().zip(item_rest) {
        let (u, i) = (*user, *item);
        *user = cut(user_keep * u - user_pull * i, LARGEST);
        *item = cut(item_keep * i - item_pull * u, LARGEST);
    }
}

/// Puts a row back into its bounds that several shards moved at once: their sum may leave them where no step of one would.
pub(super) fn mend(row: &mut [f32], k: usize, prior: &Prior) {
    let (vector, side) = row.split_at_mut(k);
    if side[PRECISION] == 0.0 {
        // It never learned.
        return;
    }
    vector.iter_mut().for_each(|w| *w = cut(*w, LARGEST));
    side[BIAS] = cut(side[BIAS], LARGEST);
    // What was forgotten can be no more than was gathered.
    side[PRECISION] = side[PRECISION].max(prior.precision);
    side[BIAS_PRECISION] = side[BIAS_PRECISION].max(prior.bias_precision);
    side[COUNT] = side[COUNT].min(MOST);
}

/// A step of one vector along another: own = keep·own − pull·other.
#[inline]
pub(super) fn step_along(own: &mut [f32], other: &[f32], [pull, keep]: [f32; 2]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own = cut(keep * *own - pull * other, LARGEST);
    }
}

/// Moves bias, precisions and count of one side; returns how far its vector goes along the other one, and what it
/// keeps of itself.
#[inline(always)]
pub(super) fn advance(side: &mut [f32; SIDE], gathered: f32, slope: Slope, prior: &Prior, step: &Step) -> [f32; 2] {
    let [bias, precision, of_bias, count] = *side;
    let [variance, bias_variance] = [1.0 / precision, 1.0 / of_bias];
    *side = [
        cut(bias - cut(slope.error * bias_variance, LONGEST_STEP), LARGEST),
        precision + (gathered - prior.forget * (precision - prior.precision)),
        of_bias + (slope.curvature - prior.bias_forget * (of_bias - prior.bias_precision)),
        (count + 1.0).min(MOST),
    ];
    let pull = step.rate * cut(slope.error * variance, LONGEST_STEP);
    [pull, 1.0 - step.regularisation * variance.min(1.0)]
}

/// Cuts to ±reach, as two instructions.
#[inline(always)]
const fn cut(x: f32, reach: f32) -> f32 {
    x.clamp(-reach, reach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const K: usize = 5;

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-2f32..2.0, K)
    }

    /// A row that learned: vector, bias, precisions.
    fn row(vector: &[f32], bias: f32, prior: &Prior) -> Vec<f32> {
        let mut row = vector.to_vec();
        row.extend([bias, prior.precision, prior.bias_precision, 1.0]);
        row
    }

    fn loss(label: f64, weight: f64, user: &[f64], item: &[f64]) -> f64 {
        let logit: f64 = user[K] + item[K] + (0..K).map(|n| user[n] * item[n]).sum::<f64>();
        weight * ((1.0 + logit.exp()).ln() - label * logit)
    }

    proptest! {
        /// A step is the gradient of the loss over the precision, and that gathers the loss's curvature; both
        /// against finite differences.
        #[test]
        fn steps_agree_with_finite_differences(
            user in vector(),
            item in vector(),
            biases in [-1f32..1.0, -1f32..1.0],
            positive: bool,
            weight in 0.1f32..1.0,
        ) {
            let step = Step::new(1.0, 0.0);
            let label = if positive { 1.0 } else { 0.0 };
            let (old_user, old_item) = (row(&user, biases[0], &step.user), row(&item, biases[1], &step.item));
            let (mut new_user, mut new_item) = (old_user.clone(), old_item.clone());
            let slope = Slope::at(biases[0] + biases[1] + dot(&user, &item), label, weight);
            learn_pair(&mut new_user, &mut new_item, K, slope, &step);
            let wide = |row: &[f32]| row.iter().map(|w| f64::from(*w)).collect::<Vec<_>>();
            let (user, item) = (wide(&old_user), wide(&old_item));
            for user_side in [true, false] {
                let (old, new) = if user_side { (&old_user, &new_user) } else { (&old_item, &new_item) };
                let mut curvatures = 0.0;
                for n in 0..=K {
                    let at = |h: f64| {
                        let (mut user, mut item) = (user.clone(), item.clone());
                        if user_side { user[n] += h } else { item[n] += h }
                        loss(f64::from(label), f64::from(weight), &user, &item)
                    };
                    let gradient = (at(1e-4) - at(-1e-4)) / 2e-4;
                    let curvature = (at(1e-4) - 2.0 * at(0.0) + at(-1e-4)) / 1e-8;
                    let precision = if n < K { old[K + PRECISION] } else { old[K + BIAS_PRECISION] };
                    let taken = f64::from((old[n] - new[n]) * precision);
                    prop_assert!((taken - gradient).abs() < 1e-4, "{n}: {taken} for {gradient}");
                    if n < K {
                        curvatures += curvature / K as f64;
                    } else {
                        let gathered = f64::from(new[K + BIAS_PRECISION] - precision);
                        prop_assert!((gathered - curvature).abs() < 1e-4, "{gathered} for {curvature}");
                    }
                }
                let gathered = f64::from(new[K + PRECISION] - old[K + PRECISION]);
                prop_assert!((gathered - curvatures).abs() < 1e-4, "{gathered} for {curvatures}");
            }
        }
    }

    #[test]
    fn first_vectors_have_their_deviation_and_depend_on_the_id_alone() {
        let prior = Prior { deviation: 0.1, ..Step::new(1.0, 0.0).item };
        let draw = |id: u128| {
            let mut row = vec![0.0; 64 + SIDE];
            assert!(!learned(&row, 64));
            awaken(&mut row, 64, Seed(2), Id(id), &prior);
            assert!(learned(&row, 64));
            row
        };
        let sum: f32 = (0..200).map(|id| draw(id)[..64].iter().map(|w| w * w).sum::<f32>()).sum();
        assert!((sum / (200.0 * 64.0) - 0.01).abs() < 5e-4, "{sum}");
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn what_is_known_well_moves_little_and_forgets() {
        let step = Step::new(1.0, 0.0);
        let (mut user, mut item) = (row(&[1.0; K], 0.0, &step.user), row(&[1.0; K], 0.0, &step.item));
        let moved = |user: &mut [f32], item: &mut [f32], label| {
            let before = item[K + BIAS];
            learn_pair(user, item, K, Slope::at(0.0, label, 1.0), &step);
            (item[K + BIAS] - before).abs()
        };
        let first = moved(&mut user, &mut item, 1.0);
        for n in 0..4000 {
            moved(&mut user, &mut item, (n % 2) as f32);
        }
        let later = moved(&mut user, &mut item, 1.0);
        assert!(later < first / 20.0, "{later} after {first}");
        // Where forgetting takes away what an example brings.
        let end = step.item.bias_precision + 0.25 / step.item.bias_forget;
        assert!((item[K + BIAS_PRECISION] / end - 1.0).abs() < 0.01, "{} for {end}", item[K + BIAS_PRECISION]);
    }

    #[test]
    fn the_base_comes_back_from_json_with_its_bits() {
        let mut base = Base::default();
        for n in 0..50 {
            base.learn(Slope::at(base.bias, if n % 3 == 0 { 1.0 } else { 0.0 }, 1.0));
        }
        assert_eq!(Base::from_json(&base.to_json()).expect("its own"), base);
        for broken in ["", "[1]", "[4294967295,1065353216]", "[0,0]"] {
            assert!(Base::from_json(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
