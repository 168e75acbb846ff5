//! What each user touched, oldest first, in linked blocks over a table: bounded per user, the oldest is forgotten.

use super::{Kind, Layout, Rows, Slot};
use crate::table::{PartError, Table};

/// Words of a block: links to the block before and the one after, then items (slot + 1).
const BLOCK: usize = 16;
/// Items in a block.
const ITEMS: usize = BLOCK - 2;
const BEFORE: usize = 0;
const AFTER: usize = 1;

/// Words of a user's list: oldest block, its first used place, newest block, number of items.
const LIST: usize = 4;
const OLDEST: usize = 0;
const START: usize = 1;
const NEWEST: usize = 2;
const COUNT: usize = 3;

/// Most items remembered of one user, unless set otherwise.
pub const DEFAULT_HISTORY: usize = 4096;

/// The lists of all users. A list costs 64 bytes per 14 items.
#[derive(Clone, Debug)]
pub struct History {
    lists: Table,
    /// Row 0 holds the first free block; block numbers start at 1, so that 0 is "none".
    blocks: Table,
    limit: usize,
}

impl History {
    /// No lists yet; each will hold the newest `limit` items (at least one).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let mut blocks = Table::new(BLOCK);
        blocks.grow_to(1);
        Self { lists: Table::new(LIST), blocks, limit: limit.max(1) }
    }

    /// Most items remembered of one user.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Items remembered of a user.
    #[must_use]
    pub fn count(&self, user: Slot) -> usize {
        self.lists.row(user as usize)[COUNT] as usize
    }

    /// Puts an item at the newest end. Returns whether it was not in the list; one that was moves to the end.
    pub fn touch(&mut self, user: Slot, item: Slot) -> bool {
        let found = self.walk(user).position(|i| i == item);
        match found {
            Some(position) => self.move_to_end(user, position),
            None => {
                if self.count(user) >= self.limit {
                    self.drop_oldest(user);
                }
                self.push(user, item);
            }
        }
        found.is_none()
    }

    /// The user's items, longest ago first.
    pub fn walk(&self, user: Slot) -> impl Iterator<Item = Slot> + '_ {
        let list = self.lists.row(user as usize);
        let (mut at, mut left) = (list[START] as usize, list[COUNT] as usize);
        let mut words = self.blocks.row(list[OLDEST] as usize);
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            if at == ITEMS {
                words = self.blocks.row(words[AFTER] as usize);
                at = 0;
            }
            let item = words[2 + at].wrapping_sub(1);
            at += 1;
            left -= 1;
            Some(item)
        })
    }

    /// The user's newest items, newest first, at most `most`, appended to `out`.
    pub fn newest(&self, user: Slot, most: usize, out: &mut Vec<Slot>) {
        let list = self.lists.row(user as usize);
        let left = (list[COUNT] as usize).min(most);
        let mut at = end(list);
        let mut words = self.blocks.row(list[NEWEST] as usize);
        for _ in 0..left {
            if at == 0 {
                words = self.blocks.row(words[BEFORE] as usize);
                at = ITEMS;
            }
            at -= 1;
            out.push(words[2 + at].wrapping_sub(1));
        }
    }

    /// Whether the user's list holds an item.
    #[must_use]
    pub fn contains(&self, user: Slot, item: Slot) -> bool {
        let list = self.lists.row(user as usize);
        let (mut block, mut at, mut left) = (list[OLDEST] as usize, list[START] as usize, list[COUNT] as usize);
        // Block by block, so that the comparison of a block's items can use wide registers.
        while left > 0 {
            let words = self.blocks.row(block);
            let n = left.min(ITEMS - at);
            if words[2 + at..2 + at + n].iter().fold(false, |hit, w| hit | (*w == item.wrapping_add(1))) {
                return true;
            }
            left -= n;
            block = words[AFTER] as usize;
            at = 0;
        }
        false
    }

    /// Forgets a user's list; its blocks serve others.
    pub fn forget(&mut self, user: Slot) {
        while self.count(user) > 0 {
            self.drop_oldest(user);
        }
    }

    /// Forgets the lists of some users, and some items in all other lists; both in ascending order.
    pub fn forget_all(&mut self, users: &[Slot], items: &[Slot]) {
        users.iter().for_each(|user| self.forget(*user));
        if !items.is_empty() {
            for user in 0..self.lists.len() as Slot {
                self.remove_items(user, |item| items.binary_search(&item).is_ok());
            }
        }
    }

    /// Takes the items out of a user's list that are gone; the others keep their order.
    pub fn remove_items(&mut self, user: Slot, gone: impl Fn(Slot) -> bool) {
        if !self.walk(user).any(&gone) {
            return;
        }
        let kept: Vec<Slot> = self.walk(user).filter(|item| !gone(*item)).collect();
        self.forget(user);
        kept.into_iter().for_each(|item| self.push(user, item));
    }

    /// Lists under other numbers: of (new, old) ones in this order, each with the items that have a new number, in their
    /// order.
    pub(super) fn renumber(&mut self, lists: &[(Slot, Slot)], item: impl Fn(Slot) -> Option<Slot>) {
        let mut to = Self::new(self.limit);
        for &(new, old) in lists {
            self.walk(old).filter_map(&item).for_each(|item| to.push(new, item));
        }
        *self = to;
    }

    /// What the words of its tables are; a list's rows are those of `lists`.
    pub(super) fn layout(lists: Rows) -> [Layout; 2] {
        let list = ["oldest", "start", "newest", "length"].map(|what| format!("history.lists.{what}"));
        let columns: Vec<(&str, usize, Kind)> = list.iter().map(|name| (name.as_str(), 1, Kind::Word)).collect();
        let blocks = Layout::single("history.blocks", Rows::Own, BLOCK, Kind::Word);
        [Layout::new("history.lists", lists, &columns), blocks]
    }

    fn push(&mut self, user: Slot, item: Slot) {
        let list = self.lists.row(user as usize);
        let (newest, count, at) = (list[NEWEST], list[COUNT], end(list));
        if count > 0 && at < ITEMS {
            self.blocks.row_mut(newest as usize)[2 + at] = item.wrapping_add(1);
            self.lists.row_mut(user as usize)[COUNT] += 1;
            return;
        }
        let block = self.take_block();
        let words = self.blocks.row_mut(block as usize);
        words.fill(0);
        words[2] = item.wrapping_add(1);
        let list = self.lists.row_mut(user as usize);
        list[NEWEST] = block;
        list[COUNT] += 1;
        if count == 0 {
            list[OLDEST] = block;
            list[START] = 0;
        } else {
            self.blocks.row_mut(block as usize)[BEFORE] = newest;
            self.blocks.row_mut(newest as usize)[AFTER] = block;
        }
    }

    fn drop_oldest(&mut self, user: Slot) {
        let list = self.lists.row_mut(user as usize);
        list[COUNT] -= 1;
        list[START] += 1;
        if list[COUNT] > 0 && (list[START] as usize) < ITEMS {
            return;
        }
        let oldest = list[OLDEST];
        let after = self.blocks.row(oldest as usize)[AFTER];
        list[OLDEST] = after;
        list[START] = 0;
        if list[COUNT] == 0 {
            list.fill(0);
        } else {
            self.blocks.row_mut(after as usize)[BEFORE] = 0;
        }
        self.free_block(oldest);
    }

    /// Shifts everything after a position one place towards the oldest end, and puts that position's item last.
    fn move_to_end(&mut self, user: Slot, position: usize) {
        let list = self.lists.row(user as usize);
        let count = list[COUNT] as usize;
        if position + 1 == count {
            return;
        }
        let (mut block, mut at) = (list[OLDEST] as usize, list[START] as usize + position);
        while at >= ITEMS {
            block = self.blocks.row(block)[AFTER] as usize;
            at -= ITEMS;
        }
        let moved = self.blocks.row(block)[2 + at];
        let mut left = count - 1 - position;
        while left > 0 {
            let n = left.min(ITEMS - 1 - at);
            let words = self.blocks.row_mut(block);
            words.copy_within(2 + at + 1..2 + at + 1 + n, 2 + at);
            left -= n;
            at += n;
            if left > 0 {
                let next = words[AFTER] as usize;
                let first = self.blocks.row(next)[2];
                self.blocks.row_mut(block)[2 + at] = first;
                left -= 1;
                block = next;
                at = 0;
            }
        }
        self.blocks.row_mut(block)[2 + at] = moved;
    }

    fn take_block(&mut self) -> u32 {
        let free = self.blocks.row(0)[0];
        if free == 0 {
            let new = self.blocks.len();
            self.blocks.grow_to(new + 1);
            return new as u32;
        }
        let next = self.blocks.row(free as usize)[AFTER];
        self.blocks.row_mut(0)[0] = next;
        free
    }

    fn free_block(&mut self, block: u32) {
        let first = self.blocks.row(0)[0];
        let words = self.blocks.row_mut(block as usize);
        words.fill(0);
        words[AFTER] = first;
        self.blocks.row_mut(0)[0] = block;
    }

    /// The tables for a part.
    #[must_use]
    pub fn tables(&self) -> Vec<(String, &Table)> {
        vec![("history.lists".to_owned(), &self.lists), ("history.blocks".to_owned(), &self.blocks)]
    }

    /// The tables, to be filled by a restore; call [`History::check`] afterwards.
    pub fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("history.lists".to_owned(), &mut self.lists), ("history.blocks".to_owned(), &mut self.blocks)]
    }

    /// Whether restored lists can be walked and stay within the limit.
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self) -> Result<(), PartError> {
        let blocks = self.blocks.len();
        if self.lists.width() != LIST || self.blocks.width() != BLOCK || blocks == 0 {
            return Err(PartError("history: tables of another shape".to_owned()));
        }
        for user in 0..self.lists.len() {
            let list = self.lists.row(user);
            let count = list[COUNT] as usize;
            let sound = count <= self.limit && list[START] as usize <= ITEMS && (list[OLDEST] as usize) < blocks;
            let mut block = list[OLDEST] as usize;
            let mut last = block;
            for _ in 0..(list[START] as usize + count).div_ceil(ITEMS) {
                if block == 0 || block >= blocks {
                    return Err(PartError(format!("history: the list of user {user} is broken")));
                }
                last = block;
                block = self.blocks.row(block)[AFTER] as usize;
            }
            if !sound || (count > 0 && last != list[NEWEST] as usize) {
                return Err(PartError(format!("history: user {user} has {count} items, at most {}", self.limit)));
            }
        }
        Ok(())
    }
}

/// The place after the newest item, within the newest block (0 only for an empty list).
fn end(list: &[u32]) -> usize {
    match (list[START] + list[COUNT]) as usize {
        0 => 0,
        n => (n - 1) % ITEMS + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equals_plain_lists(
            limit in 1usize..60,
            touches in proptest::collection::vec((0u32..3, 0u32..90), 0..600),
        ) {
            let mut history = History::new(limit);
            let mut plain: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for (user, item) in touches {
                let list = plain.entry(user).or_default();
                let before = list.len();
                list.retain(|i| *i != item);
                let new = list.len() == before;
                list.push(item);
                if list.len() > limit {
                    list.remove(0);
                }
                prop_assert_eq!(history.touch(user, item), new);
                prop_assert_eq!(history.walk(user).collect::<Vec<_>>(), list.clone());
                let mut newest = Vec::new();
                history.newest(user, 10, &mut newest);
                prop_assert_eq!(newest, list.iter().rev().take(10).copied().collect::<Vec<_>>());
                prop_assert_eq!(history.contains(user, item), true);
                prop_assert_eq!(history.contains(user, 1000), false);
                prop_assert_eq!(history.contains(user, (item + 1) % 90), list.contains(&((item + 1) % 90)));
            }
            prop_assert!(history.check().is_ok());
            // Freed blocks are used again.
            prop_assert!(history.blocks.len() <= 1 + 3 * (limit / ITEMS + 2));
        }
    }

    #[test]
    fn a_broken_restore_is_refused() {
        let mut history = History::new(100);
        for item in 0..50 {
            history.touch(0, item);
        }
        assert!(history.check().is_ok());
        let mut broken = history.clone();
        broken.lists.row_mut(0)[COUNT] = 90;
        assert!(broken.check().is_err());
        let mut smaller = history.clone();
        smaller.limit = 10;
        assert!(smaller.check().is_err());
    }
}
