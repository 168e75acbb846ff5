//! The probability of being best, by deterministic quadrature.
//!
//! P(arm j has the largest mean) = ∫ f_j(x) ∏_{i≠j} F_i(x) dx for independent beliefs. Densities are taken relative to
//! their peak and normalised by their own integral, and distribution functions are running integrals of the same
//! densities: so ten million assignments are no harder than ten (the usual continued fraction for the Beta
//! distribution gives up there), and nothing but `exp` and `ln` is called, whose bits agree on every machine.

use super::posterior::Belief;

/// Nodes of the 8-point Gauss–Legendre rule on [−1, 1] (Abramowitz & Stegun, table 25.4).
const NODES: [f64; 8] = [
    -0.960_289_856_497_536_2,
    -0.796_666_477_413_626_7,
    -0.525_532_409_916_329,
    -0.183_434_642_495_649_8,
    0.183_434_642_495_649_8,
    0.525_532_409_916_329,
    0.796_666_477_413_626_7,
    0.960_289_856_497_536_2,
];
/// Their weights.
const WEIGHTS: [f64; 8] = [
    0.101_228_536_290_376_26,
    0.222_381_034_453_374_5,
    0.313_706_645_877_887_3,
    0.362_683_783_378_362,
    0.362_683_783_378_362,
    0.313_706_645_877_887_3,
    0.222_381_034_453_374_5,
    0.101_228_536_290_376_26,
];
const N: usize = NODES.len();

/// Where panels end, in an arm's own scale on either side of its peak; further ones follow, each 1.5 times as far.
const EDGES: [f64; 7] = [0.75, 1.5, 2.4, 3.4, 4.6, 6.0, 8.0];
/// Below e^−36 of its peak a density is taken as zero.
const NEGLIGIBLE: f64 = -36.0;
/// Steps outwards after the last of [`EDGES`] at most: enough for tails of any Beta down to shape 0.001.
const STEPS: usize = 40;

/// Probability of being best by arm, in the order of `beliefs`; sums to one. The same beliefs give the same bits.
///
/// Beliefs of one experiment are of one kind. Of mixed kinds, every Beta counts as the normal of its mean and spread.
#[must_use]
pub fn probability_best(beliefs: &[Belief]) -> Vec<f64> {
    if beliefs.len() < 2 {
        return vec![1.0; beliefs.len()];
    }
    let shapes = shapes(beliefs);
    let edges = panels(&shapes);
    let panels = edges.len().saturating_sub(1);
    let mut densities = vec![[0.0; N]; panels * shapes.len()];
    for (pair, row) in edges.windows(2).zip(densities.chunks_exact_mut(shapes.len())) {
        for k in 0..N {
            let point = Point::at(0.5 * (pair[0] + pair[1]) + 0.5 * (pair[1] - pair[0]) * NODES[k]);
            for (shape, density) in shapes.iter().zip(row.iter_mut()) {
                let log = shape.log_density(&point);
                density[k] = if log > NEGLIGIBLE { libm::exp(log) } else { 0.0 };
            }
        }
    }
    let best = integrate(&edges, &mut densities, shapes.len());
    let sum: f64 = best.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return vec![1.0 / beliefs.len() as f64; beliefs.len()];
    }
    best.iter().map(|b| b / sum).collect()
}

/// Sums f_j ∏ F_i over all panels. `densities` holds, panel by panel, each arm's values at the nodes.
fn integrate(edges: &[f64], densities: &mut [[f64; N]], arms: usize) -> Vec<f64> {
    let half = |panel: usize| 0.5 * (edges[panel + 1] - edges[panel]);
    let mut mass = vec![0.0; arms];
    for (panel, row) in densities.chunks_exact(arms).enumerate() {
        for (m, density) in mass.iter_mut().zip(row) {
            *m += half(panel) * density.iter().zip(WEIGHTS).map(|(f, w)| f * w).sum::<f64>();
        }
    }
    let running = running_integral();
    let (mut best, mut before) = (vec![0.0; arms], vec![0.0; arms]);
    let mut below = vec![[0.0; N]; arms];
    let mut after = vec![1.0; arms + 1];
    for (panel, row) in densities.chunks_exact_mut(arms).enumerate() {
        let half = half(panel);
        for (arm, density) in row.iter_mut().enumerate() {
            let mut whole = 0.0;
            for k in 0..N {
                density[k] *= half / mass[arm];
                whole += density[k] * WEIGHTS[k];
            }
            for k in 0..N {
                let part: f64 = running[k].iter().zip(&*density).map(|(r, f)| r * f).sum();
                below[arm][k] = (before[arm] + part).clamp(0.0, 1.0);
            }
            before[arm] += whole;
        }
        for k in 0..N {
            for arm in (0..arms).rev() {
                after[arm] = after[arm + 1] * below[arm][k];
            }
            let mut ahead = WEIGHTS[k];
            for arm in 0..arms {
                best[arm] += row[arm][k] * ahead * after[arm + 1];
                ahead *= below[arm][k];
            }
        }
    }
    best
}

/// Row k integrates the polynomial through the nodes' values from −1 to node k: ∫ P_n = (P_{n+1} − P_{n−1})/(2n+1).
fn running_integral() -> [[f64; N]; N] {
    let mut legendre = [[0.0; N + 1]; N];
    for (p, x) in legendre.iter_mut().zip(NODES) {
        (p[0], p[1]) = (1.0, x);
        for n in 1..N {
            let m = n as f64;
            p[n + 1] = ((2.0 * m + 1.0) * x * p[n] - m * p[n - 1]) / (m + 1.0);
        }
    }
    let mut rows = [[0.0; N]; N];
    for k in 0..N {
        for l in 0..N {
            let waves: f64 = (1..N).map(|n| legendre[l][n] * (legendre[k][n + 1] - legendre[k][n - 1])).sum();
            rows[k][l] = 0.5 * WEIGHTS[l] * (NODES[k] + 1.0 + waves);
        }
    }
    rows
}

/// Edges of the panels, in order: every arm's own, so that a broad and a very narrow belief are both seen.
fn panels(shapes: &[Shape]) -> Vec<f64> {
    let mut edges: Vec<(f64, f64)> = Vec::new();
    for shape in shapes {
        let (peak, scale) = shape.peak();
        edges.push((peak, scale));
        for side in [-scale, scale] {
            edges.extend(EDGES.iter().map(|e| (peak + side * e, scale)));
            let mut reach = EDGES[EDGES.len() - 1];
            for _ in 0..STEPS {
                if shape.log_density(&Point::at(peak + side * reach)) < NEGLIGIBLE {
                    break;
                }
                reach *= 1.5;
                edges.push((peak + side * reach, scale));
            }
        }
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(edges.len());
    for edge in edges {
        // Edges nearer than half the finer scale add work and no accuracy.
        if kept.last().is_none_or(|last| edge.0 - last.0 >= 0.5 * last.1.min(edge.1)) {
            kept.push(edge);
        }
    }
    kept.into_iter().map(|(at, _)| at).collect()
}

/// A place on the line of integration, with what all Beta densities need there.
struct Point {
    at: f64,
    /// ln of the rate, where the line is log-odds.
    log: f64,
    /// ln of one minus it.
    log_rest: f64,
}

impl Point {
    fn at(at: f64) -> Self {
        let small = libm::log1p(libm::exp(-at.abs()));
        let (log, log_rest) = if at >= 0.0 { (-small, -at - small) } else { (at - small, -small) };
        Self { at, log, log_rest }
    }
}

/// A belief on the line of integration.
enum Shape {
    /// Beta over log-odds, where it has no poles: x^a (1−x)^b, with its logarithm at the peak.
    Odds { a: f64, b: f64, peak_log: f64 },
    /// Student t around a common origin, so that differences of large means keep their digits.
    /// `reach` is the square of the distance, in scales, from which on the density is negligible.
    Line { location: f64, scale: f64, freedom: f64, reach: f64 },
}

impl Shape {
    fn peak(&self) -> (f64, f64) {
        match *self {
            Self::Odds { a, b, .. } => (libm::log(a / b), (1.0 / a + 1.0 / b).sqrt()),
            Self::Line { location, scale, .. } => (location, scale),
        }
    }

    /// ln of the density, relative to the peak.
    fn log_density(&self, point: &Point) -> f64 {
        match *self {
            Self::Odds { a, b, peak_log } => a * point.log + b * point.log_rest - peak_log,
            Self::Line { location, scale, freedom, reach } => {
                let z = (point.at - location) / scale;
                if z * z > reach {
                    return f64::NEG_INFINITY;
                }
                -0.5 * (freedom + 1.0) * libm::log1p(z * z / freedom)
            }
        }
    }
}

fn shapes(beliefs: &[Belief]) -> Vec<Shape> {
    let first_cap = if let Belief::Beta { cap, .. } = beliefs[0] { Some(cap) } else { None };
    let same_kind = |b: &Belief| matches!(*b, Belief::Beta { cap, .. } if Some(cap) == first_cap);
    if beliefs.iter().all(same_kind) {
        let odds = |b: &Belief| match *b {
            Belief::Beta { a, b, .. } => {
                let peak = Point::at(libm::log(a / b));
                Shape::Odds { a, b, peak_log: a * peak.log + b * peak.log_rest }
            }
            Belief::Student { .. } => unreachable!("all are Beta"),
        };
        return beliefs.iter().map(odds).collect();
    }
    let origin = beliefs.iter().map(Belief::mean).fold(f64::NEG_INFINITY, f64::max);
    let line = |b: &Belief| {
        let (location, scale, freedom) = match *b {
            Belief::Student { location, scale, freedom } => (location, scale, freedom),
            Belief::Beta { .. } => (b.mean(), b.stddev(), 1e9),
        };
        let reach = freedom * libm::expm1(-2.0 * NEGLIGIBLE / (freedom + 1.0));
        Shape::Line { location: location - origin, scale, freedom, reach }
    };
    beliefs.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(default)]
        beta: Vec<(f64, f64)>,
        #[serde(default)]
        student: Vec<(f64, f64, f64)>,
        best: Vec<f64>,
    }

    /// T3, and harder cases: ten million assignments, one arm without any, shapes far below one, heavy tails.
    #[test]
    fn golden_values() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/golden/best.json")).expect("golden numbers are JSON");
        for case in golden.cases {
            let beliefs: Vec<Belief> = case
                .beta
                .iter()
                .map(|&(a, b)| Belief::beta(a, b, 1.0))
                .chain(case.student.iter().map(|&(location, scale, freedom)| Belief::student(location, scale, freedom)))
                .collect();
            let found = probability_best(&beliefs);
            for (p, wanted) in found.iter().zip(&case.best) {
                assert!((p - wanted).abs() < 1e-7, "{}: {found:?}, wanted {:?}", case.name, case.best);
            }
        }
    }

    #[test]
    fn extremes() {
        assert!(probability_best(&[]).is_empty());
        assert_eq!(probability_best(&[Belief::beta(3.0, 9.0, 1.0)]), [1.0]);
        for n in [1.0, 1e3, 1e7, 1e12] {
            let same = vec![Belief::beta(0.1 * n, 0.9 * n, 1.0); 5];
            assert!(probability_best(&same).iter().all(|p| (p - 0.2).abs() < 1e-9), "{n}");
        }
        let apart = [Belief::student(1e9, 1e-3, 50.0), Belief::student(-1e9, 1e-3, 50.0)];
        assert_eq!(probability_best(&apart), [1.0, 0.0]);
        // One cap for all: in other units the answer is the same.
        let unit = probability_best(&[Belief::beta(10.0, 90.0, 1.0), Belief::beta(12.0, 88.0, 1.0)]);
        let euro = probability_best(&[Belief::beta(10.0, 90.0, 7.5), Belief::beta(12.0, 88.0, 7.5)]);
        assert_eq!(unit, euro);
    }

    fn belief(binary: bool) -> impl Strategy<Value = Belief> {
        (-3.0f64..15.0, -3.0f64..15.0, -1e3f64..1e3, -4.0f64..3.0, 2.1f64..1e6).prop_map(move |(a, b, at, s, v)| {
            if binary { Belief::beta(libm::exp(a), libm::exp(b), 1.0) } else { Belief::student(at, libm::exp(s), v) }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn sums_to_one_is_finite_and_follows_a_permutation(
            beliefs in any::<bool>().prop_flat_map(|binary| proptest::collection::vec(belief(binary), 2..9)),
            turn in 0usize..8,
        ) {
            let best = probability_best(&beliefs);
            prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(best.iter().all(|p| (0.0..=1.0).contains(p)));
            let mut turned = beliefs.clone();
            let turn = turn % beliefs.len();
            turned.rotate_left(turn);
            let mut back = probability_best(&turned);
            back.rotate_right(turn);
            for (p, q) in best.iter().zip(&back) {
                prop_assert!((p - q).abs() < 1e-9, "{best:?} {back:?}");
            }
        }

        /// Two normal-like beliefs: P(best) has a closed form.
        #[test]
        fn two_arms_match_the_normal_distribution(gap in -4f64..4.0, ratio in 0.01f64..100.0) {
            use statrs::distribution::{ContinuousCDF, Normal};
            let beliefs = [Belief::student(gap, 1.0, 1e9), Belief::student(0.0, ratio, 1e9)];
            let wanted = Normal::new(0.0, 1.0).expect("unit").cdf(gap / (1.0 + ratio * ratio).sqrt());
            prop_assert!((probability_best(&beliefs)[0] - wanted).abs() < 1e-7);
        }
    }
}
