//! Who and what is known: ids to slots, names, availability and histories, shared by all models.

mod ageing;
mod bringing;

use super::history::{DEFAULT_HISTORY, History};
use super::sightings::Sightings;
use super::{RECENT, Slot, Taught};
use crate::event::Id;
use crate::table::{Index, Part, PartError, Table, words};

/// Words of a user: id (4), second of the last touch (0: the slot is free).
const USER: usize = 5;
const USER_TOUCHED: usize = 4;
/// Words of an item: id (4), first row of its name, bytes of its name, flags, number in the order of teaching + 1,
/// second of the last touch (0: the slot is free).
const ITEM: usize = 9;
const NAME_ROW: usize = 4;
const NAME_BYTES: usize = 5;
const FLAGS: usize = 6;
const TAUGHT: usize = 7;
const TOUCHED: usize = 8;
/// Flag: may not be recommended. A new item may.
const UNAVAILABLE: u32 = 1;

/// Words of a row of names: 32 bytes.
const NAME: usize = 8;
/// Longest name that is kept, in bytes; a longer one is not admitted. Above the bound that decoding has for ids.
pub const MAX_NAME: usize = 4096;

/// Users and items the directory takes, unless set otherwise.
pub const DEFAULT_CAPACITY: (usize, usize) = (4_000_000, 1_000_000);

/// From this part of the capacity on, a new id is taken only when it was seen for the [`SEEN`]th time: half.
const CROWDED: usize = 2;
/// See [`CROWDED`].
const SEEN: u8 = 3;

/// The directory. Slots are dense and start at 0. A slot is given to another id only after its own was forgotten (see
/// `ageing`), which every holder of slots is told.
///
/// While there is room, every id is taken at its first sight; a crowded side takes only what comes back.
///
/// ```
/// use reiver::event::Id;
/// use reiver::learn::Directory;
/// let mut directory = Directory::default();
/// let user = directory.admit_user(Id::of("u42")).unwrap();
/// let item = directory.admit_item(Id::of("i7"), "i7").unwrap();
/// assert!(directory.consume(user, item));
/// assert_eq!(directory.item_name(item), "i7");
/// assert_eq!(directory.consumed(user), [item]);
/// ```
#[derive(Clone, Debug)]
pub struct Directory {
    user_index: Index,
    item_index: Index,
    /// Row: see [`USER`].
    users: Table,
    /// Row: see [`ITEM`].
    items: Table,
    /// Names of items, one after another, each from the start of a row.
    names: Table,
    /// Items in the order in which they were first taught.
    order: Table,
    /// Slots that were given back, the last one on top.
    free_users: Table,
    free_items: Table,
    sightings: Sightings,
    history: History,
    capacity: (usize, usize),
    /// Log time in seconds, at least 1; set at every cut, so no part of the state.
    now: u32,
    /// The same as the marks in `items`, as a set; rebuilt by a restore.
    taught: Taught,
}

impl Default for Directory {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY.0, DEFAULT_CAPACITY.1, DEFAULT_HISTORY)
    }
}

impl Directory {
    /// An empty directory that takes this many users and items, and remembers this many items of each user.
    #[must_use]
    pub fn new(users: usize, items: usize, history: usize) -> Self {
        Self {
            user_index: Index::new(),
            item_index: Index::new(),
            users: Table::new(USER),
            items: Table::new(ITEM),
            names: Table::new(NAME),
            order: Table::new(1),
            free_users: Table::new(1),
            free_items: Table::new(1),
            sightings: Sightings::new(),
            history: History::new(history),
            capacity: (users, items),
            now: 1,
            taught: Taught::default(),
        }
    }

    /// Changes how many users and items are taken. Those already admitted stay.
    pub const fn set_capacity(&mut self, users: usize, items: usize) {
        self.capacity = (users, items);
    }

    /// The slot of a user.
    #[must_use]
    pub fn user(&self, id: Id) -> Option<Slot> {
        self.user_index.get(id)
    }

    /// The slot of an item.
    #[must_use]
    pub fn item(&self, id: Id) -> Option<Slot> {
        self.item_index.get(id)
    }

    /// The slot of a user, given now if new; `None` when the directory is full, or crowded and the id seldom seen.
    pub fn admit_user(&mut self, id: Id) -> Option<Slot> {
        if let Some(slot) = self.user_index.get(id) {
            self.touch_user(slot);
            return Some(slot);
        }
        if !takes(self.users_known(), self.capacity.0, &mut self.sightings, id) {
            return None;
        }
        let slot = ageing::pop(&mut self.free_users).unwrap_or(self.users.len() as Slot);
        let row = self.users.row_mut(slot as usize);
        words::put_u128(row, 0, id.0);
        row[USER_TOUCHED] = self.now;
        self.user_index.insert(id, slot);
        Some(slot)
    }

    /// The slot of an item, given now if new; `None` when the directory is full, or crowded and the id seldom seen, or
    /// the name longer than [`MAX_NAME`]. The name of a known item stays.
    pub fn admit_item(&mut self, id: Id, name: &str) -> Option<Slot> {
        if let Some(slot) = self.item_index.get(id) {
            self.touch_item(slot);
            return Some(slot);
        }
        // The same text may name a user: items are counted apart.
        let sighted = Id(!id.0);
        if name.len() > MAX_NAME || !takes(self.items_known(), self.capacity.1, &mut self.sightings, sighted) {
            return None;
        }
        let slot = ageing::pop(&mut self.free_items).unwrap_or(self.items.len() as Slot);
        let first = self.names.len();
        for (n, chunk) in name.as_bytes().chunks(NAME * 4).enumerate() {
            let row = self.names.row_mut(first + n);
            for (word, bytes) in row.iter_mut().zip(chunk.chunks(4)) {
                let mut four = [0; 4];
                four[..bytes.len()].copy_from_slice(bytes);
                *word = u32::from_le_bytes(four);
            }
        }
        let row = self.items.row_mut(slot as usize);
        words::put_u128(row, 0, id.0);
        row[NAME_ROW] = first as u32;
        row[NAME_BYTES] = name.len() as u32;
        row[TOUCHED] = self.now;
        self.item_index.insert(id, slot);
        Some(slot)
    }

    /// Slots of users: all of them are below it.
    #[must_use]
    pub const fn users(&self) -> usize {
        self.users.len()
    }

    /// Slots of items: all of them are below it.
    #[must_use]
    pub const fn items(&self) -> usize {
        self.items.len()
    }

    /// Users that have a slot.
    #[must_use]
    pub const fn users_known(&self) -> usize {
        self.users.len() - self.free_users.len()
    }

    /// Items that have a slot.
    #[must_use]
    pub const fn items_known(&self) -> usize {
        self.items.len() - self.free_items.len()
    }

    /// The id of a user.
    #[must_use]
    pub fn user_id(&self, user: Slot) -> Id {
        Id(words::get_u128(self.users.row(user as usize), 0))
    }

    /// The id of an item.
    #[must_use]
    pub fn item_id(&self, item: Slot) -> Id {
        Id(words::get_u128(self.items.row(item as usize), 0))
    }

    /// The name an item was admitted with.
    #[must_use]
    pub fn item_name(&self, item: Slot) -> String {
        let row = self.items.row(item as usize);
        let (first, len) = (row[NAME_ROW] as usize, row[NAME_BYTES] as usize);
        let mut bytes = Vec::with_capacity(len.next_multiple_of(NAME * 4));
        for n in 0..len.div_ceil(NAME * 4) {
            bytes.extend(self.names.row(first + n).iter().flat_map(|w| w.to_le_bytes()));
        }
        bytes.truncate(len);
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether an item may be recommended. True until said otherwise; a slot that was given back may not.
    #[must_use]
    pub fn available(&self, item: Slot) -> bool {
        let row = self.items.row(item as usize);
        row[FLAGS] & UNAVAILABLE == 0 && row[TOUCHED] != 0
    }

    /// Says whether an item may be recommended.
    pub fn set_available(&mut self, item: Slot, available: bool) {
        let known = self.items.row(item as usize)[TOUCHED] != 0;
        if known && self.available(item) != available {
            self.items.row_mut(item as usize)[FLAGS] ^= UNAVAILABLE;
        }
    }

    /// Notes that a user took an item; true if it was not in the history. A repeated one becomes the newest.
    pub fn consume(&mut self, user: Slot, item: Slot) -> bool {
        self.history.touch(user, item)
    }

    /// What the user took, each once, in order of slots; at most the history's limit, the oldest are forgotten.
    #[must_use]
    pub fn consumed(&self, user: Slot) -> Vec<Slot> {
        let mut all: Vec<Slot> = self.history.walk(user).collect();
        all.sort_unstable();
        all
    }

    /// How many items the user's history holds.
    #[must_use]
    pub fn consumed_count(&self, user: Slot) -> usize {
        self.history.count(user)
    }

    /// Whether the user's history holds an item.
    #[must_use]
    pub fn has_consumed(&self, user: Slot, item: Slot) -> bool {
        self.history.contains(user, item)
    }

    /// The items the user took last, newest first, at most [`RECENT`], into `out` (cleared first).
    pub fn recent(&self, user: Slot, out: &mut Vec<Slot>) {
        out.clear();
        self.history.newest(user, RECENT, out);
    }

    /// Whether an item had a positive.
    #[must_use]
    pub fn taught(&self, item: Slot) -> bool {
        self.items.row(item as usize)[TAUGHT] != 0
    }

    /// Notes that an item had a positive.
    pub fn mark_taught(&mut self, item: Slot) {
        if self.taught(item) || item as usize >= self.items.len() {
            return;
        }
        let number = self.order.len();
        self.order.row_mut(number)[0] = item;
        self.items.row_mut(item as usize)[TAUGHT] = number as u32 + 1;
        self.taught.insert(item);
    }

    /// Items that had a positive, as a set: a snapshot for a ranking of this moment.
    #[must_use]
    pub fn taught_set(&self) -> Taught {
        self.taught.clone()
    }

    /// How many items had a positive.
    #[must_use]
    pub const fn taught_count(&self) -> usize {
        self.order.len()
    }

    /// The item that was taught as number `n`, from 0.
    #[must_use]
    pub fn taught_at(&self, n: usize) -> Slot {
        self.order.row(n)[0]
    }
}

impl Part for Directory {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = self.user_index.tables("users.index");
        all.extend(self.item_index.tables("items.index"));
        all.push(("users".to_owned(), &self.users));
        all.push(("items".to_owned(), &self.items));
        all.push(("names".to_owned(), &self.names));
        all.push(("order".to_owned(), &self.order));
        all.push(("users.free".to_owned(), &self.free_users));
        all.push(("items.free".to_owned(), &self.free_items));
        all.push(("sightings".to_owned(), self.sightings.table()));
        all.extend(self.history.tables());
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = self.user_index.tables_mut("users.index");
        all.extend(self.item_index.tables_mut("items.index"));
        all.push(("users".to_owned(), &mut self.users));
        all.push(("items".to_owned(), &mut self.items));
        all.push(("names".to_owned(), &mut self.names));
        all.push(("order".to_owned(), &mut self.order));
        all.push(("users.free".to_owned(), &mut self.free_users));
        all.push(("items.free".to_owned(), &mut self.free_items));
        all.push(("sightings".to_owned(), self.sightings.table_mut()));
        all.extend(self.history.tables_mut());
        all
    }

    fn blob(&self) -> Vec<u8> {
        format!("{{\"version\":2,\"history\":{}}}", self.history.limit()).into_bytes()
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        if blob != self.blob() {
            return Err(PartError("directory: another version, or another limit of histories".to_owned()));
        }
        self.user_index.check()?;
        self.item_index.check()?;
        self.history.check()?;
        self.sightings.check()?;
        let (users, items) = (self.users.len(), self.items.len());
        let free = (self.free_users.len().min(users), self.free_items.len().min(items));
        let known = (self.user_index.len() + free.0, self.item_index.len() + free.1);
        if known != (users, items) || self.order.len() > items {
            return Err(PartError(format!("directory: {users} users and {items} items do not fit their indexes")));
        }
        self.taught = Taught::default();
        for n in 0..self.order.len() {
            let item = self.taught_at(n);
            if item as usize >= items || self.items.row(item as usize)[TAUGHT] as usize != n + 1 {
                return Err(PartError(format!("directory: item {item} does not fit the order of teaching")));
            }
            self.taught.insert(item);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.tables().iter().map(|(_, t)| t.bytes()).sum::<usize>() + self.taught.words().len() * 8
    }
}

/// Whether a new id is taken by a side that knows this many.
fn takes(known: usize, capacity: usize, sightings: &mut Sightings, id: Id) -> bool {
    known < capacity && (known < capacity / CROWDED || sightings.see(id) >= SEEN)
}

#[cfg(test)]
mod tests;
