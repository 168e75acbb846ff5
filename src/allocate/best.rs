//! The probability of being best, by deterministic quadrature.

use super::posterior::Belief;

/// Nodes and weights of the 8-point Gauss–Legendre rule on [−1, 1] (Abramowitz & Stegun, table 25.4).
const RULE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];

/// Where panels begin and end, in standard deviations around each arm's mean.
const EDGES: [f64; 7] = [0.0, 0.6, 1.3, 2.1, 3.0, 4.2, 6.0];

/// P(arm j has the largest mean) = ∫ f_j(x) ∏_{i≠j} F_i(x) dx for independent beliefs; sums to one.
///
/// Panels follow every arm's own scale, so that one broad and one very narrow belief are both seen. The same
/// beliefs give the same bits.
#[must_use]
pub fn probability_best(beliefs: &[Belief]) -> Vec<f64> {
    if beliefs.len() < 2 {
        return vec![1.0; beliefs.len()];
    }
    let edges = panels(beliefs);
    let mut best = vec![0.0; beliefs.len()];
    let mut below = vec![0.0; beliefs.len()];
    for pair in edges.windows(2) {
        let (middle, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
        for (node, weight) in RULE {
            for x in [middle - half * node, middle + half * node] {
                add_point(beliefs, x, weight * half, &mut below, &mut best);
            }
        }
    }
    let sum: f64 = best.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return vec![1.0 / beliefs.len() as f64; beliefs.len()];
    }
    best.iter().map(|b| b / sum).collect()
}

fn add_point(beliefs: &[Belief], x: f64, weight: f64, below: &mut [f64], best: &mut [f64]) {
    for (f, belief) in below.iter_mut().zip(beliefs) {
        let (low, high) = belief.range();
        *f = if x >= high {
            1.0
        } else if x <= low {
            0.0
        } else {
            belief.below(x)
        };
    }
    for (j, belief) in beliefs.iter().enumerate() {
        let others: f64 = below.iter().enumerate().filter(|(i, _)| *i != j).map(|(_, f)| f).product();
        let (low, high) = belief.range();
        if others > 0.0 && x > low && x < high {
            let density = belief.density(x);
            if density.is_finite() {
                best[j] += weight * density * others;
            }
        }
    }
}

/// Edges of the panels, in order. Below the largest lower end every product is zero: nothing to integrate there.
fn panels(beliefs: &[Belief]) -> Vec<f64> {
    let start = beliefs.iter().map(|b| b.range().0).fold(f64::NEG_INFINITY, f64::max);
    let end = beliefs.iter().map(|b| b.range().1).fold(f64::NEG_INFINITY, f64::max);
    let mut edges = vec![start, end];
    for belief in beliefs {
        let (low, high) = belief.range();
        edges.push(low);
        edges.push(high);
        for e in EDGES {
            edges.push(belief.mean() - e * belief.stddev());
            edges.push(belief.mean() + e * belief.stddev());
        }
    }
    edges.retain(|e| *e >= start && *e <= end);
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::posterior::{Evidence, Prior};
    use proptest::prelude::*;

    #[test]
    fn golden_values() {
        let beliefs = [Belief::beta(10.0, 90.0, 1.0), Belief::beta(12.0, 88.0, 1.0), Belief::beta(8.0, 92.0, 1.0)];
        let best = probability_best(&beliefs);
        for (found, wanted) in best.iter().zip([0.283_777, 0.612_047, 0.104_176]) {
            assert!((found - wanted).abs() < 1e-5, "{best:?}");
        }
    }

    #[test]
    fn extremes() {
        let same = vec![Belief::beta(1e6, 1e7, 1.0); 4];
        assert!(probability_best(&same).iter().all(|p| (p - 0.25).abs() < 1e-6));
        let sharp_and_broad = [Belief::beta(1e6, 1e6, 1.0), Belief::beta(1.0, 1.0, 1.0)];
        let best = probability_best(&sharp_and_broad);
        assert!((best[0] - 0.5).abs() < 1e-4, "{best:?}");
        let nothing = Evidence::default();
        let prior = Prior::pooled(&[nothing], 1.0);
        let fresh = vec![Belief::normal(&nothing, &prior); 3];
        assert!(probability_best(&fresh).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-6));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sums_to_one_and_follows_a_permutation(
            shapes in proptest::collection::vec((0.5f64..5e3, 0.5f64..5e4), 2..6),
        ) {
            let beliefs: Vec<Belief> = shapes.iter().map(|&(a, b)| Belief::beta(a, b, 1.0)).collect();
            let best = probability_best(&beliefs);
            prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(best.iter().all(|p| (0.0..=1.0).contains(p)));
            let back: Vec<Belief> = beliefs.into_iter().rev().collect();
            for (p, q) in best.iter().zip(probability_best(&back).iter().rev()) {
                prop_assert!((p - q).abs() < 1e-9);
            }
        }
    }
}
