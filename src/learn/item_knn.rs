//! Item-based neighbours by cosine: what the takers of an item also took.

use super::counter::Counter;
use super::history::History;
use super::links::{Links, position};
use super::model::{Context, Example, Learned, Model, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::event::Span;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Parameters of [`ItemKnn`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemKnnConfig {
    /// After this long a pair of items, and an item's count, is worth half.
    pub half_life: Span,
}

impl Default for ItemKnnConfig {
    fn default() -> Self {
        Self { half_life: Span::seconds(90 * 24 * 3600) }
    }
}

/// Newest items of a user that learn and predict: the say of an older one is under a hundredth.
const TAKEN: usize = 50;
/// How fast an item's say falls with every newer one.
const AGEING: f32 = 0.9;
/// Keeps items that were taken once or twice from being everybody's neighbour.
const DAMPING: f32 = 5.0;
/// Popularity's part: so small that it decides only where no neighbour does.
const PRIOR: f32 = 1e-5;
/// Heaviest example.
const HEAVIEST: f32 = 1e6;

/// c_ij counts the users who took both i and j, n_i those who took i, both decayed by event time (half-life 90 days by
/// default). Score of i = Σ_j 0.9^age · c_ji / √((n_j + 5)·(n_i + 5)) over the user's last 50 items j, the newest of
/// age 0: the cosine of the columns of i and j (Sarwar et al. 2001, "Item-based collaborative filtering recommendation
/// algorithms"), damped, plus a touch of popularity. A row keeps 200 neighbours. Taking an item again counts nothing.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, ItemKnn, ItemKnnConfig, Model};
/// let mut model = ItemKnn::new(ItemKnnConfig::default());
/// let of = |user| Context { user: Some(user), user_id: Id(1), recent: &[], time: Time(0) };
/// for (user, item) in [(0, 7), (0, 2), (1, 7)] {
///     let example = Example { context: of(user), item, item_id: Id(1), label: 1.0, weight: 1.0, negatives: &[] };
///     model.learn(&example);
/// }
/// let mut scores = [0.0; 8];
/// model.score_all(&of(1), &mut scores);
/// assert!(scores[2] > scores[1] && scores[1] == 0.0);
/// ```
#[derive(Clone, Debug)]
pub struct ItemKnn {
    links: Links,
    counts: Counter,
    taken: History,
}

impl ItemKnn {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: ItemKnnConfig) -> Self {
        Self { links: Links::new(config.half_life), counts: Counter::new(config.half_life), taken: History::new(TAKEN) }
    }

    /// The items that speak for a context, newest first.
    fn speaking(&self, context: &Context<'_>) -> Vec<Slot> {
        let mut items = Vec::with_capacity(TAKEN);
        if let Some(user) = context.user {
            self.taken.newest(user, TAKEN, &mut items);
        }
        if items.is_empty() {
            items.extend_from_slice(context.recent);
        }
        items
    }

    /// What the items that speak reach: (neighbours, weights, factor).
    fn reaching(&self, context: &Context<'_>) -> impl Iterator<Item = (&[Slot], &[f32], f32)> {
        let time = context.time;
        let mut say = 1.0;
        self.speaking(context).into_iter().map(move |from| {
            let (slots, weights, factor) = self.links.of(from, time);
            let factor = say * factor / (self.counts.count_at(from, time) + DAMPING).sqrt();
            say *= AGEING;
            (slots, weights, factor)
        })
    }
}

/// The score of an item that neighbours reach with `sum` and whose decayed count is `count`.
#[inline]
fn damped(sum: f32, count: f32) -> f32 {
    (sum + PRIOR * count) / (count + DAMPING).sqrt()
}

impl Part for ItemKnn {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("rows".into(), self.links.table()), ("counts".into(), self.counts.table())];
        all.extend(self.taken.tables());
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![("rows".into(), self.links.table_mut()), ("counts".into(), self.counts.table_mut())];
        all.extend(self.taken.tables_mut());
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.links.check()?;
        self.taken.check()
    }
}

impl Model for ItemKnn {
    fn kind(&self) -> &'static str {
        "item_knn"
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
        let Some(user) = example.context.user.filter(|_| example.label > 0.0) else { return Learned::default() };
        let (item, time) = (example.item, example.context.time);
        let others = self.speaking(&Context { recent: &[], ..example.context });
        if self.taken.touch(user, item) {
            let weight = example.weight.min(HEAVIEST);
            self.counts.add(item, time, weight);
            for other in others {
                self.links.add(other, item, time, weight);
                self.links.add(item, other, time, weight);
            }
        }
        Learned::default()
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.links.forget(forgotten);
        forgotten.zero_items(&mut [self.counts.table_mut()]);
        self.taken.forget_all(&forgotten.users, &forgotten.items);
    }

    fn layout(&self) -> Vec<Layout> {
        let mut all = vec![Links::layout("rows"), Counter::layout("counts", Rows::Items)];
        all.extend(History::layout(Rows::Users));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        self.links.renumber(to);
        to.move_items(&mut [self.counts.table_mut()]);
        self.taken.renumber(&to.users(), |item| to.item(item));
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};

    fn take(model: &mut ItemKnn, user: Slot, item: Slot) {
        let context = Context { user: Some(user), user_id: Id(1), recent: &[], time: Time(0) };
        let item_id = Id(u128::from(item));
        model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
    }

    #[test]
    fn scores_are_damped_cosines() {
        let mut model = ItemKnn::new(ItemKnnConfig::default());
        for (user, item) in [(0, 1), (0, 2), (0, 1), (1, 1), (1, 2), (2, 3), (2, 2), (3, 1), (3, 3)] {
            take(&mut model, user, item);
        }
        // Of user 3, item 3 is the newest (n = 2), item 1 the one before (n = 3): both stood beside item 2 (n = 3).
        let context = Context { user: Some(3), user_id: Id(1), recent: &[], time: Time(0) };
        let mut score = [0.0];
        model.score(&context, &[2], &mut score);
        let root = |n: f32| (n + 5.0).sqrt();
        let expected = (1.0 / root(2.0) + 0.9 * 2.0 / root(3.0) + PRIOR * 3.0) / root(3.0);
        assert!((score[0] - expected).abs() < 1e-5, "{score:?} for {expected}");
    }

    #[test]
    fn a_user_speaks_through_his_newest_items_only() {
        let mut model = ItemKnn::new(ItemKnnConfig::default());
        for item in 0..TAKEN as Slot + 20 {
            take(&mut model, 0, item);
        }
        let context = Context { user: Some(0), user_id: Id(1), recent: &[], time: Time(0) };
        let speaking = model.speaking(&context);
        assert_eq!((speaking.len(), speaking[0], speaking[TAKEN - 1]), (TAKEN, 69, 20));
    }
}
