//! Which of two models is better on the same examples, however often somebody looks.

use super::sequence::RunningMean;
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The chance that any of the intervals of one set of models was ever wrong.
const ALPHA: f64 = 0.05;

/// Every model against every other on the examples that were ranked: who had the target among the first ten.
///
/// All intervals hold together and at all times: each is a confidence sequence at 0.05 over the number of pairs, so
/// that the best of many may be picked after looking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparisons {
    /// Registry names, each with the hash of its parameters.
    models: Vec<(String, u64)>,
    /// (0, 1), (0, 2), …, (1, 2), ….
    pairs: Vec<Pair>,
}

/// Sums of one pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pair {
    only_first: u64,
    only_second: u64,
    examples: u64,
    /// Of (1 + first − second) / 2.
    ahead: RunningMean,
}

/// How two models compare.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Registry name of the one.
    pub first: String,
    /// Registry name of the other.
    pub second: String,
    /// Examples that both ranked.
    pub examples: u64,
    /// Of them those that only the first had among its first ten.
    pub only_first: u64,
    /// Those that only the second had.
    pub only_second: u64,
    /// Recall@10 of the first minus that of the second.
    pub difference: f64,
    /// Bounds of the difference: valid at all times, and for all pairs together (95 %).
    pub lower: f64,
    /// See `lower`.
    pub upper: f64,
    /// McNemar's test (1947; chi-squared with one degree of freedom, no correction) that neither is better: for one
    /// look at the end, and not for picking a pair.
    pub mcnemar_p: f64,
}

impl Comparisons {
    /// Nothing compared yet, of models by name and hash of their parameters.
    #[must_use]
    pub fn new(models: Vec<(String, u64)>) -> Self {
        let pairs = vec![Pair::default(); models.len() * models.len().saturating_sub(1) / 2];
        Self { models, pairs }
    }

    /// The numbers of both models, by pair.
    fn numbers(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.models.len();
        (0..n).flat_map(move |first| (first + 1..n).map(move |second| (first, second)))
    }

    /// Takes one ranked example: whether each model had its target among the first ten, in the order of the models.
    /// Another number of models than that of the beginning is left out.
    pub fn observe(&mut self, hits: &[bool]) {
        if hits.len() != self.models.len() {
            return;
        }
        let mut pairs = self.pairs.iter_mut();
        for (n, &first) in hits.iter().enumerate() {
            for (&second, pair) in hits[n + 1..].iter().zip(&mut pairs) {
                pair.observe(first, second);
            }
        }
    }

    /// All pairs, in the order of the models.
    #[must_use]
    pub fn all(&self) -> Vec<Comparison> {
        let alpha = ALPHA / self.pairs.len().max(1) as f64;
        let name = |n: usize| self.models[n].0.clone();
        let named =
            |((first, second), pair): ((usize, usize), &Pair)| pair.comparison(name(first), name(second), alpha);
        self.numbers().zip(&self.pairs).map(named).collect()
    }
}

impl Pair {
    fn observe(&mut self, first: bool, second: bool) {
        self.examples += 1;
        self.only_first += u64::from(first && !second);
        self.only_second += u64::from(second && !first);
        let x = 0.5 * (1.0 + f64::from(u8::from(first)) - f64::from(u8::from(second)));
        self.ahead.observe(x);
    }

    fn comparison(&self, first: String, second: String, alpha: f64) -> Comparison {
        let difference = self.only_first as f64 - self.only_second as f64;
        let (low, high) = self.ahead.bounds(alpha);
        Comparison {
            first,
            second,
            examples: self.examples,
            only_first: self.only_first,
            only_second: self.only_second,
            difference: if self.examples == 0 { 0.0 } else { difference / self.examples as f64 },
            lower: 2.0 * low - 1.0,
            upper: 2.0 * high - 1.0,
            mcnemar_p: mcnemar(self.only_first, self.only_second),
        }
    }
}

/// The p-value of McNemar's test; 1 while nothing speaks for either.
#[must_use]
pub fn mcnemar(only_first: u64, only_second: u64) -> f64 {
    let (b, c) = (only_first as f64, only_second as f64);
    if b + c <= 0.0 {
        return 1.0;
    }
    ChiSquared::new(1.0).map_or(1.0, |chi| chi.sf((b - c) * (b - c) / (b + c)))
}

impl Part for Comparisons {
    fn tables(&self) -> Vec<(String, &Table)> {
        Vec::new()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        Vec::new()
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("finite sums have a JSON form")
    }

    /// Takes back the pairs of which both models are as they were; another model takes nothing from the others.
    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let saved: Self = serde_json::from_slice(blob).map_err(|e| PartError(format!("comparisons: {e}")))?;
        let place = |model| saved.models.iter().position(|m| m == model);
        let numbers: Vec<_> = self.numbers().collect();
        for ((first, second), pair) in numbers.into_iter().zip(&mut self.pairs) {
            let before = (place(&self.models[first]), place(&self.models[second]));
            let mut old = saved.numbers().zip(&saved.pairs);
            *pair = old.find(|((a, b), _)| before == (Some(*a), Some(*b))).map_or_else(Pair::default, |(_, old)| *old);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Seed, unit_interval};

    #[test]
    fn mcnemar_agrees_with_scipy() {
        // SciPy: scipy.stats.chi2.sf((b - c)**2 / (b + c), 1)
        for (b, c, p) in [(10, 25, 0.011_229_89), (991, 641, 4.563_296e-18), (7, 7, 1.0), (0, 0, 1.0)] {
            let ours = mcnemar(b, c);
            assert!((ours / p - 1.0).abs() < 1e-5, "{b} {c}: {ours}");
        }
    }

    #[test]
    fn counts_whose_hit_it_was_and_comes_back_from_its_bytes() {
        let of = |names: &[&str]| Comparisons::new(names.iter().map(|name| ((*name).to_owned(), 1)).collect());
        let mut all = of(&["a", "b", "c"]);
        for hits in [[true, false, true], [true, true, true], [false, false, true]] {
            all.observe(&hits);
        }
        all.observe(&[true]);
        let found: Vec<_> = all.all().into_iter().map(|c| (c.first, c.second, c.only_first, c.only_second)).collect();
        let pair = |a: &str, b: &str, n, m| (a.to_owned(), b.to_owned(), n, m);
        assert_eq!(found, [pair("a", "b", 1, 0), pair("a", "c", 0, 1), pair("b", "c", 0, 2)]);
        assert!(all.all().iter().all(|c| c.examples == 3 && c.lower <= c.difference && c.difference <= c.upper));
        let mut back = of(&["a", "b", "c"]);
        back.restore(&all.blob()).unwrap();
        assert_eq!(back, all);
        // A model more, and one that is gone: the pair that stayed goes on.
        let mut others = of(&["a", "c", "d"]);
        others.restore(&all.blob()).unwrap();
        assert_eq!(
            others.all().iter().map(|c| (c.examples, c.only_second)).collect::<Vec<_>>(),
            [(3, 1), (0, 0), (0, 0)]
        );
        let mut tuned = Comparisons::new(vec![("a".to_owned(), 1), ("c".to_owned(), 2)]);
        tuned.restore(&all.blob()).unwrap();
        assert_eq!(tuned.all()[0].examples, 0, "other parameters, another model");
        assert!(of(&[]).all().is_empty() && back.restore(b"[]").is_err());
    }

    /// Bounds after each of `n` examples on which the models hit with these chances, the second's half with the first's.
    fn bounds(seed: u64, n: u64, rates: [f64; 2]) -> Vec<(f64, f64)> {
        let mut all = Comparisons::new(vec![("a".to_owned(), 0), ("b".to_owned(), 0)]);
        let mut draws = Vec::new();
        for t in 0..n {
            let at = |k: u128| unit_interval(Seed(seed).keyed(u128::from(t)).keyed(k).0);
            let same = at(2) < 0.5;
            all.observe(&[at(0) < rates[0], at(if same { 0 } else { 1 }) < rates[1]]);
            let c = &all.all()[0];
            draws.push((c.lower, c.upper));
        }
        draws
    }

    #[test]
    fn equal_models_are_seldom_told_apart_and_different_ones_are() {
        // 0.05 allows ten of 200 on average, and a sequence that is never tight errs far less often.
        let told = (0..200).filter(|&seed| bounds(seed, 1_000, [0.1, 0.1]).iter().any(|b| b.0 > 0.0 || b.1 < 0.0));
        assert!(told.count() <= 10);
        let found = (0..20).filter(|&seed| bounds(seed, 8_000, [0.16, 0.13]).last().is_some_and(|b| b.0 > 0.0));
        assert!(found.count() >= 18);
    }
}
