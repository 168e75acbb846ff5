//! From wanted shares to shares that keep floor, caps and ramp.

/// What a share must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// At least this: the floor, or the baseline's share.
    pub least: f64,
    /// At most this: the cap.
    pub most: f64,
    /// The share before, and how far it may move; `None`: anywhere.
    pub ramp: Option<(f64, f64)>,
}

/// The shares nearest to `wanted` (in proportion) within all bounds, summing to one.
///
/// Where the bounds contradict each other the ramp yields first, then the floor, then the caps: so the order of
/// precedence is caps, floor, ramp. `wanted` and `bounds` have the same length, at least one.
#[must_use]
pub fn bounded_shares(wanted: &[f64], bounds: &[Bounds]) -> Vec<f64> {
    let with_ramp: Vec<(f64, f64)> = bounds
        .iter()
        .map(|b| {
            let (least, most) = (b.least.min(b.most), b.most);
            match b.ramp {
                None => (least, most),
                Some((before, step)) => ((before - step).clamp(least, most), (before + step).clamp(least, most)),
            }
        })
        .collect();
    let without_ramp = || bounds.iter().map(|b| (b.least.min(b.most), b.most)).collect::<Vec<_>>();
    let caps_only = || bounds.iter().map(|b| (0.0, b.most)).collect::<Vec<_>>();
    for limits in [with_ramp, without_ramp(), caps_only()] {
        if feasible(&limits) {
            return project(wanted, &limits);
        }
    }
    project(wanted, &vec![(0.0, 1.0); wanted.len()])
}

fn feasible(limits: &[(f64, f64)]) -> bool {
    let least: f64 = limits.iter().map(|l| l.0).sum();
    let most: f64 = limits.iter().map(|l| l.1).sum();
    least <= 1.0 + 1e-12 && most >= 1.0 - 1e-12
}

/// Finds the factor with which `clamp(factor · wanted)` sums to one: the sum grows with the factor, so bisection finds it.
fn project(wanted: &[f64], limits: &[(f64, f64)]) -> Vec<f64> {
    // A share of nothing could never grow by a factor, and bounds may ask it to.
    let wanted: Vec<f64> = wanted.iter().map(|w| w.max(1e-12)).collect();
    let at = |factor: f64| -> Vec<f64> {
        wanted.iter().zip(limits).map(|(w, l)| (w * factor).clamp(l.0, l.1.max(l.0))).collect()
    };
    let (mut low, mut high) = (0.0f64, 1e13f64);
    for _ in 0..200 {
        let middle = if low > 0.0 && high / low > 4.0 { (low * high).sqrt() } else { 0.5 * (low + high) };
        if at(middle).iter().sum::<f64>() < 1.0 { low = middle } else { high = middle }
    }
    let mut shares = at(high);
    // What bisection leaves is some 1e-16; it goes where there is room.
    let rest = 1.0 - shares.iter().sum::<f64>();
    if let Some(i) = (0..shares.len()).find(|&i| (limits[i].0..=limits[i].1).contains(&(shares[i] + rest))) {
        shares[i] += rest;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn free(n: usize) -> Vec<Bounds> {
        vec![Bounds { least: 0.0, most: 1.0, ramp: None }; n]
    }

    #[test]
    fn free_shares_stay_as_wanted() {
        let shares = bounded_shares(&[0.7, 0.2, 0.1], &free(3));
        for (s, w) in shares.iter().zip([0.7, 0.2, 0.1]) {
            assert!((s - w).abs() < 1e-12);
        }
    }

    #[test]
    fn caps_floor_and_ramp_bind_in_that_order() {
        let mut bounds = free(2);
        bounds[0].most = 0.5;
        let shares = bounded_shares(&[1.0, 0.0], &bounds);
        assert!((shares[0] - 0.5).abs() < 1e-12);
        bounds[1].ramp = Some((0.1, 0.1));
        let shares = bounded_shares(&[1.0, 0.0], &bounds);
        assert!((shares[0] - 0.5).abs() < 1e-12, "the ramp yields to the cap: {shares:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn sums_to_one_within_bounds(
            raw in proptest::collection::vec((0.0f64..1.0, 0.0f64..0.2, 0.3f64..1.0), 1..9),
            step in 0.0f64..0.2,
        ) {
            let sum: f64 = raw.iter().map(|r| r.0).sum::<f64>() + 1e-9;
            let wanted: Vec<f64> = raw.iter().map(|r| r.0 / sum).collect();
            let before = 1.0 / raw.len() as f64;
            let mut bounds: Vec<Bounds> = raw.iter().map(|r| {
                Bounds { least: r.1 / raw.len() as f64, most: r.2.max(before), ramp: Some((before, step)) }
            }).collect();
            if raw.len() == 1 { bounds[0].most = 1.0; }
            let shares = bounded_shares(&wanted, &bounds);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "AL-1 {:?}", shares);
            for (s, b) in shares.iter().zip(&bounds) {
                prop_assert!(*s >= b.least - 1e-9 && *s <= b.most + 1e-9, "AL-2 {:?} {:?}", shares, bounds);
                prop_assert!((s - before).abs() <= step + 1e-9, "AL-3 {:?}", shares);
            }
        }
    }
}
