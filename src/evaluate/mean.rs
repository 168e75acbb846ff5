//! The mean of what a model was at several times.

use crate::learn::{Kind, Model};
use crate::table::PartError;

/// A model whose weights are the mean of those of another one at several times: steps go on for ever, and what they do
/// around the place that they came to averages out (Polyak & Juditsky 1992, "Acceleration of stochastic approximation by
/// averaging"). What is no weight, as counts, is taken as it was last.
pub struct WeightMean {
    mean: Box<dyn Model>,
    times: u32,
}

impl WeightMean {
    /// Nothing taken yet; `fresh` is of the kind and the parameters of the model that will be given.
    #[must_use]
    pub const fn new(fresh: Box<dyn Model>) -> Self {
        Self { mean: fresh, times: 0 }
    }

    /// Takes what the model is now; returns the mean.
    ///
    /// # Errors
    /// When the model is of another kind or has other parameters.
    pub fn take(&mut self, model: &dyn Model) -> Result<&mut dyn Model, PartError> {
        self.times += 1;
        let share = 1.0 / self.times as f32;
        let layout = model.layout();
        let tables = model.tables().into_iter().zip(self.mean.tables_mut());
        for (layout, ((_, now), (_, mean))) in layout.iter().zip(tables) {
            let before = std::mem::replace(mean, now.clone());
            for row in 0..now.len() {
                let mut begin = 0;
                for column in &layout.columns {
                    let end = begin + column.width * column.kind.words();
                    if self.times > 1 && column.kind == Kind::Weight {
                        let own = &mut mean.floats_mut(row)[begin..end];
                        for (own, before) in own.iter_mut().zip(&before.floats(row)[begin..end]) {
                            *own = before + (*own - before) * share;
                        }
                    }
                    begin = end;
                }
            }
        }
        self.mean.restore(&model.blob())?;
        Ok(&mut *self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};
    use crate::learn::{Context, Example, ModelConfig, registry};
    use crate::rng::Seed;

    fn fresh(kind: &str) -> Box<dyn Model> {
        registry::build(kind, &ModelConfig::default(), Seed(1)).expect("a kind")
    }

    fn context(user: Option<u32>) -> Context<'static> {
        Context { user, user_id: Id(1), recent: &[], time: Time(0) }
    }

    /// The score of the first item for somebody unknown: of bpr its bias.
    fn score(model: &dyn Model) -> f32 {
        let mut score = [0.0];
        model.score(&context(None), &[0], &mut score);
        score[0]
    }

    /// What an item's score was after each of four lessons, and what the mean says in the end.
    fn scores(kind: &str) -> (Vec<f32>, f32) {
        let (mut model, mut mean) = (fresh(kind), WeightMean::new(fresh(kind)));
        let (mut each, mut last) = (Vec::new(), f32::NAN);
        for item in [1, 0, 0, 1, 0] {
            let (context, item_id) = (context(Some(0)), Id(u128::from(item) + 10));
            model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[1 - item] });
            each.push(score(&*model));
            last = score(mean.take(&*model).expect("the same kind"));
        }
        (each, last)
    }

    #[test]
    fn weights_are_averaged_and_counts_are_the_newest() {
        let (each, mean) = scores("bpr");
        let expected = each.iter().sum::<f32>() / each.len() as f32;
        assert!((mean - expected).abs() < 1e-6 && each[1] != each[4], "{mean} for {each:?}");
        let (each, mean) = scores("popularity");
        assert_eq!(mean, each[4]);
        assert!(each[4] > each[1]);
    }

    #[test]
    fn every_kind_has_a_mean() {
        for kind in registry::KINDS {
            assert!(scores(kind).1.is_finite(), "{kind}");
        }
    }

    #[test]
    fn another_model_is_refused() {
        let wide = ModelConfig { dimensions: Some(7), ..ModelConfig::default() };
        let mut mean = WeightMean::new(registry::build("item2vec", &wide, Seed(1)).expect("a kind"));
        assert!(mean.take(&*fresh("item2vec")).is_err());
    }
}
