//! Duplicates by event id, in a window that counts events, not time: a replay after days finds the same ones.

use crate::event::Id;
use crate::table::{Index, Part, PartError, Table, words};

/// The newest `capacity` ids. What is older may come again and counts again.
#[derive(Clone, Debug)]
pub struct Dedupe {
    capacity: u64,
    /// Ring of ids in order of arrival; row = number modulo capacity.
    ring: Table,
    index: Index,
    /// How many ids were ever kept.
    kept: u64,
}

impl Dedupe {
    /// An empty window over `capacity` ids (about 45 bytes each).
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { capacity: u64::from(capacity.max(1)), ring: Table::new(4), index: Index::new(), kept: 0 }
    }

    /// Whether this id is new; from now on it is not.
    pub fn is_new(&mut self, id: Id) -> bool {
        if self.index.contains(id) {
            return false;
        }
        let row = (self.kept % self.capacity) as usize;
        if self.kept >= self.capacity {
            let oldest = Id(words::get_u128(self.ring.row(row), 0));
            self.index.remove(oldest);
        } else {
            self.ring.grow_to(row + 1);
        }
        words::put_u128(self.ring.row_mut(row), 0, id.0);
        self.index.insert(id, row as u32);
        self.kept += 1;
        true
    }
}

impl Part for Dedupe {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("ring".to_owned(), &self.ring)];
        all.extend(self.index.tables("index"));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![("ring".to_owned(), &mut self.ring)];
        all.extend(self.index.tables_mut("index"));
        all
    }

    fn blob(&self) -> Vec<u8> {
        self.kept.to_le_bytes().to_vec()
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let bytes = blob.try_into().map_err(|_| PartError("duplicates: a count of 8 bytes is missing".into()))?;
        self.kept = u64::from_le_bytes(bytes);
        self.index.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn agrees_with_a_queue(ids in proptest::collection::vec(0u128..40, 0..300), capacity in 1u32..20) {
            let mut window = Dedupe::new(capacity);
            let mut model: VecDeque<u128> = VecDeque::new();
            for id in ids {
                let new = !model.contains(&id);
                prop_assert_eq!(window.is_new(Id(id)), new);
                if new {
                    if model.len() == capacity as usize {
                        model.pop_front();
                    }
                    model.push_back(id);
                }
            }
        }
    }
}
