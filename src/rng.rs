//! One root seed; every use of chance has a named stream derived from it by hashing.

use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// The root of all chance in one pipeline or simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed for one purpose; names keep purposes apart, so adding one never shifts another.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self(xxh3_64_with_seed(name.as_bytes(), self.0))
    }

    /// A seed for one thing within a purpose (a user, an event).
    #[must_use]
    pub fn keyed(self, key: u128) -> Self {
        Self(xxh3_64_with_seed(&key.to_le_bytes(), self.0))
    }

    /// A generator whose numbers are the same on every machine and version.
    #[must_use]
    pub fn stream(self) -> Pcg64Mcg {
        Pcg64Mcg::new(xxh3_128_with_seed(b"stream", self.0) | 1)
    }
}

/// A 64-bit hash as a number in (0, 1).
#[must_use]
pub fn unit_interval(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}
