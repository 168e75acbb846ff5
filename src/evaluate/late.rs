//! Positives that come late: what is shown teaches as a negative at once, and what was taken teaches again.

use crate::learn::kernels::sigmoid;
use crate::learn::{Example, Learns};

/// What an example weighs where every shown item teaches a negative at once and a positive besides when it is taken:
/// `1 + f` for a positive and `(1 − f)(1 + f)` for a negative, `f` being the model's own probability from before. In
/// expectation the gradient is that of the true labels (fake negative weighted loss, Ktena et al. 2019, "Addressing
/// delayed feedback for continuous training with neural networks in CTR prediction"). 1 for a model whose scores are
/// only ranks.
#[must_use]
pub fn fake_negative_weight<L: Learns + ?Sized>(model: &L, example: &Example<'_>) -> f32 {
    let mut score = [0.0];
    model.score(&example.context, &[example.item], &mut score);
    let Some(logit) = model.logit(score[0]).filter(|logit| logit.is_finite()) else { return 1.0 };
    let f = sigmoid(logit);
    if example.label > 0.0 { 1.0 + f } else { (1.0 - f) * (1.0 + f) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};
    use crate::learn::{Context, Mf, MfConfig};
    use crate::rng::{Seed, unit_interval};

    /// The probability that a model ends with when a click comes after this many further impressions.
    fn learned(rate: f64, delay: usize, weighted: bool) -> f32 {
        let mut model = Mf::new(MfConfig { dimensions: 4, ..MfConfig::default() }, Seed(1));
        let context = Context { user: Some(0), user_id: Id(1), recent: &[], time: Time(0) };
        let example = |label| Example { context, item: 0, item_id: Id(2), label, weight: 1.0, negatives: &[] };
        let mut late = std::collections::VecDeque::from(vec![false; delay]);
        let (mut sum, mut n) = (0.0, 0.0);
        let mut teach = |label| {
            let mut example = example(label);
            if weighted {
                example.weight = fake_negative_weight(&model, &example);
            }
            model.learn(&example);
            let mut score = [0.0];
            model.score(&context, &[0], &mut score);
            (sum, n) = (sum + sigmoid(score[0]), n + 1.0);
        };
        for t in 0..20_000_u32 {
            teach(0.0);
            late.push_back(unit_interval(Seed(7).keyed(u128::from(t)).0) < rate);
            if late.pop_front() == Some(true) {
                teach(1.0);
            }
        }
        sum / n
    }

    #[test]
    fn late_positives_are_learned_at_their_rate() {
        // A positive beside a fake negative for everyone: the plain model sees rate / (1 + rate), here 0.2308.
        let (plain, weighted) = (learned(0.3, 50, false), learned(0.3, 50, true));
        assert!((plain - 0.2308).abs() < 0.02, "{plain}");
        assert!((weighted - 0.3).abs() < 0.02, "{weighted}");
    }
}
