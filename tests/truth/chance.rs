//! Do the arms of distinct assignments match the propensities that were logged for them?

use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::collections::BTreeMap;

/// The p-value of Pearson's chi-square of the arms drawn against the summed vectors.
///
/// Vectors that differ from draw to draw make the true variance smaller than the test assumes: it errs on the side of
/// a larger p.
pub(crate) fn agreement(drawn: &[(BTreeMap<String, f64>, String)]) -> f64 {
    let (mut expected, mut observed) = (BTreeMap::new(), BTreeMap::new());
    for (vector, arm) in drawn {
        for (name, share) in vector {
            *expected.entry(name).or_insert(0.0) += share;
        }
        *observed.entry(arm).or_insert(0.0) += 1.0;
    }
    expected.retain(|_, sum| *sum > 0.0);
    let term = |(arm, sum): (&&String, &f64)| (observed.get(*arm).copied().unwrap_or(0.0) - sum).powi(2) / sum;
    let statistic: f64 = expected.iter().map(term).sum();
    let freedom = expected.len().saturating_sub(1);
    if freedom == 0 {
        return 1.0;
    }
    ChiSquared::new(freedom as f64).map_or(0.0, |distribution| distribution.sf(statistic))
}
