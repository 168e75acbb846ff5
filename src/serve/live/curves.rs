//! Posterior densities as curves over one common axis.

use super::history::short;
use crate::allocate::{ArmState, Experiment};
use serde::Serialize;

/// Points of a curve.
const POINTS: usize = 81;
/// How far the axis reaches beyond a mean, in standard deviations.
const REACH: f64 = 4.0;

/// Every arm's density at the same rewards; by arm index, none for retired arms. The highest point of a curve is 1:
/// the chart shows where an arm lies and how wide, not how many have seen it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Curves {
    /// The smallest reward.
    pub(super) from: f64,
    /// Between two points.
    pub(super) step: f64,
    pub(super) arms: Vec<Option<Vec<f32>>>,
}

impl Curves {
    pub(super) fn of(experiment: &Experiment) -> Self {
        let arms = 0..experiment.arms().len();
        let shown = |arm: usize| experiment.arms()[arm].state != ArmState::Retired;
        let moments = |arm: usize| experiment.allocation().moments.get(arm).copied().unwrap_or_default();
        let (least, most) = experiment.config().reward.range();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for arm in arms.clone().filter(|&arm| shown(arm)) {
            let (mean, stddev) = moments(arm);
            low = low.min((mean - REACH * stddev).max(least));
            high = high.max((mean + REACH * stddev).min(most));
        }
        if low >= high {
            return Self::default();
        }
        let step = (high - low) / (POINTS - 1) as f64;
        let curve = |arm: usize| {
            shown(arm).then(|| {
                let belief = experiment.belief(arm);
                let curve: Vec<f64> = (0..POINTS).map(|i| belief.density(low + i as f64 * step)).collect();
                let top = curve.iter().copied().fold(0.0, f64::max);
                curve.into_iter().map(|d| if top > 0.0 { short((d / top * 1e3).round() / 1e3) } else { 0.0 }).collect()
            })
        };
        Self { from: low, step, arms: arms.map(curve).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ExperimentConfig;
    use crate::event::{Span, Time};

    #[test]
    fn curves_peak_at_their_means_on_one_axis() {
        let mut e = Experiment::new(ExperimentConfig::new("home", &["a", "b"], "a"));
        for i in 0..4000 {
            e.credit(0, f64::from(u8::from(i % 10 == 0)));
            e.credit(1, f64::from(u8::from(i % 5 == 0)));
        }
        e.tick(Time(1000), Span::seconds(1), 1);
        let curves = Curves::of(&e);
        for (arm, mean) in [(0, 0.1), (1, 0.2)] {
            let curve = curves.arms[arm].as_ref().expect("live");
            let top = (0..POINTS).max_by(|a, b| curve[*a].total_cmp(&curve[*b])).expect("points");
            let at = curves.from + top as f64 * curves.step;
            assert!((at - mean).abs() < 2.0 * curves.step && curve[top] == 1.0, "arm {arm}: {at}");
            assert!(curve.iter().all(|d| (0.0..=1.0).contains(d)));
        }
    }
}
