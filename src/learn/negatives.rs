//! Sampled negatives: what a user did not touch, drawn once for all models.

use super::{Directory, NEGATIVES, Slot};
use crate::rng::Seed;
use rand::Rng;

/// Draws per example before giving up: a user who touched nearly everything gets fewer negatives, not a hang.
const DRAWS: usize = 64;

impl Directory {
    /// Draws up to [`NEGATIVES`] distinct items into `out` (cleared first): uniformly among those that had a positive
    /// before, without `item` and without `consumed` (in order of slots). Fewer when there are not enough.
    ///
    /// The seed should be that of the event, so that a replay draws the same.
    pub fn sample_negatives(&self, consumed: &[Slot], item: Slot, seed: Seed, out: &mut Vec<Slot>) {
        out.clear();
        let taught = self.taught_count() as u64;
        if taught == 0 {
            return;
        }
        let mut stream = seed.stream();
        for _ in 0..DRAWS {
            // Multiply and shift: uniform up to 2^-40 or so for any catalogue that fits in memory.
            let draw = ((u128::from(stream.next_u64()) * u128::from(taught)) >> 64) as usize;
            let candidate = self.taught_at(draw);
            if candidate != item && !out.contains(&candidate) && consumed.binary_search(&candidate).is_err() {
                out.push(candidate);
                if out.len() == NEGATIVES {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Id;

    fn directory(items: u32) -> Directory {
        let mut d = Directory::default();
        for i in 0..items {
            let name = format!("i{i}");
            d.admit_item(Id::of(&name), &name).expect("room");
        }
        d
    }

    #[test]
    fn negatives_are_taught_untouched_distinct_and_uniform() {
        let mut d = directory(40);
        for i in 0..30 {
            d.mark_taught(i);
        }
        let consumed: Vec<Slot> = (0..10).collect();
        let mut counts = [0u32; 40];
        let mut out = Vec::new();
        for n in 0..20_000u128 {
            d.sample_negatives(&consumed, 12, Seed(7).keyed(n), &mut out);
            assert_eq!(out.len(), NEGATIVES);
            for i in &out {
                counts[*i as usize] += 1;
            }
        }
        let expected = 80_000.0 / 19.0;
        for (i, count) in counts.iter().enumerate() {
            if (10..30).contains(&i) && i != 12 {
                assert!((f64::from(*count) - expected).abs() < 5.0 * expected.sqrt(), "{i}: {count} of {expected}");
            } else {
                assert_eq!(*count, 0, "{i}");
            }
        }
    }

    #[test]
    fn nothing_left_gives_fewer() {
        let mut d = directory(5);
        let mut out = vec![9];
        d.sample_negatives(&[], 0, Seed(1), &mut out);
        assert!(out.is_empty());
        for i in 0..5 {
            d.mark_taught(i);
        }
        d.sample_negatives(&[1, 2], 0, Seed(1), &mut out);
        out.sort_unstable();
        assert_eq!(out, [3, 4]);
    }
}
