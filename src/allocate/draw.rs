//! The hash behind every assignment: `docs/assignment.md` gives the bytes, so that anyone can recompute it.

use crate::event::{Span, Time};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Slots that epochs are staggered over.
pub(super) const SLOTS: i64 = 256;

/// XXH3-64 of `experiment ␀ scope ␀ unit ␀ epoch ␀ arm ␀ salt` in UTF-8; the epoch is a decimal number, or `-`.
#[must_use]
pub fn draw_hash(experiment: &str, scope: &str, unit: &str, epoch: Option<i64>, arm: &str, salt: &str) -> u64 {
    Draw::new(experiment, scope, unit, epoch).hash(arm, salt)
}

/// The part of the hash that is the same for all arms.
pub(super) struct Draw {
    prefix: Xxh3,
}

impl Draw {
    pub(super) fn new(experiment: &str, scope: &str, unit: &str, epoch: Option<i64>) -> Self {
        let mut prefix = Xxh3::new();
        for text in [experiment, scope, unit] {
            prefix.update(text.as_bytes());
            prefix.update(b"\0");
        }
        match epoch {
            Some(n) => prefix.update(n.to_string().as_bytes()),
            None => prefix.update(b"-"),
        }
        prefix.update(b"\0");
        Self { prefix }
    }

    pub(super) fn hash(&self, arm: &str, salt: &str) -> u64 {
        let mut hash = self.prefix.clone();
        hash.update(arm.as_bytes());
        hash.update(b"\0");
        hash.update(salt.as_bytes());
        hash.digest()
    }

    /// Weighted rendezvous: the arm with the smallest −ln(u)/p gets the unit, with probability exactly p
    /// (Efraimidis & Spirakis 2006). Entries are (index, name, share); shares of zero never win.
    pub(super) fn choose<'a>(&self, salt: &str, arms: impl Iterator<Item = (usize, &'a str, f64)>) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for (index, name, share) in arms {
            if share <= 0.0 {
                continue;
            }
            let u = (self.hash(name, salt) as f64 + 0.5) / 18_446_744_073_709_551_616.0;
            let cost = -libm::log(u) / share;
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, index));
            }
        }
        best.map(|(_, index)| index)
    }
}

/// Epoch of a unit at a moment, and the global slot in which that epoch began.
///
/// A unit's epochs begin at one of 256 slots, hashed from `experiment ␀ unit`: shifts of an allocation reach units
/// evenly over one epoch instead of all at midnight.
#[must_use]
pub fn epoch_of(experiment: &str, unit: &str, stick: Span, now: Time) -> (i64, i64) {
    let mut key = Vec::with_capacity(experiment.len() + unit.len() + 1);
    key.extend_from_slice(experiment.as_bytes());
    key.push(0);
    key.extend_from_slice(unit.as_bytes());
    let slot = (xxh3_64(&key) % SLOTS as u64) as i64;
    let length = slot_length(stick);
    let epoch = (now.0 - slot * length).div_euclid(length * SLOTS);
    (epoch, epoch * SLOTS + slot)
}

/// Length of a slot, at least one millisecond. An epoch is 256 of them: `stick`, rounded down to a whole number.
pub(super) const fn slot_length(stick: Span) -> i64 {
    let length = stick.0 / SLOTS;
    if length < 1 { 1 } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(unit: u32, shares: &[f64]) -> usize {
        let names = ["a", "b", "c"];
        let draw = Draw::new("home", "all", &format!("u{unit}"), Some(1));
        draw.choose("1", shares.iter().enumerate().map(|(i, s)| (i, names[i], *s))).expect("some share")
    }

    /// T12: frequencies within .003, and a change of shares moves few units.
    #[test]
    fn frequencies_are_the_shares_and_few_units_move() {
        let (before, after) = ([0.5, 0.3, 0.2], [0.6, 0.25, 0.15]);
        let n = 400_000;
        let mut counts = [0u32; 3];
        let mut moved = 0;
        for unit in 0..n {
            let arm = pick(unit, &before);
            counts[arm] += 1;
            moved += u32::from(arm != pick(unit, &after));
        }
        for (c, p) in counts.iter().zip(before) {
            assert!((f64::from(*c) / f64::from(n) - p).abs() < 0.003, "{counts:?}");
        }
        assert!(f64::from(moved) / f64::from(n) <= 1.1 * 0.10, "{moved} of {n} moved");
    }

    #[test]
    fn epochs_are_staggered_and_end_after_stick() {
        let stick = Span::seconds(24 * 3600);
        let length = slot_length(stick) * SLOTS;
        let mut starts = std::collections::BTreeSet::new();
        for unit in 0..2000 {
            let (epoch, slot) = epoch_of("home", &format!("u{unit}"), stick, Time(1_800_000_000_000));
            let start = slot * slot_length(stick);
            assert!(start <= 1_800_000_000_000 && start + length > 1_800_000_000_000);
            assert_eq!(epoch_of("home", &format!("u{unit}"), stick, Time(start)).0, epoch);
            assert_eq!(epoch_of("home", &format!("u{unit}"), stick, Time(start - 1)).0, epoch - 1);
            assert_eq!(epoch_of("home", &format!("u{unit}"), stick, Time(start + length)).0, epoch + 1);
            starts.insert(slot);
        }
        assert!(starts.len() > 250);
    }
}
