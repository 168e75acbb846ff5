//! Where numbers lie: what an item's numbers are measured against.

use super::spread::Spread;
use crate::event::{Attribute, ItemFacts};
use crate::table::{Part, PartError, Table};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Names of numbers that are kept; others are passed over.
const NAMES: usize = 256;
/// Numbers that are used of one item.
const PER_ITEM: usize = 16;
/// Standard deviations at which a number is cut: one wild value must not drown the rest.
const REACH: f64 = 3.0;
/// A mean and a spread of fewer numbers say nothing yet.
const ENOUGH: f64 = 5.0;

/// A number of an item, standardised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standard {
    /// Hash of its name.
    pub name: u64,
    /// Standard deviations from the mean of its name, -3 to 3.
    pub value: f32,
}

/// Mean and spread of every named number over all that were said (Welford 1962), one pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standards {
    names: BTreeMap<u64, Spread>,
}

impl Standards {
    /// The numbers of an item against what was said before, which they then join. An item that is described again counts
    /// again.
    pub fn take(&mut self, facts: &ItemFacts) -> Vec<Standard> {
        let mut all = Vec::new();
        for (name, attribute) in &facts.attributes {
            let (Attribute::Number(x), true) = (attribute, all.len() < PER_ITEM) else { continue };
            let name = xxh3_64(name.as_bytes());
            if !self.names.contains_key(&name) && self.names.len() >= NAMES {
                continue;
            }
            let spread = self.names.entry(name).or_default();
            all.push(Standard { name, value: standard(spread, *x) as f32 });
            spread.join(*x);
        }
        all
    }
}

/// Standard deviations between a number and those before it.
fn standard(spread: &Spread, x: f64) -> f64 {
    let deviation = spread.deviation();
    if spread.n < ENOUGH || deviation <= 0.0 {
        return 0.0;
    }
    ((x - spread.mean) / deviation).clamp(-REACH, REACH)
}

impl Part for Standards {
    fn tables(&self) -> Vec<(String, &Table)> {
        Vec::new()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        Vec::new()
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(&self.names.iter().collect::<Vec<_>>()).expect("finite sums have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let names: Vec<(u64, Spread)> =
            serde_json::from_slice(blob).map_err(|e| PartError(format!("standards: {e}")))?;
        self.names = names.into_iter().collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(x: f64) -> ItemFacts {
        ItemFacts { attributes: [("weight".to_owned(), Attribute::Number(x))].into(), ..ItemFacts::default() }
    }

    #[test]
    fn numbers_are_measured_against_those_before_and_cut() {
        let mut standards = Standards::default();
        let values: Vec<f32> = [10.0, 12.0, 8.0, 10.0, 10.0, 12.0, 1e12, -1e12]
            .iter()
            .map(|x| standards.take(&facts(*x))[0].value)
            .collect();
        assert_eq!(values[..5], [0.0; 5], "too few to say");
        assert!((values[5] - 1.581_14).abs() < 1e-4, "two above the mean of 10, deviation √1.6: {}", values[5]);
        assert_eq!(values[6], 3.0);
        assert!(values[7] < -1.0);
        let mut back = Standards::default();
        back.restore(&standards.blob()).unwrap();
        assert_eq!(back, standards);
    }

    #[test]
    fn names_are_bounded() {
        let mut standards = Standards::default();
        for n in 0..1000 {
            let attributes = [(format!("n{n}"), Attribute::Number(1.0))].into();
            let known = standards.take(&ItemFacts { attributes, ..ItemFacts::default() });
            assert_eq!(known.len(), usize::from(n < 256));
        }
    }

    proptest! {
        #[test]
        fn neither_unit_nor_origin_matters(
            numbers in proptest::collection::vec(-100i32..100, 1..60),
            scale in 1i32..50,
            shift in -1000i32..1000,
        ) {
            let (mut a, mut b) = (Standards::default(), Standards::default());
            for x in numbers {
                let (x, y) = (f64::from(x), f64::from(x * scale + shift));
                let (x, y) = (a.take(&facts(x))[0].value, b.take(&facts(y))[0].value);
                prop_assert!((x - y).abs() < 1e-3, "{} {}", x, y);
            }
        }
    }
}
