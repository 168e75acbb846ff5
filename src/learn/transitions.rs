//! Decayed item-to-item transitions: what comes after what, explainable and quick to learn.

use super::Forgotten;
use super::counter::Counter;
use super::model::{Context, Example, Learned, Model, Slot};
use crate::event::{Span, Time};
use crate::table::{Part, PartError, Table, words};
use std::sync::Arc;

/// Parameters of [`Transitions`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransitionsConfig {
    /// After this long a transition, and an item's count, is worth half. A fortnight would lose a third of the
    /// recall on MovieLens.
    pub half_life: Span,
}

impl Default for TransitionsConfig {
    fn default() -> Self {
        Self { half_life: Span::seconds(90 * 24 * 3600) }
    }
}

/// Neighbours kept per item.
const NEIGHBOURS: usize = 200;
// Words of an item's row: reference time, number of neighbours, one unused; then their slots, then their weights.
const REFERENCE: usize = 0;
const LEN: usize = 2;
const SLOTS: usize = 4;
const WEIGHTS: usize = SLOTS + NEIGHBOURS;
/// How many recent items predict, and how fast their say falls with age.
const PREDICTING: usize = 5;
const PREDICT_DECAY: f32 = 0.7;
/// How fast the evidence of an older item falls when learning, and the weight of the way back.
const LEARN_DECAY: f32 = 0.8;
const BACK: f32 = 0.5;
/// Damps popular items; popularity's own part in a score is so small that it decides only between items which no
/// transition reaches, and for users without a history.
const DAMPING: f32 = 5.0;
const PRIOR: f32 = 1e-5;
/// Heaviest example, and heaviest weight of a transition.
const HEAVIEST: f32 = 1e6;
const FULLEST: f32 = 1e30;

/// For an event on item i after items j (newest first, age d = 0..9): `T[j,i] += 0.8^d` and `T[i,j] += 0.5·0.8^d`, all
/// decayed by event time (half-life 90 days by default). Score of i = `Σ_d 0.7^d · T[j_d,i] / √(n_i + 5)` over the
/// last five items j_d, with n_i the item's decayed count, plus a touch of popularity. A row keeps 200 neighbours: a
/// new one takes the place of the weakest.
///
/// The family is item-based session neighbours (Kersbergen et al. 2022, "Serenade", VMIS-kNN).
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Model, Transitions, TransitionsConfig};
/// let mut model = Transitions::new(TransitionsConfig::default());
/// let after = |recent| Context { user: Some(0), user_id: Id::of("u"), recent, time: Time(0) };
/// let step = Example {
///     context: after(&[7]), item: 2, item_id: Id::of("i2"), label: 1.0, weight: 1.0, negatives: &[],
/// };
/// model.learn(&step);
/// let mut scores = [0.0; 8];
/// model.score_all(&after(&[7]), &mut scores);
/// assert!(scores[2] > scores[1] && scores[1] == 0.0);
/// ```
#[derive(Clone, Debug)]
pub struct Transitions {
    rows: Table,
    counts: Counter,
    half_life: f64,
}

impl Transitions {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: TransitionsConfig) -> Self {
        Self {
            rows: Table::new(SLOTS + 2 * NEIGHBOURS),
            counts: Counter::new(config.half_life),
            half_life: config.half_life.0.max(1) as f64,
        }
    }

    /// How many half-lives lie between two times.
    fn half_lives(&self, from: i64, to: i64) -> f64 {
        (to as f64 - from as f64) / self.half_life
    }

    /// Adds to T[from, to]. Weights of a row are worth what they were at its reference time, which moves rarely.
    fn add(&mut self, from: Slot, to: Slot, time: Time, weight: f32) {
        let row = self.rows.row(from as usize);
        let len = (row[LEN] as usize).min(NEIGHBOURS);
        let reference = if len == 0 { time.0 } else { words::get_i64(row, REFERENCE) };
        let ages = self.half_lives(reference, time.0);
        let row = self.rows.row_mut(from as usize);
        // Far ahead of the reference a new weight would grow large: bring the row to today.
        let moves = len == 0 || ages > 16.0;
        if moves {
            words::put_i64(row, REFERENCE, time.0);
        }
        let (head, weights) = row.split_at_mut(WEIGHTS);
        let weights: &mut [f32] = bytemuck::cast_slice_mut(weights);
        if moves {
            let shrink = libm::exp2(-ages) as f32;
            weights[..len].iter_mut().for_each(|w| *w *= shrink);
        }
        let weight = if moves { weight } else { weight * libm::exp2(ages.max(-120.0)) as f32 };
        let place = match position(&head[SLOTS..SLOTS + len], to) {
            Some(place) => place,
            None if len < NEIGHBOURS => {
                head[LEN] = len as u32 + 1;
                weights[len] = 0.0;
                len
            }
            None => {
                let place = weakest(weights);
                weights[place] = 0.0;
                place
            }
        };
        head[SLOTS + place] = to;
        weights[place] = (weights[place] + weight).min(FULLEST);
    }

    /// What the rows of the recent items give: (slots, weights, factor), newest first.
    fn reaching<'a>(&'a self, context: &Context<'a>) -> impl Iterator<Item = (&'a [Slot], &'a [f32], f32)> {
        let time = context.time.0;
        let mut say = 1.0;
        context.recent.iter().take(PREDICTING).map(move |from| {
            let row = self.rows.row(*from as usize);
            let len = (row[LEN] as usize).min(NEIGHBOURS);
            let ages = self.half_lives(words::get_i64(row, REFERENCE), time);
            let factor = say * libm::exp2(-ages.clamp(-16.0, 120.0)) as f32;
            say *= PREDICT_DECAY;
            (&row[SLOTS..SLOTS + len], bytemuck::cast_slice(&row[WEIGHTS..WEIGHTS + len]), factor)
        })
    }
}

/// The score of an item that transitions reach with `sum` and whose decayed count is `count`.
#[inline]
fn damped(sum: f32, count: f32) -> f32 {
    (sum + PRIOR * count) / (count + DAMPING).sqrt()
}

/// Takes neighbours out that are gone; the others move up, so that of equal ones the oldest stays first.
fn drop_neighbours(row: &mut [u32], len: usize, forgotten: &Forgotten) {
    let mut kept = 0;
    for place in 0..len {
        if !forgotten.has_item(row[SLOTS + place]) {
            row[SLOTS + kept] = row[SLOTS + place];
            row[WEIGHTS + kept] = row[WEIGHTS + place];
            kept += 1;
        }
    }
    row[SLOTS + kept..SLOTS + len].fill(0);
    row[WEIGHTS + kept..WEIGHTS + len].fill(0);
    row[LEN] = kept as u32;
}

/// Where a slot stands in a row.
fn position(slots: &[Slot], wanted: Slot) -> Option<usize> {
    // Blocks first, so that the comparison uses wide registers.
    let block = slots.chunks(16).position(|c| c.iter().fold(false, |hit, s| hit | (*s == wanted)))?;
    let within = slots[block * 16..].iter().position(|s| *s == wanted)?;
    Some(block * 16 + within)
}

/// The place of the smallest weight; of equals the one that has been there longest.
fn weakest(weights: &[f32]) -> usize {
    // The smallest first, in lanes, so that the comparison uses wide registers; then where it stands.
    let mut lanes = [f32::INFINITY; 8];
    let blocks = weights.chunks_exact(8);
    let rest = blocks.remainder();
    for block in blocks {
        for (least, weight) in lanes.iter_mut().zip(block) {
            *least = if *weight < *least { *weight } else { *least };
        }
    }
    let least = lanes.iter().chain(rest).fold(f32::INFINITY, |least, w| if *w < least { *w } else { least });
    let block = weights.chunks(16).position(|c| c.iter().fold(false, |hit, w| hit | (*w == least))).unwrap_or(0);
    let within = weights[block * 16..].iter().position(|w| *w == least).unwrap_or(0);
    block * 16 + within
}

impl Part for Transitions {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("rows".into(), &self.rows), ("counts".into(), self.counts.table())]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("rows".into(), &mut self.rows), ("counts".into(), self.counts.table_mut())]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        match (0..self.rows.len()).find(|&i| self.rows.row(i)[LEN] as usize > NEIGHBOURS) {
            None => Ok(()),
            Some(i) => Err(PartError(format!("transitions: row {i} claims more than {NEIGHBOURS} neighbours"))),
        }
    }
}

impl Model for Transitions {
    fn kind(&self) -> &'static str {
        "transitions"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        scores.fill(0.0);
        for (slots, weights, factor) in self.reaching(context) {
            for (item, score) in items.iter().zip(scores.iter_mut()) {
                if let Some(place) = position(slots, *item) {
                    *score += factor * weights[place];
                }
            }
        }
        for (item, score) in items.iter().zip(scores) {
            *score = damped(*score, self.counts.count_at(*item, context.time));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        scores.fill(0.0);
        for (slots, weights, factor) in self.reaching(context) {
            for (slot, weight) in slots.iter().zip(weights) {
                if let Some(score) = scores.get_mut(*slot as usize) {
                    *score += factor * weight;
                }
            }
        }
        self.counts.for_each_count(context.time, scores, |score, count| *score = damped(*score, count));
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        if !(example.weight > 0.0 && example.weight.is_finite()) {
            return Learned { non_finite: 1 };
        }
        if example.label > 0.0 {
            let time = example.context.time;
            let mut weight = example.weight.min(HEAVIEST);
            self.counts.add(example.item, time, weight);
            for &before in example.context.recent {
                if before != example.item {
                    self.add(before, example.item, time, weight);
                    self.add(example.item, before, time, BACK * weight);
                }
                weight *= LEARN_DECAY;
            }
        }
        Learned::default()
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        if forgotten.items.is_empty() {
            return;
        }
        forgotten.zero_items(&mut [&mut self.rows, self.counts.table_mut()]);
        for row in 0..self.rows.len() {
            let words = self.rows.row(row);
            let len = (words[LEN] as usize).min(NEIGHBOURS);
            if words[SLOTS..SLOTS + len].iter().any(|s| forgotten.has_item(*s)) {
                drop_neighbours(self.rows.row_mut(row), len, forgotten);
            }
        }
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Id;

    fn go(model: &mut Transitions, recent: &[Slot], item: Slot, time: i64) {
        let context = Context { user: Some(0), user_id: Id(1), recent, time: Time(time) };
        let item_id = Id(u128::from(item));
        model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
    }

    fn weight(model: &Transitions, from: Slot, to: Slot) -> f32 {
        let row = model.rows.row(from as usize);
        position(&row[SLOTS..SLOTS + row[LEN] as usize], to).map_or(0.0, |p| f32::from_bits(row[WEIGHTS + p]))
    }

    #[test]
    fn weights_are_those_of_the_formula() {
        let mut model = Transitions::new(TransitionsConfig { half_life: Span::seconds(1) });
        go(&mut model, &[5, 6], 7, 0);
        go(&mut model, &[5], 7, 1000);
        // In units of the rows' reference, which is the first event.
        assert!((weight(&model, 5, 7) - 3.0).abs() < 1e-6);
        assert!((weight(&model, 6, 7) - 0.8).abs() < 1e-6);
        assert!((weight(&model, 7, 5) - 1.5).abs() < 1e-6);
        let context = Context { user: None, user_id: Id(1), recent: &[6, 5], time: Time(1000) };
        let mut score = [0.0];
        model.score(&context, &[7], &mut score);
        let expected = (0.8 * 0.5 + 0.7 * 1.5 + PRIOR * 1.5) / (1.5f32 + 5.0).sqrt();
        assert!((score[0] - expected).abs() < 1e-6, "{score:?}");
        // Half an age later: the row moves to a new reference, old weights fade.
        go(&mut model, &[5], 8, 20_000);
        assert!((weight(&model, 5, 7) - 3.0 / 1_048_576.0).abs() < 1e-9);
        assert_eq!(weight(&model, 5, 8), 1.0);
    }

    proptest::proptest! {
        #[test]
        fn the_weakest_is_the_first_of_the_smallest(weights in proptest::collection::vec(0u8..9, 1..200)) {
            let weights: Vec<f32> = weights.into_iter().map(f32::from).collect();
            let smallest = weights.iter().copied().fold(f32::INFINITY, f32::min);
            proptest::prop_assert_eq!(Some(weakest(&weights)), weights.iter().position(|w| *w == smallest));
        }
    }

    #[test]
    fn a_full_row_gives_up_its_weakest() {
        let mut model = Transitions::new(TransitionsConfig::default());
        for to in 1..=NEIGHBOURS as Slot {
            go(&mut model, &[0], to, 0);
            go(&mut model, &[0], to, 0);
        }
        go(&mut model, &[0], 900, 0);
        assert_eq!((weight(&model, 0, 1), weight(&model, 0, 2), weight(&model, 0, 900)), (0.0, 2.0, 1.0));
        go(&mut model, &[0], 901, 0);
        assert_eq!((weight(&model, 0, 900), weight(&model, 0, 901)), (0.0, 1.0));
        assert_eq!(model.rows.row(0)[LEN] as usize, NEIGHBOURS);
    }
}
