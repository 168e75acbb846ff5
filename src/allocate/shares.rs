//! From wanted shares to shares that keep caps, floor and ramp.

use serde::{Deserialize, Serialize};

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

/// What had to yield, because all bounds together leave no shares that sum to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relaxed {
    /// Caps were raised in proportion.
    pub caps: bool,
    /// Floors were lowered: in proportion where they sum to more than one, to the cap where an arm's cap is lower.
    pub floor: bool,
    /// How much further than the ramp shares may move, in share.
    pub ramp: f64,
}

/// The shares nearest to `wanted` (by one common factor) within all bounds, summing to one, and what had to yield.
///
/// Caps go before the floor, the floor before the ramp: what stands later yields first, and only as far as it must.
/// `wanted` and `bounds` have the same length, at least one.
#[must_use]
pub fn bounded_shares(wanted: &[f64], bounds: &[Bounds]) -> (Vec<f64>, Relaxed) {
    let mut relaxed = Relaxed::default();
    let mut hard: Vec<(f64, f64)> = bounds.iter().map(|b| (b.least.clamp(0.0, 1.0), b.most.clamp(0.0, 1.0))).collect();
    let most: f64 = hard.iter().map(|h| h.1).sum();
    if most < 1.0 {
        relaxed.caps = true;
        let n = hard.len() as f64;
        hard.iter_mut().for_each(|h| h.1 = if most > 0.0 { (h.1 / most).min(1.0) } else { 1.0 / n });
    }
    for h in &mut hard {
        relaxed.floor |= h.0 > h.1;
        h.0 = h.0.min(h.1);
    }
    let least: f64 = hard.iter().map(|h| h.0).sum();
    if least > 1.0 {
        relaxed.floor = true;
        hard.iter_mut().for_each(|h| h.0 /= least);
    }
    let ramped = |further: f64| -> Vec<(f64, f64)> {
        let limit = |(h, b): (&(f64, f64), &Bounds)| match b.ramp {
            None => *h,
            Some((before, step)) => {
                ((before - step - further).max(h.0).min(h.1), (before + step + further).min(h.1).max(h.0))
            }
        };
        hard.iter().zip(bounds).map(limit).collect()
    };
    let mut limits = ramped(0.0);
    if !feasible(&limits) {
        let (mut too_little, mut enough) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (too_little + enough);
            if feasible(&ramped(middle)) { enough = middle } else { too_little = middle }
        }
        relaxed.ramp = enough;
        limits = ramped(enough);
    }
    (project(wanted, &limits), relaxed)
}

/// Rounding that is none of the bounds' business.
const SLACK: f64 = 1e-12;

fn feasible(limits: &[(f64, f64)]) -> bool {
    let least: f64 = limits.iter().map(|l| l.0).sum();
    let most: f64 = limits.iter().map(|l| l.1).sum();
    least <= 1.0 + SLACK && most >= 1.0 - SLACK
}

/// A wanted share below this is none.
const NOTHING: f64 = 1e-12;

/// Finds the factor with which `clamp(factor · wanted)` sums to one: the sum grows with the factor, so bisection does.
fn project(wanted: &[f64], limits: &[(f64, f64)]) -> Vec<f64> {
    // Who wants nothing gets the least it must, unless the others together may not have the rest.
    let most: f64 = wanted.iter().zip(limits).map(|(w, l)| if *w >= NOTHING { l.1 } else { l.0 }).sum();
    let nothing = if most >= 1.0 { 0.0 } else { NOTHING };
    let weight = |i: usize| if wanted[i] >= NOTHING { wanted[i] } else { nothing };
    let at = |factor: f64, i: usize| (weight(i) * factor).clamp(limits[i].0, limits[i].1.max(limits[i].0));
    let sum = |factor: f64| (0..wanted.len()).map(|i| at(factor, i)).sum::<f64>();
    let (mut low, mut high) = (0.0f64, 1e13f64);
    for _ in 0..120 {
        let middle = if high > 4.0 * low.max(1e-9) { (low.max(1e-9) * high).sqrt() } else { 0.5 * (low + high) };
        if middle <= low || middle >= high {
            break;
        }
        if sum(middle) < 1.0 { low = middle } else { high = middle }
    }
    let mut shares: Vec<f64> = (0..wanted.len()).map(|i| at(high, i)).collect();
    // What is left is some 1e-16; it goes where there is room.
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

    fn near(found: &[f64], wanted: &[f64]) -> bool {
        found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 1e-9)
    }

    #[test]
    fn free_shares_stay_as_wanted() {
        let (shares, relaxed) = bounded_shares(&[0.7, 0.2, 0.1], &free(3));
        assert!(near(&shares, &[0.7, 0.2, 0.1]) && relaxed == Relaxed::default());
        assert!(near(&bounded_shares(&[0.0, 0.0], &free(2)).0, &[0.5, 0.5]));
    }

    #[test]
    fn who_wants_nothing_gets_nothing_unless_somebody_must() {
        assert_eq!(bounded_shares(&[1.0, 0.0, 1e-30], &free(3)).0, [1.0, 0.0, 0.0]);
        let mut bounds = free(3);
        bounds[0].most = 0.5;
        assert!(near(&bounded_shares(&[1.0, 0.0, 1e-30], &bounds).0, &[0.5, 0.25, 0.25]));
    }

    #[test]
    fn what_a_cap_cuts_off_goes_to_the_others_in_proportion() {
        let mut bounds = free(3);
        bounds[0].most = 0.4;
        assert!(near(&bounded_shares(&[0.7, 0.2, 0.1], &bounds).0, &[0.4, 0.4, 0.2]));
    }

    #[test]
    fn the_ramp_yields_to_a_cap_and_only_as_far_as_it_must() {
        let mut bounds = free(2);
        bounds[0] = Bounds { least: 0.0, most: 0.5, ramp: Some((0.9, 0.1)) };
        bounds[1].ramp = Some((0.1, 0.1));
        let (shares, relaxed) = bounded_shares(&[1.0, 0.0], &bounds);
        assert!(near(&shares, &[0.5, 0.5]) && (relaxed.ramp - 0.3).abs() < 1e-9, "{shares:?} {relaxed:?}");
    }

    /// A new arm enters at its floor although nobody may move: it must not get all that it would like.
    #[test]
    fn a_new_arm_enters_at_the_floor() {
        let mut bounds: Vec<Bounds> =
            [0.5, 0.5, 0.0].iter().map(|&s| Bounds { least: 0.01, most: 1.0, ramp: Some((s, 0.001)) }).collect();
        let (shares, relaxed) = bounded_shares(&[0.1, 0.1, 0.8], &bounds);
        assert!((shares[2] - 0.01).abs() < 1e-9, "{shares:?}");
        assert!((relaxed.ramp - 0.004).abs() < 1e-9, "{relaxed:?}");
        bounds[2].ramp = Some((0.01, 0.001));
        assert!(bounded_shares(&[0.1, 0.1, 0.8], &bounds).0[2] <= 0.02);
    }

    #[test]
    fn caps_and_floors_that_contradict_yield_and_say_so() {
        let caps = vec![Bounds { least: 0.0, most: 0.2, ramp: None }; 2];
        let (shares, relaxed) = bounded_shares(&[0.9, 0.1], &caps);
        assert!(near(&shares, &[0.5, 0.5]) && relaxed.caps && !relaxed.floor);
        let floors = vec![Bounds { least: 0.8, most: 1.0, ramp: None }; 2];
        let (shares, relaxed) = bounded_shares(&[0.9, 0.1], &floors);
        assert!(near(&shares, &[0.5, 0.5]) && relaxed.floor);
        let cap_under_floor =
            vec![Bounds { least: 0.3, most: 0.1, ramp: None }, Bounds { least: 0.0, most: 1.0, ramp: None }];
        let (shares, relaxed) = bounded_shares(&[0.5, 0.5], &cap_under_floor);
        assert!(near(&shares, &[0.1, 0.9]) && relaxed.floor);
    }

    fn bound() -> impl Strategy<Value = (f64, Bounds)> {
        let ramp = proptest::option::of((0.0f64..1.0, 0.0f64..0.3));
        (0.0f64..1.0, 0.0f64..0.5, 0.0f64..1.0, ramp).prop_map(|(wanted, least, most, ramp)| {
            (if wanted < 0.3 { 0.0 } else { wanted.powi(30) }, Bounds { least, most, ramp })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// AL-1 always; AL-2, caps and AL-3 wherever nothing is said to have yielded.
        #[test]
        fn any_bounds_give_shares_that_keep_them_or_say_what_yields(
            entries in proptest::collection::vec(bound(), 1..17),
        ) {
            let sum: f64 = entries.iter().map(|e| e.0).sum::<f64>() + 1e-300;
            let wanted: Vec<f64> = entries.iter().map(|e| e.0 / sum).collect();
            let bounds: Vec<Bounds> = entries.iter().map(|e| e.1).collect();
            let (shares, relaxed) = bounded_shares(&wanted, &bounds);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "AL-1 {shares:?}");
            prop_assert!((0.0..=1.0).contains(&relaxed.ramp));
            for (s, b) in shares.iter().zip(&bounds) {
                prop_assert!((0.0..=1.0).contains(s), "{shares:?}");
                prop_assert!(relaxed.floor || *s >= b.least - 1e-9, "AL-2 {s} {b:?} {relaxed:?}");
                prop_assert!(relaxed.caps || *s <= b.most + 1e-9, "cap {s} {b:?} {relaxed:?}");
                let Some((before, step)) = b.ramp else { continue };
                // A floor above, or a cap below what the ramp allows goes before it.
                let forced = (b.least - before).max(before - b.most).max(0.0);
                let may = (step + relaxed.ramp).max(forced) + 1e-9;
                let hard = relaxed.floor || relaxed.caps;
                prop_assert!(hard || (s - before).abs() <= may, "AL-3 {s} {b:?} {relaxed:?}");
            }
        }

        /// What no bound touches keeps its proportions.
        #[test]
        fn free_arms_keep_their_proportions(raw in proptest::collection::vec(0.01f64..1.0, 3..9), cap in 0.05f64..0.9) {
            let sum: f64 = raw.iter().sum();
            let wanted: Vec<f64> = raw.iter().map(|r| r / sum).collect();
            let mut bounds = free(wanted.len());
            bounds[0].most = cap;
            let (shares, _) = bounded_shares(&wanted, &bounds);
            prop_assert!((shares[0] - wanted[0].min(cap)).abs() < 1e-9);
            prop_assert!((shares[1] * wanted[2] - shares[2] * wanted[1]).abs() < 1e-9);
        }
    }
}
