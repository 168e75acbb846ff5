//! Who and what is known: ids and their slots, names, availability, histories. Shared by all models.

use super::history::History;
use super::model::{NEGATIVES, Slot};
use crate::event::Id;
use crate::rng::Seed;
use crate::table::{Index, Part, PartError, Table, words};
use rand::RngExt;

/// Bytes of an item's name that are kept: ids are at most this long.
const NAME_BYTES: usize = 256;
const NAME_WORDS: usize = 1 + NAME_BYTES / 4;
/// Flag of an item: it may not be recommended.
const UNAVAILABLE: u32 = 1;
/// Flag of an item: it was a positive at least once.
const TAUGHT: u32 = 2;
/// Draws per wanted negative before fewer are given.
const TRIES: usize = 16;

/// Users and items by slot, dense from 0 in order of admission.
#[derive(Clone, Debug)]
pub struct Directory {
    users: Index,
    user_ids: Table,
    items: Index,
    item_ids: Table,
    names: Table,
    flags: Table,
    history: History,
    max_users: usize,
    max_items: usize,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            users: Index::new(),
            user_ids: Table::new(4),
            items: Index::new(),
            item_ids: Table::new(4),
            names: Table::new(NAME_WORDS),
            flags: Table::new(1),
            history: History::new(),
            max_users: u32::MAX as usize / 2,
            max_items: u32::MAX as usize / 2,
        }
    }
}

impl Directory {
    /// Bounds on users and items; who comes after is not admitted.
    pub const fn set_capacity(&mut self, users: usize, items: usize) {
        self.max_users = users;
        self.max_items = items;
    }

    /// The slot of a user, if known.
    #[must_use]
    pub fn user(&self, id: Id) -> Option<Slot> {
        self.users.get(id)
    }

    /// The slot of an item, if known.
    #[must_use]
    pub fn item(&self, id: Id) -> Option<Slot> {
        self.items.get(id)
    }

    /// The slot of a user, made if there is room.
    pub fn admit_user(&mut self, id: Id) -> Option<Slot> {
        if let Some(slot) = self.users.get(id) {
            return Some(slot);
        }
        let slot = self.user_ids.len();
        if slot >= self.max_users {
            return None;
        }
        self.user_ids.grow_to(slot + 1);
        words::put_u128(self.user_ids.row_mut(slot), 0, id.0);
        self.users.insert(id, slot as Slot);
        Some(slot as Slot)
    }

    /// The slot of an item, made if there is room; names longer than 256 bytes are cut at a character.
    pub fn admit_item(&mut self, id: Id, name: &str) -> Option<Slot> {
        if let Some(slot) = self.items.get(id) {
            return Some(slot);
        }
        let slot = self.item_ids.len();
        if slot >= self.max_items {
            return None;
        }
        self.item_ids.grow_to(slot + 1);
        self.names.grow_to(slot + 1);
        self.flags.grow_to(slot + 1);
        words::put_u128(self.item_ids.row_mut(slot), 0, id.0);
        let cut = name.floor_char_boundary(NAME_BYTES);
        let row = self.names.row_mut(slot);
        row[0] = cut as u32;
        for (word, bytes) in row[1..].iter_mut().zip(name.as_bytes()[..cut].chunks(4)) {
            let mut four = [0; 4];
            four[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_le_bytes(four);
        }
        self.items.insert(id, slot as Slot);
        Some(slot as Slot)
    }

    /// Known items: slots `0..items()`.
    #[must_use]
    pub fn items(&self) -> usize {
        self.item_ids.len()
    }

    /// Known users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.user_ids.len()
    }

    /// The name of an item.
    #[must_use]
    pub fn item_name(&self, item: Slot) -> String {
        let row = self.names.row(item as usize);
        let mut bytes: Vec<u8> = row[1..].iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.truncate(row[0] as usize);
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The id behind an item's slot.
    #[must_use]
    pub fn item_id(&self, item: Slot) -> Id {
        Id(words::get_u128(self.item_ids.row(item as usize), 0))
    }

    /// The id behind a user's slot.
    #[must_use]
    pub fn user_id(&self, user: Slot) -> Id {
        Id(words::get_u128(self.user_ids.row(user as usize), 0))
    }

    /// Whether an item may be recommended.
    #[must_use]
    pub fn available(&self, item: Slot) -> bool {
        self.flags.row(item as usize)[0] & UNAVAILABLE == 0
    }

    /// Sets whether an item may be recommended.
    pub fn set_available(&mut self, item: Slot, available: bool) {
        let flags = self.flags.row(item as usize)[0];
        let wanted = if available { flags & !UNAVAILABLE } else { flags | UNAVAILABLE };
        if wanted != flags {
            self.flags.row_mut(item as usize)[0] = wanted;
        }
    }

    /// Whether an item was a positive at least once.
    #[must_use]
    pub fn taught(&self, item: Slot) -> bool {
        self.flags.row(item as usize)[0] & TAUGHT != 0
    }

    /// Notes that an item was a positive.
    pub fn mark_taught(&mut self, item: Slot) {
        if !self.taught(item) {
            self.flags.row_mut(item as usize)[0] |= TAUGHT;
        }
    }

    /// Appends an item to a user's history.
    pub fn consume(&mut self, user: Slot, item: Slot) {
        self.history.push(user, item);
    }

    /// What a user consumed, each item once, in order of slots; the newest 4,096 events count.
    #[must_use]
    pub fn consumed(&self, user: Slot) -> Vec<Slot> {
        self.history.consumed(user)
    }

    /// The items a user touched last, newest first, at most [`super::RECENT`].
    pub fn recent(&self, user: Slot, out: &mut Vec<Slot>) {
        self.history.recent(user, out);
    }

    /// Draws up to [`NEGATIVES`] items uniformly among those taught, without `item` and without `consumed` (sorted).
    pub fn sample_negatives(&self, consumed: &[Slot], item: Slot, seed: Seed, out: &mut Vec<Slot>) {
        out.clear();
        if self.items() < 2 {
            return;
        }
        let mut stream = seed.stream();
        for _ in 0..NEGATIVES * TRIES {
            let slot = stream.random_range(0..self.items() as Slot);
            if slot != item && self.taught(slot) && consumed.binary_search(&slot).is_err() {
                out.push(slot);
                if out.len() == NEGATIVES {
                    break;
                }
            }
        }
    }
}

impl Part for Directory {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = self.users.tables("users");
        all.extend(self.items.tables("items"));
        all.push(("user_ids".into(), &self.user_ids));
        all.push(("item_ids".into(), &self.item_ids));
        all.push(("names".into(), &self.names));
        all.push(("flags".into(), &self.flags));
        all.extend(self.history.tables());
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = self.users.tables_mut("users");
        all.extend(self.items.tables_mut("items"));
        all.push(("user_ids".into(), &mut self.user_ids));
        all.push(("item_ids".into(), &mut self.item_ids));
        all.push(("names".into(), &mut self.names));
        all.push(("flags".into(), &mut self.flags));
        all.extend(self.history.tables_mut());
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.users.check()?;
        self.items.check()?;
        self.history.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_once_names_and_bounds() {
        let mut d = Directory::default();
        d.set_capacity(1, 2);
        let long = "é".repeat(200);
        assert_eq!(d.admit_item(Id::of("a"), "a"), Some(0));
        assert_eq!(d.admit_item(Id::of(&long), &long), Some(1));
        assert_eq!(d.admit_item(Id::of("a"), "a"), Some(0));
        assert_eq!(d.admit_item(Id::of("c"), "c"), None);
        assert_eq!((d.item_name(0), d.item_name(1)), ("a".to_owned(), "é".repeat(128)));
        assert_eq!((d.admit_user(Id(1)), d.admit_user(Id(2)), d.user(Id(1))), (Some(0), None, Some(0)));
        d.set_available(1, false);
        assert!(d.available(0) && !d.available(1));
    }

    #[test]
    fn negatives_are_taught_unconsumed_and_follow_their_seed() {
        let mut d = Directory::default();
        for i in 0..50u32 {
            let slot = d.admit_item(Id(u128::from(i)), "x").expect("room");
            if i % 2 == 0 {
                d.mark_taught(slot);
            }
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for seed in 0..200 {
            d.sample_negatives(&[0, 2], 4, Seed(seed), &mut a);
            d.sample_negatives(&[0, 2], 4, Seed(seed), &mut b);
            assert_eq!(a, b);
            assert!(a.len() == NEGATIVES && a.iter().all(|s| s % 2 == 0 && *s > 4), "{a:?}");
        }
    }
}
