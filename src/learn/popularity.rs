//! Decayed popularity: the baseline, and the fallback of whoever knows nothing better.

use super::counter::Counter;
use super::model::{Context, Example, Learned, Model, Slot};
use super::{Forgotten, Layout, Renumber, Rows};
use crate::event::Span;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Parameters of [`Popularity`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PopularityConfig {
    /// After this long a positive counts half.
    pub half_life: Span,
}

impl Default for PopularityConfig {
    fn default() -> Self {
        Self { half_life: Span::seconds(30 * 24 * 3600) }
    }
}

/// Heaviest weight that an example has.
const HEAVIEST: f32 = 1e6;

/// Counts positives per item, each worth half after a half-life (30 days by default). Score = log2 of the decayed
/// count, the same for all users. Streaming recommenders take it as the baseline to beat (Vinagre et al. 2014).
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Model, Popularity, PopularityConfig};
/// let mut model = Popularity::new(PopularityConfig::default());
/// let context = Context { user: None, user_id: Id::of("u"), recent: &[], time: Time(0) };
/// let taken = |item| Example { context, item, item_id: Id(1), label: 1.0, weight: 1.0, negatives: &[] };
/// for item in [3, 3, 1] {
///     model.learn(&taken(item));
/// }
/// let mut scores = [0.0; 4];
/// model.score_all(&context, &mut scores);
/// assert_eq!((scores[3], scores[1]), (1.0, 0.0));
/// assert!(scores[0] < scores[1]);
/// ```
#[derive(Clone, Debug)]
pub struct Popularity {
    counts: Counter,
}

impl Popularity {
    /// An empty count.
    #[must_use]
    pub fn new(config: PopularityConfig) -> Self {
        Self { counts: Counter::new(config.half_life) }
    }
}

impl Part for Popularity {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("counts".into(), self.counts.table())]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("counts".into(), self.counts.table_mut())]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        Ok(())
    }
}

impl Model for Popularity {
    fn kind(&self) -> &'static str {
        "popularity"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        for (item, score) in items.iter().zip(scores) {
            *score = self.counts.log2_at(*item, context.time);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        self.counts.log2_all(context.time, scores);
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        if !(example.weight > 0.0 && example.weight.is_finite()) {
            return Learned::skipped(1);
        }
        if example.label > 0.0 {
            self.counts.add(example.item, example.context.time, example.weight.min(HEAVIEST));
        }
        Learned::default()
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_items(&mut [self.counts.table_mut()]);
    }

    fn layout(&self) -> Vec<Layout> {
        vec![Counter::layout("counts", Rows::Items)]
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_items(&mut [self.counts.table_mut()]);
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}
