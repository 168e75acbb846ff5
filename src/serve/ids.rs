//! Ids that we give: UUIDs of version 7, so that they sort by time.

use crate::event::Time;
use crate::rng::Seed;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::{Builder, Uuid};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Gives ids. Within one process no two are alike: 32 of the random bits are a counter, scrambled one to one.
/// Across processes the other 42 random bits and the millisecond keep them apart.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    scramble: u32,
    given: AtomicU64,
}

impl Ids {
    /// A source of ids. The seed comes from the operating system once a process; tests give their own.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let seed = seed.named("ids").0;
        Self { seed, scramble: (seed >> 32) as u32, given: AtomicU64::new(0) }
    }

    /// The next id at a time (milliseconds; before 1970 counts as 1970).
    pub fn next(&self, now: Time) -> Uuid {
        let n = self.given.fetch_add(1, Ordering::Relaxed);
        let mut random = [0u8; 10];
        random[..6].copy_from_slice(&xxh3_64_with_seed(&n.to_le_bytes(), self.seed).to_le_bytes()[..6]);
        // The version and variant bits overwrite parts of bytes 0 and 2 only, so the counter stays whole.
        let counter = (n as u32).wrapping_mul(0x9E37_79B1) ^ self.scramble;
        random[6..].copy_from_slice(&counter.to_be_bytes());
        Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or(0), &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_are_alike_and_they_are_of_version_7() {
        let ids = Ids::new(Seed(7));
        let mut seen = BTreeSet::new();
        for n in 0..100_000 {
            let id = ids.next(Time(1_790_000_000_000));
            assert_eq!(id.get_version_num(), 7);
            assert!(seen.insert(id), "id {n} was given before");
        }
    }

    #[test]
    fn the_counter_survives_the_fixed_bits() {
        let ids = Ids::new(Seed(0));
        let tails: BTreeSet<u32> = (0..70_000).map(|_| ids.next(Time(5)).as_u128() as u32).collect();
        assert_eq!(tails.len(), 70_000);
    }

    #[test]
    fn they_sort_by_time_and_other_seeds_give_others() {
        let (one, two) = (Ids::new(Seed(1)), Ids::new(Seed(2)));
        assert!(one.next(Time(10)) < one.next(Time(11)));
        assert_ne!(one.next(Time(10)), two.next(Time(10)));
        let id = one.next(Time(-5));
        assert_eq!(id.get_timestamp().map(|t| t.to_unix().0), Some(0));
    }
}
