//! Which items have taught something: the catalogue that a ranking goes over.

use super::Slot;
use std::sync::Arc;

/// The set of items with at least one positive so far. A clone is a snapshot and costs one pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taught {
    bits: Arc<Vec<u64>>,
    count: usize,
}

impl Taught {
    /// The first `items` slots, all of them.
    #[must_use]
    pub fn first(items: usize) -> Self {
        let mut taught = Self::default();
        for item in 0..items {
            taught.insert(item as Slot);
        }
        taught
    }

    /// Whether an item is in it.
    #[must_use]
    #[inline]
    pub fn contains(&self, item: Slot) -> bool {
        self.bits.get(item as usize / 64).is_some_and(|word| word >> (item % 64) & 1 == 1)
    }

    /// Adds an item; returns whether it was not there. Copies the set if a snapshot is still held: an item is
    /// added once, so that happens once per new item at most.
    pub fn insert(&mut self, item: Slot) -> bool {
        if self.contains(item) {
            return false;
        }
        let bits = Arc::make_mut(&mut self.bits);
        let word = item as usize / 64;
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        bits[word] |= 1 << (item % 64);
        self.count += 1;
        true
    }

    /// How many items are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more than the largest slot in it: how many scores a ranking needs.
    #[must_use]
    pub fn slots(&self) -> usize {
        // The last word always holds a bit: it was made for one.
        self.bits.last().map_or(0, |word| self.bits.len() * 64 - word.leading_zeros() as usize)
    }

    /// The set as bits, 64 slots a word, lowest first.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_stays_as_it_was() {
        let mut taught = Taught::first(3);
        let before = taught.clone();
        assert!(taught.insert(200));
        assert!(!taught.insert(200));
        assert_eq!((taught.len(), before.len()), (4, 3));
        assert_eq!((taught.slots(), before.slots(), Taught::default().slots()), (201, 3, 0));
        assert!(taught.contains(200) && !before.contains(200) && !taught.contains(199) && taught.contains(2));
    }
}
