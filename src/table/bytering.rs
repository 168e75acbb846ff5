//! The newest byte strings, in a bounded ring over pages: explanations, names, anything that may be forgotten.

use super::{PAGE_WORDS, PartError, Table, words};

/// Words before each string: its length in bytes, and a mark made from its position.
const HEADER: u64 = 2;

/// Where strings go that no ring of this size can hold: [`ByteRing::get`] never finds anything there.
const NOWHERE: u64 = u64::MAX;

/// A log of byte strings that keeps the newest `capacity` bytes and forgets the rest.
///
/// All state lies in one table (row 0: how much was ever written), so that views and checkpoints need nothing else.
/// A string costs 8 bytes beside its own, rounded up to 4.
#[derive(Clone, Debug)]
pub struct ByteRing {
    table: Table,
    /// Words that strings and headers can take; whole pages.
    capacity: u64,
}

impl ByteRing {
    /// An empty ring for about `bytes` bytes, rounded up to whole pages. Pages are held from their first use.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let pages = bytes.div_ceil(PAGE_WORDS * size_of::<u32>()).max(1);
        let mut ring = Self { table: Table::new(PAGE_WORDS), capacity: (pages * PAGE_WORDS) as u64 };
        ring.table.grow_to(1);
        ring
    }

    /// Bytes that strings and their headers can take.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity * size_of::<u32>() as u64
    }

    /// Words ever written.
    fn head(&self) -> u64 {
        words::get_u64(self.table.row(0), 0)
    }

    /// Appends a string and returns where it stands. Positions only grow and are never used again; the oldest
    /// strings make room. A string that is larger than the ring is not kept; its position finds nothing.
    pub fn push(&mut self, bytes: &[u8]) -> u64 {
        let position = self.head();
        let size = HEADER + bytes.len().div_ceil(4) as u64;
        let Ok(len) = u32::try_from(bytes.len()) else { return NOWHERE };
        if size > self.capacity {
            return NOWHERE;
        }
        let mut packed = Vec::with_capacity(size as usize);
        packed.push(len);
        packed.push(mark(position));
        packed.extend(bytes.chunks(4).map(|c| {
            let mut word = [0; 4];
            word[..c.len()].copy_from_slice(c);
            u32::from_le_bytes(word)
        }));
        let mut at = position;
        let mut rest = &packed[..];
        while !rest.is_empty() {
            let (row, start) = self.place(at);
            let n = rest.len().min(PAGE_WORDS - start);
            let (now, later) = rest.split_at(n);
            self.table.row_mut(row)[start..start + n].copy_from_slice(now);
            at += n as u64;
            rest = later;
        }
        let meta = self.table.row_mut(0);
        words::put_u64(meta, 0, position + size);
        words::put_u64(meta, 2, self.capacity);
        position
    }

    /// The string at a position that [`ByteRing::push`] gave, or `None` if it is forgotten.
    #[must_use]
    pub fn get(&self, position: u64) -> Option<Vec<u8>> {
        let head = self.head();
        if position >= head || head - position > self.capacity || head - position < HEADER {
            return None;
        }
        let header = self.read(position, HEADER as usize);
        let len = header[0] as usize;
        // A position that was never given fails here, not in garbage.
        if header[1] != mark(position) || HEADER + len.div_ceil(4) as u64 > head - position {
            return None;
        }
        let body = self.read(position + HEADER, len.div_ceil(4));
        let mut bytes: Vec<u8> = body.iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.truncate(len);
        Some(bytes)
    }

    fn read(&self, position: u64, count: usize) -> Vec<u32> {
        let mut out = Vec::with_capacity(count);
        while out.len() < count {
            let (row, start) = self.place(position + out.len() as u64);
            let n = (count - out.len()).min(PAGE_WORDS - start);
            out.extend_from_slice(&self.table.row(row)[start..start + n]);
        }
        out
    }

    /// Row and word of a position.
    const fn place(&self, position: u64) -> (usize, usize) {
        let word = (position % self.capacity) as usize;
        (1 + word / PAGE_WORDS, word % PAGE_WORDS)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// The table, for a part.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// The table, to be filled by a restore; call [`ByteRing::check`] afterwards.
    pub const fn table_mut(&mut self) -> &mut Table {
        &mut self.table
    }

    /// Whether restored pages belong to a ring of this capacity.
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self) -> Result<(), PartError> {
        let saved = words::get_u64(self.table.row(0), 2);
        let rows = self.table.len() as u64;
        if self.table.width() != PAGE_WORDS || (saved != 0 && saved != self.capacity) {
            return Err(PartError(format!("a ring of {saved} words, expected {}", self.capacity)));
        }
        if rows > 1 + self.capacity / PAGE_WORDS as u64 {
            return Err(PartError(format!("a ring of {rows} pages for {} words", self.capacity)));
        }
        Ok(())
    }
}

/// Ties a header to its position.
const fn mark(position: u64) -> u32 {
    (position ^ (position >> 32)) as u32 ^ 0x5EED_4A11
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_large_is_not_kept_and_hurts_nothing() {
        let mut ring = ByteRing::new(4096);
        let a = ring.push(b"a");
        let large = ring.push(&[1; 4096]);
        let b = ring.push(b"");
        assert_eq!(ring.get(large), None);
        assert_eq!(ring.get(a).as_deref(), Some(&b"a"[..]));
        assert_eq!(ring.get(b).as_deref(), Some(&b""[..]));
        assert_eq!(ring.get(a + 1), None);
        assert_eq!(ring.get(b + 2), None);
        let exact = ring.push(&[2; 4096 - 8]);
        assert_eq!(ring.get(exact).map(|v| v.len()), Some(4088));
        assert_eq!(ring.get(b), None);
        assert!(ring.check().is_ok());
        let mut other = ByteRing::new(8192);
        other.table = ring.table.clone();
        assert!(other.check().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn keeps_the_newest(lens in proptest::collection::vec(0usize..3000, 1..120)) {
            let mut ring = ByteRing::new(3 * 4096);
            let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
            for (i, len) in lens.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..len).map(|j| (i * 31 + j) as u8).collect();
                all.push((ring.push(&bytes), bytes));
            }
            let mut used = 0;
            for (position, bytes) in all.iter().rev() {
                used += 8 + bytes.len().div_ceil(4) * 4;
                let want = (used as u64 <= ring.capacity()).then(|| bytes.clone());
                prop_assert_eq!(ring.get(*position), want);
            }
            prop_assert!(ring.bytes() < 5 * 4096 + 8192);
        }
    }
}
