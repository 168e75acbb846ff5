//! The hash behind every assignment: `docs/assignment.md` gives the bytes, so that anyone can recompute it.

use crate::event::{Span, Time};
use std::io::Write as _;
use xxhash_rust::xxh3::xxh3_64;

/// Slots that epochs are staggered over.
pub(super) const SLOTS: i64 = 256;

/// XXH3-64 of `experiment ␀ scope ␀ unit ␀ epoch ␀ arm ␀ salt` in UTF-8; the epoch is a decimal number, or `-`.
#[must_use]
pub fn draw_hash(experiment: &str, scope: &str, unit: &str, epoch: Option<i64>, arm: &str, salt: &str) -> u64 {
    Draw::new(experiment, scope, unit, epoch).hash(arm, salt)
}

/// A hash as a number above 0 and at most 1: (h + ½) / 2⁶⁴.
#[must_use]
pub fn draw_number(hash: u64) -> f64 {
    (hash as f64 + 0.5) / 18_446_744_073_709_551_616.0
}

/// Whether a unit is held out: XXH3-64 of `experiment ␀ holdout ␀ unit ␀ salt`, as a number below the share.
#[must_use]
pub fn held_out(experiment: &str, unit: &str, salt: &str, share: f64) -> bool {
    share > 0.0 && draw_number(xxh3_64(&joined(&[experiment, "holdout", unit, salt]))) < share
}

fn joined(texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            bytes.push(0);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The bytes that are hashed for one assignment, of which only the end differs from arm to arm.
pub(super) struct Draw {
    bytes: Vec<u8>,
    prefix: usize,
}

impl Draw {
    pub(super) fn new(experiment: &str, scope: &str, unit: &str, epoch: Option<i64>) -> Self {
        let mut bytes = joined(&[experiment, scope, unit, ""]);
        match epoch {
            Some(n) => write!(bytes, "{n}").expect("writing to memory does not fail"),
            None => bytes.push(b'-'),
        }
        bytes.push(0);
        let prefix = bytes.len();
        Self { bytes, prefix }
    }

    pub(super) fn hash(&mut self, arm: &str, salt: &str) -> u64 {
        self.bytes.truncate(self.prefix);
        self.bytes.extend_from_slice(arm.as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(salt.as_bytes());
        xxh3_64(&self.bytes)
    }

    /// Weighted rendezvous: the arm with the smallest −ln(u)/p gets the unit, with probability exactly p
    /// (Efraimidis & Spirakis 2006). Entries are (index, name, share); shares of zero never win.
    pub(super) fn choose<'a>(
        &mut self,
        salt: &str,
        arms: impl Iterator<Item = (usize, &'a str, f64)>,
    ) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for (index, name, share) in arms {
            if share <= 0.0 {
                continue;
            }
            let cost = -libm::log(draw_number(self.hash(name, salt))) / share;
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
    let slot = (xxh3_64(&joined(&[experiment, unit])) % SLOTS as u64) as i64;
    let length = slot_length(stick);
    let epoch = now.0.saturating_sub(slot * length).div_euclid(length * SLOTS);
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
        let mut draw = Draw::new("home", "all", &format!("u{unit}"), Some(1));
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
        assert!(epoch_of("home", "u", stick, Time::NEVER).0 < 0);
        assert!(epoch_of("home", "u", stick, Time(i64::MAX)).0 > 0);
    }

    #[test]
    fn a_held_out_share_is_held_out_and_stays() {
        let held = |share: f64| (0..50_000).filter(|u| held_out("home", &format!("u{u}"), "1", share)).count();
        assert_eq!((held(0.0), held(1.0)), (0, 50_000));
        assert!((held(0.1) as f64 / 50_000.0 - 0.1).abs() < 0.004);
        let who = |share: f64, u: u32| held_out("home", &format!("u{u}"), "1", share);
        assert!((0..5000).all(|u| !who(0.1, u) || who(0.2, u)), "a larger holdout holds the same units");
    }
}
