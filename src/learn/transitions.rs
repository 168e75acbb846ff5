//! Decayed item-to-item transitions: what comes after what, explainable and quick to learn.

use super::counter::Counter;
use super::links::{Links, position};
use super::model::{Context, Example, Learned, Model, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::event::Span;
use crate::table::{Part, PartError, Table};
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
/// Heaviest example.
const HEAVIEST: f32 = 1e6;

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
    links: Links,
    counts: Counter,
}

impl Transitions {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: TransitionsConfig) -> Self {
        Self { links: Links::new(config.half_life), counts: Counter::new(config.half_life) }
    }

    /// What the rows of the recent items give: (slots, weights, factor), newest first.
    fn reaching<'a>(&'a self, context: &Context<'a>) -> impl Iterator<Item = (&'a [Slot], &'a [f32], f32)> {
        let mut say = 1.0;
        context.recent.iter().take(PREDICTING).map(move |from| {
            let (slots, weights, factor) = self.links.of(*from, context.time);
            let factor = say * factor;
            say *= PREDICT_DECAY;
            (slots, weights, factor)
        })
    }
}

/// The score of an item that transitions reach with `sum` and whose decayed count is `count`.
#[inline]
fn damped(sum: f32, count: f32) -> f32 {
    (sum + PRIOR * count) / (count + DAMPING).sqrt()
}

impl Part for Transitions {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("rows".into(), self.links.table()), ("counts".into(), self.counts.table())]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("rows".into(), self.links.table_mut()), ("counts".into(), self.counts.table_mut())]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.links.check()
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
            return Learned::skipped(1);
        }
        if example.label > 0.0 {
            let time = example.context.time;
            let mut weight = example.weight.min(HEAVIEST);
            self.counts.add(example.item, time, weight);
            for &before in example.context.recent {
                if before != example.item {
                    self.links.add(before, example.item, time, weight);
                    self.links.add(example.item, before, time, BACK * weight);
                }
                weight *= LEARN_DECAY;
            }
        }
        Learned::default()
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.links.forget(forgotten);
        forgotten.zero_items(&mut [self.counts.table_mut()]);
    }

    fn layout(&self) -> Vec<Layout> {
        vec![Links::layout("rows"), Counter::layout("counts", Rows::Items)]
    }

    fn renumber(&mut self, to: &Renumber) {
        self.links.renumber(to);
        to.move_items(&mut [self.counts.table_mut()]);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};
    use crate::learn::links::NEIGHBOURS;

    fn go(model: &mut Transitions, recent: &[Slot], item: Slot, time: i64) {
        let context = Context { user: Some(0), user_id: Id(1), recent, time: Time(time) };
        let item_id = Id(u128::from(item));
        model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
    }

    fn weight(model: &Transitions, from: Slot, to: Slot) -> f32 {
        model.links.stored(from, to)
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
        assert_eq!(model.links.of(0, Time(0)).0.len(), NEIGHBOURS);
    }
}
