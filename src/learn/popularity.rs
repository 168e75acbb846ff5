//! Decayed popularity: the baseline, and the fallback of whoever knows nothing better.

use super::counter::Counter;
use super::model::{Context, Example, Learned, Model, Slot};
use crate::event::Span;
use crate::table::{Part, PartError, Table};
use std::sync::Arc;

/// Counts positives per item with a half-life (30 days by default). Score = log2 of the decayed count.
#[derive(Clone, Debug)]
pub struct Popularity {
    counts: Counter,
}

impl Popularity {
    /// An empty count.
    #[must_use]
    pub fn new(half_life: Span) -> Self {
        Self { counts: Counter::new(half_life) }
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
        if example.label > 0.0 {
            self.counts.add(example.item, example.context.time, example.weight);
        }
        Learned::default()
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}
