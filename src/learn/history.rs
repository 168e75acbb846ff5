//! What each user consumed, newest last: chains of small blocks, bounded per user.

use super::model::{RECENT, Slot};
use crate::table::{PartError, Table};

/// Items of one block.
const ITEMS: usize = 14;
// Words of a block: the block before, the block after, items. Block 0 heads the list of free blocks.
const BEFORE: usize = 0;
const AFTER: usize = 1;
const FIRST: usize = 2;
// Words of a user's row: items kept, oldest block, newest block, items in the newest block.
const COUNT: usize = 0;
const OLDEST: usize = 1;
const NEWEST: usize = 2;
const FILL: usize = 3;

/// Histories of all users.
#[derive(Clone, Debug)]
pub(super) struct History {
    users: Table,
    blocks: Table,
}

impl History {
    /// Items kept per user; the oldest are forgotten, a block at a time.
    pub(super) const PER_USER: u32 = 4096;

    pub(super) fn new() -> Self {
        let mut blocks = Table::new(FIRST + ITEMS);
        blocks.grow_to(1);
        Self { users: Table::new(4), blocks }
    }

    /// Appends an item.
    pub(super) fn push(&mut self, user: Slot, item: Slot) {
        self.users.grow_to(user as usize + 1);
        let row: [u32; 4] = self.users.row(user as usize).try_into().unwrap_or_default();
        let [mut count, mut oldest, mut newest, mut fill] = row;
        if newest == 0 || fill as usize == ITEMS {
            let block = self.take_block();
            if newest == 0 {
                oldest = block;
            } else {
                self.blocks.row_mut(newest as usize)[AFTER] = block;
                self.blocks.row_mut(block as usize)[BEFORE] = newest;
            }
            newest = block;
            fill = 0;
        }
        self.blocks.row_mut(newest as usize)[FIRST + fill as usize] = item;
        fill += 1;
        count += 1;
        if count > Self::PER_USER {
            let second = self.blocks.row(oldest as usize)[AFTER];
            self.free_block(oldest);
            self.blocks.row_mut(second as usize)[BEFORE] = 0;
            oldest = second;
            count -= ITEMS as u32;
        }
        self.users.row_mut(user as usize).copy_from_slice(&[count, oldest, newest, fill]);
    }

    fn take_block(&mut self) -> u32 {
        let free = self.blocks.row(0)[AFTER];
        if free == 0 {
            let block = self.blocks.len();
            self.blocks.grow_to(block + 1);
            return block as u32;
        }
        let next = self.blocks.row(free as usize)[AFTER];
        self.blocks.row_mut(0)[AFTER] = next;
        self.blocks.row_mut(free as usize).fill(0);
        free
    }

    fn free_block(&mut self, block: u32) {
        let free = self.blocks.row(0)[AFTER];
        let row = self.blocks.row_mut(block as usize);
        row.fill(0);
        row[AFTER] = free;
        self.blocks.row_mut(0)[AFTER] = block;
    }

    /// The newest items, newest first, at most [`RECENT`].
    pub(super) fn recent(&self, user: Slot, out: &mut Vec<Slot>) {
        out.clear();
        let row = self.users.row(user as usize);
        let (mut block, mut fill) = (row[NEWEST], row[FILL] as usize);
        while block != 0 && out.len() < RECENT {
            let items = self.blocks.row(block as usize);
            let newest_first = items[FIRST..FIRST + fill].iter().rev();
            out.extend(newest_first.take(RECENT - out.len()));
            block = items[BEFORE];
            fill = ITEMS;
        }
    }

    /// All items kept, each once, in order of their slots.
    pub(super) fn consumed(&self, user: Slot) -> Vec<Slot> {
        let row = self.users.row(user as usize);
        let mut all = Vec::with_capacity(row[COUNT] as usize);
        let mut block = row[OLDEST];
        while block != 0 {
            let items = self.blocks.row(block as usize);
            let fill = if block == row[NEWEST] { row[FILL] as usize } else { ITEMS };
            all.extend_from_slice(&items[FIRST..FIRST + fill]);
            block = items[AFTER];
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn tables(&self) -> Vec<(String, &Table)> {
        vec![("history.users".into(), &self.users), ("history.blocks".into(), &self.blocks)]
    }

    pub(super) fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("history.users".into(), &mut self.users), ("history.blocks".into(), &mut self.blocks)]
    }

    /// Whether restored tables make sound chains.
    pub(super) fn check(&self) -> Result<(), PartError> {
        let blocks = self.blocks.len() as u32;
        let sound = |row: &[u32]| row[OLDEST] < blocks && row[NEWEST] < blocks && row[FILL] as usize <= ITEMS;
        match (0..self.users.len()).find(|&u| !sound(self.users.row(u))) {
            None => Ok(()),
            Some(user) => Err(PartError(format!("history of user {user} leads out of its {blocks} blocks"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_vectors(pushes in proptest::collection::vec((0u32..4, 0u32..60), 0..400)) {
            let mut history = History::new();
            let mut model = vec![Vec::new(); 4];
            for (user, item) in pushes {
                history.push(user, item);
                model[user as usize].push(item);
            }
            for (user, mut items) in model.into_iter().enumerate() {
                let mut recent = Vec::new();
                history.recent(user as u32, &mut recent);
                let newest: Vec<u32> = items.iter().rev().take(RECENT).copied().collect();
                prop_assert_eq!(recent, newest);
                items.sort_unstable();
                items.dedup();
                prop_assert_eq!(history.consumed(user as u32), items);
            }
        }
    }

    #[test]
    fn one_user_with_a_hundred_thousand_events_stays_bounded() {
        let mut history = History::new();
        for item in 0..100_000 {
            history.push(0, item);
        }
        let kept = history.consumed(0);
        assert!(kept.len() <= History::PER_USER as usize && kept.len() > History::PER_USER as usize - 2 * ITEMS);
        assert_eq!(kept.last(), Some(&99_999));
        assert!(history.blocks.len() <= History::PER_USER as usize / ITEMS + 3);
    }
}
