//! From id to slot: extendible hashing over pages. Grows one bucket at a time, so that no event pays for a rehash.

use super::{PAGE_WORDS, PartError, Table, words};
use crate::event::{DecisionKey, Id};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// What an [`Index`] looks up: 128 bits, compared whole.
pub trait Key: Copy {
    /// The bits.
    fn bits(self) -> u128;
}

impl Key for u128 {
    fn bits(self) -> u128 {
        self
    }
}

impl Key for Id {
    fn bits(self) -> u128 {
        self.0
    }
}

impl Key for DecisionKey {
    fn bits(self) -> u128 {
        self.0
    }
}

/// Words of a bucket before its entries: depth, entries, next bucket of a chain, unused.
const HEADER: usize = 4;
/// Words of an entry: slot + 1 (0: free), key.
const ENTRY: usize = 5;
/// Places in a bucket.
const PLACES: usize = (PAGE_WORDS - HEADER) / ENTRY;
/// A bucket with this many entries splits: fuller ones probe too long.
const FULL: u32 = PLACES as u32 * 7 / 8;
/// Buckets are split at most this much deeper than an even spread needs; then they are chained.
const DEEPER: u32 = 5;

const DEPTH: usize = 0;
const COUNT: usize = 1;
const NEXT: usize = 2;

/// A map from 128-bit ids to slots, without collisions: whole ids are stored and compared.
///
/// Extendible hashing (Fagin, Nievergelt, Pippenger, Strong 1979): a directory of 2^depth bucket numbers, and
/// buckets of one page, each a small open-addressing table that splits when it is 7/8 full. An entry takes 20
/// bytes, about 32 with the free places. Removal leaves no marks. Ids that were built to share all hash bits end in
/// a chain of buckets: slower, never lost.
///
/// All state lies in two tables, so that a restore only fills them. Their pages depend on the order of insertions
/// and removals (which a log repeats); [`Index::digest_into`] depends on the content alone.
#[derive(Clone, Debug)]
pub struct Index {
    /// 2^depth bucket numbers, by the low bits of the hash.
    directory: Table,
    /// Row 0: the number of entries. Buckets from row 1.
    buckets: Table,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        let mut index = Self { directory: Table::new(1), buckets: Table::new(PAGE_WORDS) };
        index.buckets.grow_to(2);
        index.directory.row_mut(0)[0] = 1;
        index
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        words::get_u64(self.buckets.row(0), 0) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a key.
    #[must_use]
    #[inline]
    pub fn get(&self, key: impl Key) -> Option<u32> {
        let key = key.bits();
        let hash = mix(key);
        let mut at = self.bucket(hash);
        loop {
            let bucket = self.buckets.row(at);
            if let Ok(place) = find(bucket, key, hash) {
                return Some(bucket[place] - 1);
            }
            at = bucket[NEXT] as usize;
            if at == 0 {
                return None;
            }
        }
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains(&self, key: impl Key) -> bool {
        self.get(key).is_some()
    }

    /// Sets the slot of a key; returns the one it had. Slots go up to `u32::MAX - 1`; the largest is stored as that.
    pub fn insert(&mut self, key: impl Key, slot: u32) -> Option<u32> {
        let (key, value) = (key.bits(), slot.min(u32::MAX - 1) + 1);
        let hash = mix(key);
        let first = self.bucket(hash);
        let mut at = first;
        // Known already, perhaps far down a chain?
        loop {
            let bucket = self.buckets.row(at);
            if let Ok(place) = find(bucket, key, hash) {
                let old = bucket[place] - 1;
                self.buckets.row_mut(at)[place] = value;
                return Some(old);
            }
            match bucket[NEXT] {
                0 => break,
                next => at = next as usize,
            }
        }
        let at = self.make_room(hash);
        put(self.buckets.row_mut(at), key, hash, value);
        self.count(1);
        None
    }

    /// Removes a key; returns its slot.
    pub fn remove(&mut self, key: impl Key) -> Option<u32> {
        let key = key.bits();
        let hash = mix(key);
        let mut at = self.bucket(hash);
        loop {
            let bucket = self.buckets.row(at);
            if let Ok(place) = find(bucket, key, hash) {
                let slot = bucket[place] - 1;
                take(self.buckets.row_mut(at), place);
                self.count(-1);
                return Some(slot);
            }
            at = bucket[NEXT] as usize;
            if at == 0 {
                return None;
            }
        }
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u32)> + use<> {
        let mut all: Vec<(u128, u32)> = self.entries().collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// All entries in the order of the pages, which depends on how they came there.
    fn entries(&self) -> impl Iterator<Item = (u128, u32)> {
        (1..self.buckets.len()).flat_map(|row| {
            let entries = self.buckets.row(row)[HEADER..].chunks_exact(ENTRY);
            entries.filter(|e| e[0] != 0).map(|e| (words::get_u128(e, 1), e[0] - 1))
        })
    }

    fn count(&mut self, by: i64) {
        let len = (self.len() as u64).saturating_add_signed(by);
        words::put_u64(self.buckets.row_mut(0), 0, len);
    }

    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        let at = hash as usize & (self.directory.len() - 1);
        self.directory.row(at)[0] as usize
    }

    /// The bucket that takes a new entry with this hash; splits or chains first where it is full.
    fn make_room(&mut self, hash: u64) -> usize {
        loop {
            let at = self.bucket(hash);
            let bucket = self.buckets.row(at);
            if bucket[COUNT] < FULL && bucket[NEXT] == 0 {
                return at;
            }
            let deepest = (self.buckets.len().ilog2() + DEEPER).min(30);
            if bucket[NEXT] != 0 || bucket[DEPTH] >= deepest {
                return self.chain(at);
            }
            self.split(at, hash);
        }
    }

    /// The first bucket of a chain with room; a new one is put behind the head when there is none.
    fn chain(&mut self, head: usize) -> usize {
        let mut at = head;
        loop {
            let bucket = self.buckets.row(at);
            if bucket[COUNT] < FULL {
                return at;
            }
            match bucket[NEXT] {
                0 => break,
                next => at = next as usize,
            }
        }
        let new = self.buckets.len();
        let next = std::mem::replace(&mut self.buckets.row_mut(head)[NEXT], new as u32);
        self.buckets.row_mut(new)[NEXT] = next;
        new
    }

    /// Moves the entries whose next hash bit is set to a new bucket.
    fn split(&mut self, at: usize, hash: u64) {
        let old = self.buckets.row(at).to_vec();
        let depth = old[DEPTH];
        let size = self.directory.len();
        if 1 << depth == size {
            for i in 0..size {
                let bucket = self.directory.row(i)[0];
                self.directory.row_mut(size + i)[0] = bucket;
            }
        }
        let bit = 1u64 << depth;
        let new = self.buckets.len();
        for row in [at, new] {
            let bucket = self.buckets.row_mut(row);
            bucket.fill(0);
            bucket[DEPTH] = depth + 1;
        }
        for entry in old[HEADER..].chunks_exact(ENTRY).filter(|e| e[0] != 0) {
            let key = words::get_u128(entry, 1);
            let hash = mix(key);
            let row = if hash & bit == 0 { at } else { new };
            put(self.buckets.row_mut(row), key, hash, entry[0]);
        }
        let first = (hash & (bit - 1) | bit) as usize;
        for i in (first..self.directory.len()).step_by(2 << depth) {
            self.directory.row_mut(i)[0] = new as u32;
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.directory.bytes() + self.buckets.bytes()
    }

    /// Adds the content to a digest: the same for the same entries, however they came there.
    pub fn digest_into(&self, digest: &mut Xxh3) {
        let sum = self.entries().fold(0u128, |sum, (key, slot)| {
            let mut entry = [0; 20];
            entry[..16].copy_from_slice(&key.to_le_bytes());
            entry[16..].copy_from_slice(&slot.to_le_bytes());
            sum.wrapping_add(xxh3_128(&entry))
        });
        digest.update(&(self.len() as u64).to_le_bytes());
        digest.update(&sum.to_le_bytes());
    }

    /// The tables for a part, named after `name`.
    #[must_use]
    pub fn tables(&self, name: &str) -> Vec<(String, &Table)> {
        vec![(format!("{name}.directory"), &self.directory), (format!("{name}.buckets"), &self.buckets)]
    }

    /// The tables to be filled by a restore; call [`Index::check`] afterwards.
    pub fn tables_mut(&mut self, name: &str) -> Vec<(String, &mut Table)> {
        vec![(format!("{name}.directory"), &mut self.directory), (format!("{name}.buckets"), &mut self.buckets)]
    }

    /// Whether restored tables make a sound index: every entry is found where it is looked for.
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self) -> Result<(), PartError> {
        let (slots, rows) = (self.directory.len(), self.buckets.len());
        let fault = |what: String| Err(PartError(format!("index: {what}")));
        if self.directory.width() != 1 || self.buckets.width() != PAGE_WORDS || !slots.is_power_of_two() {
            return fault(format!("a directory of {slots} entries"));
        }
        for i in 0..slots {
            let bucket = self.directory.row(i)[0] as usize;
            if bucket == 0 || bucket >= rows || 1usize << self.buckets.row(bucket)[DEPTH].min(63) > slots {
                return fault(format!("entry {i} of the directory names bucket {bucket} of {rows}"));
            }
        }
        // A chain only leads to newer or older buckets that exist; a ring of them would hang a search.
        for row in 1..rows {
            let (mut at, mut steps) = (self.buckets.row(row)[NEXT] as usize, 0);
            while at != 0 {
                steps += 1;
                if at >= rows || steps > rows {
                    return fault(format!("the chain of bucket {row} does not end"));
                }
                at = self.buckets.row(at)[NEXT] as usize;
            }
        }
        let found = self.entries().filter(|e| self.get(e.0) == Some(e.1)).count();
        if found == self.len() && found == self.entries().count() {
            return Ok(());
        }
        fault(format!("{found} of {} entries are where they belong", self.len()))
    }
}

/// Spreads the bits: ids are hashes already, but keys of decisions are UUIDs whose high half is the time.
/// (The folded 64 × 64 → 128 multiplication of wyhash.)
#[inline]
const fn mix(key: u128) -> u64 {
    let low = key as u64 ^ 0xA076_1D64_78BD_642F;
    let high = (key >> 64) as u64 ^ 0xE703_7ED1_A0B4_28DB;
    let product = low as u128 * high as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The place where a hash begins to be looked for: its high half, scaled (the low half chose the bucket).
#[inline]
const fn home(hash: u64) -> usize {
    (((hash >> 32) * PLACES as u64) >> 32) as usize
}

/// The word where a key's entry begins, or else the first free one. A bucket is never quite full.
#[inline]
fn find(bucket: &[u32], key: u128, hash: u64) -> Result<usize, usize> {
    let mut place = home(hash);
    for _ in 0..PLACES {
        let at = HEADER + place * ENTRY;
        let entry = &bucket[at..at + ENTRY];
        if entry[0] == 0 {
            return Err(at);
        }
        if words::get_u128(entry, 1) == key {
            return Ok(at);
        }
        place = if place + 1 == PLACES { 0 } else { place + 1 };
    }
    Err(HEADER)
}

/// Writes an entry that is not there yet into a bucket that is not full.
fn put(bucket: &mut [u32], key: u128, hash: u64, value: u32) {
    if let Err(at) = find(bucket, key, hash) {
        bucket[at] = value;
        words::put_u128(bucket, at + 1, key);
        bucket[COUNT] += 1;
    }
}

/// Frees the entry at a word and moves later ones of its run back, so that no search ends too early.
fn take(bucket: &mut [u32], at: usize) {
    bucket[COUNT] -= 1;
    let mut hole = (at - HEADER) / ENTRY;
    let mut next = hole;
    loop {
        next = (next + 1) % PLACES;
        let from = HEADER + next * ENTRY;
        if bucket[from] == 0 {
            break;
        }
        let home = home(mix(words::get_u128(bucket, from + 1)));
        // The entry may move if its home does not lie (cyclically) behind the hole.
        if (next + PLACES - home) % PLACES >= (next + PLACES - hole) % PLACES {
            bucket.copy_within(from..from + ENTRY, HEADER + hole * ENTRY);
            hole = next;
        }
    }
    let at = HEADER + hole * ENTRY;
    bucket[at..at + ENTRY].fill(0);
}

#[cfg(test)]
mod tests;
